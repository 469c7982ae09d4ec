/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "error.h"
#include "remove.h"
#include "worker.h"

#define YOUNG_S 60

static DIR *list(int directory)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);

	if (!stream)
		cleanup_close_(&copy);
	return stream;
}

static bool is_candidate(const struct dirent *entry, const char *own_name)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && strcmp(entry->d_name, own_name) &&
	       (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN);
}

/* A session is made before its lock; one that never got so far is deleted when it had its time. */
static bool is_old(const struct stat *status)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec - status->st_mtim.tv_sec > YOUNG_S;
}

/* Held until the directory is gone, so that of two sweepers one works and nobody takes the session over meanwhile. */
static void sweep_one(int sessions, const char *name)
{
	cleanup_close int directory = openat(sessions, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int lock = -1;
	struct stat status;

	if (directory < 0 || fstat(directory, &status) < 0 || status.st_uid != geteuid())
		return;
	lock = openat(directory, "lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (lock < 0 ? errno != ENOENT || !is_old(&status) : flock(lock, LOCK_EX | LOCK_NB) < 0)
		return;
	remove_tree(sessions, name);
}

_Noreturn static void sweep_main(int sessions, const char *own_name)
{
	struct dirent *entry;
	DIR *stream;

	if (worker_settle("airplant-sweep", &sessions, 1) < 0)
		_exit(1);
	worker_yield();
	stream = list(WORKER_FIRST);
	if (!stream)
		_exit(1);
	while ((entry = readdir(stream)))
		if (is_candidate(entry, own_name))
			sweep_one(WORKER_FIRST, entry->d_name);
	_exit(0);
}

int remove_dead_sessions_start(int sessions, const char *own_name)
{
	DIR *stream = list(sessions);
	struct dirent *entry;
	bool found = false;
	pid_t pid;

	if (!stream)
		return -1;
	while (!found && (entry = readdir(stream)))
		found = is_candidate(entry, own_name);
	closedir(stream);
	if (!found)
		return 0;
	pid = worker_fork(NULL);
	if (pid == 0)
		sweep_main(sessions, own_name);
	return pid;
}
