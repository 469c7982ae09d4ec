/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>

#include "remove.h"
#include "steps.h"

#define NOREPLACE 1 /* RENAME_NOREPLACE */

enum { RENAME_SYNC = 1 };

/*
 * Opens the directory of the last component, which stays in `path`. What follows a slash at the end, "." and ".." name no entry that
 * could be renamed or removed.
 */
static int open_parent(const struct child *child, const char *path, const char **name, struct failure *failure)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX];
	int fd;

	if (child->entered)
		return fail(failure, EINVAL, NULL, "the host is out of reach");
	if (*path != '/' || !slash[1] || !strcmp(slash + 1, ".") || !strcmp(slash + 1, "..") ||
	    (size_t)(slash - path) >= sizeof directory - 1)
		return fail(failure, EINVAL, NULL, "%s", path);
	memcpy(directory, path, (size_t)(slash - path) + 1);
	directory[slash - path + 1] = 0;
	*name = slash + 1;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail(failure, errno, NULL, "%s", path) : fd;
}

/* What is renamed must be on the disk before its new name is, or a power cut leaves a name for something half written. */
int step_hostRename(struct child *child, const struct field *args, struct failure *failure)
{
	const char *from = args[0].text, *to = args[1].text, *from_name, *to_name;
	cleanup_close int source = open_parent(child, from, &from_name, failure), target = -1;
	bool sync = args[2].number & RENAME_SYNC;

	if (source < 0)
		return -1;
	target = open_parent(child, to, &to_name, failure);
	if (target < 0)
		return -1;
	if (sync && syncfs(source) < 0)
		return fail(failure, errno, NULL, "syncfs %s", from);
	if (syscall(SYS_renameat2, source, from_name, target, to_name, NOREPLACE) < 0)
		return fail(failure, errno, NULL, "%s to %s", from, to);
	if (sync && (fsync(target) < 0 || fsync(source) < 0))
		return fail(failure, errno, NULL, "fsync %s", to);
	return 0;
}

int step_hostRemove(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[0].text, *name;
	cleanup_close int parent = open_parent(child, path, &name, failure);

	if (parent < 0)
		return failure->err == ENOENT ? 0 : -1;
	if (remove_tree(parent, name) < 0)
		return fail(failure, errno, NULL, "%s", path);
	return 0;
}
