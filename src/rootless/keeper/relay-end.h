/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_RELAY_END_H
#define AIRPLANT_RELAY_END_H

#include <stdbool.h>

#include "relay.h"

/* One of the two sockets. `pending` was read from it and is not yet written to the other; until then it is not read. */
struct end {
	struct source source;
	struct relay *relay;
	struct end *other;
	uint32_t events;
	bool watched;
	bool ended;   /* its end of file was read */
	bool passed;  /* and told to the other */
	size_t reach; /* how much is read at once */
	uint8_t *pending;
	size_t from, size;
};

struct relay {
	struct relays *relays;
	struct relay *next;
	const struct route *route;
	size_t tried; /* targets of the route */
	struct end client, inside;
	bool connecting;
};

void end_init(struct end *end, struct relay *relay, int fd, struct end *other);
/* Closes the socket, by a reset where that is wanted, and forgets what was pending. */
void end_close(struct end *end, bool reset);
/* What it waits for now; 0: nothing. */
uint32_t end_interest(const struct end *end);
/* Watches the end for what it waits for now. */
int end_watch(struct end *end);
/*
 * An end that waits for nothing still reports again and again that it hung up or broke. It is watched again as soon as
 * it waits for something, and then tells the rest: what a server said before a reset reaches a slow client.
 */
void end_unwatch(struct end *end);
/* Reads once, and writes that to the other at once. */
int end_pump(struct end *end);
/* Writes what is pending from this end to the other. */
int end_flush(struct end *end);
/* A server may answer and close before it has read all: its last words are still there after the write to it failed. */
void end_drain(struct end *end);

#endif
