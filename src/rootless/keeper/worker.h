/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_WORKER_H
#define AIRPLANT_WORKER_H

#include <stddef.h>
#include <sys/types.h>

/* Processes of the keeper's own code: the forwarder, the maker of network namespaces, the removers. */

#define WORKER_FIRST 3 /* where worker_settle puts the first descriptor it keeps */

/* fork, with a pidfd (close-on-exec) where one is asked for. Only for a process of one thread. */
pid_t worker_fork(int *pidfd);

/*
 * In the child: default signals, a name, not to be traced, and no descriptor but /dev/null as 0 to 2 and, from
 * WORKER_FIRST on in this order, those of the list.
 */
int worker_settle(const char *name, const int *keep, size_t count);

/* Gives up all capabilities for ever. */
int worker_drop_capabilities(void);

/* Runs only when nobody else wants the processor or the disk. */
void worker_yield(void);

#endif
