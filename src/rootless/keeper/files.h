/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_FILES_H
#define AIRPLANT_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "wire.h"

/*
 * The file worker of docs/files.md: a process whose root is the target, and which serves one connection. Neither who sends the frames
 * nor who changes the target meanwhile is trusted.
 */

#define FILES_FRAME_MAX (1u << 20) /* body of any frame but `data` */
#define FILES_DATA_MAX (16u << 20)
#define FILES_ENTRY "uuuuuuuussb" /* fields of an entry, in this order: */

enum files_entry_field {
	E_KIND,
	E_MODE,
	E_UID,
	E_GID,
	E_MTIME,
	E_MTIME_NS,
	E_SIZE,
	E_DEVICE,
	E_PATH,
	E_LINK,
	E_XATTRS
};

enum files_frame_type {
	FILES_BEGIN = 1,
	FILES_ENTRY_FRAME,
	FILES_DATA,
	FILES_HOLE,
	FILES_FINISH,
	FILES_READ,
	FILES_STAT,
	FILES_REMOVE,
	FILES_USAGE,
	FILES_DONE = 100,
	FILES_ERROR,
};

enum files_kind {
	KIND_FILE,
	KIND_DIRECTORY,
	KIND_SYMLINK,
	KIND_HARDLINK,
	KIND_FIFO,
	KIND_CHARACTER,
	KIND_BLOCK,
	KIND_SOCKET,
	KIND_WHITEOUT,
	KIND_OPAQUE,
	KIND_COUNT,
};

struct files {
	int socket;
	int root; /* O_PATH, the target; also this process's root directory */
	uint8_t *in, *out;
	size_t start, end;  /* what is in `in` and not yet taken */
	uint32_t data_left; /* bytes of a data frame's body not yet taken */
	size_t used, room;  /* of `out` */
	size_t frame;	    /* where in `out` the frame that is being written begins */
	bool lost;	    /* nothing can be written any more */
	struct failure failure;
	char path[PATH_MAX]; /* which file the failure is about */
};

struct files_frame {
	uint8_t type;
	uint32_t size;
	const uint8_t *body; /* valid until the next files_receive; NULL for data, see files_piece */
};

/* files.c. The next frame; whatever is left of a data frame before it is skipped. 1, 0 at the end, -1 when it is malformed. */
int files_receive(struct files *files, struct files_frame *frame);
/* The next bytes of a data frame, where they lie. Their number, 0 when the frame is over, -1 when the connection is. */
ssize_t files_piece(struct files *files, const uint8_t **bytes);

/* files-answer.c. A frame is begun, filled field by field and ended. It leaves when enough has gathered, and at a flush. */
void files_begin(struct files *files, uint8_t type);
void files_put_u(struct files *files, uint64_t number);
void files_put_s(struct files *files, const char *text);
void files_put_b(struct files *files, const void *bytes, size_t size);
void files_put_raw(struct files *files, const void *bytes, size_t size);
/* A place for u32 whose value is known later, as an offset from the frame's begin. */
size_t files_reserve_u32(struct files *files);
void files_patch_u32(struct files *files, size_t offset, uint32_t value);
void files_end(struct files *files);
/* -1 when the other side is gone. */
int files_flush(struct files *files);
/* Fills in the failure that an `error` frame will tell, and returns -1. The last argument and what follows are for printf. */
int files_fail(struct files *files, int err, const char *what, const char *path, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * One function per request, from the frame that begins it to its answer, which the function has written when it returns 0. It returns
 * -1 with the failure filled by files_fail: the dispatcher then answers with the error.
 */
int files_apply(struct files *files, const struct files_frame *frame);
int files_read(struct files *files, const struct files_frame *frame);
int files_stat(struct files *files, const struct files_frame *frame);
int files_remove(struct files *files, const struct files_frame *frame);
int files_usage(struct files *files, const struct files_frame *frame);

/* files-serve.c. Serves one connection, which it owns, until its end. */
void files_serve(int socket, int root);

#endif
