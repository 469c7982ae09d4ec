/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_LOG_H
#define AIRPLANT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bounded log of a process: a ring of records; positions count from the beginning of time. */
struct log {
	uint8_t *ring;
	size_t limit;
	uint64_t start, end;
	uint64_t dropped; /* bytes of output that fell out at the start */
};

#define LOG_HEADER 13 /* u8 stream, u64 time in ms, u32 size: as in a `log` frame */

int log_open(struct log *log, size_t limit);
void log_close(struct log *log);
void log_append(struct log *log, uint8_t stream, const uint8_t *bytes, size_t size);
/* Copies whole records from the position on, at most room bytes; moves the position; adds the output's bytes to *output. */
size_t log_read(const struct log *log, uint64_t *position, uint8_t *bytes, size_t room, uint64_t *output);

#endif
