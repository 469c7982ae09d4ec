/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "client.h"

/* Room for more bytes at the end; the keeper cannot go on without memory, and dying frees all that it holds. */
void bytes_grow(uint8_t **bytes, size_t *room, size_t needed)
{
	size_t size = *room ? *room : 4096;
	uint8_t *more;

	if (needed <= *room)
		return;
	while (size < needed)
		size *= 2;
	more = realloc(*bytes, size);
	if (!more)
		abort();
	*bytes = more;
	*room = size;
}

static void body_raw(struct body *body, const void *bytes, size_t size)
{
	bytes_grow(&body->bytes, &body->room, body->size + size);
	if (size)
		memcpy(body->bytes + body->size, bytes, size);
	body->size += size;
}

void body_number(struct body *body, uint64_t number)
{
	body_raw(body, &number, sizeof number);
}

void body_bytes(struct body *body, const void *bytes, size_t size)
{
	uint32_t count = (uint32_t)size;

	body_raw(body, &count, sizeof count);
	body_raw(body, bytes, size);
}

void body_text(struct body *body, const char *text)
{
	uint32_t count = (uint32_t)strlen(text);

	body_raw(body, &count, sizeof count);
	body_raw(body, text, count + 1);
}

void client_answer(struct client *client, uint32_t id, struct body *body)
{
	client_send(client, OK, id, body->bytes, body->size);
	free(body->bytes);
	*body = (struct body){ 0 };
}

void client_fail(struct client *client, uint32_t id, const struct failure *failure)
{
	struct body body = { 0 };

	body_number(&body, failure->step);
	body_text(&body, failure->what);
	body_number(&body, (uint64_t)failure->err);
	body_text(&body, failure->detail);
	client_send(client, ERROR, id, body.bytes, body.size);
	free(body.bytes);
}
