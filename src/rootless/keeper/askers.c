/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

/* Anyone may ask for a removal or wait for an exit, also several at once; each is answered under the id of its own request. */
struct asker {
	struct asker *next;
	struct client *client;
	uint32_t id;
};

int askers_add(struct asker **askers, struct client *client, uint32_t id)
{
	struct asker *asker = calloc(1, sizeof *asker);

	if (!asker)
		return -1;
	*asker = (struct asker){ .next = *askers, .client = client, .id = id };
	*askers = asker;
	return 0;
}

void askers_answer(struct asker **askers, const void *body, size_t size)
{
	while (*askers) {
		struct asker *asker = *askers;

		*askers = asker->next;
		client_send(asker->client, OK, asker->id, body, size);
		free(asker);
	}
}

void askers_refuse(struct asker **askers, const struct failure *failure)
{
	while (*askers) {
		struct asker *asker = *askers;

		*askers = asker->next;
		client_fail(asker->client, asker->id, failure);
		free(asker);
	}
}

static void forget(struct asker **link, const struct client *client)
{
	while (*link) {
		struct asker *asker = *link;

		if (asker->client != client) {
			link = &asker->next;
			continue;
		}
		*link = asker->next;
		free(asker);
	}
}

void askers_forget(struct keeper *keeper, const struct client *client)
{
	for (struct process *process = keeper->processes; process; process = process->next) {
		forget(&process->removals, client);
		forget(&process->waiters, client);
	}
}
