/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <string.h>

/* The reading half of the connection: frames are looked at where they arrived, and copied nowhere. */

#define HEADER 5
#define SMALL (16u << 10)
#define READ_SIZE (256u << 10) /* stays in the processor's cache until it is written to a file */

static size_t available(const struct files *files)
{
	return files->end - files->start;
}

/* Makes sure that so many bytes are in the buffer; no more than a frame. 1, 0 at the end of the stream, -1 on errors. */
static int fill(struct files *files, size_t wanted)
{
	if (available(files) == 0)
		files->start = files->end = 0;
	if (files->start + wanted > FILES_FRAME_MAX + HEADER) {
		memmove(files->in, files->in + files->start, available(files));
		files->end -= files->start;
		files->start = 0;
	}
	while (available(files) < wanted) {
		size_t room = FILES_FRAME_MAX + HEADER - files->end, missing = wanted - available(files);
		size_t most = missing > READ_SIZE ? missing : READ_SIZE;
		ssize_t got = read(files->socket, files->in + files->end, room < most ? room : most);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (int)got;
		files->end += (size_t)got;
	}
	return 1;
}

ssize_t files_piece(struct files *files, const uint8_t **bytes)
{
	/* A small file's content comes in one piece, and is written by one call. */
	size_t size, wanted = files->data_left < SMALL ? files->data_left : 1;

	if (files->data_left == 0)
		return 0;
	if (available(files) < wanted && fill(files, wanted) <= 0)
		return -1;
	size = available(files) < files->data_left ? available(files) : files->data_left;
	*bytes = files->in + files->start;
	files->start += size;
	files->data_left -= (uint32_t)size;
	return (ssize_t)size;
}

static int skip_data(struct files *files)
{
	const uint8_t *ignored;
	ssize_t size;

	do
		size = files_piece(files, &ignored);
	while (size > 0);
	return (int)size;
}

int files_receive(struct files *files, struct files_frame *frame)
{
	const uint8_t *head;
	int result;

	if (skip_data(files) < 0)
		return -1;
	result = fill(files, HEADER);
	if (result <= 0)
		return result;
	head = files->in + files->start;
	frame->size = (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
	frame->type = head[4];
	frame->body = NULL;
	if (frame->size > (frame->type == FILES_DATA ? FILES_DATA_MAX : FILES_FRAME_MAX))
		return -1;
	if (frame->type == FILES_DATA) {
		files->start += HEADER;
		files->data_left = frame->size;
		return 1;
	}
	if (fill(files, HEADER + frame->size) <= 0)
		return -1;
	frame->body = files->in + files->start + HEADER;
	files->start += HEADER + frame->size;
	return 1;
}
