/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "kernel.h"
#include "path.h"
#include "steps.h"

/* The container's own devpts, and nothing else that may stand there, gives the pty. */
static int open_master(int root, struct failure *failure)
{
	cleanup_close int master = path_open(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0);
	struct statfs stat;
	int unlock = 0;

	if (master < 0 || fstatfs(master, &stat) < 0)
		return fail(failure, errno, NULL, "/dev/pts/ptmx");
	if (stat.f_type != MAGIC_DEVPTS)
		return fail(failure, ENODEV, NULL, "/dev/pts/ptmx: not a devpts file system");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return fail(failure, errno, NULL, "unlocking the pty");
	return steal_fd(&master);
}

/* The slave is mounted from its descriptor: a path could have been changed meanwhile (CVE-2025-52565). */
static int mount_console(int root, int slave, struct failure *failure)
{
	cleanup_close int clone = kernel_open_tree(slave, "", AT_EMPTY_PATH | OPEN_TREE_CLONE);
	cleanup_close int target = path_open(root, "/dev/console", O_PATH | O_NOFOLLOW, 0);

	if (clone < 0 || target < 0 || kernel_attach(clone, target) < 0)
		return fail(failure, errno, NULL, "/dev/console");
	return 0;
}

/* A session of its own with the pty as its terminal, which nothing outside can be reached through (TIOCSTI). */
static int become_session(int slave, struct failure *failure)
{
	if (setsid() < 0 && getsid(0) != getpid())
		return fail(failure, errno, NULL, "setsid");
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return fail(failure, errno, NULL, "controlling terminal");
	for (int i = 0; i < 3; i++) {
		if (dup2(slave, i) < 0)
			return fail(failure, errno, NULL, "descriptor %d", i);
	}
	return 0;
}

int step_tty(struct child *child, const struct field *args, struct failure *failure)
{
	cleanup_close int root = path_root(), master = open_master(root, failure), slave = -1;
	struct winsize size = { .ws_row = (unsigned short)args[0].number, .ws_col = (unsigned short)args[1].number };
	struct status status = { .kind = STATUS_TTY, .failure = { .step = failure->step } };

	if (master < 0)
		return -1;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || ioctl(master, TIOCSWINSZ, &size) < 0)
		return fail(failure, errno, NULL, "opening the pty");
	if (args[2].number && mount_console(root, slave, failure) < 0)
		return -1;
	if (become_session(slave, failure) < 0)
		return -1;
	if (status_send(child->status, &status, master) < 0)
		return fail(failure, errno, NULL, "handing over the pty");
	for (int i = 0; i < 3; i++)
		child->owns_stdio[i] = true;
	child->null_stdin = false;
	return 0;
}
