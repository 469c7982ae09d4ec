/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files-read.h"

#define CHUNK (128u << 10)
#define UNSIZED_MOST (16u << 20)

static void send_hole(struct files *files, uint64_t size)
{
	files_begin(files, FILES_HOLE);
	files_put_u(files, size);
	files_end(files);
}

/* Sends what is there between two offsets. Their distance, less at the end of the file, -1 with errno. */
static int64_t send_data(struct files *files, int fd, uint64_t from, uint64_t to)
{
	static uint8_t bytes[CHUNK];
	uint64_t at = from;

	while (at < to && !files->lost) {
		size_t most = to - at < CHUNK ? (size_t)(to - at) : CHUNK;
		ssize_t got = pread(fd, bytes, most, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		files_begin(files, FILES_DATA);
		files_put_raw(files, bytes, (size_t)got);
		files_end(files);
		at += (uint64_t)got;
	}
	return (int64_t)(at - from);
}

/* Where the next data begin: at the end when there are none, right here when the file system cannot tell. */
static uint64_t next_data(int fd, uint64_t at, uint64_t size)
{
	off_t data = lseek(fd, (off_t)at, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO ? size : at;
	return (uint64_t)data < size ? (uint64_t)data : size;
}

static uint64_t end_of_data(int fd, uint64_t at, uint64_t size)
{
	off_t hole = lseek(fd, (off_t)at, SEEK_HOLE);

	return hole > (off_t)at && (uint64_t)hole < size ? (uint64_t)hole : size;
}

/*
 * The size was told before: what a file has lost since is made up for by zeros, as tar does, and what it has won is left out. Asking for
 * holes costs a call each, so only files that take less room than their size are asked.
 */
int files_send_content(struct files *files, int fd, const struct stat *status)
{
	uint64_t size = (uint64_t)status->st_size, at = 0;
	bool sparse = (uint64_t)status->st_blocks * 512 < size;

	while (at < size && !files->lost) {
		uint64_t data = sparse ? next_data(fd, at, size) : at, end;
		int64_t sent;

		if (data > at) {
			send_hole(files, data - at);
			at = data;
			continue;
		}
		end = sparse ? end_of_data(fd, at, size) : size;
		sent = send_data(files, fd, at, end);
		if (sent < 0)
			return -1;
		at += (uint64_t)sent;
		if (at < end && !files->lost) {
			send_hole(files, size - at);
			break;
		}
	}
	return 0;
}

/* A file of the kernel's says a size that means nothing: what it holds is known when it was read. -1 with errno. */
static ssize_t read_unsized(int fd, uint8_t *bytes)
{
	size_t size = 0;

	while (size < UNSIZED_MOST) {
		ssize_t got = read(fd, bytes + size, UNSIZED_MOST - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -1 : (ssize_t)size;
		size += (size_t)got;
	}
	errno = EFBIG;
	return -1;
}

int files_send_unsized(struct files *files, int fd, const struct files_item *item)
{
	uint8_t *bytes = malloc(UNSIZED_MOST);
	ssize_t size = bytes ? read_unsized(fd, bytes) : -1;
	struct stat status = *item->status;
	struct files_item sized = *item;
	int result = -1;

	status.st_size = (off_t)size;
	sized.status = &status;
	if (size >= 0)
		result = files_put_entry(files, &sized);
	for (ssize_t at = 0; result == 0 && at < size && !files->lost; at += CHUNK) {
		files_begin(files, FILES_DATA);
		files_put_raw(files, bytes + at, size - at < (ssize_t)CHUNK ? (size_t)(size - at) : CHUNK);
		files_end(files);
	}
	free(bytes);
	return result;
}
