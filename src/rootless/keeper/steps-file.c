/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "path.h"
#include "steps.h"
#include "write-all.h"

int step_hostMkdir(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[0].text;
	cleanup_close int fd = -1;

	(void)child;
	if (mkdir(path, 0700) < 0)
		return fail(failure, errno, NULL, "%s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, args[1].number & 07777) < 0)
		return fail(failure, errno, NULL, "%s", path);
	return 0;
}

int step_hostWrite(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[0].text;
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	(void)child;
	if (fd < 0 || write_all(fd, args[2].text, args[2].size) < 0 || fchmod(fd, args[1].number & 07777) < 0)
		return fail(failure, errno, NULL, "%s", path);
	return 0;
}

/* Without O_NONBLOCK a FIFO would wait for a writer; whatever is not a regular file is refused. */
int step_openFile(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[1].text;
	cleanup_close int root = path_root(), fd = -1;
	struct stat stat;

	if (child->entered)
		fd = path_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	else
		fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat) < 0)
		return fail(failure, errno, NULL, "%s", path);
	if (!S_ISREG(stat.st_mode))
		return fail(failure, S_ISDIR(stat.st_mode) ? EISDIR : EINVAL, NULL, "%s: not a regular file", path);
	slot_put(child, args[0].number, steal_fd(&fd));
	return 0;
}

int step_takeFd(struct child *child, const struct field *args, struct failure *failure)
{
	uint64_t token = args[1].number;
	int fd;

	if (token >= child->token_count || child->tokens[token] < 0)
		return fail(failure, EBADF, NULL, "token %llu", (unsigned long long)token);
	fd = fcntl(child->tokens[token], F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return fail(failure, errno, NULL, "token %llu", (unsigned long long)token);
	slot_put(child, args[0].number, fd);
	return 0;
}

/* chown before chmod: it clears the set-ID bits. */
static int set_owner_and_mode(int fd, uint64_t mode, uint64_t uid, uint64_t gid)
{
	return fchown(fd, (uid_t)uid, (gid_t)gid) < 0 ? -1 : fchmod(fd, mode & 07777);
}

int step_mkdir(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[0].text;
	cleanup_close int root = path_root(), existing = path_open(root, path, O_PATH | O_DIRECTORY, 0), made = -1,
			  fd = -1;

	(void)child;
	if (existing >= 0)
		return 0;
	made = path_make_directory(root, path);
	if (made < 0)
		return fail(failure, errno, NULL, "%s", path);
	fd = openat(made, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || set_owner_and_mode(fd, args[1].number, args[2].number, args[3].number) < 0)
		return fail(failure, errno, NULL, "%s", path);
	return 0;
}

/* An empty regular file of the container, whatever was in it before. */
static int open_to_write(const char *path, struct failure *failure)
{
	cleanup_close int root = path_root(), fd = path_make_file(root, path, O_WRONLY | O_NONBLOCK | O_TRUNC, 0600);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return fail(failure, errno, NULL, "%s", path);
	if (!S_ISREG(stat.st_mode))
		return fail(failure, EINVAL, NULL, "%s: not a regular file", path);
	if (path_is_kernels(fd))
		return fail(failure, ELOOP, NULL, "%s: leads into /proc or /sys", path);
	return steal_fd(&fd);
}

int step_writeFile(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[0].text;
	cleanup_close int fd = open_to_write(path, failure);

	(void)child;
	if (fd < 0)
		return -1;
	if (write_all(fd, args[4].text, args[4].size) < 0 ||
	    set_owner_and_mode(fd, args[1].number, args[2].number, args[3].number) < 0)
		return fail(failure, errno, NULL, "%s", path);
	return 0;
}

static int copy(int from, int to)
{
	static char buffer[128 << 10];
	off_t offset = 0;
	ssize_t got;

	while ((got = pread(from, buffer, sizeof buffer, offset)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || write_all(to, buffer, (size_t)got) < 0)
			return -1;
		offset += got;
	}
	return 0;
}

int step_copyIn(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[1].text;
	int from = slot_get(child, args[0].number, failure);
	cleanup_close int fd = -1;

	if (from < 0)
		return -1;
	fd = open_to_write(path, failure);
	if (fd < 0)
		return -1;
	if (copy(from, fd) < 0 || set_owner_and_mode(fd, args[2].number, args[3].number, args[4].number) < 0)
		return fail(failure, errno, NULL, "%s", path);
	return 0;
}

/* One that already says the same is left. */
int step_symlink(struct child *child, const struct field *args, struct failure *failure)
{
	const char *content = args[0].text, *path = args[1].text, *name;
	cleanup_close int root = path_root(), parent = path_make_parent(root, path, &name);
	char existing[PATH_MAX];
	ssize_t size;

	(void)child;
	if (parent < 0)
		return fail(failure, errno, NULL, "%s", path);
	if (symlinkat(content, parent, name) == 0)
		return 0;
	if (errno == EEXIST) {
		size = readlinkat(parent, name, existing, sizeof existing);
		if (size >= 0 && (size_t)size == args[0].size && memcmp(existing, content, args[0].size) == 0)
			return 0;
		errno = EEXIST;
	}
	return fail(failure, errno, NULL, "%s", path);
}
