/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "kernel.h"
#include "path.h"
#include "steps.h"

/* Steps that attach mounts. All but enterRoot and unmount run where "/" is the container's root. */

enum { ATTACH_DIRECTORY = 1, ATTACH_FILE = 2, ATTACH_NO_LINK = 4, ATTACH_OPTIONAL = 8, ATTACH_NOT_KERNELS = 16 };

static bool is_missing(int err)
{
	return err == ENOENT || err == ENOTDIR;
}

/*
 * The seed has one mount and one directory, so that unshare copies, and the last umount drops, next to nothing however many
 * mounts the host has.
 */
int step_enterRoot(struct child *child, const struct field *args, struct failure *failure)
{
	int root = slot_get(child, args[0].number, failure);

	if (root < 0)
		return -1;
	if (setns(child->seed, CLONE_NEWNS) < 0)
		return fail(failure, errno, NULL, "joining the empty mount namespace");
	if (unshare(CLONE_NEWNS) < 0)
		return fail(failure, errno, NULL, "new mount namespace");
	if (syscall(SYS_move_mount, root, "", AT_FDCWD, "/root", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return fail(failure, errno, NULL, "attaching the root file system");
	if (chdir("/root") < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return fail(failure, errno, NULL, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return fail(failure, errno, NULL, "leaving the old root");
	child->entered = true;
	return 0;
}

/* Before enterRoot (helpers) the path is the host's. */
static int open_target(const struct child *child, const char *target, uint64_t flags)
{
	int how = O_PATH | O_CLOEXEC | (flags & ATTACH_NO_LINK ? O_NOFOLLOW : 0), fd, made;
	cleanup_close int root = -1;

	if (!child->entered)
		return open(target, how);
	root = path_root();
	if (root < 0)
		return -1;
	fd = path_open(root, target, how, 0);
	if (fd >= 0 || errno != ENOENT || !(flags & (ATTACH_DIRECTORY | ATTACH_FILE)))
		return fd;
	if (flags & ATTACH_DIRECTORY)
		return path_make_directory(root, target);
	made = path_make_file(root, target, O_WRONLY | O_NONBLOCK, 0644);
	if (made < 0)
		return -1;
	close(made);
	return path_open(root, target, how, 0);
}

int step_attach(struct child *child, const struct field *args, struct failure *failure)
{
	const char *target = args[1].text;
	int mount = slot_get(child, args[0].number, failure);
	cleanup_close int fd = -1;
	struct stat stat;

	if (mount < 0)
		return -1;
	fd = open_target(child, target, args[2].number);
	if (fd < 0 && is_missing(errno) && (args[2].number & ATTACH_OPTIONAL))
		return 0;
	if (fd < 0 || fstat(fd, &stat) < 0)
		return fail(failure, errno, NULL, "%s", target);
	if (S_ISLNK(stat.st_mode))
		return fail(failure, ELOOP, NULL, "%s", target);
	if ((args[2].number & ATTACH_NOT_KERNELS) && path_is_kernels(fd))
		return fail(failure, ELOOP, NULL, "%s: leads into /proc or /sys", target);
	if (kernel_attach(mount, fd) < 0)
		return fail(failure, errno, NULL, "%s", target);
	return 0;
}

int step_subtree(struct child *child, const struct field *args, struct failure *failure)
{
	const char *name = args[2].text;
	int from = slot_get(child, args[1].number, failure), tree;
	cleanup_close int fd = -1;

	if (from < 0)
		return -1;
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return fail(failure, EINVAL, NULL, "%s", name);
	if (mkdirat(from, name, 0700) < 0)
		return fail(failure, errno, NULL, "%s", name);
	fd = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, args[3].number & 07777) < 0)
		return fail(failure, errno, NULL, "%s", name);
	tree = kernel_open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE);
	if (tree < 0)
		return fail(failure, errno, NULL, "%s", name);
	slot_put(child, args[0].number, tree);
	return 0;
}

/*
 * Puts a slot's mount onto another place. A mount made in the keeper's namespace cannot be cloned from here (EINVAL): it is
 * attached itself the first time, and from then on is one of ours and can be cloned.
 */
static int cover(int mount, int target)
{
	cleanup_close int clone = kernel_open_tree(mount, "", AT_EMPTY_PATH | OPEN_TREE_CLONE);

	if (clone < 0 && errno != EINVAL)
		return -1;
	return kernel_attach(clone < 0 ? mount : clone, target);
}

/* What covers must be what it is said to be: a container that could write to it would share that with all others. */
static int check_covers(int null, int empty, struct failure *failure)
{
	struct stat stat;
	struct statvfs mount;

	if (fstat(null, &stat) < 0 || !S_ISCHR(stat.st_mode) || stat.st_rdev != makedev(1, 3))
		return fail(failure, EINVAL, NULL, "what covers files is not /dev/null");
	if (fstat(empty, &stat) < 0 || !S_ISDIR(stat.st_mode))
		return fail(failure, EINVAL, NULL, "what covers directories is not a directory");
	if (fstatvfs(empty, &mount) < 0 || !(mount.f_flag & ST_RDONLY))
		return fail(failure, EINVAL, NULL, "what covers directories is not read-only");
	return 0;
}

int step_mask(struct child *child, const struct field *args, struct failure *failure)
{
	int null = slot_get(child, args[0].number, failure), empty;
	cleanup_close int root = path_root();

	if (null < 0 || (empty = slot_get(child, args[1].number, failure)) < 0 ||
	    check_covers(null, empty, failure) < 0)
		return -1;
	for (char **path = args[2].list; *path; path++) {
		cleanup_close int fd = path_open(root, *path, O_PATH, 0);
		struct stat stat;

		if (fd < 0 && is_missing(errno))
			continue;
		if (fd < 0 || fstat(fd, &stat) < 0 || cover(S_ISDIR(stat.st_mode) ? empty : null, fd) < 0)
			return fail(failure, errno, NULL, "%s", *path);
	}
	return 0;
}

int step_readonly(struct child *child, const struct field *args, struct failure *failure)
{
	cleanup_close int root = path_root();

	(void)child;
	for (char **path = args[0].list; *path; path++) {
		cleanup_close int fd = path_open(root, *path, O_PATH, 0), clone = -1;

		if (fd < 0 && is_missing(errno))
			continue;
		if (fd < 0)
			return fail(failure, errno, NULL, "%s", *path);
		clone = kernel_open_tree(fd, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE);
		if (clone < 0 || kernel_mount_setattr(clone, MOUNT_ATTR_RDONLY, 0, true) < 0 ||
		    kernel_attach(clone, fd) < 0)
			return fail(failure, errno, NULL, "%s", *path);
	}
	return 0;
}

int step_rootAttributes(struct child *child, const struct field *args, struct failure *failure)
{
	cleanup_close int root = path_root();

	(void)child;
	if (root < 0 || kernel_mount_setattr(root, args[0].number, args[1].number, false) < 0)
		return fail(failure, errno, NULL, "/");
	return 0;
}

int step_unmount(struct child *child, const struct field *args, struct failure *failure)
{
	(void)child;
	if (umount2(args[0].text, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return fail(failure, errno, NULL, "%s", args[0].text);
	return 0;
}
