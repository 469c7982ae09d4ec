/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "freeze.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "member.h"

#define BOUND_MS 2000
/* A process in the kernel, such as one that waits for its vfork child, which is stopped by now, may not stop at all. */
#define BUSY_BOUND_MS 50

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int send_signal(int pidfd, int number)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

static int cgroup_open(const char *cgroup, const char *file, int flags)
{
	cleanup_close int directory = open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return directory < 0 ? -1 : openat(directory, file, flags | O_CLOEXEC);
}

static int cgroup_write(const char *cgroup, const char *value)
{
	cleanup_close int fd = cgroup_open(cgroup, "cgroup.freeze", O_WRONLY);

	return fd >= 0 && write(fd, value, 1) == 1 ? 0 : -1;
}

/* The kernel announces each change of cgroup.events as POLLPRI. */
static int cgroup_wait_frozen(const char *cgroup)
{
	cleanup_close int fd = cgroup_open(cgroup, "cgroup.events", O_RDONLY);
	int64_t end = now_ms() + BOUND_MS, left;

	if (fd < 0)
		return -1;
	for (;;) {
		struct pollfd poller = { .fd = fd, .events = POLLPRI };
		char text[256];
		ssize_t size = pread(fd, text, sizeof text - 1, 0);

		if (size < 0)
			return -1;
		text[size] = 0;
		if (strstr(text, "frozen 1"))
			return 0;
		left = end - now_ms();
		if (left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (poll(&poller, 1, (int)left) < 0 && errno != EINTR)
			return -1;
	}
}

/* 1: frozen. 0: this cgroup cannot be (none, an old kernel, not ours). */
static int freeze_cgroup(const char *cgroup, struct failure *failure)
{
	if (!*cgroup || cgroup_write(cgroup, "1") < 0)
		return 0;
	if (cgroup_wait_frozen(cgroup) < 0) {
		int err = errno;

		cgroup_write(cgroup, "0");
		return fail(failure, err, "pause", "%s", cgroup);
	}
	return 1;
}

struct stopped {
	pid_t pid;
	int pidfd;
};

/* The processes stopped so far. */
struct stopping {
	struct stopped *list;
	size_t count, room;
	size_t fresh, busy, unsettled; /* what one pass found */
};

static bool is_known(const struct stopping *stopping, pid_t pid)
{
	for (size_t i = 0; i < stopping->count; i++)
		if (stopping->list[i].pid == pid)
			return send_signal(stopping->list[i].pidfd, 0) == 0;
	return false;
}

static int remember(struct stopping *stopping, pid_t pid, int pidfd)
{
	if (stopping->count == stopping->room) {
		size_t room = 2 * stopping->room + 16;
		struct stopped *list = realloc(stopping->list, room * sizeof *list);

		if (!list)
			return -1;
		stopping->list = list;
		stopping->room = room;
	}
	stopping->list[stopping->count++] = (struct stopped){ pid, pidfd };
	return 0;
}

/* Hands the processes over, those stopped before a failure too: thawing begins with them. */
static int keep(const struct stopping *stopping, struct freeze *freeze)
{
	freeze->stopped = calloc(stopping->count + 1, sizeof *freeze->stopped);
	for (size_t i = 0; i < stopping->count; i++) {
		if (freeze->stopped) {
			freeze->stopped[i] = stopping->list[i].pidfd;
			continue;
		}
		send_signal(stopping->list[i].pidfd, SIGCONT);
		close(stopping->list[i].pidfd);
	}
	if (!freeze->stopped)
		return -1;
	freeze->room = freeze->count = stopping->count;
	return 0;
}

/* Stops one process that does not stand still yet, and remembers it when that is new. */
static int stop_one(struct stopping *stopping, int directory, pid_t pid)
{
	char state = member_state(directory);
	bool known;
	int pidfd;

	if (state == 0 || state == 'T' || state == 't')
		return 0;
	known = is_known(stopping, pid);
	stopping->fresh += !known;
	stopping->busy += state == 'D';
	stopping->unsettled += state != 'Z';
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* The directory answers only for the process that it was opened for, the pid could be another's by now. */
	if (pidfd < 0 || member_state(directory) == 0 || send_signal(pidfd, SIGSTOP) < 0) {
		int err = errno;

		cleanup_close_(&pidfd);
		errno = err;
		return err == EMFILE || err == ENFILE || err == ENOMEM || err == EPERM ? -1 : 0;
	}
	if (!known && remember(stopping, pid, pidfd) == 0)
		return 0;
	if (!known)
		send_signal(pidfd, SIGCONT);
	close(pidfd);
	return known ? 0 : -1;
}

static int stop_pass(struct stopping *stopping, DIR *proc, const struct member_space *space)
{
	struct dirent *entry;

	stopping->fresh = stopping->busy = stopping->unsettled = 0;
	rewinddir(proc);
	while ((entry = readdir(proc))) {
		cleanup_close int directory = -1;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		directory = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (directory < 0 && (errno == EMFILE || errno == ENFILE))
			return -1;
		if (directory >= 0 && member_of(space, dirfd(proc), directory) &&
		    stop_one(stopping, directory, (pid_t)atoi(entry->d_name)) < 0)
			return -1;
	}
	return 0;
}

/*
 * A process with a signal pending cannot fork, but its other threads can until the group has stopped. So the passes go
 * on until one finds all standing. Nobody tells the keeper when a grandchild stops: therefore the naps.
 */
static int stop_all(struct stopping *stopping, DIR *proc, const struct member_space *space)
{
	const struct timespec nap = { .tv_nsec = 300000 };
	int64_t start = now_ms();

	for (;;) {
		int64_t elapsed;

		if (stop_pass(stopping, proc, space) < 0)
			return -1;
		if (!stopping->fresh && !stopping->unsettled)
			return 0;
		elapsed = now_ms() - start;
		if (!stopping->fresh && stopping->unsettled == stopping->busy && elapsed > BUSY_BOUND_MS)
			return 0;
		if (elapsed > BOUND_MS) {
			errno = ETIMEDOUT;
			return -1;
		}
		nanosleep(&nap, NULL);
	}
}

/* pid 1 goes first and by a signal from outside: the only kind of SIGSTOP that it obeys. */
static int stop_tree(struct stopping *stopping, pid_t first)
{
	struct member_space space;
	DIR *proc = opendir("/proc");
	char name[16];
	int result = -1, err;

	if (!proc)
		return -1;
	snprintf(name, sizeof name, "%d", first);
	if (member_space_open(&space, dirfd(proc), name) == 0) {
		cleanup_close int directory = openat(dirfd(proc), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (directory >= 0 && stop_one(stopping, directory, first) == 0)
			result = stop_all(stopping, proc, &space);
	}
	err = errno;
	closedir(proc);
	errno = err;
	return result;
}

int freeze_all(struct freeze *freeze, pid_t first, const char *cgroup, struct failure *failure)
{
	struct stopping stopping = { 0 };
	struct failure ignored;
	int frozen, result, err;

	if (freeze->active)
		return 0;
	frozen = freeze_cgroup(cgroup, failure);
	if (frozen < 0)
		return -1;
	freeze->active = true;
	if (frozen)
		return 0;
	result = stop_tree(&stopping, first);
	err = errno;
	if (keep(&stopping, freeze) < 0) {
		result = -1;
		err = ENOMEM;
	}
	free(stopping.list);
	if (result == 0)
		return 0;
	freeze_thaw(freeze, "", &ignored);
	return fail(failure, err, "pause", "process %d", first);
}

/* Children before their parents, so that a shell that wakes up finds none of its jobs stopped. */
int freeze_thaw(struct freeze *freeze, const char *cgroup, struct failure *failure)
{
	if (!freeze->active)
		return 0;
	if (*cgroup && freeze->count == 0 && cgroup_write(cgroup, "0") < 0 && errno != ENOENT && errno != EACCES)
		return fail(failure, errno, "resume", "%s", cgroup);
	for (size_t i = freeze->count; i-- > 0;)
		send_signal(freeze->stopped[i], SIGCONT);
	freeze_release(freeze);
	return 0;
}

void freeze_release(struct freeze *freeze)
{
	for (size_t i = 0; i < freeze->count; i++)
		close(freeze->stopped[i]);
	free(freeze->stopped);
	*freeze = (struct freeze){ 0 };
}
