/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "client.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "linger.h"
#include "process.h"

static size_t unsent(const struct client *client)
{
	return client->out_size - client->out_start;
}

void client_send_pair(struct client *client, uint16_t type, uint32_t id, const void *head, size_t head_size,
		      const void *body, size_t size)
{
	uint32_t total = (uint32_t)(head_size + size);
	uint16_t zero = 0;
	uint8_t *at;

	if (!client || client->gone)
		return;
	bytes_grow(&client->out, &client->out_room, client->out_size + FRAME_HEADER + total);
	at = client->out + client->out_size;
	memcpy(at, &total, 4);
	memcpy(at + 4, &type, 2);
	memcpy(at + 6, &zero, 2);
	memcpy(at + 8, &id, 4);
	if (head_size)
		memcpy(at + FRAME_HEADER, head, head_size);
	if (size)
		memcpy(at + FRAME_HEADER + head_size, body, size);
	client->out_size += FRAME_HEADER + total;
}

void client_send(struct client *client, uint16_t type, uint32_t id, const void *body, size_t size)
{
	client_send_pair(client, type, id, NULL, 0, body, size);
}

void client_send_number(struct client *client, uint16_t type, uint32_t id, uint64_t number)
{
	client_send(client, type, id, &number, sizeof number);
}

/* Streams and subscriptions of this client pause while its queue is high; look at them again when it was emptied. */
static void update_streams(struct client *client)
{
	for (struct process *process = client->keeper->processes, *next; process; process = next) {
		next = process->next;
		if (process->owner == client && (process->flags & SPAWN_ATTACHED))
			process_go_on(process);
		else
			follow_serve(process);
	}
}

/* Carries out every whole frame in the buffer. */
static void take_frames(struct client *client)
{
	size_t at = 0;

	while (!client->gone && unsent(client) < QUEUE_MOST && client->in_size - at >= FRAME_HEADER) {
		uint32_t size, id;
		uint16_t type;

		memcpy(&size, client->in + at, 4);
		memcpy(&type, client->in + at + 4, 2);
		memcpy(&id, client->in + at + 8, 4);
		if (size > FRAME_MAX) {
			client->gone = true;
			return;
		}
		if (client->in_size - at < FRAME_HEADER + (size_t)size) {
			bytes_grow(&client->in, &client->in_room, FRAME_HEADER + (size_t)size + at);
			break;
		}
		if (request(client, type, id, client->in + at + FRAME_HEADER, size) < 0)
			client->gone = true;
		at += FRAME_HEADER + size;
	}
	memmove(client->in, client->in + at, client->in_size - at);
	client->in_size -= at;
}

static void send_queue(struct client *client)
{
	while (!client->gone && unsent(client) > 0) {
		ssize_t sent = send(client->source.fd, client->out + client->out_start, unsent(client),
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN)
			client->gone = true;
		if (sent < 0)
			break;
		client->out_start += (size_t)sent;
	}
	if (client->out_start == client->out_size) {
		client->out_start = client->out_size = 0;
	} else if (client->out_start >= QUEUE_HIGH) {
		memmove(client->out, client->out + client->out_start, unsent(client));
		client->out_size -= client->out_start;
		client->out_start = 0;
	}
}

void client_flush(struct client *client)
{
	bool high = unsent(client) >= QUEUE_HIGH, full = unsent(client) >= QUEUE_MOST;
	uint32_t events;

	send_queue(client);
	if (client->gone)
		return;
	/* Both may queue more; what to listen for is known only after them. */
	if (high && unsent(client) < QUEUE_HIGH)
		update_streams(client);
	if (full && unsent(client) < QUEUE_MOST)
		take_frames(client);
	events = (unsent(client) > 0 ? EPOLLOUT : 0) | (unsent(client) < QUEUE_MOST ? EPOLLIN : 0);
	if (events != client->events)
		loop_change(client->keeper->epoll, &client->source, events);
	client->events = events;
}

bool client_flush_all(struct keeper *keeper)
{
	bool again = false;

	for (struct client *client = keeper->clients; client; client = client->next)
		client_flush(client);
	/* One client's flush may have queued for another that was flushed before, or found that its own peer is gone. */
	for (struct client *client = keeper->clients; client; client = client->next)
		again |= client->gone || (unsent(client) > 0 && !(client->events & EPOLLOUT));
	return again;
}

static void client_ready(struct source *source, uint32_t events)
{
	struct client *client = container_of(source, struct client, source);
	ssize_t got;

	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || client->gone)
		return;
	bytes_grow(&client->in, &client->in_room, client->in_size + 65536);
	got = recv(source->fd, client->in + client->in_size, client->in_room - client->in_size, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		client->gone = true;
		return;
	}
	client->in_size += (size_t)got;
	take_frames(client);
}

struct client *client_add(struct keeper *keeper, int fd)
{
	struct client *client = calloc(1, sizeof *client);

	if (!client)
		return NULL;
	client->source = (struct source){ .fd = fd, .ready = client_ready };
	client->keeper = keeper;
	client->events = EPOLLIN;
	if (loop_add(keeper->epoll, &client->source, client->events) < 0) {
		free(client);
		return NULL;
	}
	client->next = keeper->clients;
	keeper->clients = client;
	return client;
}

/* The directory is 0700 and the socket 0600; the peer's user is checked all the same, in case somebody loosened them. */
void client_accept(struct source *listener, uint32_t events)
{
	struct keeper *keeper = container_of(listener, struct keeper, listener);
	cleanup_close int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t size = sizeof peer;

	(void)events;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		/* The waiting client would be reported again at once, for ever. */
		loop_remove(keeper->epoll, listener);
		keeper->deaf = true;
		keeper_housekeeping(keeper);
	}
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return;
	/*
	 * Whoever has a pid in our namespace is a process of a container, which may have found the socket through a bind mount, and whose
	 * root is the same user.
	 */
	if (peer.pid != 0)
		return;
	/* As seen in this user namespace: 0 is the user who started us. Real root may come too, and shows as the overflow ID. */
	if (peer.uid != 0 && peer.uid != keeper->real_root)
		return;
	if (client_add(keeper, fd))
		steal_fd(&fd);
}

static void client_free(struct client *client)
{
	struct keeper *keeper = client->keeper;

	follow_forget(keeper, client);
	askers_forget(keeper, client);
	for (struct process *process = keeper->processes, *next; process; process = next) {
		next = process->next;
		if (process->owner == client) {
			process->owner = NULL;
			if (process->flags & SPAWN_LASTING) {
				process_go_on(process);
				next = keeper->processes;
				continue;
			}
			process_remove(process);
			next = keeper->processes; /* a removal may have freed several */
		}
	}
	loop_remove(keeper->epoll, &client->source);
	close(client->source.fd);
	free(client->in);
	free(client->out);
	free(client);
}

void client_sweep(struct keeper *keeper)
{
	bool leases = false, lost = false;

	for (struct client **link = &keeper->clients; *link;) {
		struct client *client = *link;

		if (!client->gone) {
			leases |= client->lease;
			link = &client->next;
			continue;
		}
		lost |= client->lease;
		*link = client->next;
		client_free(client);
	}
	/* Without any client nobody could ever take a lease, or end it. */
	if (!leases && (lost || !keeper->clients))
		linger_begin(keeper);
}
