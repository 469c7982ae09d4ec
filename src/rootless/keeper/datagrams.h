/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_DATAGRAMS_H
#define AIRPLANT_DATAGRAMS_H

#include "loop.h"
#include "route.h"

#define DATAGRAM_MAX 65535
#define SESSIONS_MAX 1024
#define SESSION_BUCKETS 2048 /* a power of two */

struct session;

/*
 * Who sent datagrams to our sockets, each client address with a connection of its own to the target, so that answers find back. A table
 * of bounded size: when it is full the client goes that was silent for longest.
 */
struct datagrams {
	int epoll;
	int64_t now; /* ms, of the current round of events */
	uint64_t seed;
	size_t most, count;
	struct session *newest, *oldest;
	struct session *ended; /* events of the current round may still point to these */
	struct session *buckets[SESSION_BUCKETS];
	uint8_t buffer[DATAGRAM_MAX + 3];
};

void datagrams_init(struct datagrams *datagrams, int epoll, size_t most);
/* Takes a bounded number of datagrams from a socket that tells the local address (datagram_socket_prepare). */
void datagrams_receive(struct datagrams *datagrams, int socket, const struct route *route);
/* Ends those that were silent too long and returns in how many ms the next may be; -1: there is none. */
int datagrams_expire(struct datagrams *datagrams);
/* Sends what answers are there already, and ends all. */
void datagrams_end(struct datagrams *datagrams);
/* Frees those that ended. Between two rounds of events only. */
void datagrams_reap(struct datagrams *datagrams);

/* Lets a socket tell which of its addresses each datagram was sent to: answers go back from there. */
int datagram_socket_prepare(int socket, int family);

#endif
