/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "relay.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* One of the two sockets. `pending` was read from it and is not yet written to the other; until then it is not read. */
struct end {
	struct source source;
	struct relay *relay;
	struct end *other;
	uint32_t events;
	bool watched;
	bool ended;  /* its end of file was read */
	bool passed; /* and told to the other */
	uint8_t *pending;
	size_t from, size;
};

struct relay {
	struct relays *relays;
	struct relay *next;
	struct end client, inside;
	bool connecting;
};

static void close_socket(int fd, bool reset)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	close(fd);
}

static void relay_close(struct relay *relay, bool reset)
{
	struct end *ends[] = { &relay->client, &relay->inside };

	for (int i = 0; i < 2; i++) {
		close_socket(ends[i]->source.fd, reset);
		ends[i]->source.fd = -1;
		free(ends[i]->pending);
		ends[i]->pending = NULL;
	}
	relay->relays->active--;
	relay->next = relay->relays->ended;
	relay->relays->ended = relay;
}

void relays_reap(struct relays *relays)
{
	while (relays->ended) {
		struct relay *relay = relays->ended;

		relays->ended = relay->next;
		free(relay);
	}
}

static uint32_t end_interest(const struct end *end)
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

/* Watches the end for what it waits for now. */
static int end_watch(struct end *end)
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

/* Writes what is pending from this end to the other. */
static int end_flush(struct end *end)
{
	ssize_t sent = send_some(end->other->source.fd, end->pending + end->from, end->size - end->from);

	if (sent < 0)
		return -1;
	end->from += (size_t)sent;
	if (end->from < end->size)
		return 0;
	free(end->pending);
	end->pending = NULL;
	return end_pass(end);
}

/* Reads once, and writes that to the other at once. */
static int end_pump(struct end *end)
{
	uint8_t *buffer = end->relay->relays->buffer;
	ssize_t size = recv(end->source.fd, buffer, RELAY_BUFFER, 0), sent;

	if (size < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (size == 0) {
		end->ended = true;
		return end_pass(end);
	}
	sent = send_some(end->other->source.fd, buffer, (size_t)size);
	if (sent < 0)
		return -1;
	if (sent == size)
		return 0;
	end->size = (size_t)(size - sent);
	end->from = 0;
	end->pending = malloc(end->size);
	if (!end->pending)
		return -1;
	memcpy(end->pending, buffer + sent, end->size);
	return 0;
}

/* A server may answer and close before it has read all: its last words are still there after the write to it failed. */
static void end_drain(struct end *end)
{
	uint8_t *buffer = end->relay->relays->buffer;

	for (int round = 0; round < 64 && !end->pending && !end->ended; round++) {
		ssize_t size = recv(end->source.fd, buffer, RELAY_BUFFER, 0);

		if (size <= 0 || send_some(end->other->source.fd, buffer, (size_t)size) < size)
			return;
	}
}

static void relay_break(struct relay *relay)
{
	if (!relay->connecting) {
		end_drain(&relay->inside);
		end_drain(&relay->client);
	}
	relay_close(relay, true);
}

static int relay_connected(struct relay *relay)
{
	int err = 0;
	socklen_t size = sizeof err;

	if (getsockopt(relay->inside.source.fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0 || err)
		return -1;
	relay->connecting = false;
	return 0;
}

/*
 * An end that waits for nothing still reports again and again that it hung up or broke. It is watched again as soon as
 * it waits for something, and then tells the rest: what a server said before a reset reaches a slow client.
 */
static void end_unwatch(struct end *end)
{
	loop_remove(end->relay->relays->epoll, &end->source);
	end->watched = false;
	end->events = 0;
}

static int end_serve(struct end *end, uint32_t events)
{
	struct relay *relay = end->relay;

	if (relay->connecting)
		return end == &relay->inside ? relay_connected(relay) : -1;
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP) && end->other->pending && end_flush(end->other) < 0)
		return -1;
	if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		return 0;
	if (!end->ended && !end->pending)
		return end_pump(end);
	if (events & EPOLLERR && !(end == &relay->inside && end->pending))
		return -1;
	if (!end_interest(end))
		end_unwatch(end);
	return 0;
}

static void end_ready(struct source *source, uint32_t events)
{
	struct end *end = container_of(source, struct end, source);
	struct relay *relay = end->relay;

	if (source->fd < 0)
		return;
	if (end_serve(end, events) < 0)
		relay_break(relay);
	else if (end->passed && end->other->passed)
		relay_close(relay, false);
	else if (end_watch(end) < 0 || end_watch(end->other) < 0)
		relay_break(relay);
}

static void end_init(struct end *end, struct relay *relay, int fd, struct end *other)
{
	int on = 1;

	*end = (struct end){ .source = { fd, end_ready }, .relay = relay, .other = other };
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int relay_open(struct relays *relays, int client, const struct sockaddr_in *to)
{
	struct relay *relay = calloc(1, sizeof *relay);
	int inside = -1, err;

	if (relay)
		inside = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (inside < 0) {
		err = errno;
		free(relay);
		close_socket(client, true);
		errno = err;
		return -1;
	}
	relay->relays = relays;
	relay->connecting = true;
	end_init(&relay->client, relay, client, &relay->inside);
	end_init(&relay->inside, relay, inside, &relay->client);
	relays->active++;
	/* A client that hangs up is to be noticed while nothing is awaited from it. */
	relay->client.watched = true;
	if ((connect(inside, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS) ||
	    loop_add(relays->epoll, &relay->client.source, 0) < 0 || end_watch(&relay->inside) < 0)
		relay_break(relay);
	return 0;
}
