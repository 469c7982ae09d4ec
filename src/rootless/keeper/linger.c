/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "linger.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "process.h"

#define LONGEST ((uint64_t)INT32_MAX) /* ms, 24 days */

static void deadline_passed(struct source *source, uint32_t events)
{
	struct keeper *keeper = container_of(source, struct keeper, deadline);
	uint64_t ticks;

	(void)events;
	/* A lease that came in the same batch of events has stopped the timer, and there is nothing to read. */
	if (read(source->fd, &ticks, sizeof ticks) == sizeof ticks && keeper->idle)
		keeper->ending = true;
}

/* 0 stops it. */
static void set_deadline(const struct keeper *keeper, uint64_t ms)
{
	struct itimerspec when = { .it_value = { .tv_sec = (time_t)(ms / 1000),
						 .tv_nsec = (long)(ms % 1000) * 1000000 } };

	timerfd_settime(keeper->deadline.fd, 0, &when, NULL);
}

/* Once the keeper lingers, the moment of the last lease's end is too late to find out that there is no descriptor for a timer. */
static int make_timer(struct keeper *keeper)
{
	int fd;

	if (keeper->deadline.ready)
		return 0;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -1;
	keeper->deadline = (struct source){ .fd = fd, .ready = deadline_passed };
	if (loop_add(keeper->epoll, &keeper->deadline, EPOLLIN) == 0)
		return 0;
	keeper->deadline = (struct source){ .fd = -1 };
	close(fd);
	return -1;
}

int linger_set(struct keeper *keeper, uint64_t ms, struct failure *failure)
{
	if (ms > LONGEST)
		return fail(failure, EINVAL, "linger", "longer than 24 days");
	if (ms && make_timer(keeper) < 0)
		return fail(failure, errno, "linger", "timer");
	keeper->linger = ms;
	if (keeper->idle)
		set_deadline(keeper, ms);
	return 0;
}

static bool has_container(const struct keeper *keeper)
{
	for (const struct process *process = keeper->processes; process; process = process->next)
		if (process->kind == CONTAINER && !process->removed)
			return true;
	return false;
}

void linger_begin(struct keeper *keeper)
{
	/* There is nothing else to come back for. */
	if (!keeper->linger || !has_container(keeper))
		keeper_end(keeper);
	if (keeper->idle)
		return;
	keeper->idle = true;
	set_deadline(keeper, keeper->linger);
}

bool linger_stop(struct keeper *keeper)
{
	if (!keeper->idle)
		return false;
	keeper->idle = false;
	set_deadline(keeper, 0);
	return true;
}
