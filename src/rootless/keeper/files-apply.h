/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_FILES_APPLY_H
#define AIRPLANT_FILES_APPLY_H

#include <fcntl.h>
#include <sys/stat.h>

#include "files.h"

/* Writing entries into the target, see "What an apply does" in docs/files.md. */

/* An entry frame, checked: the numbers fit their types, and the path is one that can be used. */
struct entry {
	enum files_kind kind;
	mode_t mode;
	uint64_t uid, gid, size;
	struct timespec time;
	const char *path, *name; /* the name is the path's end */
	size_t parent_size;	 /* of the path before the name, without the slash */
	const char *link;
	const uint8_t *xattrs;
	size_t xattrs_size;
};

enum hidden { HIDDEN_UNKNOWN, HIDDEN_NO, HIDDEN_YES };

/* The directory that the last entry was in: most follow one another in the same. */
struct parent {
	int fd; /* -1: none */
	size_t size;
	char path[PATH_MAX];
	bool stale;	    /* something was taken away since: the path may lead elsewhere now */
	bool of_root;	    /* what is made in it gets root's group */
	enum hidden hidden; /* whether lower layers show through it: nothing to hide then */
};

/* The file whose content is awaited: its entry outlives the frame that it came in. */
struct content {
	int fd; /* -1: none */
	uint64_t left, offset;
	bool ends_in_hole;
	struct entry entry;
	char path[PATH_MAX];
	uint8_t *xattrs;
};

/* Bytes, one record after another; or a hash table. */
struct heap {
	uint8_t *bytes;
	size_t size, room;
};

#define DEVICES_MOST 1000
#define WARNINGS_MOST 100

struct texts {
	char *list[DEVICES_MOST];
	size_t count;
};

struct apply {
	struct files *files;
	bool layer, flatten, overwrite;
	bool keep_kinds, keep_directories; /* of what was there before */
	bool exact_modes; /* a new file has the mode that it was made with: no default ACL changes it */
	uint64_t most_entries, most_bytes, most_depth;
	uint64_t entries, bytes, root_mode;
	bool marked_by_files, warned_attribute, warned_link;
	char base[PATH_MAX];
	struct parent parent;
	struct content content;
	struct heap later; /* directories whose mode and times are set at the end */
	struct {
		uint64_t *slots;
		size_t count, room;
	} made; /* hashes of the paths that this apply has made, merge only */
	struct texts devices, warnings;
};

/* files-path.c. All paths of an apply are relative to its base. */

/* Whether it is a relative path without empty, "." or ".." components. Fills in the failure. */
int apply_check_path(struct apply *apply, const char *path, const char *whose);
/* As path_open, below the base. */
int apply_open(struct apply *apply, const char *path, size_t size, int flags);
/* The directory of the entry's name, made where missing; owned by the cache. */
int apply_parent(struct apply *apply, const struct entry *entry);
void apply_forget_parent(struct apply *apply);
/* Takes over a descriptor of the directory at the path, in which the next entries probably are. */
void apply_keep_parent(struct apply *apply, const char *path, int fd, const struct stat *status);
/* Makes the directory with its parents. Gives a descriptor of it. */
int apply_make_directory(struct apply *apply, const char *path, size_t size);
/* Takes away what is in the entry's place, if that is allowed. */
int apply_replace(struct apply *apply, int parent, const struct entry *entry);

/* files-entry.c. Makes one file; the content of one with a size comes later. */
int apply_entry(struct apply *apply, const struct entry *entry);

/* files-content.c */
int apply_data(struct apply *apply, uint32_t size);
int apply_hole(struct apply *apply, uint64_t size);
/* The entry is one that a content follows; takes the descriptor. */
int apply_begin_content(struct apply *apply, const struct entry *entry, int fd);
void apply_drop_content(struct apply *apply);

/* files-attributes.c. What was made just now in apply->parent is root's, which saves most of the calls. */
int apply_owner(struct apply *apply, const struct entry *entry, int fd, bool is_new);
/* The same by name, for what cannot be opened. */
int apply_owner_at(struct apply *apply, const struct entry *entry, int parent);
mode_t apply_mode(const struct apply *apply, const struct entry *entry);
/* The failure of the last system call. */
int apply_fail(struct apply *apply, const struct entry *entry, const char *what);
/* Content, owner and mode of a new file are set last to first, because each takes away something of the next. */
int apply_finish_file(struct apply *apply, const struct entry *entry, int fd);

/* files-later.c: directories get mode and times when all is in them. */
int apply_later(struct apply *apply, const struct entry *entry, const struct stat *status);
int apply_all_later(struct apply *apply);

/* files-xattr.c. `later`: only those that would change what is made in the directory from now on; else all but those. */
int apply_xattrs(struct apply *apply, const char *path, const uint8_t *bytes, size_t size, int fd, bool is_directory,
		 bool later);
bool apply_has_later_xattrs(const uint8_t *bytes, size_t size);
void apply_warn(struct apply *apply, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* files-whiteout.c */
bool apply_is_whiteout(const struct stat *status);
int apply_whiteout(struct apply *apply, const struct entry *entry);
int apply_opaque(struct apply *apply, const struct entry *entry);
/* Lower layers do not show through the directory any more. */
int apply_mark_opaque(struct apply *apply, int fd, const char *path);
/* Makes an opaque directory of a whiteout among the path's components. 1 when there was one, else 0. */
int apply_revive(struct apply *apply, const char *path, size_t size);

/* files-merge.c: the same where lower layers were merged into the target already. */
int apply_note_made(struct apply *apply, const char *path);
int apply_merge_whiteout(struct apply *apply, const struct entry *entry);
int apply_merge_opaque(struct apply *apply, const struct entry *entry);

#endif
