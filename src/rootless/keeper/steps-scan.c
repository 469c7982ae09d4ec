/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "overflow-id.h"
#include "steps.h"

#define OPEN_DIRECTORIES 32

/* nftw has no room for a context; this child scans one tree and ends. */
static struct {
	unsigned overflow;
	uint64_t left;
	size_t prefix;
} scan;

static int visit(const char *path, const struct stat *stat_, int type, struct FTW *level)
{
	(void)type;
	(void)level;
	if (stat_->st_uid != scan.overflow && stat_->st_gid != scan.overflow)
		return 0;
	path += strlen(path) > scan.prefix ? scan.prefix : strlen(path);
	if (fwrite(*path ? path : "/", *path ? strlen(path) + 1 : 2, 1, stdout) != 1)
		return -1;
	return --scan.left == 0;
}

/*
 * Lists what may belong to IDs outside the mapping. Only candidates: the overflow ID may be mapped as well, which the host's view
 * tells apart.
 */
int step_scanOwners(struct child *child, const struct field *args, struct failure *failure)
{
	(void)child;
	scan.overflow = overflow_id();
	scan.left = args[1].number ? args[1].number : 1;
	scan.prefix = strlen(args[0].text);
	if (nftw(args[0].text, visit, OPEN_DIRECTORIES, FTW_PHYS | FTW_MOUNT) < 0)
		return fail(failure, errno, NULL, "%s", args[0].text);
	return fflush(stdout) == 0 ? 0 : fail(failure, errno, NULL, "stdout");
}
