/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "kernel.h"
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

static int compare(const void *one, const void *other)
{
	return *(const int *)one - *(const int *)other;
}

/*
 * A helper may live long without ever executing a program. What it inherits of the keeper would keep alive what the keeper closes: the
 * connections of clients, the input of other processes.
 */
static int close_inherited(const struct child *child, int network)
{
	int keep[TOKENS + NETWORKS_MAX + 6] = { 2, child->status, child->seed, child->self, child->session, network };
	size_t count = 6;

	for (size_t i = 0; i < child->token_count; i++)
		keep[count++] = child->tokens[i];
	for (size_t i = 0; i < child->network_count; i++)
		keep[count++] = child->networks[i];
	qsort(keep, count, sizeof *keep, compare);
	for (size_t i = 0; i < count; i++) {
		unsigned int next = i + 1 < count ? (unsigned int)keep[i + 1] - 1 : ~0u;

		if (keep[i] >= 2 && keep[i] != (i + 1 < count ? keep[i + 1] : -1) &&
		    kernel_close_range((unsigned int)keep[i] + 1, next) < 0)
			return -1;
	}
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

/*
 * A visitor joins nothing but the mounts: it stays a process of the keeper's, which the container can neither see nor signal.
 */
static int prepare_helper(struct child *child, const struct spawn *spawn, struct failure *failure)
{
	if (child->visitor && setns(spawn->target->pidfd, CLONE_NEWNS) < 0)
		return fail(failure, errno, "join", "%s", spawn->target->id);
	if (close_inherited(child, spawn->network) < 0)
		return fail(failure, errno, "spawn", "closing descriptors");
	return 0;
}

_Noreturn void spawn_child(struct keeper *keeper, const struct process *process, struct spawn *spawn)
{
	struct failure failure = { .step = NO_STEP };
	struct child child = { .status = spawn->status,
			       .seed = keeper->seed,
			       .self = keeper->self,
			       .session = keeper->session,
			       .directory = keeper->directory,
			       .real_root = keeper->real_root,
			       .tokens = keeper->tokens,
			       .token_count = TOKENS,
			       .networks = spawn->networks,
			       .network_count = spawn->network_count,
			       .entered = process->kind == EXEC || process->kind == VISITOR,
			       .visitor = process->kind == VISITOR };
	bool helper = process->kind == HELPER || process->kind == VISITOR;

	for (int i = 0; i < SLOTS; i++)
		child.slots[i] = -1;
	memcpy(child.open_files, keeper->open_files, sizeof child.open_files);
	prctl(PR_SET_DUMPABLE, 0);
	if (place_stdio(process, spawn, &child) < 0) {
		fail(&failure, errno, "stdio", "/dev/null");
		give_up(&child, &failure);
	}
	if (helper && prepare_helper(&child, spawn, &failure) < 0)
		give_up(&child, &failure);
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
