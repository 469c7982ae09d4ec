/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_LOOP_H
#define AIRPLANT_LOOP_H

#include <stdint.h>

/* One descriptor in the keeper's epoll set. Embedded in what owns it; `ready` finds the owner by container_of. */
struct source {
	int fd;
	void (*ready)(struct source *source, uint32_t events);
};

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

int loop_add(int epoll, struct source *source, uint32_t events);
int loop_change(int epoll, struct source *source, uint32_t events);
/* Forgets the descriptor without closing it. */
void loop_remove(int epoll, struct source *source);

#endif
