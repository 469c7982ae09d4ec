/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "files-apply.h"
#include "write-all.h"

/* The content of the file that the last entry began. */

void apply_drop_content(struct apply *apply)
{
	cleanup_close_(&apply->content.fd);
	apply->content.fd = -1;
	free(apply->content.xattrs);
	apply->content.xattrs = NULL;
}

int apply_begin_content(struct apply *apply, const struct entry *entry, int fd)
{
	struct content *content = &apply->content;

	content->fd = fd;
	content->left = entry->size;
	content->offset = 0;
	content->ends_in_hole = false;
	content->entry = *entry;
	content->entry.path = content->path;
	content->entry.name = content->path + (entry->name - entry->path);
	strcpy(content->path, entry->path); /* apply_check_path knows that it fits */
	if (!entry->xattrs_size)
		return 0;
	content->xattrs = malloc(entry->xattrs_size);
	if (!content->xattrs)
		return apply_fail(apply, entry, "create");
	memcpy(content->xattrs, entry->xattrs, entry->xattrs_size);
	content->entry.xattrs = content->xattrs;
	return 0;
}

static int take(struct apply *apply, uint64_t size)
{
	struct content *content = &apply->content;

	if (content->fd < 0 || size > content->left)
		return files_fail(apply->files, EPROTO, "protocol", content->fd < 0 ? "" : content->path, "%s",
				  "more content than the entry said");
	content->left -= size;
	content->offset += size;
	return 0;
}

static int finish_when_complete(struct apply *apply)
{
	struct content *content = &apply->content;
	int fd = content->fd, result;

	if (content->left)
		return 0;
	if (content->ends_in_hole && ftruncate(fd, (off_t)content->offset) < 0)
		return apply_fail(apply, &content->entry, "write");
	content->fd = -1;
	result = apply_finish_file(apply, &content->entry, fd);
	apply_drop_content(apply);
	return result;
}

int apply_data(struct apply *apply, uint32_t size)
{
	struct content *content = &apply->content;
	const uint8_t *bytes;
	ssize_t got;

	if (size == 0)
		return 0;
	if (take(apply, size) < 0)
		return -1;
	apply->bytes += size;
	if (apply->bytes > apply->most_bytes)
		return files_fail(apply->files, EFBIG, "limit", content->path, "more than %llu bytes",
				  (unsigned long long)apply->most_bytes);
	while ((got = files_piece(apply->files, &bytes)) > 0) {
		if (write_all(content->fd, bytes, (size_t)got) < 0)
			return apply_fail(apply, &content->entry, "write");
	}
	if (got < 0)
		return files_fail(apply->files, EPIPE, "protocol", content->path, "%s", "");
	content->ends_in_hole = false;
	return finish_when_complete(apply);
}

int apply_hole(struct apply *apply, uint64_t size)
{
	struct content *content = &apply->content;

	if (size == 0)
		return 0;
	if (take(apply, size) < 0)
		return -1;
	if (content->offset > INT64_MAX || lseek(content->fd, (off_t)content->offset, SEEK_SET) < 0)
		return apply_fail(apply, &content->entry, "write");
	content->ends_in_hole = true;
	return finish_when_complete(apply);
}
