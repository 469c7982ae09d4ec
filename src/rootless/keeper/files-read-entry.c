/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "files-read.h"

#define PATHS_MAX (FILES_FRAME_MAX / 4) /* of path or link: with the attributes it has to fit into one frame */

enum files_kind files_kind_of(const struct stat *status)
{
	switch (status->st_mode & S_IFMT) {
	case S_IFDIR: return KIND_DIRECTORY;
	case S_IFLNK: return KIND_SYMLINK;
	case S_IFIFO: return KIND_FIFO;
	case S_IFCHR: return KIND_CHARACTER;
	case S_IFBLK: return KIND_BLOCK;
	case S_IFSOCK: return KIND_SOCKET;
	default: return KIND_FILE;
	}
}

int files_read_link(const char *name, char content[PATH_MAX])
{
	ssize_t size = readlinkat(AT_FDCWD, name, content, PATH_MAX - 1);

	if (size < 0)
		return -1;
	content[size] = 0;
	return 0;
}

/* Between look and open a fifo may have taken its place, which would wait for a writer, or a terminal, which would become ours. */
int files_open_regular(const char *name, const struct stat *seen, struct stat *opened)
{
	cleanup_close int fd = openat(AT_FDCWD, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, opened) < 0)
		return -1;
	if (!S_ISREG(opened->st_mode) || opened->st_dev != seen->st_dev || opened->st_ino != seen->st_ino) {
		errno = ESTALE;
		return -1;
	}
	return steal_fd(&fd);
}

static uint64_t device_of(const struct stat *status)
{
	if (!S_ISCHR(status->st_mode) && !S_ISBLK(status->st_mode))
		return 0;
	return ((uint64_t)major(status->st_rdev) << 20) + minor(status->st_rdev);
}

int files_put_entry(struct files *files, const struct files_item *item)
{
	const struct stat *status = item->status;
	size_t begin = files->used;

	if (strlen(item->path) > PATHS_MAX || strlen(item->link) > PATHS_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	files_begin(files, FILES_ENTRY_FRAME);
	files_put_u(files, item->kind);
	files_put_u(files, status->st_mode & 07777);
	files_put_u(files, status->st_uid);
	files_put_u(files, status->st_gid);
	files_put_u(files, (uint64_t)status->st_mtim.tv_sec);
	files_put_u(files, (uint64_t)status->st_mtim.tv_nsec);
	files_put_u(files, item->kind == KIND_FILE ? (uint64_t)status->st_size : 0);
	files_put_u(files, item->kind == KIND_WHITEOUT ? 0 : device_of(status));
	files_put_s(files, item->path);
	files_put_s(files, item->link);
	if (files_put_xattrs(files, &item->xattrs) < 0) {
		files->used = begin;
		return -1;
	}
	files_end(files);
	return 0;
}
