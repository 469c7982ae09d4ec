/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "error.h"
#include "kernel.h"

#define TRIES 3

#define RESOLVE_NO_XDEV_ 0x01

/* A directory on the way down, as it is remembered while the walk is below it. */
struct level {
	dev_t device;
	ino_t inode;
	size_t start, next; /* its directories among the names: the first, and the one that the walk is at */
};

/*
 * The walk holds a descriptor of one directory only, and comes back by "..", checked to be the directory it came from:
 * neither depth nor a path's length matters, and a directory that is moved meanwhile cannot lead it elsewhere.
 */
struct walk {
	int fd;
	struct level *levels;
	size_t depth, room;
	char *names; /* each with a NUL; those of the deepest level are the last */
	size_t size, names_room;
	int err; /* the first of what could not be deleted */
};

static void note(struct walk *walk, int err)
{
	if (err != ENOENT && !walk->err)
		walk->err = err;
}

static bool push_name(struct walk *walk, const char *name)
{
	size_t size = strlen(name) + 1;

	if (!walk->names || walk->size + size > walk->names_room) {
		size_t room = 2 * walk->names_room + 4096;
		char *names = realloc(walk->names, room);

		if (!names)
			return false;
		walk->names = names;
		walk->names_room = room;
	}
	memcpy(walk->names + walk->size, name, size);
	walk->size += size;
	return true;
}

static bool push_level(struct walk *walk, const struct stat *status)
{
	if (!walk->levels || walk->depth == walk->room) {
		size_t room = 2 * walk->room + 32;
		struct level *levels = realloc(walk->levels, room * sizeof *levels);

		if (!levels)
			return false;
		walk->levels = levels;
		walk->room = room;
	}
	walk->levels[walk->depth++] = (struct level){ status->st_dev, status->st_ino, walk->size, walk->size };
	return true;
}

/* A mode without read permission can only be changed by the way of O_PATH, and /proc, without following a link. */
static int make_accessible(int parent, const char *name)
{
	cleanup_close int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	char path[32];

	if (fd < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return chmod(path, 0700);
}

/* EXDEV: a mount point, whose content is not ours to delete. */
static int open_directory(int parent, const char *name)
{
	const struct kernel_open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV_ | RESOLVE_NO_SYMLINKS_ | RESOLVE_BENEATH_,
	};
	int fd = kernel_openat2(parent, name, &how);

	if (fd < 0 && errno == EACCES && make_accessible(parent, name) == 0)
		fd = kernel_openat2(parent, name, &how);
	return fd;
}

/* Deletes what is no directory and remembers what is. */
static int scan(struct walk *walk)
{
	int copy = fcntl(walk->fd, F_DUPFD_CLOEXEC, 0);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!stream) {
		cleanup_close_(&copy);
		return -1;
	}
	while ((entry = readdir(stream))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (entry->d_type != DT_DIR) {
			if (unlinkat(walk->fd, entry->d_name, 0) == 0)
				continue;
			if (errno != EISDIR) {
				note(walk, errno);
				continue;
			}
		}
		if (!push_name(walk, entry->d_name)) {
			closedir(stream);
			errno = ENOMEM;
			return -1;
		}
	}
	closedir(stream);
	return 0;
}

/* Goes into a directory: owns the descriptor. */
static int enter(struct walk *walk, int fd)
{
	struct stat status;

	cleanup_close_(&walk->fd);
	walk->fd = fd;
	if (fstat(fd, &status) < 0 || !push_level(walk, &status))
		return -1;
	/* Without these its entries could be listed and not deleted. */
	if ((status.st_mode & 0700) != 0700)
		fchmod(fd, 0700);
	return scan(walk);
}

/* Back to the directory above, where the one just emptied is deleted. */
static int leave(struct walk *walk)
{
	struct level *level;
	struct stat status;
	const char *name;
	int parent;

	walk->size = walk->levels[--walk->depth].start;
	level = &walk->levels[walk->depth - 1];
	parent = openat(walk->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return -1;
	close(walk->fd);
	walk->fd = parent;
	if (fstat(parent, &status) < 0)
		return -1;
	if (status.st_dev != level->device || status.st_ino != level->inode) {
		errno = ESTALE;
		return -1;
	}
	name = walk->names + level->next;
	level->next += strlen(name) + 1;
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
		note(walk, errno);
	return 0;
}

static int walk_all(struct walk *walk)
{
	for (;;) {
		struct level *level = &walk->levels[walk->depth - 1];
		const char *name;
		int fd;

		if (level->next == walk->size) {
			if (walk->depth == 1)
				return 0;
			if (leave(walk) < 0)
				return -1;
			continue;
		}
		name = walk->names + level->next;
		fd = open_directory(walk->fd, name);
		if (fd < 0) {
			note(walk, errno == EXDEV ? EBUSY : errno);
			level->next += strlen(name) + 1;
		} else if (enter(walk, fd) < 0) {
			return -1;
		}
	}
}

/* One walk over everything below, then the directory itself. */
static int remove_once(int directory, const char *name)
{
	struct walk walk = { .fd = -1 };
	int fd = open_directory(directory, name);

	if (fd < 0) {
		errno = errno == EXDEV ? EBUSY : errno;
		return -1;
	}
	/* What vanished under the walk shows in the end by what is left. */
	if (enter(&walk, fd) < 0 || walk_all(&walk) < 0)
		note(&walk, errno);
	free(walk.levels);
	free(walk.names);
	close(walk.fd);
	if (unlinkat(directory, name, AT_REMOVEDIR) < 0)
		note(&walk, errno);
	errno = walk.err;
	return walk.err ? -1 : 0;
}

int remove_tree(int directory, const char *name)
{
	if (unlinkat(directory, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -1;
	/* Some file systems leave entries out of a listing while others are deleted from it. */
	for (int i = 0; i < TRIES; i++) {
		if (remove_once(directory, name) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY)
			return -1;
	}
	return -1;
}
