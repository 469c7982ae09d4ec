/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "error.h"
#include "remove.h"
#include "worker.h"

#define NOREPLACE 1 /* RENAME_NOREPLACE */
#define TRIES 100

/* Time makes the name, the kernel refuses one that exists. */
static int move_to_trash(int session, const char *scratch)
{
	for (int i = 0; i < TRIES; i++) {
		struct timespec now;
		char name[64];

		clock_gettime(CLOCK_MONOTONIC, &now);
		snprintf(name, sizeof name, "trash/%jx.%lx", (intmax_t)now.tv_sec, now.tv_nsec);
		if (syscall(SYS_renameat2, AT_FDCWD, scratch, session, name, NOREPLACE) == 0 || errno == ENOENT)
			return 0;
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

int remove_later(int session, const char *scratch)
{
	cleanup_free char *merged = NULL;

	if (*scratch != '/') {
		errno = EINVAL;
		return -1;
	}
	if (asprintf(&merged, "%s/merged", scratch) < 0) {
		merged = NULL;
		return -1;
	}
	while (umount2(merged, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (errno != EINVAL && errno != ENOENT)
		return -1;
	if (mkdirat(session, "trash", 0700) < 0 && errno != EEXIST)
		return -1;
	return move_to_trash(session, scratch);
}

/* A helper that was not killed in time may have mounted its file system after the scratch directory was thrown away. */
static void detach(int directory, const char *name)
{
	cleanup_close int entry = openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char merged[64];

	snprintf(merged, sizeof merged, "/proc/self/fd/%d/merged", entry);
	while (entry >= 0 && umount2(merged, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
}

/* Deletes the entries of the directory. Gives how many it met, -1 when one of them stayed. */
static int empty(int directory)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), met = 0, result = 0;
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!stream) {
		cleanup_close_(&copy);
		return -1;
	}
	while ((entry = readdir(stream))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		met++;
		detach(directory, entry->d_name);
		if (remove_tree(directory, entry->d_name) < 0)
			result = -1;
	}
	closedir(stream);
	return result < 0 ? -1 : met;
}

static int is_empty(int directory)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), entries = 0;
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);

	if (!stream) {
		cleanup_close_(&copy);
		return -1;
	}
	while (entries < 3 && readdir(stream))
		entries++;
	closedir(stream);
	return entries < 3;
}

/* More may be thrown in while this one works; it ends when it met nothing, or could not delete all. */
_Noreturn static void trash_main(int directory)
{
	int met;

	if (worker_settle("airplant-trash", &directory, 1) < 0)
		_exit(1);
	worker_yield();
	do
		met = empty(WORKER_FIRST);
	while (met > 0);
	_exit(met < 0);
}

void remove_trash_now(int session)
{
	cleanup_close int directory = openat(session, "trash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (directory >= 0)
		empty(directory);
}

int remove_trash_start(int session)
{
	cleanup_close int directory = openat(session, "trash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int nothing;
	pid_t pid;

	if (directory < 0)
		return errno == ENOENT ? 0 : -1;
	nothing = is_empty(directory);
	if (nothing != 0)
		return nothing < 0 ? -1 : 0;
	pid = worker_fork(NULL);
	if (pid == 0)
		trash_main(directory);
	return pid;
}
