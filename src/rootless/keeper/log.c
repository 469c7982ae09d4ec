/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "log.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

/*
 * Memory of a log is reserved as a whole and touched only as far as it was written. It is not inherited by children: a fork
 * copies the page tables of all that is mapped, and with 200 full logs that would cost each start a millisecond.
 */
int log_open(struct log *log, size_t limit)
{
	void *ring = mmap(NULL, limit, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (ring == MAP_FAILED)
		return -1;
	madvise(ring, limit, MADV_DONTFORK);
	*log = (struct log){ .ring = ring, .limit = limit };
	return 0;
}

void log_close(struct log *log)
{
	if (log->ring)
		munmap(log->ring, log->limit);
	log->ring = NULL;
}

static void ring_write(struct log *log, const void *bytes, size_t size)
{
	size_t at = log->end % log->limit;
	size_t first = size < log->limit - at ? size : log->limit - at;

	memcpy(log->ring + at, bytes, first);
	memcpy(log->ring, (const uint8_t *)bytes + first, size - first);
	log->end += size;
}

static void ring_read(const struct log *log, uint64_t position, void *bytes, size_t size)
{
	size_t at = position % log->limit;
	size_t first = size < log->limit - at ? size : log->limit - at;

	memcpy(bytes, log->ring + at, first);
	memcpy((uint8_t *)bytes + first, log->ring, size - first);
}

static uint32_t record_size(const struct log *log, uint64_t position)
{
	uint32_t size;

	ring_read(log, position + 9, &size, sizeof size);
	return size;
}

static void make_room(struct log *log, size_t size)
{
	while (log->end - log->start + size > log->limit) {
		uint32_t oldest = record_size(log, log->start);

		log->start += LOG_HEADER + oldest;
		log->dropped += oldest;
	}
}

void log_append(struct log *log, uint8_t stream, const uint8_t *bytes, size_t size)
{
	size_t most = log->limit / 4;
	struct timespec now;
	uint8_t header[LOG_HEADER];
	uint64_t milliseconds;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	milliseconds = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	while (size > 0) {
		uint32_t part = (uint32_t)(size < most ? size : most);

		make_room(log, LOG_HEADER + part);
		header[0] = stream;
		memcpy(header + 1, &milliseconds, 8);
		memcpy(header + 9, &part, 4);
		ring_write(log, header, sizeof header);
		ring_write(log, bytes, part);
		bytes += part;
		size -= part;
	}
}

size_t log_read(const struct log *log, uint64_t *position, uint8_t *bytes, size_t room, uint64_t *output)
{
	size_t done = 0;

	while (*position < log->end) {
		size_t size = LOG_HEADER + record_size(log, *position);

		if (done + size > room)
			break;
		ring_read(log, *position, bytes + done, size);
		*output += size - LOG_HEADER;
		*position += size;
		done += size;
	}
	return done;
}
