/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_CLIENT_H
#define AIRPLANT_CLIENT_H

#include "keeper.h"

enum message {
	HELLO = 1,
	SPAWN,
	SIGNAL,
	STDIN,
	CLOSE_STDIN,
	CREDIT,
	RESIZE,
	LOGS,
	END_LOGS,
	PAUSE,
	RESUME,
	REMOVE,
	READ_NET,
	LIST,
	POOL = 16,
	SHUTDOWN,
	LINGER,
	KEEP,
	ADOPT,
	WAIT,
	OK = 100,
	ERROR,
	DATA,
	END,
	EXIT,
	LOG,
	LOG_END,
	STDIN_CREDIT,
	DROPPED,
};

#define FRAME_HEADER 12
#define QUEUE_HIGH (256u << 10) /* streams pause above this many unsent bytes, so that no answer waits behind more */
#define QUEUE_MOST (4u << 20)	/* requests pause above this many: who does not read its answers gets no more of them */

struct client {
	struct source source;
	struct client *next;
	struct keeper *keeper;
	bool lease, gone;
	bool heir;	 /* its lease ended a time without any */
	uint32_t events; /* that epoll is asked for */
	uint8_t *in;
	size_t in_size, in_room;
	uint8_t *out;
	size_t out_start, out_size, out_room;
};

struct client *client_add(struct keeper *keeper, int fd);
void client_accept(struct source *listener, uint32_t events);
/* Removes those whose connection ended, with all that they started. Ends the keeper with the last lease, unless it lingers. */
void client_sweep(struct keeper *keeper);
/* Sends what is queued, as far as the socket takes it. */
void client_flush(struct client *client);
/* The same for all of them. True when it has to be called again, after a sweep. */
bool client_flush_all(struct keeper *keeper);

/* Queue one frame; it leaves with the next flush, so that what belongs together travels together. */
void client_send(struct client *client, uint16_t type, uint32_t id, const void *body, size_t size);
void client_send_pair(struct client *client, uint16_t type, uint32_t id, const void *head, size_t head_size,
		      const void *body, size_t size);
void client_send_number(struct client *client, uint16_t type, uint32_t id, uint64_t number);
void client_fail(struct client *client, uint32_t id, const struct failure *failure);

/* answer.c: room for so many bytes, wherever they then are. */
void bytes_grow(uint8_t **bytes, size_t *room, size_t needed);

/* A body under construction for answers with several fields. */
struct body {
	uint8_t *bytes;
	size_t size, room;
};
void body_number(struct body *body, uint64_t number);
void body_text(struct body *body, const char *text);
void body_bytes(struct body *body, const void *bytes, size_t size);
void client_answer(struct client *client, uint32_t id, struct body *body);

/* request.c: carries out one frame. -1: the client broke the protocol and is cut off. */
int request(struct client *client, uint16_t type, uint32_t id, const uint8_t *body, size_t size);

#endif
