/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_SPAWN_H
#define AIRPLANT_SPAWN_H

#include "process.h"

/* The fields of a `spawn` frame by name, and the descriptors made for the child. */
struct spawn {
	struct field fields[16];
	struct plan plan;
	int stdio[3];		    /* the child's ends */
	int network;		    /* network namespace from the pool, -1 */
	int networks[NETWORKS_MAX]; /* of other processes, for the networkOf steps in their order */
	size_t network_count;
	int cgroup; /* -1 */
	int status; /* the child's end of the status socket */
	struct process *target;
	struct plan pool_plan; /* run first where the pool had no namespace ready */
};

enum spawn_field {
	F_ID,
	F_KIND,
	F_TARGET,
	F_NAMESPACES,
	F_FLAGS,
	F_LOG_LIMIT,
	F_CREDIT,
	F_SCRATCH,
	F_CGROUP,
	F_PORTS,
	F_PEER,
	F_META,
	F_PLAN
};
#define SPAWN_FIELDS "suuuuuussbssb"

/* spawn-child.c: everything between clone and exec; never returns. */
_Noreturn void spawn_child(struct keeper *keeper, const struct process *process, struct spawn *spawn);

#endif
