/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_PORTS_H
#define AIRPLANT_PORTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define PORTS_MAX 128
#define PEERS_MAX 8

/* Published ports: sockets made by the keeper in the host's network namespace. */
struct ports {
	size_t count;
	struct listener {
		int fd;		  /* -1: skipped, or closed */
		uint16_t host;	  /* as bound */
		uint16_t target;  /* inside the container */
		bool datagrams;	  /* UDP */
		char address[46]; /* of the host's, as text */
	} list[PORTS_MAX];
};

/* Addresses of the container to which forwarded connections go. */
struct peers {
	size_t count;
	struct in_addr list[PEERS_MAX];
};

/* Binds what `spawn`'s ports field asks for (docs/protocol.md); nothing stays bound on failure. */
int ports_bind(const uint8_t *packed, size_t size, struct ports *ports, struct failure *failure);
void ports_close(struct ports *ports);
/* What was bound, also after it was closed: protocol, address, host's port and container's, with ';' between two. */
#define PORTS_TEXT (PORTS_MAX * 64)
void ports_describe(const struct ports *ports, char *text, size_t room);

/* forward.c: reads `spawn`'s peer field; -1 when it is malformed. */
int peers_read(const char *text, struct peers *peers);
/*
 * Starts the forwarder: a process that keeps the sockets, joins the network namespace, and connects from there to the first peer
 * address that takes the connection. It has no other descriptor of the keeper's. Gives its pid and pidfd.
 */
pid_t forward_start(const struct ports *ports, const struct peers *peers, int network_namespace, int *pidfd,
		    struct failure *failure);

#endif
