/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "files-read.h"
#include "kernel.h"

#define RESOLVE_NO_XDEV_ 0x01
#define RACES 64 /* how often a name may turn into something else under the walk */

/*
 * As in remove.c the walk holds a descriptor of one directory only and comes back by "..", checked to be the one that it came from:
 * no depth runs out of descriptors, and a directory that is moved meanwhile cannot lead it elsewhere. What is in one directory is read
 * before any of it is visited.
 */
struct files_level {
	dev_t device;
	ino_t inode;
	size_t start, next; /* its entries among the names: the first, and the one that is visited next */
	size_t path_size;   /* of the path of the directory itself */
};

static void *make_room(void *bytes, size_t *room, size_t needed, size_t item)
{
	void *more = bytes;

	if (needed > *room) {
		size_t wanted = 2 * needed + 64;

		more = realloc(bytes, wanted * item);
		if (more)
			*room = wanted;
	}
	return more;
}

int files_walk_fail(struct files_walk *walk, int err, const char *detail)
{
	const char *path = walk->path ? walk->path : "";
	cleanup_free char *whole = NULL;

	if (asprintf(&whole, "%s%s%s", walk->base, *walk->base && *path ? "/" : "", path) < 0)
		whole = NULL;
	return files_fail(walk->files, err, walk->what, whole ? whole : path, "%s", detail);
}

static int walk_fail(struct files_walk *walk, int err)
{
	return files_walk_fail(walk, err, "");
}

/* The path of the directory that the walk is in, and a name. */
static int set_path(struct files_walk *walk, const char *name)
{
	size_t directory = walk->depth ? walk->levels[walk->depth - 1].path_size : 0, size = strlen(name);
	char *path = make_room(walk->path, &walk->path_room, directory + size + 2, 1);

	if (!path)
		return walk_fail(walk, ENOMEM);
	walk->path = path;
	if (directory)
		path[directory++] = '/';
	memcpy(path + directory, name, size + 1);
	walk->path_size = directory + size;
	return 0;
}

static int compare(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/* Puts the names from `start` on, so many of them, into the order of their bytes. */
static int sort_names(struct files_walk *walk, size_t start, size_t count)
{
	cleanup_free char *copy = malloc(walk->names_size - start + 1);
	cleanup_free char **list = calloc(count + 1, sizeof *list);
	char *from = copy, *to = walk->names + start;

	if (!copy || !list)
		return -1;
	if (count < 2)
		return 0;
	memcpy(copy, to, walk->names_size - start);
	for (size_t i = 0; i < count; i++, from += strlen(from) + 1)
		list[i] = from;
	qsort(list, count, sizeof *list, compare);
	for (size_t i = 0; i < count; i++)
		to = stpcpy(to, list[i]) + 1;
	return 0;
}

static int read_names(struct files_walk *walk)
{
	int copy = openat(walk->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	size_t start = walk->names_size, count = 0;
	struct dirent *entry;

	if (!stream) {
		cleanup_close_(&copy);
		return -1;
	}
	while ((errno = 0, entry = readdir(stream))) {
		size_t size = strlen(entry->d_name) + 1;
		char *names;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		names = make_room(walk->names, &walk->names_room, walk->names_size + size, 1);
		if (!names)
			break;
		walk->names = names;
		memcpy(names + walk->names_size, entry->d_name, size);
		walk->names_size += size;
		count++;
	}
	if (errno) {
		int err = errno;

		closedir(stream);
		errno = err;
		return -1;
	}
	closedir(stream);
	return sort_names(walk, start, count);
}

/* Goes into a directory: owns the descriptor. */
static int enter(struct files_walk *walk, int fd, const struct stat *status)
{
	struct files_level *levels = make_room(walk->levels, &walk->room, walk->depth + 1, sizeof *levels);

	if (!levels) {
		close(fd);
		return walk_fail(walk, ENOMEM);
	}
	walk->levels = levels;
	cleanup_close_(&walk->fd);
	walk->fd = fd;
	levels[walk->depth++] = (struct files_level){ status->st_dev, status->st_ino, walk->names_size,
						      walk->names_size, walk->path_size };
	if (fchdir(fd) < 0 || read_names(walk) < 0)
		return walk_fail(walk, errno);
	return 0;
}

static int leave(struct files_walk *walk)
{
	const struct files_level *level;
	struct stat status;
	int parent;

	walk->names_size = walk->levels[--walk->depth].start;
	if (walk->depth == 0)
		return 0;
	level = &walk->levels[walk->depth - 1];
	walk->path[level->path_size] = 0;
	parent = openat(walk->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return walk_fail(walk, errno);
	close(walk->fd);
	walk->fd = parent;
	if (fstat(parent, &status) < 0)
		return walk_fail(walk, errno);
	if (status.st_dev != level->device || status.st_ino != level->inode)
		return files_walk_fail(walk, ESTALE, "a directory was moved away while it was read");
	return fchdir(parent) < 0 ? walk_fail(walk, errno) : 0;
}

/* EXDEV: something is mounted there. */
static int open_directory(const char *name, bool one_mount)
{
	const struct kernel_open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS_ | RESOLVE_BENEATH_ | (one_mount ? RESOLVE_NO_XDEV_ : 0u),
	};

	return kernel_openat2(AT_FDCWD, name, &how);
}

/* Looks at a name and opens it if it is a directory. 1; 0 when it is not there any more; -1 with errno. */
static int look(const struct files_walk *walk, const char *name, struct stat *status, int *fd)
{
	*fd = -1;
	for (int i = 0; i < RACES; i++) {
		if (fstatat(AT_FDCWD, name, status, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : -1;
		if (!S_ISDIR(status->st_mode))
			return 1;
		*fd = open_directory(name, walk->one_mount && walk->depth > 0);
		if (*fd >= 0)
			return fstat(*fd, status) < 0 ? -1 : 1;
		if (errno == EXDEV)
			return 1;
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			return -1;
	}
	errno = ESTALE;
	return -1;
}

/* `name` may be among the walk's names, which move when a directory is entered: it is not used after that. */
static int step(struct files_walk *walk, const char *name)
{
	cleanup_close int fd = -1;
	struct stat status;
	int found;

	if (set_path(walk, walk->depth ? name : "") < 0)
		return -1;
	found = look(walk, name, &status, &fd);
	if (found < 0 || (found == 0 && walk->depth == 0))
		return walk_fail(walk, found < 0 ? errno : ENOENT);
	if (found == 0)
		return 0;
	if (walk->visit(walk, name, &status, fd) < 0)
		return -1;
	return fd < 0 ? 0 : enter(walk, steal_fd(&fd), &status);
}

static int walk_all(struct files_walk *walk)
{
	while (walk->depth > 0) {
		struct files_level *level = &walk->levels[walk->depth - 1];
		const char *name;

		if (walk->files->lost)
			return -1;
		if (level->next == walk->names_size) {
			if (leave(walk) < 0)
				return -1;
			continue;
		}
		name = walk->names + level->next;
		level->next += strlen(name) + 1;
		if (step(walk, name) < 0)
			return -1;
	}
	return 0;
}

int files_walk(struct files_walk *walk, const struct files_base *base)
{
	int result;

	walk->fd = -1;
	result = step(walk, base->name);
	if (result == 0)
		result = walk_all(walk);
	cleanup_close_(&walk->fd);
	free(walk->path);
	free(walk->levels);
	free(walk->names);
	return result;
}
