/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "error.h"
#include "kernel.h"

#define DEPTH_MAX 64 /* components to make plus links to follow */
#define RENAME_RACES 64

int path_root(void)
{
	return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The kernel gives EAGAIN when a rename happened somewhere while it resolved a "..". */
int path_open(int root, const char *path, int flags, mode_t mode)
{
	struct kernel_open_how how = {
		.flags = (unsigned int)(flags | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_IN_ROOT_ | RESOLVE_NO_MAGICLINKS_,
	};
	int fd = -1;

	for (int i = 0; i < RENAME_RACES; i++) {
		fd = kernel_openat2(root, *path ? path : ".", &how);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

/* Cuts a path before its last component: the directory is copied, the name is what follows (without trailing slashes). */
static int split(const char *path, char directory[PATH_MAX], char name[NAME_MAX + 1])
{
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;
	if (end - start > NAME_MAX || start >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, path + start, end - start);
	name[end - start] = 0;
	memcpy(directory, path, start);
	directory[start] = 0;
	return 0;
}

/* Where a dangling link in the directory points to, as a path from the root. */
static int read_link(int parent, const char *directory, const char *name, char target[PATH_MAX])
{
	char content[PATH_MAX];
	ssize_t size = readlinkat(parent, name, content, sizeof content - 1);

	if (size < 0)
		return -1;
	content[size] = 0;
	if (snprintf(target, PATH_MAX, "%s%s", *content == '/' ? "" : directory, content) < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int make_directory(int root, const char *path, int depth);

/* The umask is not ours to rely on, hence fchmod. */
static int make_one(int root, int parent, const char *path, const char *name, const char *directory, int depth)
{
	char target[PATH_MAX];
	cleanup_close int made = -1;

	if (mkdirat(parent, name, 0700) < 0) {
		if (errno != EEXIST)
			return -1;
		if (read_link(parent, directory, name, target) == 0)
			return make_directory(root, target, depth + 1);
		return errno == EINVAL ? path_open(root, path, O_PATH | O_DIRECTORY, 0) : -1;
	}
	made = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (made < 0 || fchmod(made, 0755) < 0)
		return -1;
	return openat(made, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int make_directory(int root, const char *path, int depth)
{
	char directory[PATH_MAX], name[NAME_MAX + 1];
	cleanup_close int parent = -1;
	int fd = path_open(root, path, O_PATH | O_DIRECTORY, 0);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (depth >= DEPTH_MAX) {
		errno = ELOOP;
		return -1;
	}
	if (split(path, directory, name) < 0)
		return -1;
	parent = make_directory(root, directory, depth + 1);
	if (parent < 0)
		return -1;
	return make_one(root, parent, path, name, directory, depth);
}

int path_make_directory(int root, const char *path)
{
	return make_directory(root, path, 0);
}

static int make_file(int root, const char *path, int flags, mode_t mode, int depth)
{
	char directory[PATH_MAX], name[NAME_MAX + 1], target[PATH_MAX];
	cleanup_close int parent = -1;
	int fd = path_open(root, path, flags | O_CREAT | O_NOCTTY, mode);

	if (fd >= 0 || errno != ENOENT || depth >= DEPTH_MAX)
		return fd;
	if (split(path, directory, name) < 0)
		return -1;
	parent = make_directory(root, directory, depth + 1);
	if (parent < 0)
		return -1;
	if (read_link(parent, directory, name, target) == 0)
		return make_file(root, target, flags, mode, depth + 1);
	return path_open(root, path, flags | O_CREAT | O_NOCTTY, mode);
}

int path_make_file(int root, const char *path, int flags, mode_t mode)
{
	return make_file(root, path, flags, mode, 0);
}

bool path_is_kernels(int fd)
{
	struct statfs stat;

	return fstatfs(fd, &stat) < 0 || stat.f_type == MAGIC_PROC || stat.f_type == MAGIC_SYSFS;
}

int path_make_parent(int root, const char *path, const char **name)
{
	char directory[PATH_MAX], last[NAME_MAX + 1];
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	if (**name == 0 || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0) {
		errno = EINVAL;
		return -1;
	}
	if (split(path, directory, last) < 0)
		return -1;
	return path_make_directory(root, directory);
}
