/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "exec.h"
#include "steps.h"

enum { LOCK_SHARED = 1, LOCK_NO_WAIT = 2 };

/* Its end of the status socket is the only one: the keeper sees what it sees when a program is executed. */
void step_executed(struct child *child, const char *name)
{
	prctl(PR_SET_NAME, name);
	exec_reset_signals();
	close(child->status);
	child->status = -1;
}

/* Without O_NONBLOCK a FIFO that lies in its place would wait for a reader. */
static int open_lock(const char *path)
{
	cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -1;
	if (!S_ISREG(status.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return steal_fd(&fd);
}

/* A lock on a file that was deleted meanwhile is nobody's: the next one would take the new file's. */
static bool is_current(int fd, const char *path)
{
	struct stat held, now;

	return fstat(fd, &held) == 0 && lstat(path, &now) == 0 && held.st_dev == now.st_dev &&
	       held.st_ino == now.st_ino;
}

static int take(int fd, const char *path, uint64_t flags)
{
	int operation = (flags & LOCK_SHARED ? LOCK_SH : LOCK_EX) | (flags & LOCK_NO_WAIT ? LOCK_NB : 0);

	for (;;) {
		if (flock(fd, operation) < 0) {
			if (errno != EINTR)
				return -1;
		} else if (is_current(fd, path)) {
			return 0;
		} else {
			close(fd);
			fd = open_lock(path);
			if (fd < 0)
				return -1;
		}
	}
}

static _Noreturn void say(const char *answer)
{
	if (write(STDOUT_FILENO, answer, 2) != 2)
		_exit(1);
	if (*answer == '0')
		_exit(0);
	for (;;)
		pause();
}

/* The file is opened before the keeper is told that all is well, so that a path that cannot be opened is a step that failed. */
int step_lock(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[0].text;
	int fd;

	if (child->entered)
		return fail(failure, EINVAL, NULL, "the host is out of reach");
	fd = *path == '/' ? open_lock(path) : (errno = EINVAL, -1);
	if (fd < 0)
		return fail(failure, errno, NULL, "%s", path);
	step_executed(child, "airplant-lock");
	if (take(fd, path, args[1].number) == 0)
		say("1\n");
	if (errno == EWOULDBLOCK)
		say("0\n");
	_exit(1);
}
