/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "process.h"

#define CHUNK (64u << 10)

static bool attached(const struct stream *stream)
{
	return (stream->process->flags & SPAWN_ATTACHED) && stream->process->owner && !stream->to_void;
}

/* How much may be read now: attached streams wait for credit and for the client's queue, the log never waits. */
static size_t allowance(const struct stream *stream)
{
	const struct client *client = stream->process->owner;

	if (!attached(stream))
		return CHUNK;
	if (stream->process->state == STARTING || client->out_size - client->out_start >= QUEUE_HIGH)
		return 0;
	return stream->credit < CHUNK ? (size_t)stream->credit : CHUNK;
}

static void deliver(struct stream *stream, const uint8_t *bytes, size_t size)
{
	struct process *process = stream->process;

	if (stream->to_void)
		return;
	if (attached(stream)) {
		stream->credit -= size;
		client_send_pair(process->owner, DATA, (uint32_t)process->handle, &stream->number, 1, bytes, size);
	}
	if (process->log.ring)
		log_append(&process->log, stream->number, bytes, size);
}

static void tell_end(struct stream *stream)
{
	if (stream->ended)
		return;
	stream->ended = true;
	if (attached(stream))
		client_send_number(stream->process->owner, END, (uint32_t)stream->process->handle, stream->number);
}

/* Reads once. False at the end of file (a pty answers EIO then), or when nothing is there now. */
static bool pump(struct stream *stream, size_t most, bool *empty)
{
	static uint8_t chunk[CHUNK];
	ssize_t got = read(stream->source.fd, chunk, most);

	*empty = got < 0 && errno == EAGAIN;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return !*empty;
	if (got <= 0) {
		tell_end(stream);
		stream_close(stream);
		return false;
	}
	deliver(stream, chunk, (size_t)got);
	return true;
}

static void stream_ready(struct source *source, uint32_t events)
{
	struct stream *stream = container_of(source, struct stream, source);
	struct process *process = stream->process;
	size_t most = allowance(stream);
	bool empty;

	(void)events;
	if (most == 0) {
		stream_update(stream);
		return;
	}
	pump(stream, most, &empty);
	if (process->state == EXITED && !stream->to_void)
		stream_drain(stream);
	else
		stream_update(stream);
	follow_serve(process);
	process_settle(process);
}

void stream_open(struct stream *stream, struct process *process, uint8_t number, int fd)
{
	uint64_t credit = stream->credit;

	*stream =
		(struct stream){ .source = { .fd = fd, .ready = stream_ready }, .process = process, .number = number };
	stream->credit = credit;
	stream->ended = fd < 0;
}

/* epoll reports a hang-up whether asked for or not, so a stream that must wait leaves the set. */
void stream_update(struct stream *stream)
{
	int epoll = stream->process->keeper->epoll;
	bool want = stream->source.fd >= 0 && allowance(stream) > 0;

	if (want == stream->listening)
		return;
	if (want)
		loop_add(epoll, &stream->source, EPOLLIN);
	else
		loop_remove(epoll, &stream->source);
	stream->listening = want;
}

/*
 * Children that a finished exec left behind may hold its pipes for as long as they like: what is in the pipe now still belongs
 * to the exec, what comes later is read and thrown away so that they do not die of SIGPIPE. A container's pipes end by themselves,
 * because its pid namespace is gone.
 */
void stream_drain(struct stream *stream)
{
	bool empty = false;
	size_t most;

	if (stream->source.fd < 0)
		tell_end(stream); /* a terminal that never came */
	while (stream->source.fd >= 0 && !stream->to_void && (most = allowance(stream)) > 0 &&
	       pump(stream, most, &empty))
		;
	if (stream->source.fd >= 0 && empty && stream->process->kind != CONTAINER) {
		tell_end(stream);
		stream->to_void = true;
	}
	if (stream->source.fd >= 0)
		stream_update(stream);
}

void stream_close(struct stream *stream)
{
	if (stream->source.fd < 0)
		return;
	if (stream->listening)
		loop_remove(stream->process->keeper->epoll, &stream->source);
	stream->listening = false;
	close(stream->source.fd);
	stream->source.fd = -1;
}
