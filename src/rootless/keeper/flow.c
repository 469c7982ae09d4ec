/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

/* Frames of streams: they have no answer, and what they are for may be gone already. */

/* More than there can be is as good as all; a sum that wrapped would stop the stream for ever. */
static void add_credit(uint64_t *credit, uint64_t bytes)
{
	*credit = bytes > UINT64_MAX - *credit ? UINT64_MAX : *credit + bytes;
}

/* Credit for a stream of a process, or for a log subscription. Late credit for something gone is no error. */
int flow_credit(struct client *client, uint32_t id, const uint8_t *body, size_t size)
{
	struct field fields[2];
	struct process *process;
	struct follower *follower;

	if (wire_decode("uu", body, size, fields) < 0)
		return -1;
	if (fields[0].number == 3) {
		follower = follow_find(client->keeper, client, id);
		if (!follower)
			return 0;
		add_credit(&follower->credit, fields[1].number);
		follow_serve(follower->process);
		return 0;
	}
	process = process_find(client->keeper, id);
	if (!process || process->owner != client || fields[0].number < 1 || fields[0].number > 2)
		return 0;
	add_credit(&process->output[fields[0].number - 1].credit, fields[1].number);
	process_go_on(process);
	return 0;
}

int flow_input(struct client *client, uint16_t type, uint32_t id, const uint8_t *body, size_t size)
{
	struct process *process = process_find(client->keeper, id);

	if (!process || process->owner != client || !process->input.process)
		return 0;
	if (type == STDIN)
		return input_write(&process->input, body, size);
	input_finish(&process->input);
	return 0;
}
