/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "files-apply.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#define NO_MODE UINT64_MAX

enum { MODE_LAYER, MODE_MERGE };
enum { FLATTEN = 1, OVERWRITE = 2, KEEP_KINDS = 4, KEEP_DIRECTORIES = 8 };

/* The base is a directory of the root; slashes around it say nothing. */
static int begin(struct apply *apply, const struct field *fields)
{
	const char *base = fields[1].text + strspn(fields[1].text, "/");
	cleanup_close int fd = -1;
	size_t size = strlen(base);

	apply->layer = fields[0].number == MODE_LAYER;
	apply->flatten = fields[2].number & FLATTEN;
	apply->overwrite = apply->layer || (fields[2].number & OVERWRITE);
	apply->keep_kinds = fields[2].number & KEEP_KINDS;
	apply->keep_directories = fields[2].number & KEEP_DIRECTORIES;
	apply->most_entries = fields[3].number;
	apply->most_bytes = fields[4].number;
	apply->most_depth = fields[5].number;
	while (size && base[size - 1] == '/')
		size--;
	if (size >= PATH_MAX)
		return files_fail(apply->files, ENAMETOOLONG, "base", base, "%s", "");
	memcpy(apply->base, base, size);
	fd = apply_open(apply, "", 0, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return files_fail(apply->files, errno, "base", apply->base, "%s", "");
	apply->exact_modes = apply->layer && fgetxattr(fd, "system.posix_acl_default", NULL, 0) < 0;
	return 0;
}

/* What no entry may say whoever sent it. Only a file has a size, or its content would be taken for another's. */
static int check(struct apply *apply, const struct field *fields, const char *path)
{
	if (fields[E_KIND].number >= KIND_COUNT || fields[E_MTIME_NS].number > 999999999 ||
	    (fields[E_SIZE].number && fields[E_KIND].number != KIND_FILE) || fields[E_SIZE].number > INT64_MAX)
		return files_fail(apply->files, EPROTO, "protocol", path, "%s", "an entry that cannot be");
	if (apply->content.fd >= 0)
		return files_fail(apply->files, EPROTO, "protocol", apply->content.path, "%s",
				  "the content ends too early");
	if (++apply->entries > apply->most_entries)
		return files_fail(apply->files, EFBIG, "limit", path, "more than %llu entries",
				  (unsigned long long)apply->most_entries);
	return apply_check_path(apply, path, path);
}

static int take_entry(struct apply *apply, const struct files_frame *frame)
{
	struct field fields[sizeof FILES_ENTRY];
	struct entry entry;
	const char *slash;

	if (wire_decode(FILES_ENTRY, frame->body, frame->size, fields) < 0)
		return files_fail(apply->files, EPROTO, "protocol", "", "%s", "a malformed entry");
	if (check(apply, fields, fields[E_PATH].text) < 0)
		return -1;
	slash = strrchr(fields[E_PATH].text, '/');
	entry = (struct entry){
		.kind = (enum files_kind)fields[E_KIND].number,
		.mode = (mode_t)(fields[E_MODE].number & 07777),
		.uid = fields[E_UID].number,
		.gid = fields[E_GID].number,
		.size = fields[E_SIZE].number,
		.time = { .tv_sec = (time_t)fields[E_MTIME].number, .tv_nsec = (long)fields[E_MTIME_NS].number },
		.path = fields[E_PATH].text,
		.name = slash ? slash + 1 : fields[E_PATH].text,
		.parent_size = slash ? (size_t)(slash - fields[E_PATH].text) : 0,
		.link = fields[E_LINK].text,
		.xattrs = (const uint8_t *)fields[E_XATTRS].text,
		.xattrs_size = fields[E_XATTRS].size,
	};
	return apply_entry(apply, &entry);
}

static int take_hole(struct apply *apply, const struct files_frame *frame)
{
	struct field size;

	if (wire_decode("u", frame->body, frame->size, &size) < 0)
		return files_fail(apply->files, EPROTO, "protocol", "", "%s", "a malformed hole");
	return apply_hole(apply, size.number);
}

/* 1 after `finish`, 0 before, -1 with the failure filled. */
static int take(struct apply *apply, const struct files_frame *frame)
{
	switch (frame->type) {
	case FILES_ENTRY_FRAME: return take_entry(apply, frame);
	case FILES_DATA: return apply_data(apply, frame->size);
	case FILES_HOLE: return take_hole(apply, frame);
	case FILES_FINISH:
		if (apply->content.fd >= 0)
			return files_fail(apply->files, EPROTO, "protocol", apply->content.path, "%s",
					  "the content ends too early");
		return apply_all_later(apply) < 0 ? -1 : 1;
	default: return files_fail(apply->files, EPROTO, "protocol", "", "frame of type %u", frame->type);
	}
}

static void put_texts(struct files *files, const struct texts *texts)
{
	size_t offset = files_reserve_u32(files);

	for (size_t i = 0; i < texts->count; i++)
		files_put_s(files, texts->list[i]);
	files_patch_u32(files, offset, (uint32_t)texts->count);
}

static void answer(const struct apply *apply)
{
	struct files *files = apply->files;

	files_begin(files, FILES_DONE);
	files_put_u(files, apply->entries);
	files_put_u(files, apply->bytes);
	files_put_u(files, apply->root_mode);
	files_put_u(files, apply->marked_by_files);
	put_texts(files, &apply->devices);
	put_texts(files, &apply->warnings);
	files_end(files);
}

static void release(struct apply *apply)
{
	apply_drop_content(apply);
	apply_forget_parent(apply);
	free(apply->later.bytes);
	free(apply->made.slots);
	for (size_t i = 0; i < apply->devices.count; i++)
		free(apply->devices.list[i]);
	for (size_t i = 0; i < apply->warnings.count; i++)
		free(apply->warnings.list[i]);
	free(apply);
}

static int run(struct apply *apply, const struct files_frame *first)
{
	struct field fields[6];
	struct files_frame frame;
	int result;

	if (wire_decode("usuuuu", first->body, first->size, fields) < 0 || fields[0].number > MODE_MERGE)
		return files_fail(apply->files, EPROTO, "protocol", "", "%s", "a malformed begin");
	if (begin(apply, fields) < 0)
		return -1;
	for (;;) {
		if (files_receive(apply->files, &frame) <= 0) {
			apply->files->lost = true;
			return 0;
		}
		result = take(apply, &frame);
		if (result < 0)
			return -1;
		if (result > 0)
			break;
	}
	answer(apply);
	return 0;
}

/* A failure is told at once, by the dispatcher: the frames that are on the way are none of its business, see files-serve.c. */
int files_apply(struct files *files, const struct files_frame *frame)
{
	struct apply *apply = calloc(1, sizeof *apply);
	int result;

	if (!apply)
		return files_fail(files, ENOMEM, "begin", "", "%s", "");
	apply->files = files;
	apply->parent.fd = apply->content.fd = -1;
	apply->root_mode = NO_MODE;
	result = run(apply, frame);
	release(apply);
	return result;
}
