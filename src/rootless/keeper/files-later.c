/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "files-apply.h"

/*
 * A directory may be read-only for its owner, and what is made in it changes its time. So both are set when nothing more comes, and until
 * then remembered: about a hundred bytes for each, bounded by the limit of entries.
 */

struct later {
	dev_t device;
	ino_t inode;
	struct timespec time;
	mode_t mode;
	uint32_t path, xattrs; /* sizes of what follows: the path with its NUL, attributes */
};

static uint8_t *grow(struct heap *heap, size_t size)
{
	if (size > heap->room - heap->size) {
		size_t room = 2 * heap->room + size + 4096;
		uint8_t *bytes = realloc(heap->bytes, room);

		if (!bytes)
			return NULL;
		heap->bytes = bytes;
		heap->room = room;
	}
	heap->size += size;
	return heap->bytes + heap->size - size;
}

int apply_later(struct apply *apply, const struct entry *entry, const struct stat *status)
{
	bool has_xattrs = apply_has_later_xattrs(entry->xattrs, entry->xattrs_size);
	struct later later = {
		.device = status->st_dev,
		.inode = status->st_ino,
		.time = entry->time,
		.mode = apply_mode(apply, entry),
		.path = (uint32_t)strlen(entry->path) + 1,
		.xattrs = has_xattrs ? (uint32_t)entry->xattrs_size : 0,
	};
	uint8_t *at = grow(&apply->later, sizeof later + later.path + later.xattrs);

	if (!at)
		return apply_fail(apply, entry, "directory");
	memcpy(at, &later, sizeof later);
	memcpy(at + sizeof later, entry->path, later.path);
	if (later.xattrs)
		memcpy(at + sizeof later + later.path, entry->xattrs, later.xattrs);
	return 0;
}

static bool is_gone(int err)
{
	return err == ENOENT || err == ENOTDIR || err == ELOOP;
}

/*
 * A later entry may have put something else into its place. In a layer the inode tells; an overlay changes the numbers of directories, but
 * who can rename things there may also do what a wrong mode allows.
 */
static int set_one(struct apply *apply, const struct later *later, const char *path, const uint8_t *xattrs)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, later->time };
	const struct entry entry = { .path = path };
	cleanup_close int fd = apply_open(apply, path, later->path - 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	struct stat status;

	if (fd < 0)
		return is_gone(errno) ? 0 : apply_fail(apply, &entry, "chmod");
	if (fstat(fd, &status) < 0)
		return apply_fail(apply, &entry, "chmod");
	if (apply->layer && (status.st_dev != later->device || status.st_ino != later->inode))
		return 0;
	if ((status.st_mode & 07777) != later->mode && fchmod(fd, later->mode) < 0)
		return apply_fail(apply, &entry, "chmod");
	if (later->xattrs && apply_xattrs(apply, path, xattrs, later->xattrs, fd, true, true) < 0)
		return -1;
	return futimens(fd, times) < 0 ? apply_fail(apply, &entry, "times") : 0;
}

int apply_all_later(struct apply *apply)
{
	size_t at = 0;

	while (at < apply->later.size) {
		const uint8_t *path = apply->later.bytes + at + sizeof(struct later);
		struct later later;

		memcpy(&later, apply->later.bytes + at, sizeof later);
		at += sizeof later + later.path + later.xattrs;
		if (set_one(apply, &later, (const char *)path, path + later.path) < 0)
			return -1;
	}
	return 0;
}
