/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "steps.h"

/* Covers the directory that the path is in, for this process alone. */
static int cover(const char *path, struct failure *failure)
{
	const char *end = strrchr(path, '/');
	char directory[PATH_MAX];

	if (!end || end == path || (size_t)(end - path) >= sizeof directory)
		return fail(failure, EINVAL, NULL, "%s", path);
	memcpy(directory, path, (size_t)(end - path));
	directory[end - path] = '\0';
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail(failure, errno, "unshare", "mount namespace");
	if (mount("tmpfs", directory, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=755") < 0)
		return fail(failure, errno, NULL, "%s", directory);
	return 0;
}

/*
 * For programs that close what they inherit and know networks by path only. AppArmor lets them open but a few paths, none of which may
 * be changed on the host: so it is changed in a mount namespace of their own.
 */
int step_showNetwork(struct child *child, const struct field *args, struct failure *failure)
{
	int network = slot_get(child, args[0].number, failure);
	const char *path = args[1].text;
	cleanup_close int file = -1;
	char source[64];

	if (network < 0)
		return -1;
	if (child->entered)
		return fail(failure, EINVAL, NULL, "the host is out of reach");
	if (cover(path, failure) < 0)
		return -1;
	file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	snprintf(source, sizeof source, "/proc/self/fd/%d", network);
	if (file < 0 || mount(source, path, NULL, MS_BIND, NULL) < 0)
		return fail(failure, errno, NULL, "%s", path);
	return 0;
}
