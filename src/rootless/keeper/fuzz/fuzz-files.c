/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../files.h"
#include "../remove.h"

/*
 * libFuzzer target for the file worker: frames that nobody vouches for, served for real in a directory of its own. Beside it lies
 * another that must not change. Its own is made in $TMPDIR, and stays. In this directory:
 *   clang -g -fsanitize=fuzzer,address,undefined -o /tmp/fuzz-files fuzz-files.c ../files*.c ../path.c ../remove.c ../wire.c ../error.c
 */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define STREAM_MAX (64u << 10) /* a socket holds it, so one process can write and read */

struct stream {
	uint8_t bytes[STREAM_MAX];
	size_t size;
};

struct input {
	const uint8_t *next;
	size_t left;
};

static uint8_t take(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->next++;
}

static const uint8_t *take_some(struct input *input, size_t *size)
{
	const uint8_t *at = input->next;

	*size = *size < input->left ? *size : input->left;
	input->next += *size;
	input->left -= *size;
	return at;
}

static void put(struct stream *stream, const void *bytes, size_t size)
{
	if (size > STREAM_MAX - stream->size)
		return;
	memcpy(stream->bytes + stream->size, bytes, size);
	stream->size += size;
}

static void put_number(struct stream *stream, uint64_t number, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		put(stream, &(uint8_t){ (uint8_t)(number >> (8 * i)) }, 1);
}

/* Short names of few letters, so that entries meet each other. */
static void put_path(struct stream *stream, struct input *input)
{
	static const char letters[] = "ab//.cd\nw";
	uint8_t size = take(input) % 12;

	put_number(stream, size, 4);
	for (uint8_t i = 0; i < size; i++)
		put(stream, &letters[take(input) % (sizeof letters - 1)], 1);
	put_number(stream, 0, 1);
}

static void put_entry(struct stream *stream, struct input *input)
{
	uint8_t kind = take(input) % (KIND_COUNT + 1);
	size_t size = take(input) % 32;

	put_number(stream, kind, 8);
	put_number(stream, take(input) | (uint64_t)take(input) << 8, 8);
	put_number(stream, 0, 8);
	put_number(stream, 0, 8);
	put_number(stream, take(input), 8);
	put_number(stream, take(input), 8);
	put_number(stream, kind == KIND_FILE ? take(input) % 8 : 0, 8);
	put_number(stream, 0, 8);
	put_path(stream, input);
	put_path(stream, input);
	put_number(stream, size, 4);
	for (size_t i = 0; i < size; i++)
		put_number(stream, take(input), 1);
}

/* One frame: its body made of what its type asks for, or of raw bytes. */
static void put_frame(struct stream *stream, struct input *input)
{
	uint8_t type = take(input) % 16, raw = take(input);
	size_t start = stream->size, size = raw % 32;
	const uint8_t *body;

	put_number(stream, 0, 4);
	put_number(stream, type, 1);
	if (type == FILES_BEGIN && raw < 224) {
		put_number(stream, raw & 1, 8);
		put_path(stream, input);
		put_number(stream, raw >> 1, 8);
		for (int i = 0; i < 3; i++)
			put_number(stream, 1u << (take(input) % 16), 8);
	} else if (type == FILES_ENTRY_FRAME && raw < 224) {
		put_entry(stream, input);
	} else if (type == FILES_HOLE && raw < 224) {
		put_number(stream, raw % 8, 8);
	} else if ((type == FILES_READ || type == FILES_STAT) && raw < 224) {
		put_path(stream, input);
		put_number(stream, raw, 8);
	} else if ((type == FILES_REMOVE || type == FILES_USAGE) && raw < 224) {
		put_path(stream, input);
	} else {
		body = take_some(input, &size);
		put(stream, body, size);
	}
	size = stream->size - start;
	for (size_t i = 0; size >= 5 && i < 4; i++)
		stream->bytes[start + i] = (uint8_t)((size - 5) >> (8 * i));
}

static int top = -1;
static struct stat untouched;

static void set_up(void)
{
	const char *directory = getenv("TMPDIR");
	char name[256];

	if (top >= 0)
		return;
	snprintf(name, sizeof name, "%s/fuzz-files-XXXXXX", directory ? directory : "/tmp");
	if (!mkdtemp(name))
		abort();
	top = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || mkdirat(top, "outside", 0700) < 0 || fstatat(top, "outside", &untouched, 0) < 0)
		abort();
	umask(0);
}

static void serve(const struct stream *stream)
{
	struct stat now;
	int sockets[2], root;

	if (mkdirat(top, "root", 0700) < 0 || symlinkat("../outside", top, "root/w") < 0)
		abort();
	root = openat(top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
		abort();
	if (send(sockets[1], stream->bytes, stream->size, MSG_DONTWAIT) != (ssize_t)stream->size)
		abort();
	shutdown(sockets[1], SHUT_WR);
	files_serve(sockets[0], root);
	close(sockets[1]);
	close(root);
	if (remove_tree(top, "root") < 0)
		abort();
	if (fstatat(top, "outside", &now, 0) < 0 || now.st_mtim.tv_nsec != untouched.st_mtim.tv_nsec ||
	    now.st_ctim.tv_nsec != untouched.st_ctim.tv_nsec || now.st_mode != untouched.st_mode)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct stream stream;
	struct input input = { bytes, size };

	set_up();
	stream.size = 0;
	if (take(&input) % 8 == 0) {
		put(&stream, input.next, input.left);
	} else {
		while (input.left)
			put_frame(&stream, &input);
	}
	serve(&stream);
	return 0;
}
