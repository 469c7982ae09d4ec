/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "datagram-session.h"

#define PREFIX 2
#define ROUNDS 16

static int keep_unsent(struct session *session, const struct iovec *parts, size_t sent)
{
	size_t total = parts[0].iov_len + parts[1].iov_len;
	uint8_t *whole = malloc(total);

	if (!whole)
		return -1;
	memcpy(whole, parts[0].iov_base, parts[0].iov_len);
	memcpy(whole + parts[0].iov_len, parts[1].iov_base, parts[1].iov_len);
	session->unsent = whole;
	session->unsent_from = sent;
	session->unsent_size = total;
	return loop_change(session->datagrams->epoll, &session->source, EPOLLIN | EPOLLOUT);
}

/* A datagram is lost when there is no room; one that went in part must follow as a whole. */
int frames_send(struct session *session, const uint8_t *bytes, size_t size)
{
	uint8_t prefix[PREFIX] = { (uint8_t)(size >> 8), (uint8_t)size };
	struct iovec parts[] = { { prefix, PREFIX }, { (void *)bytes, size } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t sent;

	if (session->unsent)
		return 0;
	sent = sendmsg(session->source.fd, &message, MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return (size_t)sent < PREFIX + size ? keep_unsent(session, parts, (size_t)sent) : 0;
}

static int send_rest(struct session *session)
{
	ssize_t sent = send(session->source.fd, session->unsent + session->unsent_from,
			    session->unsent_size - session->unsent_from, MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	session->unsent_from += (size_t)sent;
	if (session->unsent_from < session->unsent_size)
		return 0;
	free(session->unsent);
	session->unsent = NULL;
	return loop_change(session->datagrams->epoll, &session->source, EPOLLIN);
}

/* Answers all whole frames and returns how many bytes they were. */
static size_t answer_frames(struct session *session, const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	while (size - at >= PREFIX) {
		size_t length = (size_t)bytes[at] << 8 | bytes[at + 1];

		if (size - at - PREFIX < length)
			break;
		session_answer(session, bytes + at + PREFIX, length);
		session_touch(session);
		at += PREFIX + length;
	}
	return at;
}

static int keep_unread(struct session *session, const uint8_t *rest, size_t size)
{
	free(session->unread);
	session->unread = NULL;
	session->unread_size = size;
	if (size == 0)
		return 0;
	session->unread = malloc(size);
	if (!session->unread)
		return -1;
	memcpy(session->unread, rest, size);
	return 0;
}

/* The buffer holds the largest frame and one byte, so there is always room for more of one that is not whole. */
static int read_frames(struct session *session)
{
	uint8_t *buffer = session->datagrams->buffer;
	size_t size = session->unread_size, taken;
	ssize_t got;

	if (size)
		memcpy(buffer, session->unread, size);
	got = recv(session->source.fd, buffer + size, sizeof session->datagrams->buffer - size, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0)
		return -1;
	size += (size_t)got;
	taken = answer_frames(session, buffer, size);
	return keep_unread(session, buffer + taken, size - taken) < 0 ? -1 : 1;
}

int frames_ready(struct session *session, uint32_t events)
{
	if (events & EPOLLOUT && session->unsent && send_rest(session) < 0)
		return -1;
	for (int round = 0; round < ROUNDS; round++) {
		int result = read_frames(session);

		if (result <= 0)
			return result;
	}
	return 0;
}
