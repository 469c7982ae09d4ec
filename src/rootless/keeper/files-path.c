/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "files-apply.h"
#include "path.h"
#include "remove.h"

/* Paths of entries: checked by text only for what they are, resolved by the kernel only. */

static bool is_dots(const char *component, size_t size)
{
	return size <= 2 && memcmp(component, "..", size) == 0;
}

int apply_check_path(struct apply *apply, const char *path, const char *whose)
{
	struct files *files = apply->files;
	uint64_t depth = 0;

	if (strlen(path) >= PATH_MAX)
		return files_fail(files, ENAMETOOLONG, "create", whose, "%s", "a path of over 4095 bytes");
	if (!*path)
		return 0;
	for (const char *at = path;; at++) {
		size_t size = strcspn(at, "/");

		if (size > NAME_MAX)
			return files_fail(files, ENAMETOOLONG, "create", whose, "%s", "a name of over 255 bytes");
		/* An absolute path begins with an empty component. */
		if (is_dots(at, size))
			return files_fail(files, EINVAL, "unsafe", whose,
					  "\"%.100s\" is absolute, or has \".\" or \"..\"", path);
		if (++depth > apply->most_depth)
			return files_fail(files, EFBIG, "limit", whose, "more than %llu directories deep",
					  (unsigned long long)apply->most_depth);
		at += size;
		if (!*at)
			return 0;
	}
}

/* As a path of the root, so that links lead where they lead for whoever lives there. */
static int full_path(const struct apply *apply, const char *path, size_t size, char full[PATH_MAX])
{
	const char *slash = *apply->base && size ? "/" : "";

	if (snprintf(full, PATH_MAX, "%s%s%.*s", apply->base, slash, (int)size, path) < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

int apply_open(struct apply *apply, const char *path, size_t size, int flags)
{
	char full[PATH_MAX];

	return full_path(apply, path, size, full) < 0 ? -1 : path_open(apply->files->root, full, flags, 0);
}

int apply_make_directory(struct apply *apply, const char *path, size_t size)
{
	char full[PATH_MAX];
	int fd;

	if (full_path(apply, path, size, full) < 0)
		return -1;
	fd = path_make_directory(apply->files->root, full);
	if (fd >= 0 || errno != ENOTDIR || apply_revive(apply, path, size) <= 0)
		return fd;
	return path_make_directory(apply->files->root, full);
}

void apply_forget_parent(struct apply *apply)
{
	cleanup_close_(&apply->parent.fd);
	apply->parent.fd = -1;
}

void apply_keep_parent(struct apply *apply, const char *path, int fd, const struct stat *status)
{
	struct parent *parent = &apply->parent;

	apply_forget_parent(apply);
	parent->size = strlen(path);
	memcpy(parent->path, path, parent->size);
	parent->fd = fd;
	parent->stale = false;
	/* With a set-group-ID bit, or on a file system mounted with grpid, new files inherit the group. */
	parent->of_root = status->st_gid == 0;
	parent->hidden = HIDDEN_UNKNOWN;
}

static int explain_parent(struct apply *apply, const struct entry *entry)
{
	if (errno == ELOOP)
		return files_fail(apply->files, ELOOP, "unsafe", entry->path, "%s",
				  "links lead in a circle, or too many parents are missing");
	return apply_fail(apply, entry, "directory");
}

int apply_parent(struct apply *apply, const struct entry *entry)
{
	struct parent *parent = &apply->parent;
	cleanup_close int fd = -1;
	struct stat status;
	char path[PATH_MAX];

	if (parent->fd >= 0 && !parent->stale && parent->size == entry->parent_size &&
	    memcmp(parent->path, entry->path, entry->parent_size) == 0)
		return parent->fd;
	fd = apply_open(apply, entry->path, entry->parent_size, O_PATH | O_DIRECTORY);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		fd = apply_make_directory(apply, entry->path, entry->parent_size);
	if (fd < 0 || fstat(fd, &status) < 0)
		return explain_parent(apply, entry);
	if (!apply->layer && path_is_kernels(fd))
		return files_fail(apply->files, EPERM, "create", entry->path, "%s", "it lies in /proc or /sys");
	memcpy(path, entry->path, entry->parent_size);
	path[entry->parent_size] = 0;
	apply_keep_parent(apply, path, steal_fd(&fd), &status);
	return parent->fd;
}

/* A copy to the wrong place must not delete what is there, so neither is a directory replaced by a file nor a file by a directory. */
static int check_kind(struct apply *apply, int parent, const struct entry *entry)
{
	struct stat there;

	if (fstatat(parent, entry->name, &there, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : apply_fail(apply, entry, "create");
	if (S_ISDIR(there.st_mode))
		return files_fail(apply->files, EISDIR, "exists", entry->path, "%s", "there is a directory already");
	if (entry->kind == KIND_DIRECTORY)
		return files_fail(apply->files, ENOTDIR, "exists", entry->path, "%s",
				  "what is there already is no directory");
	return 0;
}

int apply_replace(struct apply *apply, int parent, const struct entry *entry)
{
	apply->parent.stale = true;
	if (!apply->overwrite)
		return files_fail(apply->files, EEXIST, "exists", entry->path, "%s", "it exists already");
	if (apply->keep_kinds && check_kind(apply, parent, entry) < 0)
		return -1;
	if (remove_tree(parent, entry->name) < 0)
		return apply_fail(apply, entry, "remove");
	return 0;
}
