/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "relay-end.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Who reads slowly leaves what was read for it, so little is read at once at first, and again after it was slow. Who keeps up
 * gets twice as much each time: large pieces are what bulk is fast by.
 */
#define REACH_LEAST (16u << 10)
#define HELD_MANY (32u << 20)

void end_init(struct end *end, struct relay *relay, int fd, struct end *other)
{
	*end = (struct end){ .source = { .fd = fd }, .relay = relay, .other = other, .reach = REACH_LEAST };
}

static void forget_pending(struct end *end)
{
	if (!end->pending)
		return;
	end->relay->relays->held -= end->size;
	free(end->pending);
	end->pending = NULL;
}

void end_close(struct end *end, bool reset)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (reset && end->source.fd >= 0)
		setsockopt(end->source.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	if (end->source.fd >= 0)
		close(end->source.fd);
	end->source.fd = -1;
	forget_pending(end);
}

uint32_t end_interest(const struct end *end)
{
	uint32_t events = 0;

	if (end->relay->connecting)
		return end == &end->relay->inside ? EPOLLOUT : 0;
	if (!end->ended && !end->pending)
		events |= EPOLLIN;
	if (end->other->pending)
		events |= EPOLLOUT;
	return events;
}

int end_watch(struct end *end)
{
	uint32_t events = end_interest(end);
	int epoll = end->relay->relays->epoll;

	if (!end->watched) {
		if (!events)
			return 0;
		end->watched = true;
		end->events = events;
		return loop_add(epoll, &end->source, events);
	}
	if (events == end->events)
		return 0;
	end->events = events;
	return loop_change(epoll, &end->source, events);
}

void end_unwatch(struct end *end)
{
	loop_remove(end->relay->relays->epoll, &end->source);
	end->watched = false;
	end->events = 0;
}

/* A half-close travels on when all bytes before it did. */
static int end_pass(struct end *end)
{
	if (!end->ended || end->pending || end->passed)
		return 0;
	end->passed = true;
	return shutdown(end->other->source.fd, SHUT_WR);
}

/* The bytes that were sent, 0 when there is no room now, -1 when the connection is broken. */
static ssize_t send_some(int fd, const uint8_t *bytes, size_t size)
{
	ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return sent;
}

int end_flush(struct end *end)
{
	ssize_t sent = send_some(end->other->source.fd, end->pending + end->from, end->size - end->from);

	if (sent < 0)
		return -1;
	end->from += (size_t)sent;
	if (end->from < end->size)
		return 0;
	forget_pending(end);
	return end_pass(end);
}

static int keep_rest(struct end *end, const uint8_t *rest, size_t size)
{
	end->pending = malloc(size);
	if (!end->pending)
		return -1;
	memcpy(end->pending, rest, size);
	end->from = 0;
	end->size = size;
	end->relay->relays->held += size;
	end->reach = REACH_LEAST;
	return 0;
}

int end_pump(struct end *end)
{
	struct relays *relays = end->relay->relays;
	size_t reach = relays->held > HELD_MANY ? REACH_LEAST : end->reach;
	ssize_t size = recv(end->source.fd, relays->buffer, reach, 0), sent;

	if (size < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (size == 0) {
		end->ended = true;
		return end_pass(end);
	}
	sent = send_some(end->other->source.fd, relays->buffer, (size_t)size);
	if (sent < 0)
		return -1;
	if (sent < size)
		return keep_rest(end, relays->buffer + sent, (size_t)(size - sent));
	if ((size_t)size == end->reach && end->reach < RELAY_BUFFER)
		end->reach *= 2;
	return 0;
}

void end_drain(struct end *end)
{
	uint8_t *buffer = end->relay->relays->buffer;

	for (int round = 0; round < 64 && !end->pending && !end->ended; round++) {
		ssize_t size = recv(end->source.fd, buffer, RELAY_BUFFER, 0);

		if (size <= 0 || send_some(end->other->source.fd, buffer, (size_t)size) < size)
			return;
	}
}
