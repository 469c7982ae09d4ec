/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "user.h"

#include <string.h>

#define FIELDS_MOST 7

static struct piece cut(struct piece *rest, char separator)
{
	const char *end = rest->size ? memchr(rest->at, separator, rest->size) : NULL;
	struct piece first = { rest->at, end ? (size_t)(end - rest->at) : rest->size };
	size_t taken = first.size + (end ? 1 : 0);

	if (taken) {
		rest->at += taken;
		rest->size -= taken;
	}
	return first;
}

static bool equals(struct piece piece, const char *text)
{
	return strlen(text) == piece.size && memcmp(text, piece.at, piece.size) == 0;
}

bool user_number(struct piece text, uint32_t *number)
{
	uint64_t value = 0;

	if (text.size == 0 || text.size > 10)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.at[i] - '0');
	}
	*number = (uint32_t)value;
	return value < UINT32_MAX;
}

/* The next line with at least `least` fields and a name; false at the end of the file. */
static bool next_line(struct piece *file, size_t least, struct piece fields[FIELDS_MOST])
{
	while (file->size) {
		struct piece line = cut(file, '\n');
		size_t count = 0;

		memset(fields, 0, FIELDS_MOST * sizeof *fields);
		for (bool more = true; more && count < FIELDS_MOST; count++) {
			more = line.size && memchr(line.at, ':', line.size);
			fields[count] = cut(&line, ':');
		}
		if (count >= least && fields[0].size)
			return true;
	}
	return false;
}

bool user_find(struct piece passwd, const char *name, uid_t uid, struct account *account)
{
	struct piece fields[FIELDS_MOST];

	while (next_line(&passwd, 4, fields)) {
		uint32_t ids[2];

		if (!user_number(fields[2], &ids[0]) || !user_number(fields[3], &ids[1]))
			continue;
		if (name ? !equals(fields[0], name) : ids[0] != uid)
			continue;
		*account = (struct account){ .name = fields[0], .home = fields[5], .uid = ids[0], .gid = ids[1] };
		return true;
	}
	return false;
}

bool user_find_group(struct piece group, const char *name, gid_t *gid)
{
	struct piece fields[FIELDS_MOST];
	uint32_t id;

	while (next_line(&group, 3, fields)) {
		if (!equals(fields[0], name) || !user_number(fields[2], &id))
			continue;
		*gid = id;
		return true;
	}
	return false;
}

static bool lists(struct piece members, struct piece user)
{
	while (members.size) {
		struct piece member = cut(&members, ',');

		if (member.size == user.size && memcmp(member.at, user.at, user.size) == 0)
			return true;
	}
	return false;
}

int user_add_group(struct identity *identity, gid_t gid)
{
	for (size_t i = 0; i < identity->count; i++) {
		if (identity->groups[i] == gid)
			return 0;
	}
	if (identity->count == GROUPS_MOST)
		return -1;
	identity->groups[identity->count++] = gid;
	return 0;
}

int user_memberships(struct piece group, struct piece user, struct identity *identity)
{
	struct piece fields[FIELDS_MOST];
	uint32_t id;

	while (user.size && next_line(&group, 4, fields)) {
		if (user_number(fields[2], &id) && lists(fields[3], user) && user_add_group(identity, id) < 0)
			return -1;
	}
	return 0;
}
