/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_STREAM_H
#define AIRPLANT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"

struct process;

#define STDIN_WINDOW (256u << 10)

/* One output of a process: 1 stdout (or the pty), 2 stderr. */
struct stream {
	struct source source; /* fd -1: none, or ended */
	struct process *process;
	uint8_t number;
	bool listening; /* in the epoll set */
	bool ended;	/* the client was told, or there never was one */
	bool to_void;	/* the process has exited, others still hold the pipe */
	uint64_t credit;
};

/* The input of a process; what the pipe does not take yet waits in the buffer. */
struct input {
	struct source source; /* fd -1: none, or closed */
	struct process *process;
	bool listening, close_when_empty, pty;
	uint8_t *buffer;
	size_t start, size;
};

void stream_open(struct stream *stream, struct process *process, uint8_t number, int fd);
/* Starts or stops listening, whichever the credit, the client's queue and the process's state ask for. */
void stream_update(struct stream *stream);
/* The process has exited: sends what is there now, then ends the stream. */
void stream_drain(struct stream *stream);
void stream_close(struct stream *stream);

void input_open(struct input *input, struct process *process, int fd, bool pty);
/* 0, or -1 when the client sent more than the window allows. */
int input_write(struct input *input, const uint8_t *bytes, size_t size);
void input_finish(struct input *input);
void input_close(struct input *input);

#endif
