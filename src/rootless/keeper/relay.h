/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_RELAY_H
#define AIRPLANT_RELAY_H

#include <stddef.h>
#include <stdint.h>

#include "loop.h"
#include "route.h"

#define RELAY_BUFFER (256u << 10)

/* Connections of two sockets, copied both ways. One buffer serves all; only what a slow reader leaves has its own. */
struct relays {
	int epoll;
	size_t active;
	size_t held;	     /* bytes that slow readers have left */
	struct relay *ended; /* events of the current round may still point to these */
	uint8_t buffer[RELAY_BUFFER];
};

/*
 * Connects to the first of the route's targets that does not refuse and copies from then on. Owns the client's socket even on failure,
 * which resets it. -1: there is a shortage, so that others would fail too. The route must stay where it is.
 */
int relay_open(struct relays *relays, int client, const struct route *route);
/* Frees those that ended. Between two rounds of events only. */
void relays_reap(struct relays *relays);

#endif
