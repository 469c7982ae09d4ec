/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "files-apply.h"

/* How a layer says that something of lower layers is not there any more, in the form that overlayfs and fuse-overlayfs read. */

#define OPAQUE "user.overlay.opaque"
#define MARKER ".wh..wh..opq"

bool apply_is_whiteout(const struct stat *status)
{
	return S_ISCHR(status->st_mode) && status->st_rdev == makedev(0, 0);
}

static bool is_opaque(int fd)
{
	char value = 0;

	return (fgetxattr(fd, OPAQUE, &value, 1) == 1 && value == 'y') || faccessat(fd, MARKER, F_OK, 0) == 0;
}

/* Where lower layers do not show, a listing would show the whiteouts. */
static void remove_whiteouts(int directory)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	struct stat status;

	if (!stream) {
		cleanup_close_(&copy);
		return;
	}
	while ((entry = readdir(stream))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (apply_is_whiteout(&status)) {
			unlinkat(directory, entry->d_name, 0);
		} else if (S_ISDIR(status.st_mode)) {
			cleanup_close int below =
				openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (below >= 0)
				remove_whiteouts(below);
		}
	}
	closedir(stream);
}

int apply_mark_opaque(struct apply *apply, int fd, const char *path)
{
	cleanup_close int marker = -1;

	apply->parent.hidden = HIDDEN_UNKNOWN;
	if (is_opaque(fd))
		return 0;
	remove_whiteouts(fd);
	if (fsetxattr(fd, OPAQUE, "y", 1, 0) == 0)
		return 0;
	if (errno != ENOTSUP && errno != EPERM)
		return files_fail(apply->files, errno, "whiteout", path, "%s", OPAQUE);
	marker = openat(fd, MARKER, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0);
	if (marker < 0)
		return files_fail(apply->files, errno, "whiteout", path, "%s", MARKER);
	apply->marked_by_files = true;
	return 0;
}

/* Looks at each directory on the way, the base first. */
static bool is_hidden(struct apply *apply, const struct entry *entry)
{
	size_t size = 0;

	if (apply->parent.hidden != HIDDEN_UNKNOWN)
		return apply->parent.hidden == HIDDEN_YES;
	apply->parent.hidden = HIDDEN_NO;
	for (;;) {
		cleanup_close int fd = apply_open(apply, entry->path, size, O_RDONLY | O_DIRECTORY);

		if (fd >= 0 && is_opaque(fd)) {
			apply->parent.hidden = HIDDEN_YES;
			return true;
		}
		if (size >= entry->parent_size)
			return false;
		size += size > 0;
		size += strcspn(entry->path + size, "/");
	}
}

/* Below a whiteout or a file of this layer nothing of a lower one shows. */
static bool is_below_none(struct apply *apply, const struct entry *entry)
{
	cleanup_close int fd = apply_open(apply, entry->path, entry->parent_size, O_PATH | O_DIRECTORY);

	return fd < 0 && errno == ENOTDIR;
}

/* image-spec, layer.md: a whiteout hides what lower layers have, not what its own layer has, in whatever order they come. */
static int hide_below(struct apply *apply, int parent, const struct entry *entry, const struct stat *status)
{
	cleanup_close int fd = -1;

	if (!S_ISDIR(status->st_mode))
		return 0;
	fd = openat(parent, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? apply_fail(apply, entry, "whiteout") : apply_mark_opaque(apply, fd, entry->path);
}

int apply_whiteout(struct apply *apply, const struct entry *entry)
{
	struct stat status;
	int parent;

	if (is_below_none(apply, entry))
		return 0;
	parent = apply_parent(apply, entry);
	if (parent < 0)
		return -1;
	if (fstatat(parent, entry->name, &status, AT_SYMLINK_NOFOLLOW) == 0)
		return hide_below(apply, parent, entry, &status);
	if (errno != ENOENT)
		return apply_fail(apply, entry, "whiteout");
	if (is_hidden(apply, entry))
		return 0;
	return mknodat(parent, entry->name, S_IFCHR, makedev(0, 0)) < 0 ? apply_fail(apply, entry, "whiteout") : 0;
}

int apply_opaque(struct apply *apply, const struct entry *entry)
{
	size_t size = strlen(entry->path);
	cleanup_close int made = apply_make_directory(apply, entry->path, size), fd = -1;

	if (made < 0)
		return apply_fail(apply, entry, "whiteout");
	fd = openat(made, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	apply->parent.stale = true;
	return fd < 0 ? apply_fail(apply, entry, "whiteout") : apply_mark_opaque(apply, fd, entry->path);
}

/* Puts an opaque directory into the place of a whiteout. */
static int revive_one(struct apply *apply, int parent, const char *name)
{
	cleanup_close int fd = -1;

	apply->parent.stale = true;
	if (unlinkat(parent, name, 0) < 0 || mkdirat(parent, name, 0755) < 0)
		return -1;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || apply_mark_opaque(apply, fd, name) < 0 ? -1 : 1;
}

int apply_revive(struct apply *apply, const char *path, size_t size)
{
	size_t start = 0, end;
	char name[NAME_MAX + 1];
	struct stat status;

	for (; apply->layer && start < size; start = end + 1) {
		cleanup_close int parent = apply_open(apply, path, start ? start - 1 : 0, O_PATH | O_DIRECTORY);

		end = start + strcspn(path + start, "/");
		end = end < size ? end : size;
		memcpy(name, path + start, end - start);
		name[end - start] = 0;
		if (parent < 0 || fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			break;
		if (apply_is_whiteout(&status))
			return revive_one(apply, parent, name);
	}
	errno = ENOTDIR;
	return 0;
}
