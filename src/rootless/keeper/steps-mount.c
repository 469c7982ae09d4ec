/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "kernel.h"
#include "mount.h"
#include "path.h"
#include "steps.h"

/* Steps that make mounts without attaching them. They run in the keeper's mount namespace, where the host's paths are. */

enum { TREE_CLONE = 1, TREE_RECURSIVE = 2, TREE_DIRECTORY = 4 };

/* A path of the host, or of the container once that is entered. */
static int open_path(const struct child *child, const char *path)
{
	cleanup_close int root = -1;

	if (!child->entered)
		return open(path, O_PATH | O_CLOEXEC);
	root = path_root();
	return root < 0 ? -1 : path_open(root, path, O_PATH, 0);
}

int step_openTree(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[1].text;
	uint64_t flags = args[2].number;
	cleanup_close int fd = open_path(child, path);
	unsigned int how = AT_EMPTY_PATH;
	struct stat stat;
	int tree;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return fail(failure, errno, NULL, "%s", path);
	if ((flags & TREE_DIRECTORY) && !S_ISDIR(stat.st_mode))
		return fail(failure, ENOTDIR, NULL, "%s", path);
	if (flags & TREE_CLONE)
		how |= OPEN_TREE_CLONE | (flags & TREE_RECURSIVE ? AT_RECURSIVE : 0);
	tree = kernel_open_tree(fd, "", how);
	if (tree < 0)
		return fail(failure, errno, NULL, "%s", path);
	slot_put(child, args[0].number, tree);
	return 0;
}

int step_newMount(struct child *child, const struct field *args, struct failure *failure)
{
	int mount = mount_new(args[1].text, args[2].list, args[3].number, failure);

	if (mount < 0)
		return -1;
	slot_put(child, args[0].number, mount);
	return 0;
}

int step_overlay(struct child *child, const struct field *args, struct failure *failure)
{
	struct overlay overlay = {
		.lowers = args[1].list,
		.upper = args[2].text,
		.work = args[3].text,
		.options = args[4].list,
		.attributes = args[5].number,
	};
	int mount = mount_overlay(&overlay, failure);

	if (mount < 0)
		return -1;
	slot_put(child, args[0].number, mount);
	return 0;
}

int step_setAttributes(struct child *child, const struct field *args, struct failure *failure)
{
	int mount = slot_get(child, args[0].number, failure);

	if (mount < 0)
		return -1;
	if (kernel_mount_setattr(mount, args[1].number, args[2].number, args[3].number != 0) < 0)
		return fail(failure, errno, NULL, "slot %llu", (unsigned long long)args[0].number);
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The kernel marks an open mountinfo when a mount appears. Looking is cheap enough to do it now and then all the same. */
int step_waitMount(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[0].text;
	int64_t timeout = args[2].number < 600000 ? (int64_t)args[2].number : 600000, end = now_ms() + timeout, left;
	cleanup_close int changes = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	struct pollfd wait = { .fd = changes, .events = POLLPRI };
	struct statfs stat;

	(void)child;
	for (;;) {
		if (statfs(path, &stat) == 0) {
			if ((uint32_t)stat.f_type == args[1].number)
				return 0;
		} else if (errno != ENOENT) {
			return fail(failure, errno, NULL, "%s", path);
		}
		left = end - now_ms();
		if (left <= 0)
			return fail(failure, ETIMEDOUT, NULL, "%s", path);
		poll(&wait, 1, left < 20 ? (int)left : 20);
	}
}
