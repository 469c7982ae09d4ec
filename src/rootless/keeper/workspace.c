/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "keeper.h"

/* Binds one of the host's device nodes onto an empty file of the template; a host without it has a template without it. */
static int bind_node(const struct keeper *keeper, const char *node, struct failure *failure)
{
	char source[64], target[4200];
	int fd;

	snprintf(source, sizeof source, "/dev/%s", node);
	snprintf(target, sizeof target, "%s/dev/%s", keeper->work, node);
	fd = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd >= 0)
		close(fd);
	if (mount(source, target, NULL, MS_BIND, NULL) == 0)
		return 0;
	if (errno == ENOENT && strcmp(node, "null") != 0)
		return unlink(target);
	return fail(failure, errno, "setup", "%s", source);
}

static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
static const char *const directories[] = { "pts", "shm", "mqueue" };
static const char *const links[][2] = { { "/proc/self/fd", "fd" },
					{ "fd/0", "stdin" },
					{ "fd/1", "stdout" },
					{ "fd/2", "stderr" },
					{ "pts/ptmx", "ptmx" } };

/* The template of /dev: one clone of it costs a fifth of making a new one. Read-only, because clones share its tmpfs. */
static int make_dev(const struct keeper *keeper, struct failure *failure)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/dev", keeper->work);
	if (mkdir(path, 0755) < 0 || mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") < 0)
		return fail(failure, errno, "setup", "%s", path);
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
		if (bind_node(keeper, nodes[i], failure) < 0)
			return -1;
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
		snprintf(path, sizeof path, "%s/dev/%s", keeper->work, directories[i]);
		mkdir(path, 0755);
	}
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		snprintf(path, sizeof path, "%s/dev/%s", keeper->work, links[i][1]);
		if (symlink(links[i][0], path) < 0)
			return fail(failure, errno, "setup", "%s", path);
	}
	snprintf(path, sizeof path, "%s/dev/console", keeper->work);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	snprintf(path, sizeof path, "%s/dev", keeper->work);
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL) < 0)
		return fail(failure, errno, "setup", "%s read-only", path);
	return 0;
}

/* What masks are made of: an empty read-only directory and /dev/null. */
static int make_covers(const struct keeper *keeper, struct failure *failure)
{
	char empty[4200], null[4200];

	snprintf(empty, sizeof empty, "%s/empty", keeper->work);
	snprintf(null, sizeof null, "%s/null", keeper->work);
	if (mkdir(empty, 0555) < 0 ||
	    mount("tmpfs", empty, "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, "mode=555,size=4k") < 0)
		return fail(failure, errno, "setup", "%s", empty);
	close(open(null, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	if (mount("/dev/null", null, NULL, MS_BIND, NULL) < 0)
		return fail(failure, errno, "setup", "%s", null);
	return 0;
}

static int make_work(struct keeper *keeper, struct failure *failure)
{
	snprintf(keeper->work, sizeof keeper->work, "%s/k", keeper->directory);
	if (mkdir(keeper->work, 0700) < 0 || mount("tmpfs", keeper->work, "tmpfs", MS_NOSUID, "mode=700,size=1m") < 0)
		return fail(failure, errno, "setup", "%s", keeper->work);
	if (make_dev(keeper, failure) < 0)
		return -1;
	return make_covers(keeper, failure);
}

static int become_seed(const char *work)
{
	if (unshare(CLONE_NEWNS) < 0 || chdir(work) < 0 ||
	    mount("tmpfs", "seed", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64k") < 0)
		return -1;
	if (mkdir("seed/root", 0755) < 0 || chdir("seed") < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -1;
	return umount2(".", MNT_DETACH);
}

/*
 * The seed: a mount namespace with nothing in it but an empty directory. Containers copy it instead of the keeper's, so that a start
 * does not cost more on a host with hundreds of mounts, and so that no mount of the host is ever in a container's namespace.
 */
static int make_seed(struct keeper *keeper, struct failure *failure)
{
	int ready[2], status;
	char path[4200], byte = 0;
	pid_t pid;

	snprintf(path, sizeof path, "%s/seed", keeper->work);
	if (mkdir(path, 0755) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ready) < 0)
		return fail(failure, errno, "setup", "%s", path);
	pid = fork();
	if (pid == 0) {
		close(ready[0]);
		/* No container exists yet; without this the keeper itself may not look at the child's namespace. */
		prctl(PR_SET_DUMPABLE, 1);
		byte = become_seed(keeper->work) < 0 ? (char)errno : 0;
		if (write(ready[1], &byte, 1) != 1 || read(ready[1], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(ready[1]);
	if (pid < 0 || read(ready[0], &byte, 1) != 1)
		byte = EIO;
	snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
	keeper->seed = open(path, O_RDONLY | O_CLOEXEC);
	close(ready[0]);
	waitpid(pid, &status, 0);
	if (byte || keeper->seed < 0)
		return fail(failure, byte ? byte : errno, "setup", "seed mount namespace");
	return 0;
}

int workspace_make(struct keeper *keeper, struct failure *failure)
{
	return make_work(keeper, failure) < 0 ? -1 : make_seed(keeper, failure);
}
