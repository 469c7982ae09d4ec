/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_WRITE_ALL_H
#define AIRPLANT_WRITE_ALL_H

#include <stddef.h>

/* Writes all of it, however little the kernel takes at a time. -1 with errno. */
int write_all(int fd, const void *bytes, size_t size);

#endif
