/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_RELAY_H
#define AIRPLANT_RELAY_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"

#define RELAY_BUFFER (64u << 10)

/* Connections of two sockets, copied both ways. One buffer serves all; only what a slow reader leaves has its own. */
struct relays {
	int epoll;
	size_t active;
	struct relay *ended; /* events of the current round may still point to these */
	uint8_t buffer[RELAY_BUFFER];
};

/* Connects to the address and copies from then on. Owns the client's socket even on failure, which resets it. */
int relay_open(struct relays *relays, int client, const struct sockaddr_in *to);
/* Frees those that ended. Between two rounds of events only. */
void relays_reap(struct relays *relays);

#endif
