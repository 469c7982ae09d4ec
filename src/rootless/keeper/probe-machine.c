/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "keeper.h"

/* The doctor's questions that only a real attempt answers: `--probe userns|maps|fuse|tun` prints one line of JSON. */

static const char *error_name(int err)
{
	static const struct {
		int err;
		const char *name;
	} names[] = { { EPERM, "EPERM" },   { EACCES, "EACCES" }, { EINVAL, "EINVAL" }, { ENOSPC, "ENOSPC" },
		      { ENOSYS, "ENOSYS" }, { EUSERS, "EUSERS" }, { ENOENT, "ENOENT" }, { ENXIO, "ENXIO" },
		      { ENODEV, "ENODEV" }, { EBUSY, "EBUSY" } };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].err == err)
			return names[i].name;
	return "EUNKNOWN";
}

static int answer(const char *step, int err)
{
	const char *name = error_name(err);

	if (!err)
		printf("{\"ok\":true}\n");
	else
		printf("{\"ok\":false,\"step\":\"%s\",\"errno\":\"%s\"}\n", step, name);
	return err ? 1 : 0;
}

static const char *const map_files[][2] = { { "setgroups", "deny" }, { "uid_map", "0 %u 1" }, { "gid_map", "0 %u 1" } };

/* In the new namespace: one-line maps, private mounts, a new /proc: the things that AppArmor and masked /proc forbid. */
static int try_namespace(unsigned uid, unsigned gid, const char **step)
{
	for (size_t i = 0; i < 3; i++) {
		char path[64], text[32];
		cleanup_close int fd = -1;

		snprintf(path, sizeof path, "/proc/self/%s", map_files[i][0]);
		*step = map_files[i][0];
		if (i == 0)
			snprintf(text, sizeof text, "deny");
		else
			snprintf(text, sizeof text, "0 %u 1", i == 1 ? uid : gid);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, text, strlen(text)) < 0)
			return errno;
	}
	*step = "mount";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return errno;
	*step = "tmpfs";
	if (mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0)
		return errno;
	return 0;
}

static int try_proc(const char **step)
{
	pid_t pid = fork();
	int status = 0;

	*step = "proc";
	if (pid == 0)
		_exit(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? errno : 0);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static int probe_user_namespace(bool whole)
{
	unsigned uid = geteuid(), gid = getegid();
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	const char *step = "clone3";
	int err;

	/* The call that the keeper itself makes: an outer container's filter may know unshare and not clone3. */
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) < 0)
		return answer(step, errno);
	if (!whole)
		return answer(step, 0);
	step = "unshare";
	if (unshare(CLONE_NEWUSER) < 0)
		return answer(step, errno);
	step = "namespaces";
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP) < 0)
		return answer(step, errno);
	err = try_namespace(uid, gid, &step);
	if (!err)
		err = try_proc(&step);
	return answer(step, err);
}

static int probe_device(const char *path)
{
	cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC);

	return answer("open", fd < 0 ? errno : 0);
}

int probe_main(const char *what)
{
	if (strcmp(what, "userns") == 0)
		return probe_user_namespace(false);
	if (strcmp(what, "maps") == 0)
		return probe_user_namespace(true);
	if (strcmp(what, "fuse") == 0)
		return probe_device("/dev/fuse");
	if (strcmp(what, "tun") == 0)
		return probe_device("/dev/net/tun");
	return answer("unknown probe", EINVAL);
}
