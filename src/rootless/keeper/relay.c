/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "relay-end.h"

static void relay_close(struct relay *relay, bool reset)
{
	end_close(&relay->client, reset);
	end_close(&relay->inside, reset);
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

static void relay_break(struct relay *relay)
{
	if (!relay->connecting) {
		end_drain(&relay->inside);
		end_drain(&relay->client);
	}
	relay_close(relay, true);
}

static void set_no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* a Unix socket has no delay to turn off */
}

/* Goes on with the next target of the route. */
static int relay_dial(struct relay *relay)
{
	struct sockaddr_storage client = { 0 };
	socklen_t size = sizeof client;
	int fd;

	if (getpeername(relay->client.source.fd, (struct sockaddr *)&client, &size) < 0)
		return -1;
	fd = route_dial(relay->route, &relay->tried, SOCK_STREAM, (struct sockaddr *)&client);
	if (fd < 0)
		return -1;
	relay->inside.source.fd = fd;
	relay->inside.watched = false;
	set_no_delay(fd);
	return end_watch(&relay->inside);
}

static int relay_connected(struct relay *relay)
{
	const struct target *target = &relay->route->list[relay->tried - 1];
	int fd = relay->inside.source.fd, err = 0;
	socklen_t size = sizeof err;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) == 0 && !err && !target_is_self(target, fd)) {
		relay->connecting = false;
		return 0;
	}
	end_close(&relay->inside, true);
	return relay_dial(relay);
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

static struct relay *relay_make(struct relays *relays, int client, const struct route *route)
{
	struct relay *relay = calloc(1, sizeof *relay);

	if (!relay)
		return NULL;
	relay->relays = relays;
	relay->route = route;
	relay->connecting = true;
	end_init(&relay->client, relay, client, &relay->inside);
	end_init(&relay->inside, relay, -1, &relay->client);
	relay->client.source.ready = relay->inside.source.ready = end_ready;
	set_no_delay(client);
	relays->active++;
	return relay;
}

int relay_open(struct relays *relays, int client, const struct route *route)
{
	struct relay *relay = relay_make(relays, client, route);
	int err;

	if (!relay) {
		close(client);
		errno = ENOMEM;
		return -1;
	}
	/* A client that hangs up is to be noticed while nothing is awaited from it. */
	relay->client.watched = true;
	if (loop_add(relays->epoll, &relay->client.source, 0) == 0 && relay_dial(relay) == 0)
		return 0;
	err = errno;
	relay_break(relay);
	errno = err;
	return is_shortage(err) ? -1 : 0;
}
