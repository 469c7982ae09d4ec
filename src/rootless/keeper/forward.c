/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>

#include "ports.h"
#include "relay.h"
#include "worker.h"

#define ROUND 64 /* events, and connections accepted, before others get their turn */
#define PAUSE_MS 100
#define RESERVED_FDS 16 /* for what is no connection */

struct forwarder;

struct gate {
	struct source source;
	struct forwarder *forwarder;
	struct sockaddr_in to;
};

struct forwarder {
	struct relays relays;
	size_t most; /* connections at once */
	bool paused;
	size_t paused_at; /* how many there were then */
	int64_t resume_at;
	size_t count;
	bool ending; /* the container has ended: what is on its way still arrives, nothing new is accepted */
	struct source signals;
	struct gate gates[PORTS_MAX];
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The number of descriptors bounds the connections; those beyond it wait in the kernel's queue instead of failing. */
static size_t raise_limit(const struct ports *ports)
{
	struct rlimit limit;
	size_t taken = ports->count + RESERVED_FDS;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < taken + 2)
		return 1;
	return (limit.rlim_cur - taken) / 2;
}

/* A listening socket with a client that cannot be accepted would be reported again at once, for ever. */
static void pause_accepting(struct forwarder *forwarder)
{
	for (size_t i = 0; i < forwarder->count; i++)
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
		if (loop_add(forwarder->relays.epoll, &forwarder->gates[i].source, EPOLLIN) < 0)
			pause_accepting(forwarder);
}

static bool is_shortage(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

static void gate_ready(struct source *source, uint32_t events)
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
		if (client < 0 || relay_open(&forwarder->relays, client, &gate->to) < 0)
			pause_accepting(forwarder);
	}
}

static void signal_ready(struct source *source, uint32_t events)
{
	struct forwarder *forwarder = container_of(source, struct forwarder, signals);

	(void)events;
	if (!forwarder->paused)
		pause_accepting(forwarder);
	for (size_t i = 0; i < forwarder->count; i++)
		close(forwarder->gates[i].source.fd);
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

_Noreturn static void serve(struct forwarder *forwarder)
{
	struct epoll_event events[ROUND];

	for (;;) {
		int count = epoll_wait(forwarder->relays.epoll, events, ROUND,
				       forwarder->paused && !forwarder->ending ? PAUSE_MS : -1);

		if (count < 0 && errno != EINTR)
			_exit(1);
		for (int i = 0; i < count; i++) {
			struct source *source = events[i].data.ptr;

			source->ready(source, events[i].events);
		}
		relays_reap(&forwarder->relays);
		if (forwarder->ending && forwarder->relays.active == 0)
			_exit(0);
		if (forwarder->paused && !forwarder->ending)
			resume_accepting(forwarder);
	}
}

/* In the child, from where nothing can be returned: what fails ends the process, which the keeper sees on the pidfd. */
_Noreturn static void forward_main(const struct ports *ports, struct in_addr peer, int network_namespace)
{
	struct forwarder *forwarder = calloc(1, sizeof *forwarder);
	int keep[PORTS_MAX + 1];
	size_t count = 0;

	if (!forwarder)
		_exit(1);
	for (size_t i = 0; i < ports->count; i++) {
		struct gate *gate = &forwarder->gates[count];

		if (ports->list[i].fd < 0)
			continue;
		gate->source = (struct source){ WORKER_FIRST + (int)count, gate_ready };
		gate->forwarder = forwarder;
		gate->to = (struct sockaddr_in){ AF_INET, htons(ports->list[i].target), peer, { 0 } };
		keep[count++] = ports->list[i].fd;
	}
	keep[count] = network_namespace;
	forwarder->count = count;
	forwarder->most = raise_limit(ports);
	if (worker_settle("airplant-ports", keep, count + 1) < 0 || setns(WORKER_FIRST + (int)count, CLONE_NEWNET) < 0)
		_exit(1);
	close(WORKER_FIRST + (int)count);
	forwarder->relays.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (worker_drop_capabilities() < 0 || forwarder->relays.epoll < 0 || watch_signals(forwarder) < 0)
		_exit(1);
	for (size_t i = 0; i < count; i++)
		if (loop_add(forwarder->relays.epoll, &forwarder->gates[i].source, EPOLLIN) < 0)
			_exit(1);
	serve(forwarder);
}

pid_t forward_start(const struct ports *ports, struct in_addr peer, int network_namespace, int *pidfd,
		    struct failure *failure)
{
	pid_t pid = worker_fork(pidfd);

	if (pid < 0)
		return fail(failure, errno, "forward", "clone3");
	if (pid == 0)
		forward_main(ports, peer, network_namespace);
	return pid;
}
