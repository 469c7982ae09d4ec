/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "files-apply.h"
#include "path.h"
#include "remove.h"

/* Whiteouts where all layers share one directory: they delete, but not what their own layer has made. */

/* FNV-1a, mixed at the end because its low bits are the index. Whoever finds two paths with one hash gains a file that stays. */
static uint64_t hash_of(const char *path, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)path[i]) * 0x100000001b3u;
	hash ^= hash >> 32;
	return hash ? hash : 1;
}

static uint64_t *slot_of(const struct apply *apply, uint64_t hash)
{
	size_t mask = apply->made.room - 1, at = (size_t)hash & mask;

	while (apply->made.slots[at] && apply->made.slots[at] != hash)
		at = (at + 1) & mask;
	return &apply->made.slots[at];
}

static int grow(struct apply *apply)
{
	uint64_t *old = apply->made.slots;
	size_t before = apply->made.room;

	apply->made.room = before ? 2 * before : 1024;
	apply->made.slots = calloc(apply->made.room, sizeof *old);
	if (!apply->made.slots) {
		apply->made.slots = old;
		apply->made.room = before;
		return -1;
	}
	for (size_t i = 0; i < before; i++)
		if (old[i])
			*slot_of(apply, old[i]) = old[i];
	free(old);
	return 0;
}

static int note(struct apply *apply, uint64_t hash)
{
	uint64_t *slot;

	if (2 * apply->made.count >= apply->made.room && grow(apply) < 0)
		return -1;
	slot = slot_of(apply, hash);
	apply->made.count += *slot == 0;
	*slot = hash;
	return 0;
}

static bool was_made(const struct apply *apply, const char *path)
{
	return apply->made.room && *slot_of(apply, hash_of(path, strlen(path)));
}

/* With the directories that it is in: they hold something that has to stay. */
int apply_note_made(struct apply *apply, const char *path)
{
	for (const char *at = path; *at; at += *at == '/') {
		at += strcspn(at, "/");
		if (note(apply, hash_of(path, (size_t)(at - path))) < 0)
			return -1;
	}
	return 0;
}

static int clear(struct apply *apply, int directory, char path[PATH_MAX]);

/* One entry of a directory that is being cleared; its path is in `path`. */
static int clear_one(struct apply *apply, int directory, const char *name, char path[PATH_MAX])
{
	cleanup_close int below = -1;

	if (!was_made(apply, path)) {
		if (remove_tree(directory, name) == 0)
			return 0;
		return files_fail(apply->files, errno, "remove", path, "%s", "");
	}
	below = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return below < 0 ? 0 : clear(apply, below, path);
}

static int clear(struct apply *apply, int directory, char path[PATH_MAX])
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	size_t size = strlen(path);
	struct dirent *entry;

	if (!stream) {
		cleanup_close_(&copy);
		return files_fail(apply->files, errno, "remove", path, "%s", "");
	}
	while (result == 0 && (entry = readdir(stream))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (snprintf(path + size, PATH_MAX - size, "%s%s", size ? "/" : "", entry->d_name) >=
		    (int)(PATH_MAX - size))
			result = files_fail(apply->files, ENAMETOOLONG, "remove", "", "%s", "");
		else
			result = clear_one(apply, directory, entry->d_name, path);
		path[size] = 0;
	}
	closedir(stream);
	return result;
}

/* The directory of the path, or -1 where there is none: nothing to delete then. */
static int open_existing(struct apply *apply, const char *path, size_t size)
{
	int fd = apply_open(apply, path, size, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	apply->parent.stale = true;
	if (fd >= 0 && path_is_kernels(fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

int apply_merge_whiteout(struct apply *apply, const struct entry *entry)
{
	cleanup_close int parent = -1;
	char path[PATH_MAX];

	parent = apply_open(apply, entry->path, entry->parent_size, O_PATH | O_DIRECTORY);
	apply->parent.stale = true;
	if (parent < 0 || path_is_kernels(parent))
		return 0;
	strcpy(path, entry->path);
	return clear_one(apply, parent, entry->name, path);
}

int apply_merge_opaque(struct apply *apply, const struct entry *entry)
{
	cleanup_close int fd = open_existing(apply, entry->path, strlen(entry->path));
	char path[PATH_MAX];

	if (fd < 0)
		return 0;
	strcpy(path, entry->path);
	return clear(apply, fd, path);
}
