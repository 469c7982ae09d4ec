/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "files-read.h"

/* A place is empty while it has no path. */
struct files_link {
	dev_t device;
	ino_t inode;
	char *path;
};

/* Knuth's multiplicative hash: inode numbers follow one another. */
static size_t place_of(dev_t device, ino_t inode, size_t room)
{
	return (size_t)(((uint64_t)inode ^ (uint64_t)device << 32) * 0x9e3779b97f4a7c15u >> 20) & (room - 1);
}

/* The file's own place, or the empty one where it belongs. The table is never full. */
static size_t find(const struct files_link *table, size_t room, dev_t device, ino_t inode)
{
	size_t at = place_of(device, inode, room);

	while (table[at].path && (table[at].device != device || table[at].inode != inode))
		at = (at + 1) & (room - 1);
	return at;
}

static int grow(struct files_links *links)
{
	size_t room = links->room ? 2 * links->room : 64;
	struct files_link *table = calloc(room, sizeof *table);

	if (!table)
		return -1;
	for (size_t i = 0; i < links->room; i++) {
		const struct files_link *old = &links->table[i];

		if (old->path)
			table[find(table, room, old->device, old->inode)] = *old;
	}
	free(links->table);
	links->table = table;
	links->room = room;
	return 0;
}

const char *files_links_find(const struct files_links *links, const struct stat *status)
{
	return links->room ? links->table[find(links->table, links->room, status->st_dev, status->st_ino)].path : NULL;
}

/* GCC 12's analyzer does not see that the table keeps the copy. */
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

int files_links_add(struct files_links *links, const struct stat *status, const char *path)
{
	size_t at;

	if (2 * links->count >= links->room && grow(links) < 0)
		return -1;
	at = find(links->table, links->room, status->st_dev, status->st_ino);
	if (links->table[at].path)
		return 0;
	links->table[at] = (struct files_link){ status->st_dev, status->st_ino, strdup(path) };
	if (!links->table[at].path)
		return -1;
	links->count++;
	return 0;
}

#pragma GCC diagnostic pop

void files_links_release(struct files_links *links)
{
	for (size_t i = 0; i < links->room; i++)
		free(links->table[i].path);
	free(links->table);
	*links = (struct files_links){ 0 };
}
