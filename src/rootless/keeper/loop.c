/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "loop.h"

#include <stddef.h>
#include <sys/epoll.h>

static int control(int epoll, int action, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(epoll, action, source->fd, &event);
}

int loop_add(int epoll, struct source *source, uint32_t events)
{
	return control(epoll, EPOLL_CTL_ADD, source, events);
}

int loop_change(int epoll, struct source *source, uint32_t events)
{
	return control(epoll, EPOLL_CTL_MOD, source, events);
}

void loop_remove(int epoll, struct source *source)
{
	epoll_ctl(epoll, EPOLL_CTL_DEL, source->fd, NULL);
}
