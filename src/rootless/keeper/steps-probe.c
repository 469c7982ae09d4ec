/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "mount.h"
#include "steps.h"

/*
 * Whether overlayfs works below a directory, by using it: a mount that succeeds does not say that whiteouts and opaque
 * directories can be written there, or are understood. Nothing is attached; what was made stays, in the helper's scratch directory.
 */

static int make_file(int directory, const char *name)
{
	cleanup_close int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd < 0 ? -1 : (int)(write(fd, "x", 1) - 1);
}

static int make_directories(int directory)
{
	static const char *const names[] = { "top",	      "bottom",	      "upper",
					     "work",	      "top/opaque",   "bottom/opaque",
					     "bottom/merged", "bottom/plain", "upper/plain" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (mkdirat(directory, names[i], 0755) < 0)
			return -1;
	}
	return 0;
}

/* Two layers in the form in which the image store keeps whiteouts and opaque directories. */
static int make_layers(int directory, const char *path, struct failure *failure)
{
	char opaque[PATH_MAX];

	if (make_directories(directory) < 0 || make_file(directory, "bottom/gone") < 0 ||
	    make_file(directory, "bottom/opaque/hidden") < 0 || make_file(directory, "bottom/changed") < 0 ||
	    make_file(directory, "bottom/merged/inner") < 0)
		return fail(failure, errno, NULL, "%s: layers", path);
	if (mknodat(directory, "top/gone", S_IFCHR, makedev(0, 0)) < 0)
		return fail(failure, errno, NULL, "%s: whiteout", path);
	if (snprintf(opaque, sizeof opaque, "%s/top/opaque", path) >= (int)sizeof opaque)
		return fail(failure, ENAMETOOLONG, NULL, "%s", path);
	if (setxattr(opaque, "user.overlay.opaque", "y", 1, 0) < 0)
		return fail(failure, errno, NULL, "%s: opaque directory", path);
	return 0;
}

static int mount_layers(const char *path, struct failure *failure)
{
	char names[4][PATH_MAX];
	static const char *const directories[4] = { "top", "bottom", "upper", "work" };
	char *lowers[] = { names[0], names[1], NULL }, userxattr[] = "userxattr", *options[] = { userxattr, NULL };
	struct overlay overlay = { .lowers = lowers, .upper = names[2], .work = names[3], .options = options };

	for (int i = 0; i < 4; i++) {
		if (snprintf(names[i], sizeof names[i], "%s/%s", path, directories[i]) >= (int)sizeof names[i])
			return fail(failure, ENAMETOOLONG, NULL, "%s", path);
	}
	return mount_overlay(&overlay, failure);
}

static bool is_gone(int merged, const char *name)
{
	return faccessat(merged, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static int use_overlay(int merged, int directory, struct failure *failure)
{
	struct stat stat;
	cleanup_close int changed = -1;

	if (!is_gone(merged, "gone"))
		return fail(failure, ENOTSUP, NULL, "a whiteout hides nothing");
	if (!is_gone(merged, "opaque/hidden"))
		return fail(failure, ENOTSUP, NULL, "an opaque directory hides nothing");
	changed = openat(merged, "changed", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (changed < 0 || write(changed, "x", 1) != 1)
		return fail(failure, errno, NULL, "copying a file up");
	if (renameat(merged, "changed", merged, "plain/renamed") < 0)
		return fail(failure, errno, NULL, "renaming");
	if (fstatat(directory, "upper/changed", &stat, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISCHR(stat.st_mode) ||
	    stat.st_rdev != 0)
		return fail(failure, ENOTSUP, NULL, "renaming left no whiteout");
	if (unlinkat(merged, "merged/inner", 0) < 0 || unlinkat(merged, "merged", AT_REMOVEDIR) < 0)
		return fail(failure, errno, NULL, "removing a directory");
	if (mkdirat(merged, "merged", 0755) < 0 || !is_gone(merged, "merged/inner"))
		return fail(failure, ENOTSUP, NULL, "a directory made again shows what was removed");
	return 0;
}

int step_probeOverlay(struct child *child, const struct field *args, struct failure *failure)
{
	const char *path = args[0].text;
	cleanup_close int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), merged = -1;

	(void)child;
	if (directory < 0)
		return fail(failure, errno, NULL, "%s", path);
	if (make_layers(directory, path, failure) < 0)
		return -1;
	merged = mount_layers(path, failure);
	return merged < 0 ? -1 : use_overlay(merged, directory, failure);
}
