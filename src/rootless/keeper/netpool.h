/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_NETPOOL_H
#define AIRPLANT_NETPOOL_H

#include "loop.h"
#include "plan.h"

#define NETPOOL_MAX 32

/* Network namespaces made ahead by a process of their own, because making one is the largest single cost of a start. */
struct netpool {
	struct source source; /* socket of the maker; namespaces arrive here */
	int epoll;
	int maker; /* pidfd, -1: no pool */
	size_t wanted, ready, asked;
	int namespaces[NETPOOL_MAX];
};

void netpool_init(struct netpool *pool, int epoll);
/*
 * Starts the maker (none for a size of 0), which runs the plan in every namespace it makes (loopback up, addresses, sysctls). The one
 * before stays when the plan is refused.
 */
int netpool_start(struct netpool *pool, size_t size, const uint8_t *plan, size_t plan_size, struct failure *failure);
/* A ready namespace, or -1. Call netpool_refill when there is time. */
int netpool_take(struct netpool *pool);
void netpool_refill(struct netpool *pool);
void netpool_stop(struct netpool *pool);

#endif
