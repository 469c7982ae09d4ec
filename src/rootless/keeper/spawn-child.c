/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "spawn.h"

static _Noreturn void give_up(const struct child *child, const struct failure *failure)
{
	struct status status = { .kind = STATUS_FAILED, .failure = *failure };

	status_send(child->status, &status, -1);
	_exit(127);
}

/* Joins the namespaces of the container's pid 1, but for the pid namespace, in which this process was made. */
static int join(const struct process *target, struct failure *failure)
{
	int namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;

	if (target->uid_map)
		namespaces |= CLONE_NEWUSER;
	if (target->own_network)
		namespaces |= CLONE_NEWNET;
	if (setns(target->pidfd, namespaces) < 0)
		return fail(failure, errno, "join", "%s", target->id);
	return 0;
}

static int place_stdio(const struct process *process, const struct spawn *spawn, struct child *child)
{
	cleanup_close int null = -1;

	for (int i = 0; i < 3; i++) {
		int fd = spawn->stdio[i];

		child->owns_stdio[i] = fd >= 0;
		if (fd < 0 && null < 0)
			null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (dup2(fd >= 0 ? fd : null, i) < 0)
			return -1;
	}
	child->null_stdin = !(process->flags & (SPAWN_STDIN | SPAWN_TTY));
	return 0;
}

_Noreturn void spawn_child(struct keeper *keeper, const struct process *process, struct spawn *spawn)
{
	struct failure failure = { .step = NO_STEP };
	struct child child = { .status = spawn->status,
			       .seed = keeper->seed,
			       .self = keeper->self,
			       .tokens = keeper->tokens,
			       .token_count = TOKENS,
			       .entered = process->kind == EXEC };

	for (int i = 0; i < SLOTS; i++)
		child.slots[i] = -1;
	memcpy(child.open_files, keeper->open_files, sizeof child.open_files);
	prctl(PR_SET_DUMPABLE, 0);
	if (place_stdio(process, spawn, &child) < 0) {
		fail(&failure, errno, "stdio", "/dev/null");
		give_up(&child, &failure);
	}
	if (process->kind == EXEC && join(spawn->target, &failure) < 0)
		give_up(&child, &failure);
	/* In the keeper's process group a container could signal it, and every other container: kill(0, ...) looks at no pid namespace. */
	if (setsid() < 0) {
		fail(&failure, errno, "setsid", "%s", process->id);
		give_up(&child, &failure);
	}
	if (spawn->network >= 0 && setns(spawn->network, CLONE_NEWNET) < 0) {
		fail(&failure, errno, "setns", "network namespace");
		give_up(&child, &failure);
	}
	if (plan_run(&spawn->pool_plan, &child, &failure) < 0 || plan_run(&spawn->plan, &child, &failure) < 0)
		give_up(&child, &failure);
	_exit(0);
}
