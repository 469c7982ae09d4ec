/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_DATAGRAM_SESSION_H
#define AIRPLANT_DATAGRAM_SESSION_H

#include <stdbool.h>

#include "datagrams.h"

/* Which socket a datagram came to, from whom, and to which of the host's addresses. Compared as bytes: holes are zero. */
struct origin {
	int socket;
	uint32_t client_size;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} client;
	uint32_t interface; /* only of link-local addresses */
	uint8_t local[16];  /* all zero: the kernel may choose */
};

struct session {
	struct source source; /* the connected socket */
	struct datagrams *datagrams;
	struct session *next; /* in its bucket, or of those that ended */
	struct session *newer, *older;
	struct origin origin;
	int64_t used;  /* ms */
	int64_t quiet; /* ms without a datagram after which it ends */
	bool framed;   /* a stream, see datagram-frames.c */
	uint8_t *unsent, *unread;
	size_t unsent_from, unsent_size, unread_size;
};

/* datagrams.c */
void session_touch(struct session *session);

/* datagram-socket.c */
/* Receives one without waiting, and fills where it came from. -1: there is none now. */
ssize_t datagram_receive(int socket, struct origin *origin, uint8_t *bytes, size_t room);
/* Sends an answer to the client; one that cannot be sent now is lost, as datagrams are. */
void session_answer(const struct session *session, const uint8_t *bytes, size_t size);

/*
 * datagram-frames.c: sessions whose target is a Unix stream socket, each datagram after its size in two bytes, the larger first, as DNS
 * has it over TCP. 0, or -1 when the stream is of no use any more.
 */
int frames_send(struct session *session, const uint8_t *bytes, size_t size);
int frames_ready(struct session *session, uint32_t events);

#endif
