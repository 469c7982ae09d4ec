/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "forwarder.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "datagrams.h"
#include "relay.h"

#define ROUND 64 /* events, and connections accepted, before others get their turn */
#define PAUSE_MS 100
#define RESERVED_FDS 16 /* for what is no connection */
#define SESSIONS_PART 8 /* of all descriptors, for clients that send datagrams */

struct gate {
	struct source source;
	struct forwarder *forwarder;
	bool datagrams;
	struct route route;
};

struct forwarder {
	struct relays relays;
	struct datagrams datagrams;
	size_t most; /* connections at once */
	bool paused;
	size_t paused_at; /* how many there were then */
	int64_t resume_at;
	bool ending; /* the container has ended: what is on its way still arrives, nothing new is accepted */
	struct source signals;
	size_t count;
	struct gate gates[];
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct forwarder *forwarder_make(size_t most_gates)
{
	return calloc(1, sizeof(struct forwarder) + most_gates * sizeof(struct gate));
}

/* A listening socket with a client that cannot be accepted would be reported again at once, for ever. */
static void pause_accepting(struct forwarder *forwarder)
{
	for (size_t i = 0; i < forwarder->count; i++)
		if (!forwarder->gates[i].datagrams)
			loop_remove(forwarder->relays.epoll, &forwarder->gates[i].source);
	forwarder->paused = true;
	forwarder->paused_at = forwarder->relays.active;
	forwarder->resume_at = now_ms() + PAUSE_MS;
}

/* When a connection ended, or after a while: what was missing may be had from other processes again. */
static void resume_accepting(struct forwarder *forwarder)
{
	if (forwarder->relays.active >= forwarder->most)
		return;
	if (forwarder->relays.active >= forwarder->paused_at && now_ms() < forwarder->resume_at)
		return;
	forwarder->paused = false;
	for (size_t i = 0; i < forwarder->count && !forwarder->paused; i++)
		if (!forwarder->gates[i].datagrams &&
		    loop_add(forwarder->relays.epoll, &forwarder->gates[i].source, EPOLLIN) < 0)
			pause_accepting(forwarder);
}

static void connections_ready(struct source *source, uint32_t events)
{
	struct gate *gate = container_of(source, struct gate, source);
	struct forwarder *forwarder = gate->forwarder;

	(void)events;
	for (int i = 0; i < ROUND && !forwarder->paused; i++) {
		int client;

		if (forwarder->relays.active >= forwarder->most) {
			pause_accepting(forwarder);
			return;
		}
		client = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client < 0 && !is_shortage(errno))
			return;
		if (client < 0 || relay_open(&forwarder->relays, client, &gate->route) < 0)
			pause_accepting(forwarder);
	}
}

static void datagrams_ready(struct source *source, uint32_t events)
{
	struct gate *gate = container_of(source, struct gate, source);

	(void)events;
	datagrams_receive(&gate->forwarder->datagrams, source->fd, &gate->route);
}

void forwarder_add(struct forwarder *forwarder, int fd, bool datagrams, const struct route *route)
{
	forwarder->gates[forwarder->count++] =
		(struct gate){ .source = { fd, datagrams ? datagrams_ready : connections_ready },
			       .forwarder = forwarder,
			       .datagrams = datagrams,
			       .route = *route };
}

static void signal_ready(struct source *source, uint32_t events)
{
	struct forwarder *forwarder = container_of(source, struct forwarder, signals);

	(void)events;
	datagrams_end(&forwarder->datagrams);
	for (size_t i = 0; i < forwarder->count; i++) {
		loop_remove(forwarder->relays.epoll, &forwarder->gates[i].source);
		close(forwarder->gates[i].source.fd);
		forwarder->gates[i].source.fd = -1;
	}
	loop_remove(forwarder->relays.epoll, source);
	forwarder->count = 0;
	forwarder->ending = true;
}

/* SIGTERM is how the keeper says that the container has ended. */
static int watch_signals(struct forwarder *forwarder)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	forwarder->signals = (struct source){ signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), signal_ready };
	return forwarder->signals.fd < 0 ? -1 : loop_add(forwarder->relays.epoll, &forwarder->signals, EPOLLIN);
}

/* The number of descriptors bounds the connections; those beyond it wait in the kernel's queue instead of failing. */
static size_t share_descriptors(struct forwarder *forwarder)
{
	struct rlimit limit;
	size_t taken = forwarder->count + RESERVED_FDS, sessions = 0;

	forwarder->most = 1;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < taken + SESSIONS_PART)
		return 1;
	for (size_t i = 0; i < forwarder->count; i++)
		if (forwarder->gates[i].datagrams)
			sessions = (limit.rlim_cur - taken) / SESSIONS_PART;
	if (sessions > SESSIONS_MAX)
		sessions = SESSIONS_MAX;
	forwarder->most = (limit.rlim_cur - taken - sessions) / 2;
	return sessions;
}

int forwarder_prepare(struct forwarder *forwarder, bool until_told)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		return -1;
	forwarder->relays.epoll = epoll;
	datagrams_init(&forwarder->datagrams, epoll, share_descriptors(forwarder));
	for (size_t i = 0; i < forwarder->count; i++)
		if (loop_add(epoll, &forwarder->gates[i].source, EPOLLIN) < 0)
			return -1;
	return until_told ? watch_signals(forwarder) : 0;
}

static void serve_round(struct forwarder *forwarder, int timeout)
{
	struct epoll_event events[ROUND];
	int count = epoll_wait(forwarder->relays.epoll, events, ROUND, timeout);

	if (count < 0 && errno != EINTR)
		_exit(1);
	forwarder->datagrams.now = now_ms();
	for (int i = 0; i < count; i++) {
		struct source *source = events[i].data.ptr;

		if (source->fd >= 0)
			source->ready(source, events[i].events);
	}
	relays_reap(&forwarder->relays);
	datagrams_reap(&forwarder->datagrams);
}

_Noreturn void forwarder_serve(struct forwarder *forwarder)
{
	for (;;) {
		int timeout = datagrams_expire(&forwarder->datagrams);

		if (forwarder->paused && (timeout < 0 || timeout > PAUSE_MS))
			timeout = PAUSE_MS;
		serve_round(forwarder, timeout);
		if (forwarder->ending && forwarder->relays.active == 0)
			_exit(0);
		if (forwarder->paused)
			resume_accepting(forwarder);
	}
}
