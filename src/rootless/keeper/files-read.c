/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "files-read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "path.h"

enum { READ_RAW = 1, READ_ONE_MOUNT = 2, READ_NO_DATA = 4 };

#define MARK ".wh."
#define SPECIAL_MARK ".wh..wh."
#define RACES 64

struct reading {
	struct files_links links;
	bool raw, data;
};

static int read_fail(struct files_walk *walk, int err)
{
	return files_walk_fail(walk, err, "");
}

static int put(struct files_walk *walk, const struct files_item *item)
{
	return files_put_entry(walk->files, item) < 0 ? read_fail(walk, errno) : 0;
}

/*
 * overlayfs hides a file by a character device 0/0, fuse-overlayfs where it cannot make devices by a file with a mark before the name:
 * the form of a layer's tar, in which such a file can mean nothing else.
 */
static bool is_whiteout(const struct stat *status, const char *name)
{
	return (S_ISCHR(status->st_mode) && status->st_rdev == 0) || strncmp(name, MARK, strlen(MARK)) == 0;
}

/* What fuse-overlayfs (1.10) leaves in an opaque directory, for itself and for older versions. */
static bool is_note(const char *name)
{
	return strncmp(name, SPECIAL_MARK, strlen(SPECIAL_MARK)) == 0 || strcmp(name, ".wh..opq") == 0;
}

/* The path of what a marked name hides: the same without the mark. */
static int visit_whiteout(struct files_walk *walk, const char *name, const struct stat *status)
{
	struct files_item item = {
		.kind = KIND_WHITEOUT, .path = walk->path, .link = "", .status = status, .xattrs = { .fd = -1 }
	};
	size_t directory = walk->path_size - strlen(name);

	if (strncmp(name, MARK, strlen(MARK)) == 0) {
		name += strlen(MARK);
		memmove(walk->path + directory, name, strlen(name) + 1);
	}
	return put(walk, &item);
}

static int visit_directory(struct files_walk *walk, const char *name, const struct stat *status, int fd)
{
	const struct reading *reading = walk->context;
	struct files_item item = { .kind = KIND_DIRECTORY,
				   .path = walk->path,
				   .link = "",
				   .status = status,
				   .xattrs = { .fd = fd, .name = name, .raw = reading->raw } };

	if (put(walk, &item) < 0)
		return -1;
	if (!reading->raw || fd < 0 || !files_is_opaque(fd))
		return 0;
	item.kind = KIND_OPAQUE;
	item.xattrs = (struct files_xattr_source){ .fd = -1 };
	return put(walk, &item);
}

/* 1 when the name became something else, or nothing, meanwhile. */
static int send_file(struct files_walk *walk, const char *name, const struct stat *seen)
{
	const struct reading *reading = walk->context;
	struct stat status;
	cleanup_close int fd = files_open_regular(name, seen, &status);
	struct files_item item = { .kind = KIND_FILE,
				   .path = walk->path,
				   .link = "",
				   .status = &status,
				   .xattrs = { .fd = fd, .raw = reading->raw } };

	if (fd < 0)
		return errno == ENOENT || errno == ESTALE || errno == ELOOP ? 1 : read_fail(walk, errno);
	/* Of all files only the one that was asked for: a directory's would be the whole of /proc. */
	if (reading->data && walk->path_size == 0 && (status.st_size == 0 || path_is_kernels(fd)))
		return files_send_unsized(walk->files, fd, &item) < 0 ? read_fail(walk, errno) : 0;
	if (put(walk, &item) < 0)
		return -1;
	if (reading->data && files_send_content(walk->files, fd, &status) < 0)
		return read_fail(walk, errno);
	return 0;
}

/* 1 when the name became something else, or nothing, meanwhile. */
static int send_link(struct files_walk *walk, const char *name, const struct stat *status)
{
	const struct reading *reading = walk->context;
	char content[PATH_MAX];
	struct files_item item = { .kind = KIND_SYMLINK,
				   .path = walk->path,
				   .link = content,
				   .status = status,
				   .xattrs = { .fd = -1, .name = name, .raw = reading->raw } };

	if (files_read_link(name, content) < 0)
		return errno == ENOENT || errno == EINVAL ? 1 : read_fail(walk, errno);
	return put(walk, &item);
}

/* 1 when the name became something else meanwhile. The attributes of others would have to be had by name, and nobody has any there. */
static int send_one(struct files_walk *walk, const char *name, const struct stat *status)
{
	struct files_item item = {
		.kind = files_kind_of(status), .path = walk->path, .link = "", .status = status, .xattrs = { .fd = -1 }
	};

	if (item.kind == KIND_FILE)
		return send_file(walk, name, status);
	return item.kind == KIND_SYMLINK ? send_link(walk, name, status) : put(walk, &item);
}

static int visit_other(struct files_walk *walk, const char *name, const struct stat *status)
{
	struct reading *reading = walk->context;
	struct files_item link = {
		.kind = KIND_HARDLINK, .path = walk->path, .status = status, .xattrs = { .fd = -1 }
	};
	struct stat now = *status;

	link.link = status->st_nlink > 1 ? files_links_find(&reading->links, status) : NULL;
	if (link.link)
		return put(walk, &link);
	for (int i = 0; i < RACES; i++) {
		int result = send_one(walk, name, &now);

		if (result == 0 && now.st_nlink > 1 && files_links_add(&reading->links, &now, walk->path) < 0)
			return read_fail(walk, ENOMEM);
		if (result <= 0)
			return result;
		/* A directory that took its place is not entered any more: it was not there when the walk came by. */
		if (fstatat(AT_FDCWD, name, &now, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(now.st_mode))
			return 0;
	}
	return read_fail(walk, ESTALE);
}

static int visit(struct files_walk *walk, const char *name, const struct stat *status, int fd)
{
	const struct reading *reading = walk->context;

	if (S_ISDIR(status->st_mode))
		return visit_directory(walk, name, status, fd);
	if (reading->raw && is_note(name))
		return 0;
	if (reading->raw && is_whiteout(status, name))
		return visit_whiteout(walk, name, status);
	return visit_other(walk, name, status);
}

int files_read(struct files *files, const struct files_frame *frame)
{
	struct field fields[2];
	struct files_base base;
	struct reading reading = { 0 };
	struct files_walk walk = { .files = files, .what = "read", .visit = visit, .context = &reading };
	int result;

	if (wire_decode("su", frame->body, frame->size, fields) < 0)
		return files_fail(files, EPROTO, "protocol", "", "read");
	reading.raw = fields[1].number & READ_RAW;
	reading.data = !(fields[1].number & READ_NO_DATA);
	walk.one_mount = fields[1].number & READ_ONE_MOUNT;
	walk.base = fields[0].text;
	if (files_base(files, "read", fields[0].text, &base) < 0)
		return -1;
	result = files_walk(&walk, &base);
	files_links_release(&reading.links);
	if (result < 0)
		return -1;
	files_begin(files, FILES_DONE);
	files_end(files);
	return 0;
}
