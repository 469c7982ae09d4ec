/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "process.h"
#include "stream.h"

static void credit(struct input *input, size_t size)
{
	if (size && input->process->owner)
		client_send_number(input->process->owner, STDIN_CREDIT, (uint32_t)input->process->handle, size);
}

static void listen_for_room(struct input *input, bool wait)
{
	int epoll = input->process->keeper->epoll;

	if (wait && !input->listening)
		loop_add(epoll, &input->source, EPOLLOUT);
	else if (!wait && input->listening)
		loop_remove(epoll, &input->source);
	input->listening = wait;
}

/* Writes what the pipe takes. When nobody reads any more the rest is dropped, as a shell's pipe would. */
static void pour(struct input *input)
{
	size_t before = input->size;

	while (input->source.fd >= 0 && input->size > 0) {
		ssize_t put = write(input->source.fd, input->buffer + input->start, input->size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno == EAGAIN)
			break;
		if (put < 0) {
			input_close(input);
			break;
		}
		input->start += (size_t)put;
		input->size -= (size_t)put;
	}
	credit(input, before - input->size);
	if (input->source.fd < 0)
		return;
	listen_for_room(input, input->size > 0);
	if (input->size == 0 && input->close_when_empty)
		input_close(input);
}

/* Nobody has the terminal open, and epoll would say so without end; whoever opens it again gets what is written then. */
static void discard(struct input *input)
{
	credit(input, input->size);
	input->size = 0;
	listen_for_room(input, false);
}

static void input_ready(struct source *source, uint32_t events)
{
	struct input *input = container_of(source, struct input, source);

	if ((events & EPOLLERR) && !(events & EPOLLOUT))
		input_close(input);
	else if ((events & EPOLLHUP) && !(events & EPOLLOUT))
		discard(input);
	else
		pour(input);
}

void input_open(struct input *input, struct process *process, int fd, bool pty)
{
	*input = (struct input){ .source = { .fd = fd, .ready = input_ready }, .process = process, .pty = pty };
}

int input_write(struct input *input, const uint8_t *bytes, size_t size)
{
	if (input->size + size > STDIN_WINDOW)
		return -1;
	if (input->source.fd < 0) {
		credit(input, size);
		return 0;
	}
	if (!input->buffer && !(input->buffer = malloc(STDIN_WINDOW)))
		return -1;
	memmove(input->buffer, input->buffer + input->start, input->size);
	input->start = 0;
	memcpy(input->buffer + input->size, bytes, size);
	input->size += size;
	pour(input);
	return 0;
}

/* A pty has no end of input: the line discipline makes one of Ctrl-D. */
void input_finish(struct input *input)
{
	static const uint8_t end_of_transmission = 4;

	if (input->pty) {
		input_write(input, &end_of_transmission, 1);
		return;
	}
	input->close_when_empty = true;
	if (input->source.fd >= 0)
		pour(input);
}

void input_close(struct input *input)
{
	if (input->source.fd >= 0) {
		listen_for_room(input, false);
		close(input->source.fd);
	}
	input->source.fd = -1;
	input->size = 0;
	free(input->buffer);
	input->buffer = NULL;
}
