/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "process.h"

#define FOLLOW_CHUNK (128u << 10)

int follow_start(struct process *process, struct client *client, uint32_t id, bool follow, uint64_t credit)
{
	struct follower *follower = calloc(1, sizeof *follower);

	if (!follower)
		return -1;
	*follower =
		(struct follower){ .process = process, .client = client, .id = id, .follow = follow, .credit = credit };
	follower->next = process->followers;
	process->followers = follower;
	return 0;
}

/* Tells how much fell out of the log since this follower last looked. */
static void tell_dropped(struct follower *follower)
{
	const struct log *log = &follower->process->log;

	if (follower->position >= log->start)
		return;
	follower->position = log->start;
	if (log->dropped > follower->seen)
		client_send_number(follower->client, DROPPED, follower->id, log->dropped - follower->seen);
	follower->seen = log->dropped;
}

/* Sends as much as credit and the client's queue allow. True when the subscription is over. */
static bool serve(struct follower *follower)
{
	struct process *process = follower->process;
	static uint8_t chunk[FOLLOW_CHUNK + LOG_HEADER];

	while (follower->credit > 0 && follower->client->out_size - follower->client->out_start < QUEUE_HIGH) {
		uint64_t before = follower->seen;
		size_t size;

		tell_dropped(follower);
		before = follower->seen;
		size = log_read(&process->log, &follower->position, chunk, sizeof chunk, &follower->seen);
		if (size == 0)
			break;
		client_send(follower->client, LOG, follower->id, chunk, size);
		before = follower->seen - before;
		follower->credit -= before < follower->credit ? before : follower->credit;
	}
	if (follower->position < process->log.end)
		return false;
	return !follower->follow || process->state == FINISHED;
}

void follow_serve(struct process *process)
{
	for (struct follower *follower = process->followers, *next; follower; follower = next) {
		next = follower->next;
		if (serve(follower)) {
			client_send(follower->client, LOG_END, follower->id, NULL, 0);
			follow_stop(follower);
		}
	}
}

struct follower *follow_find(struct keeper *keeper, const struct client *client, uint32_t id)
{
	for (struct process *process = keeper->processes; process; process = process->next)
		for (struct follower *follower = process->followers; follower; follower = follower->next)
			if (follower->client == client && follower->id == id)
				return follower;
	return NULL;
}

void follow_stop(struct follower *follower)
{
	struct follower **link = &follower->process->followers;

	while (*link != follower)
		link = &(*link)->next;
	*link = follower->next;
	free(follower);
}

void follow_forget(struct keeper *keeper, const struct client *client)
{
	for (struct process *process = keeper->processes; process; process = process->next) {
		for (struct follower *follower = process->followers, *next; follower; follower = next) {
			next = follower->next;
			if (follower->client == client)
				follow_stop(follower);
		}
	}
}
