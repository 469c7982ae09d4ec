/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

int fail(struct failure *failure, int err, const char *what, const char *format, ...)
{
	va_list args;

	failure->err = err;
	if (what)
		snprintf(failure->what, sizeof failure->what, "%s", what);
	va_start(args, format);
	vsnprintf(failure->detail, sizeof failure->detail, format, args);
	va_end(args);
	return -1;
}
