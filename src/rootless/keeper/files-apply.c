/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>

#include "files.h"

int files_apply(struct files *files, const struct files_frame *frame)
{
	(void)frame;
	return files_fail(files, ENOSYS, "begin", "", "%s", "");
}
