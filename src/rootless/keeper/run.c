/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "process.h"
#include "remove.h"

#define EVENTS 64
#define HOUSEKEEPING_DELAY 200000000 /* ns: dead sessions and trash wait until the first containers are up */

static void signal_ready(struct source *source, uint32_t events)
{
	struct keeper *keeper = container_of(source, struct keeper, signal_source);
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof info) == sizeof info)
		if (info.ssi_signo != SIGCHLD)
			keeper->ending = true;
	process_reap(keeper);
}

static void housekeeping_ready(struct source *source, uint32_t events)
{
	struct keeper *keeper = container_of(source, struct keeper, housekeeping);
	static bool swept;
	uint64_t ticks;

	(void)events;
	if (read(source->fd, &ticks, sizeof ticks) < 0)
		return;
	keeper->housekeeping_due = false;
	if (keeper->deaf && loop_add(keeper->epoll, &keeper->listener, EPOLLIN) == 0)
		keeper->deaf = false;
	if (!swept)
		remove_dead_sessions_start(keeper->sessions, keeper->name);
	swept = true;
	if (keeper->trash <= 0)
		keeper->trash = remove_trash_start(keeper->session);
}

/* Once per delay at most, and only when there is something to do: an idle keeper sleeps. */
void keeper_housekeeping(struct keeper *keeper)
{
	struct itimerspec when = { .it_value = { .tv_nsec = HOUSEKEEPING_DELAY } };

	if (!keeper->housekeeping_due && timerfd_settime(keeper->housekeeping.fd, 0, &when, NULL) == 0)
		keeper->housekeeping_due = true;
}

static int start_housekeeping(struct keeper *keeper)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return -1;
	keeper->housekeeping = (struct source){ .fd = fd, .ready = housekeeping_ready };
	keeper_housekeeping(keeper);
	return loop_add(keeper->epoll, &keeper->housekeeping, EPOLLIN);
}

static int start(struct keeper *keeper, int control)
{
	struct client *first;

	keeper->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (keeper->epoll < 0)
		return -1;
	netpool_init(&keeper->pool, keeper->epoll);
	keeper->signal_source = (struct source){ .fd = keeper->signals, .ready = signal_ready };
	keeper->listener.ready = client_accept;
	fcntl(control, F_SETFL, O_NONBLOCK);
	first = client_add(keeper, control);
	if (!first)
		return -1;
	first->lease = true;
	if (loop_add(keeper->epoll, &keeper->signal_source, EPOLLIN) < 0 ||
	    loop_add(keeper->epoll, &keeper->listener, EPOLLIN) < 0 || broker_listen(keeper) < 0)
		return -1;
	return start_housekeeping(keeper);
}

/*
 * What one batch of events has to say leaves in one write per client. A handler may close the source of a later event of the same
 * batch, so events are asked for one at a time where that matters: epoll_wait forgets a descriptor as soon as it is removed, and a
 * batch of one can never be stale.
 */
_Noreturn void keeper_run(struct keeper *keeper, int control)
{
	if (start(keeper, control) < 0)
		_exit(1);
	for (;;) {
		struct epoll_event event;
		int budget = EVENTS, got = epoll_wait(keeper->epoll, &event, 1, -1);

		while (got == 1 && --budget > 0) {
			struct source *source = event.data.ptr;

			source->ready(source, event.events);
			got = epoll_wait(keeper->epoll, &event, 1, 0);
		}
		if (got == 1)
			((struct source *)event.data.ptr)->ready(event.data.ptr, event.events);
		if (keeper->ending)
			keeper_end(keeper);
		do
			client_sweep(keeper);
		while (client_flush_all(keeper));
	}
}

/*
 * As pid 1 of its namespace the keeper kills all that it ever started with one call, then deletes the session directory. The lock
 * is released by the exit, after everything is gone.
 */
_Noreturn void keeper_end(struct keeper *keeper)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	for (struct process *process = keeper->processes; process; process = process->next) {
		if (process->cgroup && *process->cgroup)
			rmdir(process->cgroup);
		if (process->scratch && *process->scratch)
			remove_later(keeper->session, process->scratch);
	}
	remove_trash_now(keeper->session);
	umount2(keeper->work, MNT_DETACH);
	remove_tree(keeper->sessions, keeper->name);
	_exit(0);
}
