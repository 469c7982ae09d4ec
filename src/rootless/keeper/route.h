/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_ROUTE_H
#define AIRPLANT_ROUTE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define TARGETS_MAX 8

/* Where a connection may go: an IP address and port, or a Unix stream socket. */
struct target {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un path;
	} address;
	socklen_t size;
	bool from_itself; /* the socket gets the target's own address */
	int directory;	  /* that a relative path starts from; -1: none */
};

/* Targets that are tried in order. */
struct route {
	size_t count;
	struct target list[TARGETS_MAX];
};

/* An empty place at the end, to be filled by the other functions; NULL when all are taken. */
struct target *route_add(struct route *route);
/* -1 with EINVAL when the text is no IP address. */
int target_set_address(struct target *target, const char *address, uint16_t port);
/*
 * For published ports: the socket is bound to the address that it connects to. An address that the container no longer has fails at
 * once, a connection never leaves the container, and the server does not take it for one from loopback (CVE-2021-20199).
 */
void target_set_itself(struct target *target, struct in_addr address, uint16_t port);
/* A socket's absolute path; one that sun_path cannot hold keeps its directory open. */
int target_set_path(struct target *target, const char *path);
bool target_is_path(const struct target *target);
/* Whether a connection that came about has met itself: its own port happened to be the target's, where nobody listens. */
bool target_is_self(const struct target *target, int fd);

/*
 * A socket that is connected, or being connected, to the first target from number *next on that does not fail at once; *next is the
 * number after it. -1 when none is left, or when there is a shortage of descriptors or memory. A Unix socket is first told in 16 bytes
 * whose bytes these are: the client's address, an IPv4 one as IPv6 has it.
 */
int route_dial(const struct route *route, size_t *next, int type, const struct sockaddr *client);
/* Whether an errno tells of something that may be had again later. */
bool is_shortage(int err);

#endif
