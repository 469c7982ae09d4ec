/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_FILES_READ_H
#define AIRPLANT_FILES_READ_H

#include <sys/stat.h>

#include "files.h"

/* The reading half of the file worker: what is in the target may change at any moment, by a process that means no good. */

/* files-read-base.c. What a request is about: the current directory becomes its parent, `name` its last component. */
struct files_base {
	char name[NAME_MAX + 1]; /* "." for the target's root, or after a slash at the end */
};
/* -1 with the failure filled. A last component that is a link is not followed, unless a slash follows. */
int files_base(struct files *files, const char *what, const char *path, struct files_base *base);

/* files-read-walk.c */
struct files_walk;

/*
 * Called for each file, with the directory it lies in as the current one, and for a directory before what is in it. A directory is open
 * as `fd`, anything else is not (-1), and neither is a directory that is not entered because something is mounted there.
 * 0, or -1 with the failure filled.
 */
typedef int (*files_visit)(struct files_walk *walk, const char *name, const struct stat *status, int fd);

struct files_level;

struct files_walk {
	struct files *files;
	const char *what; /* of a failure */
	const char *base; /* its path, for failures too */
	files_visit visit;
	void *context;
	bool one_mount; /* directories on which something is mounted are not entered */
	char *path;	/* of the file that is visited, relative to the base */
	size_t path_size, path_room;
	int fd; /* the directory that the walk is in, which is the current one, too */
	struct files_level *levels;
	size_t depth, room;
	char *names; /* each with a NUL; those of the deepest level are the last */
	size_t names_size, names_room;
};

/* Visits the base and all below it, each directory's entries in the order of their bytes. */
int files_walk(struct files_walk *walk, const struct files_base *base);
/* A failure with the file that is visited. Returns -1. */
int files_walk_fail(struct files_walk *walk, int err, const char *detail);

/* files-read-links.c. First names of files that have several. */
struct files_link;

struct files_links {
	struct files_link *table;
	size_t count, room;
};
/* The first name that was added for this file, or NULL. */
const char *files_links_find(const struct files_links *links, const struct stat *status);
int files_links_add(struct files_links *links, const struct stat *status, const char *path);
void files_links_release(struct files_links *links);

/* files-read-xattr.c. An open file's attributes, or (fd -1) those of a name in the current directory, whose last component is not followed. */
struct files_xattr_source {
	int fd;
	const char *name;
	bool raw; /* without those of overlayfs, and with those that it keeps under other names under their own */
};
/* Adds them to the frame. -1 with errno; E2BIG when they do not fit into a frame. */
int files_put_xattrs(struct files *files, const struct files_xattr_source *source);
/* Whether overlayfs takes the directory as one that hides what lies below it. */
bool files_is_opaque(int fd);

/* files-read-entry.c */
struct files_item {
	enum files_kind kind;
	const char *path, *link;
	const struct stat *status;
	struct files_xattr_source xattrs; /* neither fd nor name: none */
};
/* -1 with errno, and no frame begun. */
int files_put_entry(struct files *files, const struct files_item *item);
enum files_kind files_kind_of(const struct stat *status);
/* The content of a symlink in the current directory. -1 with errno. */
int files_read_link(const char *name, char content[PATH_MAX]);
/* Opens a regular file of the current directory without waiting for anybody. Another one than was seen is ESTALE. */
int files_open_regular(const char *name, const struct stat *seen, struct stat *opened);

/* files-read-content.c. As many bytes as the status says, as data and hole frames. -1 with errno. */
int files_send_content(struct files *files, int fd, const struct stat *status);
/* The entry and the content of a file whose size is not known before it was read. -1 with errno; EFBIG above 16 MiB. */
int files_send_unsized(struct files *files, int fd, const struct files_item *item);

#endif
