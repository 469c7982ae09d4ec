/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "write-all.h"

#include <errno.h>
#include <unistd.h>

int write_all(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		ssize_t written = write(fd, at, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		at += written;
		size -= (size_t)written;
	}
	return 0;
}
