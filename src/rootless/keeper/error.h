/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_ERROR_H
#define AIRPLANT_ERROR_H

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* Why something did not work: filled by whoever noticed, passed up as it is, told to the client in an `error` frame. */
struct failure {
	uint64_t step; /* index in the plan, NO_STEP when it was none */
	int err;       /* errno */
	char what[32]; /* the step or action, a word of docs/protocol.md */
	char detail[256];
};

#define NO_STEP UINT64_MAX

/* Fills the failure (what may be NULL: left as it was) and returns -1, so that callers can `return fail(...)`. */
int fail(struct failure *failure, int err, const char *what, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static inline void cleanup_close_(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static inline void cleanup_free_(void *pointer)
{
	free(*(void **)pointer);
}
#define cleanup_close __attribute__((cleanup(cleanup_close_)))
#define cleanup_free __attribute__((cleanup(cleanup_free_)))

/* Takes the descriptor out of a cleanup_close variable. */
static inline int steal_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

#endif
