/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>

#include "files.h"

int files_read(struct files *files, const struct files_frame *frame)
{
	(void)frame;
	return files_fail(files, ENOSYS, "read", "", "%s", "");
}

int files_stat(struct files *files, const struct files_frame *frame)
{
	(void)frame;
	return files_fail(files, ENOSYS, "stat", "", "%s", "");
}

int files_remove(struct files *files, const struct files_frame *frame)
{
	(void)frame;
	return files_fail(files, ENOSYS, "remove", "", "%s", "");
}

int files_usage(struct files *files, const struct files_frame *frame)
{
	(void)frame;
	return files_fail(files, ENOSYS, "usage", "", "%s", "");
}
