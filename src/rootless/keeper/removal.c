/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

/* Anyone may ask for a removal, also several at once; each is answered under the id of its own request when it is done. */
struct removal {
	struct removal *next;
	struct client *client;
	uint32_t id;
};

int removal_ask(struct process *process, struct client *client, uint32_t id)
{
	struct removal *removal = calloc(1, sizeof *removal);

	if (!removal)
		return -1;
	*removal = (struct removal){ .next = process->removals, .client = client, .id = id };
	process->removals = removal;
	return 0;
}

void removal_answer(struct process *process)
{
	while (process->removals) {
		struct removal *removal = process->removals;

		process->removals = removal->next;
		client_send(removal->client, OK, removal->id, NULL, 0);
		free(removal);
	}
}

void removal_forget(struct keeper *keeper, const struct client *client)
{
	for (struct process *process = keeper->processes; process; process = process->next) {
		for (struct removal **link = &process->removals; *link;) {
			struct removal *removal = *link;

			if (removal->client != client) {
				link = &removal->next;
				continue;
			}
			*link = removal->next;
			free(removal);
		}
	}
}
