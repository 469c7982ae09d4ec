/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "kernel.h"
#include "path.h"
#include "steps.h"

int step_hostname(struct child *child, const struct field *args, struct failure *failure)
{
	(void)child;
	if (sethostname(args[0].text, args[0].size) < 0)
		return fail(failure, errno, NULL, "%s", args[0].text);
	return 0;
}

/* Written as one piece, below /proc/sys, through no link, and only if that is procfs. */
int step_sysctl(struct child *child, const struct field *args, struct failure *failure)
{
	struct kernel_open_how how = {
		.flags = O_WRONLY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH_ | RESOLVE_NO_SYMLINKS_ | RESOLVE_NO_MAGICLINKS_,
	};
	const char *name = args[0].text;
	cleanup_close int directory = open("/proc/sys", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int fd = kernel_openat2(directory, name, &how);
	struct statfs stat;

	(void)child;
	if (fd < 0 || fstatfs(fd, &stat) < 0)
		return fail(failure, errno, NULL, "%s", name);
	if (stat.f_type != MAGIC_PROC)
		return fail(failure, EXDEV, NULL, "%s: not a file of procfs", name);
	if (write(fd, args[1].text, args[1].size) < 0)
		return fail(failure, errno, NULL, "%s = %s", name, args[1].text);
	return 0;
}

/*
 * A user namespace below the keeper's. The keeper may write to our /proc/PID only while we are dumpable. Whatever
 * namespaces shall belong to the new user namespace are made after it.
 */
int step_nestUser(struct child *child, const struct field *args, struct failure *failure)
{
	struct status status = { .kind = STATUS_MAPS, .failure = { .step = failure->step } };
	int32_t answer = 0;
	ssize_t size;

	if (unshare(CLONE_NEWUSER) < 0)
		return fail(failure, errno, NULL, "new user namespace");
	if (prctl(PR_SET_DUMPABLE, 1) < 0 || status_send(child->status, &status, -1) < 0)
		return fail(failure, errno, NULL, "asking for the maps");
	do
		size = recv(child->status, &answer, sizeof answer, 0);
	while (size < 0 && errno == EINTR);
	prctl(PR_SET_DUMPABLE, 0);
	if (size != sizeof answer)
		return fail(failure, size < 0 ? errno : EPIPE, NULL, "waiting for the maps");
	if (answer)
		return fail(failure, answer, NULL, "users %s, groups %s", args[0].text, args[1].text);
	if (args[2].number && unshare((int)args[2].number) < 0)
		return fail(failure, errno, NULL, "namespaces of the new user namespace");
	return 0;
}

int step_rlimit(struct child *child, const struct field *args, struct failure *failure)
{
	uint64_t limits[2] = { args[1].number, args[2].number };
	struct rlimit now;

	if (args[0].number >= RLIM_NLIMITS)
		return fail(failure, EINVAL, NULL, "no resource %llu", (unsigned long long)args[0].number);
	if (args[0].number == RLIMIT_NOFILE) {
		memcpy(child->open_files, limits, sizeof limits);
		if (getrlimit(RLIMIT_NOFILE, &now) == 0 && limits[1] <= now.rlim_max)
			return 0;
	}
	if (syscall(SYS_prlimit64, 0, (int)args[0].number, limits, NULL) < 0)
		return fail(failure, errno, NULL, "resource %d: %llu, %llu", (int)args[0].number,
			    (unsigned long long)limits[0], (unsigned long long)limits[1]);
	return 0;
}

int step_limit_files(struct child *child, uint64_t least, struct failure *failure)
{
	uint64_t *limits = child->open_files;

	if (limits[1] == 0 || limits[0] < least)
		return 0;
	if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limits, NULL) < 0)
		return fail(failure, errno, "rlimit", "open files: %llu", (unsigned long long)limits[0]);
	limits[1] = 0;
	return 0;
}

int step_umask(struct child *child, const struct field *args, struct failure *failure)
{
	(void)child, (void)failure;
	umask(args[0].number & 0777);
	return 0;
}

/* A working directory that "/" does not lead to would be a way out (CVE-2024-21626): getcwd says "(unreachable)" then. */
int step_chdir(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[0].text;
	cleanup_close int root = path_root(), fd = path_open(root, path, O_PATH | O_DIRECTORY, 0);
	char now[4096];

	(void)child;
	if (fd < 0 || fchdir(fd) < 0)
		return fail(failure, errno, NULL, "%s", path);
	if (syscall(SYS_getcwd, now, sizeof now) < 0)
		return fail(failure, errno, NULL, "%s", path);
	if (now[0] != '/')
		return fail(failure, ENOENT, NULL, "%s: outside of the root", path);
	return 0;
}

int step_noNewPrivs(struct child *child, const struct field *args, struct failure *failure)
{
	(void)child, (void)args;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(failure, errno, NULL, "no_new_privs");
	return 0;
}

#define BPF_INSTRUCTION 8      /* sizeof(struct sock_filter) */
#define BPF_MOST 4096	       /* BPF_MAXINSNS */
#define SECCOMP_MODE_FILTER_ 1 /* SECCOMP_SET_MODE_FILTER */

int step_seccomp(struct child *child, const struct field *args, struct failure *failure)
{
	struct {
		unsigned short length;
		const void *filter;
	} program = { .filter = args[0].text };
	size_t count = args[0].size / BPF_INSTRUCTION;

	if (count == 0 || count > BPF_MOST || args[0].size % BPF_INSTRUCTION)
		return fail(failure, EINVAL, NULL, "a filter of %zu bytes", args[0].size);
	program.length = (unsigned short)count;
	/* A filter of the user's own need not allow it afterwards. */
	if (step_limit_files(child, 2 * SLOTS, failure) < 0)
		return -1;
	if (syscall(SYS_seccomp, SECCOMP_MODE_FILTER_, 0, &program) < 0)
		return fail(failure, errno, NULL, "a filter of %zu instructions", count);
	return 0;
}
