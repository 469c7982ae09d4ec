/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* The writing half of the connection. */

#define HEADER 5
#define ENOUGH (128u << 10) /* many small entries leave in one write */

/* Memory that is not there loses the connection: an answer with a gap would be worse. */
static uint8_t *grow(struct files *files, size_t size)
{
	uint8_t *at;

	if (files->lost)
		return NULL;
	if (files->used + size > files->room) {
		size_t room = files->used + size + ENOUGH;
		uint8_t *out = realloc(files->out, room);

		if (!out) {
			files->lost = true;
			return NULL;
		}
		files->out = out;
		files->room = room;
	}
	at = files->out + files->used;
	files->used += size;
	return at;
}

static void put_number(struct files *files, uint64_t number, size_t bytes)
{
	uint8_t *at = grow(files, bytes);

	for (size_t i = 0; at && i < bytes; i++)
		at[i] = (uint8_t)(number >> (8 * i));
}

void files_begin(struct files *files, uint8_t type)
{
	files->frame = files->used;
	put_number(files, 0, 4);
	put_number(files, type, 1);
}

void files_put_u(struct files *files, uint64_t number)
{
	put_number(files, number, 8);
}

void files_put_raw(struct files *files, const void *bytes, size_t size)
{
	uint8_t *at = grow(files, size);

	if (at && size)
		memcpy(at, bytes, size);
}

void files_put_b(struct files *files, const void *bytes, size_t size)
{
	put_number(files, size, 4);
	files_put_raw(files, bytes, size);
}

void files_put_s(struct files *files, const char *text)
{
	size_t size = strlen(text);

	put_number(files, size, 4);
	files_put_raw(files, text, size + 1);
}

size_t files_reserve_u32(struct files *files)
{
	put_number(files, 0, 4);
	return files->used - 4 - files->frame;
}

void files_patch_u32(struct files *files, size_t offset, uint32_t value)
{
	for (size_t i = 0; !files->lost && i < 4; i++)
		files->out[files->frame + offset + i] = (uint8_t)(value >> (8 * i));
}

void files_end(struct files *files)
{
	files_patch_u32(files, 0, (uint32_t)(files->used - files->frame - HEADER));
	if (files->used >= ENOUGH)
		files_flush(files);
}

int files_flush(struct files *files)
{
	size_t sent = 0;

	while (!files->lost && sent < files->used) {
		ssize_t size = send(files->socket, files->out + sent, files->used - sent, MSG_NOSIGNAL);

		if (size < 0 && errno != EINTR)
			files->lost = true;
		else if (size > 0)
			sent += (size_t)size;
	}
	files->used = 0;
	return files->lost ? -1 : 0;
}

int files_fail(struct files *files, int err, const char *what, const char *path, const char *format, ...)
{
	va_list args;

	snprintf(files->path, sizeof files->path, "%s", path);
	files->failure.err = err;
	snprintf(files->failure.what, sizeof files->failure.what, "%s", what);
	va_start(args, format);
	vsnprintf(files->failure.detail, sizeof files->failure.detail, format, args);
	va_end(args);
	return -1;
}
