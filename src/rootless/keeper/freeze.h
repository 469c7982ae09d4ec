/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_FREEZE_H
#define AIRPLANT_FREEZE_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

/* A paused container: by the cgroup's freezer where it has one, else by SIGSTOP to each of its processes. */
struct freeze {
	bool active;
	size_t count, room;
	int *stopped; /* pidfds of those that were not stopped already */
};

/* first: pid 1 of the container as the keeper sees it. cgroup: its cgroup v2 directory, or "". */
int freeze_all(struct freeze *freeze, pid_t first, const char *cgroup, struct failure *failure);
int freeze_thaw(struct freeze *freeze, const char *cgroup, struct failure *failure);
void freeze_release(struct freeze *freeze);

#endif
