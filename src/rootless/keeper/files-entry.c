/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "files-apply.h"
#include "path.h"

/* Makes what an entry says, in its place and nowhere else: no name is followed, nothing that exists is written to. */

/* A descriptor, or 0 where none is needed; -1 with errno. */
typedef int (*make_one)(const struct apply *apply, int parent, const struct entry *entry);

/* Until it has its owner nobody else may read it, unless nobody else can see it. */
static int make_file(const struct apply *apply, int parent, const struct entry *entry)
{
	mode_t mode = apply->exact_modes ? apply_mode(apply, entry) & 0777 : 0600;

	return openat(parent, entry->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, mode);
}

static int make_symlink(const struct apply *apply, int parent, const struct entry *entry)
{
	(void)apply;
	return symlinkat(entry->link, parent, entry->name);
}

static int make_fifo(const struct apply *apply, int parent, const struct entry *entry)
{
	return mknodat(parent, entry->name, S_IFIFO | apply_mode(apply, entry), 0);
}

/* Gives the parent's descriptor too. */
static int make(struct apply *apply, const struct entry *entry, make_one maker, int *parent)
{
	int result;

	*parent = apply_parent(apply, entry);
	if (*parent < 0)
		return -1;
	result = maker(apply, *parent, entry);
	if (result < 0 && errno == EEXIST) {
		if (apply_replace(apply, *parent, entry) < 0)
			return -1;
		result = maker(apply, *parent, entry);
	}
	return result < 0 ? apply_fail(apply, entry, "create") : result;
}

static int add_file(struct apply *apply, const struct entry *entry)
{
	int parent, fd = make(apply, entry, make_file, &parent);

	if (fd < 0)
		return -1;
	return entry->size ? apply_begin_content(apply, entry, fd) : apply_finish_file(apply, entry, fd);
}

