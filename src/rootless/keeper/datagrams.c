/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "datagram-session.h"

#define ROUND 64   /* datagrams of a socket before others get their turn */
#define ANSWERS 16 /* the same for one client's answers */
#define QUIET_MS 60000
#define QUIET_FRAMED_MS 10000 /* DNS: a question and its answer */
#define CROWDED(datagrams) ((datagrams)->count > (datagrams)->most / 2)
#define CROWDED_PART 6 /* with a crowd they end that much sooner */

void datagrams_init(struct datagrams *datagrams, int epoll, size_t most)
{
	datagrams->epoll = epoll;
	datagrams->most = most < SESSIONS_MAX ? most : SESSIONS_MAX;
	/* Where that fails the table can be made slow by who chooses addresses, and that is all. */
	if (getrandom(&datagrams->seed, sizeof datagrams->seed, GRND_NONBLOCK) < 0)
		datagrams->seed = (uintptr_t)datagrams;
}

static struct session **bucket_of(struct datagrams *datagrams, const struct origin *origin)
{
	const uint8_t *bytes = (const uint8_t *)origin;
	uint64_t hash = datagrams->seed;

	for (size_t i = 0; i < sizeof *origin; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return &datagrams->buckets[(hash ^ hash >> 32) % SESSION_BUCKETS];
}

static struct session *session_find(struct datagrams *datagrams, const struct origin *origin)
{
	struct session *session = *bucket_of(datagrams, origin);

	while (session && memcmp(&session->origin, origin, sizeof *origin) != 0)
		session = session->next;
	return session;
}

static void unlink_age(struct session *session)
{
	struct datagrams *datagrams = session->datagrams;

	*(session->newer ? &session->newer->older : &datagrams->newest) = session->older;
	*(session->older ? &session->older->newer : &datagrams->oldest) = session->newer;
}

static void link_newest(struct session *session)
{
	struct datagrams *datagrams = session->datagrams;

	session->newer = NULL;
	session->older = datagrams->newest;
	*(datagrams->newest ? &datagrams->newest->newer : &datagrams->oldest) = session;
	datagrams->newest = session;
}

void session_touch(struct session *session)
{
	session->used = session->datagrams->now;
	if (!session->newer)
		return;
	unlink_age(session);
	link_newest(session);
}

static void session_end(struct session *session)
{
	struct datagrams *datagrams = session->datagrams;
	struct session **link = bucket_of(datagrams, &session->origin);

	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
	unlink_age(session);
	datagrams->count--;
	close(session->source.fd);
	session->source.fd = -1;
	session->next = datagrams->ended;
	datagrams->ended = session;
}

void datagrams_reap(struct datagrams *datagrams)
{
	while (datagrams->ended) {
		struct session *session = datagrams->ended;

		datagrams->ended = session->next;
		free(session->unsent);
		free(session->unread);
		free(session);
	}
}

static int64_t quiet_time(const struct session *session)
{
	return CROWDED(session->datagrams) ? session->quiet / CROWDED_PART : session->quiet;
}

int datagrams_expire(struct datagrams *datagrams)
{
	while (datagrams->oldest) {
		int64_t left = datagrams->oldest->used + quiet_time(datagrams->oldest) - datagrams->now;

		if (left > 0)
			return (int)left;
		session_end(datagrams->oldest);
	}
	return -1;
}

/* The socket says ECONNREFUSED when nobody listens inside: the next datagram tries anew. */
static int read_answers(struct session *session)
{
	uint8_t *buffer = session->datagrams->buffer;

	for (int round = 0; round < ANSWERS; round++) {
		ssize_t size = recv(session->source.fd, buffer, DATAGRAM_MAX, 0);

		if (size < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		session_answer(session, buffer, (size_t)size);
		session_touch(session);
	}
	return 0;
}

static int session_serve(struct session *session, uint32_t events)
{
	return session->framed ? frames_ready(session, events) : read_answers(session);
}

static void session_ready(struct source *source, uint32_t events)
{
	struct session *session = container_of(source, struct session, source);

	if (source->fd >= 0 && session_serve(session, events) < 0)
		session_end(session);
}

void datagrams_end(struct datagrams *datagrams)
{
	while (datagrams->oldest) {
		session_serve(datagrams->oldest, 0);
		session_end(datagrams->oldest);
	}
}

/* 0 also when it was lost for want of room. */
static int session_send(struct session *session, const uint8_t *bytes, size_t size)
{
	if (session->framed)
		return frames_send(session, bytes, size);
	if (send(session->source.fd, bytes, size, MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EAGAIN || errno == EINTR || is_shortage(errno) ? 0 : -1;
}

/* A refusal is there as soon as the datagram was sent: it never leaves this machine. */
static bool is_refused(const struct session *session)
{
	int err = 0;
	socklen_t size = sizeof err;

	return !session->framed && getsockopt(session->source.fd, SOL_SOCKET, SO_ERROR, &err, &size) == 0 && err;
}

/* The first target that takes the datagram becomes the session's. */
static int session_dial(struct session *session, const struct route *route, const uint8_t *bytes, size_t size)
{
	size_t next = 0;

	for (;;) {
		int fd = route_dial(route, &next, SOCK_DGRAM, &session->origin.client.any);

		if (fd < 0)
			return -1;
		session->framed = target_is_path(&route->list[next - 1]);
		session->quiet = session->framed ? QUIET_FRAMED_MS : QUIET_MS;
		session->source.fd = fd;
		if (!target_is_self(&route->list[next - 1], fd) &&
		    loop_add(session->datagrams->epoll, &session->source, EPOLLIN) == 0 &&
		    session_send(session, bytes, size) == 0 && !is_refused(session))
			return 0;
		close(fd);
		free(session->unsent);
		session->unsent = NULL;
	}
}

/* What the longest silent client held is free for this one. */
static int session_dial_with_room(struct session *session, const struct route *route, const uint8_t *bytes, size_t size)
{
	struct datagrams *datagrams = session->datagrams;

	if (datagrams->count >= datagrams->most)
		session_end(datagrams->oldest);
	if (session_dial(session, route, bytes, size) == 0)
		return 0;
	if (!is_shortage(errno) || !datagrams->oldest)
		return -1;
	session_end(datagrams->oldest);
	return session_dial(session, route, bytes, size);
}

static void session_open(struct datagrams *datagrams, const struct origin *origin, const struct route *route,
			 const uint8_t *bytes, size_t size)
{
	struct session *session = calloc(1, sizeof *session), **bucket = bucket_of(datagrams, origin);

	if (!session)
		return;
	session->source.ready = session_ready;
	session->datagrams = datagrams;
	session->origin = *origin;
	session->used = datagrams->now;
	if (session_dial_with_room(session, route, bytes, size) < 0) {
		free(session);
		return;
	}
	session->next = *bucket;
	*bucket = session;
	link_newest(session);
	datagrams->count++;
}

void datagrams_receive(struct datagrams *datagrams, int socket, const struct route *route)
{
	for (int round = 0; round < ROUND; round++) {
		struct origin origin;
		ssize_t size = datagram_receive(socket, &origin, datagrams->buffer, DATAGRAM_MAX);
		struct session *session;

		if (size < 0)
			return;
		session = session_find(datagrams, &origin);
		if (session && session_send(session, datagrams->buffer, (size_t)size) < 0) {
			session_end(session);
			session = NULL;
		}
		if (session)
			session_touch(session);
		else
			session_open(datagrams, &origin, route, datagrams->buffer, (size_t)size);
	}
}
