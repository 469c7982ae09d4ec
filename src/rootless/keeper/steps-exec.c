/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "exec.h"
#include "kernel.h"
#include "path.h"
#include "steps.h"

enum { EXEC_INIT = 1 };

/*
 * Closed, not only marked close-on-exec: a descriptor of the host that is open for a moment too long is enough
 * (CVE-2024-21626). Kept are the status socket, which exec closes, and `other`.
 */
static int close_others(int status, int other, struct failure *failure)
{
	unsigned int low = (unsigned int)(status < other || other < 3 ? status : other);
	unsigned int high = (unsigned int)(status < other || other < 3 ? other : status);

	if (other < 3)
		high = low;
	if (low < 3 || kernel_close_range(3, low - 1) < 0 ||
	    (high > low && kernel_close_range(low + 1, high - 1) < 0) || kernel_close_range(high + 1, ~0u) < 0)
		return fail(failure, errno, NULL, "closing descriptors");
	return 0;
}

/* Standard input that nobody feeds was opened on the host: the container gets its own, if it is what it is called. */
static int open_null(const struct child *child, struct failure *failure)
{
	cleanup_close int root = -1, fd = -1;
	struct stat stat;

	if (!child->null_stdin || !child->entered)
		return 0;
	root = path_root();
	fd = path_open(root, "/dev/null", O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
	if (fd < 0 || fstat(fd, &stat) < 0 || !S_ISCHR(stat.st_mode) || stat.st_rdev != makedev(1, 3))
		return 0;
	if (dup2(fd, 0) < 0)
		return fail(failure, errno, NULL, "/dev/null");
	return 0;
}

/* env with HOME, if it has none. */
static char **with_home(const struct child *child, const struct field *env)
{
	static char home[sizeof "HOME=" + sizeof child->home];
	char **list = calloc((size_t)env->number + 2, sizeof *list);

	if (!list)
		return NULL;
	memcpy(list, env->list, (size_t)env->number * sizeof *list);
	for (size_t i = 0; i < env->number; i++) {
		if (strncmp(list[i], "HOME=", 5) == 0)
			return list;
	}
	snprintf(home, sizeof home, "HOME=%s", *child->home ? child->home : child->uid ? "/" : "/root");
	list[env->number] = home;
	return list;
}

/* The keeper's own program again, as pid 1 and from a sealed copy that no container can write to (CVE-2019-5736). */
static int exec_init(const struct child *child, const struct field *argv, char **env, struct failure *failure)
{
	char **list = calloc((size_t)argv->number + 4, sizeof *list);
	char status[16], step[24];

	if (!list)
		return fail(failure, ENOMEM, NULL, "init");
	snprintf(status, sizeof status, "%d", child->status);
	snprintf(step, sizeof step, "%llu", (unsigned long long)failure->step);
	list[0] = (char *)INIT_NAME;
	list[1] = status;
	list[2] = step;
	memcpy(list + 3, argv->list, (size_t)argv->number * sizeof *list);
	if (fcntl(child->status, F_SETFD, 0) == 0)
		syscall(SYS_execveat, child->self, "", list, env, AT_EMPTY_PATH);
	fail(failure, errno, NULL, "init");
	free(list);
	return -1;
}

int step_exec(struct child *child, const struct field *args, struct failure *failure)
{
	bool init = args[2].number & EXEC_INIT;
	cleanup_free char **env = with_home(child, &args[1]);

	if (!env)
		return fail(failure, ENOMEM, NULL, "environment");
	if (args[0].number == 0)
		return fail(failure, EINVAL, NULL, "no program");
	if (child->visitor)
		return fail(failure, EPERM, NULL, "a visitor executes nothing");
	if (open_null(child, failure) < 0 || close_others(child->status, init ? child->self : -1, failure) < 0)
		return -1;
	if (step_limit_files(child, 0, failure) < 0)
		return -1;
	exec_reset_signals();
	if (init)
		return exec_init(child, &args[0], env, failure);
	return exec_program(args[0].list, env, failure);
}

#define PASSED 3 /* where a program finds the descriptor that it is given */

/* Puts the slot's descriptor in its place, for the program to inherit. */
static int pass_slot(struct child *child, uint64_t slot, struct failure *failure)
{
	int fd = slot_get(child, slot, failure), status;

	if (fd < 0)
		return -1;
	status = fcntl(child->status, F_DUPFD_CLOEXEC, PASSED + 1);
	if (status < 0)
		return fail(failure, errno, NULL, "status socket");
	child->status = status;
	return dup2(fd, PASSED) < 0 || fcntl(PASSED, F_SETFD, 0) < 0 ? fail(failure, errno, NULL, "passed descriptor") :
								       0;
}

int step_hostExec(struct child *child, const struct field *args, struct failure *failure)
{
	bool passes = args[2].number < SLOTS;

	if (args[0].number == 0 || args[0].list[0][0] != '/')
		return fail(failure, EINVAL, NULL, "not an absolute path");
	if (child->entered)
		return fail(failure, EINVAL, NULL, "the host is out of reach");
	if (passes && pass_slot(child, args[2].number, failure) < 0)
		return -1;
	if (close_others(child->status, passes ? PASSED : -1, failure) < 0 || step_limit_files(child, 0, failure) < 0)
		return -1;
	exec_reset_signals();
	return exec_program(args[0].list, args[1].list, failure);
}