/* For links and fifos, which cannot or should not be opened. */
static int add_special(struct apply *apply, const struct entry *entry, make_one maker)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, entry->time };
	int parent;

	if (make(apply, entry, maker, &parent) < 0 || apply_owner_at(apply, entry, parent) < 0)
		return -1;
	if (utimensat(parent, entry->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return apply_fail(apply, entry, "times");
	return 0;
}

/* A directory that is open and in its place gets its attributes, and is the one in which the next entries probably are. */
static int adopt(struct apply *apply, const struct entry *entry, int opened, bool is_new)
{
	cleanup_close int fd = opened;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return apply_fail(apply, entry, "directory");
	if (!apply->layer && !is_new && path_is_kernels(fd))
		return 0;
	if (apply_owner(apply, entry, fd, is_new) < 0 ||
	    apply_xattrs(apply, entry->path, entry->xattrs, entry->xattrs_size, fd, true, false) < 0 ||
	    apply_later(apply, entry, &status) < 0)
		return -1;
	if (!apply->layer)
		return 0;
	if (fstat(fd, &status) < 0) /* the group may be another now */
		return apply_fail(apply, entry, "directory");
	apply_keep_parent(apply, entry->path, steal_fd(&fd), &status);
	return 0;
}

enum met { MET_NOTHING, MET_DIRECTORY, MET_LINK, MET_WHITEOUT };

/* What is in the directory's place already; what may not stay there is taken away. */
static int meet(struct apply *apply, int parent, const struct entry *entry, enum met *met)
{
	cleanup_close int link = -1;
	struct stat status;

	*met = MET_NOTHING;
	if (fstatat(parent, entry->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : apply_fail(apply, entry, "directory");
	if (S_ISDIR(status.st_mode)) {
		*met = MET_DIRECTORY;
		return 0;
	}
	if (!apply->layer && S_ISLNK(status.st_mode)) {
		link = apply_open(apply, entry->path, strlen(entry->path), O_PATH | O_DIRECTORY);
		*met = link < 0 ? MET_NOTHING : MET_LINK;
		if (link >= 0)
			return 0;
	}
	if (apply->layer && apply_is_whiteout(&status))
		*met = MET_WHITEOUT;
	return apply_replace(apply, parent, entry);
}

static int add_directory(struct apply *apply, const struct entry *entry)
{
	int parent = apply_parent(apply, entry), fd;
	mode_t mode = apply->layer ? 0700 | (apply_mode(apply, entry) & 0777) : 0700;
	enum met met = MET_NOTHING;

	if (parent < 0)
		return -1;
	if (mkdirat(parent, entry->name, mode) < 0) {
		if (errno != EEXIST)
			return apply_fail(apply, entry, "directory");
		if (meet(apply, parent, entry, &met) < 0)
			return -1;
		if (met == MET_LINK || (met == MET_DIRECTORY && apply->keep_directories))
			return 0;
		if (met != MET_DIRECTORY && mkdirat(parent, entry->name, mode) < 0)
			return apply_fail(apply, entry, "directory");
	}
	fd = openat(parent, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (met == MET_WHITEOUT && fd >= 0 && apply_mark_opaque(apply, fd, entry->path) < 0) {
		close(fd);
		return -1;
	}
	return adopt(apply, entry, fd, met != MET_DIRECTORY);
}

static int add_base(struct apply *apply, const struct entry *entry)
{
	if (entry->kind != KIND_DIRECTORY)
		return files_fail(apply->files, EISDIR, "create", "", "%s", "only a directory can be the base itself");
	if (apply->keep_directories)
		return 0;
	apply->root_mode = apply_mode(apply, entry);
	return adopt(apply, entry, apply_open(apply, "", 0, O_RDONLY | O_DIRECTORY), false);
}

/* The other name may be a link or be reached by links, but only inside the root; nothing is linked to that is none of this archive's. */
static int add_hardlink(struct apply *apply, const struct entry *entry)
{
	const char *slash = strrchr(entry->link, '/'), *name = slash ? slash + 1 : entry->link;
	cleanup_close int directory = -1;
	struct stat target, there;
	int parent;

	if (!*entry->link || apply_check_path(apply, entry->link, entry->path) < 0)
		return *entry->link ? -1 : files_fail(apply->files, EINVAL, "unsafe", entry->path, "%s", "no target");
	parent = apply_parent(apply, entry);
	if (parent < 0)
		return -1;
	directory = apply_open(apply, entry->link, slash ? (size_t)(slash - entry->link) : 0, O_PATH | O_DIRECTORY);
	if (directory < 0 || fstatat(directory, name, &target, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(target.st_mode) ||
	    (apply->layer && apply_is_whiteout(&target)))
		return files_fail(apply->files, ENOENT, "missing", entry->path, "there is no file \"%.200s\"",
				  entry->link);
	if (linkat(directory, name, parent, entry->name, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return apply_fail(apply, entry, "link");
	if (fstatat(parent, entry->name, &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_dev == target.st_dev &&
	    there.st_ino == target.st_ino)
		return 0;
	if (apply_replace(apply, parent, entry) < 0)
		return -1;
	return linkat(directory, name, parent, entry->name, 0) < 0 ? apply_fail(apply, entry, "link") : 0;
}

static int skip_device(struct apply *apply, const struct entry *entry)
{
	struct texts *devices = &apply->devices;

	if (entry->kind == KIND_SOCKET || devices->count == DEVICES_MOST)
		return 0;
	devices->list[devices->count] = strdup(entry->path);
	devices->count += devices->list[devices->count] != NULL;
	return 0;
}

int apply_entry(struct apply *apply, const struct entry *entry)
{
	/* fuse-overlayfs takes them for whiteouts; whoever reads the archive has made whiteouts of those that are. */
	if (apply->layer && strncmp(entry->name, ".wh.", 4) == 0)
		return files_fail(apply->files, EINVAL, "unsafe", entry->path, "%s", "the name is a whiteout's");
	if (entry->kind == KIND_OPAQUE)
		return apply->layer ? apply_opaque(apply, entry) : apply_merge_opaque(apply, entry);
	if (!*entry->path)
		return add_base(apply, entry);
	if (entry->kind == KIND_WHITEOUT)
		return apply->layer ? apply_whiteout(apply, entry) : apply_merge_whiteout(apply, entry);
	if (!apply->layer && apply_note_made(apply, entry->path) < 0)
		return apply_fail(apply, entry, "create");
	if (entry->kind != KIND_FILE && entry->kind != KIND_DIRECTORY && entry->xattrs_size && !apply->warned_link) {
		apply->warned_link = true;
		apply_warn(apply, "Extended attributes of \"%.300s\" were not kept: it is no file or directory",
			   entry->path);
	}
	switch (entry->kind) {
	case KIND_FILE: return add_file(apply, entry);
	case KIND_DIRECTORY: return add_directory(apply, entry);
	case KIND_SYMLINK: return add_special(apply, entry, make_symlink);
	case KIND_FIFO: return add_special(apply, entry, make_fifo);
	case KIND_HARDLINK: return add_hardlink(apply, entry);
	default: return skip_device(apply, entry);
	}
}
