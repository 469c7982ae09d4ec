/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "overflow-id.h"

#include <stdio.h>

#define DEFAULT_OVERFLOW_ID 65534

unsigned int overflow_id(void)
{
	FILE *file = fopen("/proc/sys/kernel/overflowuid", "re");
	unsigned int id = DEFAULT_OVERFLOW_ID;

	if (file && fscanf(file, "%u", &id) != 1)
		id = DEFAULT_OVERFLOW_ID;
	if (file)
		fclose(file);
	return id;
}
