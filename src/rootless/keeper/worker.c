/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The first version of the kernel's struct clone_args, which musl does not declare. */
struct clone_arguments {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

pid_t worker_fork(int *pidfd)
{
	struct clone_arguments arguments = { .exit_signal = SIGCHLD };

	if (pidfd) {
		arguments.flags = CLONE_PIDFD;
		arguments.pidfd = (uintptr_t)pidfd;
	}
	return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

/* The keeper blocks the signals that it reads from a signalfd; its handlers mean nothing in a worker. */
static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Each descriptor is copied above the places wanted first, so that none is overwritten before it was copied. Those not
 * in the list go in one call: a worker that held a lock, a pipe or a client of the keeper would keep it alive.
 */
static int keep_only(const int *keep, size_t count)
{
	int first_free = WORKER_FIRST + (int)count, null, *high;
	int result = -1;

	high = calloc(count + 1, sizeof *high);
	if (!high)
		return -1;
	for (size_t i = 0; i < count; i++) {
		high[i] = fcntl(keep[i], F_DUPFD_CLOEXEC, first_free);
		if (high[i] < 0)
			goto out;
	}
	for (size_t i = 0; i < count; i++)
		if (dup3(high[i], WORKER_FIRST + (int)i, O_CLOEXEC) < 0)
			goto out;
	if (syscall(SYS_close_range, first_free, ~0U, 0) < 0)
		goto out;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		goto out;
	for (int fd = 0; fd < WORKER_FIRST; fd++)
		if (dup2(null, fd) < 0)
			goto out;
	if (null >= WORKER_FIRST)
		close(null);
	result = 0;
out:
	free(high);
	return result;
}

int worker_settle(const char *name, const int *keep, size_t count)
{
	reset_signals();
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NAME, name, 0, 0, 0);
	if (chdir("/") < 0)
		return -1;
	return keep_only(keep, count);
}

int worker_drop_capabilities(void)
{
	struct {
		uint32_t version;
		int pid;
	} header = { .version = 0x20080522 }; /* _LINUX_CAPABILITY_VERSION_3 */
	uint32_t none[6] = { 0 };	      /* effective, permitted, inheritable of 64 capabilities */

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_capset, &header, none);
}

void worker_yield(void)
{
	enum { OF_A_PROCESS = 1, CLASS_IDLE = 3 << 13 };

	setpriority(PRIO_PROCESS, 0, 19);
	syscall(SYS_ioprio_set, OF_A_PROCESS, 0, CLASS_IDLE);
}
