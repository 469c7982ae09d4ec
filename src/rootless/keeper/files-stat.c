/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "files-read.h"
#include "path.h"
#include "remove.h"

/* The requests about one path that send no content: stat, remove, usage. */

enum { STAT_FOLLOW = 1 };

static int done(struct files *files)
{
	files_begin(files, FILES_DONE);
	files_end(files);
	return 0;
}

/*
 * Follows links with the target as "/". For its attributes it has to be opened a second time, which does not wait; if that opens another
 * file, or none, they are left out.
 */
static int stat_followed(struct files *files, const char *path, struct stat *status, int *opened)
{
	cleanup_close int fd = path_open(files->root, path, O_PATH, 0);
	struct stat again;

	if (fd < 0 || fstat(fd, status) < 0)
		return -1;
	if (!S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode))
		return 0;
	*opened = path_open(files->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (*opened >= 0 &&
	    (fstat(*opened, &again) < 0 || again.st_dev != status->st_dev || again.st_ino != status->st_ino))
		cleanup_close_(opened), *opened = -1;
	return 0;
}

static int put_stat(struct files *files, const char *path, struct files_item *item)
{
	char content[PATH_MAX] = "";

	item->kind = files_kind_of(item->status);
	item->path = path;
	item->link = content;
	if (item->kind == KIND_SYMLINK && files_read_link(item->xattrs.name, content) < 0)
		return -1;
	return files_put_entry(files, item);
}

/* Something that is not there is an answer, not a failure. */
int files_stat(struct files *files, const struct files_frame *frame)
{
	struct field fields[2];
	struct files_base base;
	struct stat status;
	cleanup_close int fd = -1;
	struct files_item item = { .status = &status, .xattrs = { .fd = -1 } };
	const char *path;
	int result;

	if (wire_decode("su", frame->body, frame->size, fields) < 0)
		return files_fail(files, EPROTO, "protocol", "", "stat");
	path = fields[0].text;
	if (fields[1].number & STAT_FOLLOW) {
		result = stat_followed(files, path, &status, &fd);
		item.xattrs.fd = fd;
	} else {
		result = files_base(files, "stat", path, &base);
		if (result < 0)
			return files->failure.err == ENOENT || files->failure.err == ENOTDIR ? done(files) : -1;
		item.xattrs.name = base.name;
		result = fstatat(AT_FDCWD, base.name, &status, AT_SYMLINK_NOFOLLOW);
	}
	if (result == 0)
		result = put_stat(files, path, &item);
	if (result < 0 && errno != ENOENT && errno != ENOTDIR)
		return files_fail(files, errno, "stat", path, "%s", "");
	return done(files);
}

static void cut_slashes(char *path)
{
	size_t size = strlen(path);

	while (size > 0 && path[size - 1] == '/')
		path[--size] = 0;
}

/* The last component is removed, whatever it is: a slash after it does not make it what a link points to. */
int files_remove(struct files *files, const struct files_frame *frame)
{
	cleanup_close int parent = -1;
	struct field fields[1];
	struct files_base base;
	char path[PATH_MAX];

	if (wire_decode("s", frame->body, frame->size, fields) < 0)
		return files_fail(files, EPROTO, "protocol", "", "remove");
	if (fields[0].size >= sizeof path)
		return files_fail(files, ENAMETOOLONG, "remove", fields[0].text, "%s", "");
	strcpy(path, fields[0].text);
	cut_slashes(path);
	if (files_base(files, "remove", path, &base) < 0)
		return files->failure.err == ENOENT || files->failure.err == ENOTDIR ? done(files) : -1;
	if (strcmp(base.name, ".") == 0)
		return files_fail(files, EINVAL, "remove", path, "names no entry of a directory");
	parent = openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0 || remove_tree(parent, base.name) < 0)
		return files_fail(files, errno, "remove", path, "%s", "");
	return done(files);
}

struct measure {
	struct files_links links;
	uint64_t bytes, entries;
};

/* A file with several names takes its room once. */
static int measure(struct files_walk *walk, const char *name, const struct stat *status, int fd)
{
	struct measure *sum = walk->context;

	(void)name;
	(void)fd;
	sum->entries++;
	if (status->st_nlink > 1 && !S_ISDIR(status->st_mode)) {
		if (files_links_find(&sum->links, status))
			return 0;
		if (files_links_add(&sum->links, status, "") < 0)
			return files_walk_fail(walk, ENOMEM, "");
	}
	sum->bytes += (uint64_t)status->st_blocks * 512;
	return 0;
}

int files_usage(struct files *files, const struct files_frame *frame)
{
	struct measure sum = { 0 };
	struct files_walk walk = {
		.files = files, .what = "usage", .visit = measure, .context = &sum, .one_mount = true
	};
	struct field fields[1];
	struct files_base base;
	int result;

	if (wire_decode("s", frame->body, frame->size, fields) < 0)
		return files_fail(files, EPROTO, "protocol", "", "usage");
	walk.base = fields[0].text;
	if (files_base(files, "usage", walk.base, &base) < 0)
		return -1;
	result = files_walk(&walk, &base);
	files_links_release(&sum.links);
	if (result < 0)
		return -1;
	files_begin(files, FILES_DONE);
	files_put_u(files, sum.bytes);
	files_put_u(files, sum.entries);
	files_end(files);
	return 0;
}
