/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "wire.h"

#include <stdlib.h>
#include <string.h>

/* What is left to read. */
struct reader {
	const uint8_t *next;
	size_t left;
};

/* Little endian, whatever the alignment. */
static int read_number(struct reader *reader, size_t bytes, uint64_t *value)
{
	if (reader->left < bytes)
		return -1;
	*value = 0;
	for (size_t i = 0; i < bytes; i++)
		*value |= (uint64_t)reader->next[i] << (8 * i);
	reader->next += bytes;
	reader->left -= bytes;
	return 0;
}

static int read_bytes(struct reader *reader, const char **bytes, size_t *size)
{
	uint64_t length;

	if (read_number(reader, 4, &length) < 0 || length > reader->left)
		return -1;
	*bytes = (const char *)reader->next;
	*size = (size_t)length;
	reader->next += length;
	reader->left -= (size_t)length;
	return 0;
}

/* A text with a NUL inside would be shorter for the kernel than for whoever checked it. */
static int read_text(struct reader *reader, const char **text, size_t *size)
{
	if (read_bytes(reader, text, size) < 0 || reader->left == 0 || *reader->next != 0 || memchr(*text, 0, *size))
		return -1;
	reader->next++;
	reader->left--;
	return 0;
}

/* The count is believed only as far as the bytes could hold that many: a text takes five at least. */
static int read_list(struct reader *reader, struct field *field)
{
	const char *text;
	size_t size;

	if (read_number(reader, 4, &field->number) < 0 || field->number > reader->left / 5)
		return -1;
	field->list = calloc((size_t)field->number + 1, sizeof *field->list);
	if (!field->list)
		return -1;
	for (size_t i = 0; i < field->number; i++) {
		if (read_text(reader, &text, &size) < 0)
			return -1;
		field->list[i] = (char *)text;
	}
	return 0;
}

static int read_field(struct reader *reader, char type, struct field *field)
{
	switch (type) {
	case 'u': return read_number(reader, 8, &field->number);
	case 's': return read_text(reader, &field->text, &field->size);
	case 'b': return read_bytes(reader, &field->text, &field->size);
	case 'v': return read_list(reader, field);
	default: return -1;
	}
}

int wire_decode(const char *signature, const uint8_t *bytes, size_t size, struct field *fields)
{
	struct reader reader = { bytes, size };
	size_t count = strlen(signature);

	if (count > FIELDS_MAX)
		return -1;
	memset(fields, 0, count * sizeof *fields);
	for (size_t i = 0; i < count; i++) {
		if (read_field(&reader, signature[i], &fields[i]) < 0) {
			wire_release(signature, fields);
			return -1;
		}
	}
	if (reader.left) {
		wire_release(signature, fields);
		return -1;
	}
	return 0;
}

void wire_release(const char *signature, struct field *fields)
{
	for (size_t i = 0; signature[i]; i++) {
		if (signature[i] != 'v')
			continue;
		free(fields[i].list);
		fields[i].list = NULL;
	}
}
