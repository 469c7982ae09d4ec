/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernel.h"
#include "mount.h"

#define OPTION_MAX 255 /* fsconfig refuses longer values */
#define DATA_MAX 4096  /* mount(2) reads one page */

/* A directory of the overlay, by a name that the kernel takes as it is. */
static int layer_option(int context, const char *key, const char *path, struct failure *failure)
{
	cleanup_close int fd = -1;
	char short_name[32];

	if (strlen(path) <= OPTION_MAX && !strpbrk(path, "\\:,"))
		return mount_option(context, key, path, failure);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(failure, errno, NULL, "%s", path);
	snprintf(short_name, sizeof short_name, "/proc/self/fd/%d", fd);
	return mount_option(context, key, short_name, failure);
}

/* `unsupported` is set when this kernel takes layers only as one colon-separated text. */
static int configure(int context, const struct overlay *overlay, bool *unsupported, struct failure *failure)
{
	mount_option(context, "source", "overlay", failure);
	for (char *const *lower = overlay->lowers; *lower; lower++) {
		if (layer_option(context, "lowerdir+", *lower, failure) == 0)
			continue;
		*unsupported = lower == overlay->lowers && failure->err == EINVAL && strstr(failure->detail, "nknown");
		return -1;
	}
	if (*overlay->upper) {
		if (layer_option(context, "upperdir", overlay->upper, failure) < 0 ||
		    layer_option(context, "workdir", overlay->work, failure) < 0)
			return -1;
	}
	return mount_options(context, overlay->options, failure);
}

int mount_overlay(const struct overlay *overlay, struct failure *failure)
{
	cleanup_close int context = kernel_fsopen("overlay");
	bool unsupported = false;

	if (context < 0)
		return fail(failure, errno, NULL, "overlay");
	if (configure(context, overlay, &unsupported, failure) == 0)
		return mount_finish(context, overlay->attributes, failure);
	return unsupported ? mount_overlay_classic(overlay, failure) : -1;
}

/*
 * The text for mount(2). Its layers are named by descriptors, relative to /proc/self/fd: without anything to escape, and so short that
 * 500 of them fit.
 */
struct data {
	char text[DATA_MAX];
	size_t used;
};

static int append(struct data *data, const char *before, const char *text)
{
	int size = snprintf(data->text + data->used, sizeof data->text - data->used, "%s%s", before, text);

	if (size < 0 || (size_t)size >= sizeof data->text - data->used) {
		errno = E2BIG;
		return -1;
	}
	data->used += (size_t)size;
	return 0;
}

/* The descriptor stays open until the child executes: the text refers to it. */
static int append_layer(struct data *data, const char *before, const char *path, struct failure *failure)
{
	char name[16];
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(failure, errno, NULL, "%s", path);
	snprintf(name, sizeof name, "%d", fd);
	return append(data, before, name) < 0 ? fail(failure, errno, NULL, "too many layers") : 0;
}

static int compose(struct data *data, const struct overlay *overlay, struct failure *failure)
{
	for (char *const *lower = overlay->lowers; *lower; lower++) {
		if (append_layer(data, lower == overlay->lowers ? "lowerdir=" : ":", *lower, failure) < 0)
			return -1;
	}
	if (*overlay->upper) {
		if (append_layer(data, ",upperdir=", overlay->upper, failure) < 0 ||
		    append_layer(data, ",workdir=", overlay->work, failure) < 0)
			return -1;
	}
	for (char *const *option = overlay->options; *option; option++) {
		if (append(data, ",", *option) < 0)
			return fail(failure, errno, NULL, "options");
	}
	return 0;
}

/* The names in the text mean something only where the descriptors are listed. */
static int mount_by_text(const char *place, const char *text, struct failure *failure)
{
	cleanup_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (here < 0 || chdir("/proc/self/fd") < 0)
		return fail(failure, errno, NULL, "/proc/self/fd");
	err = mount("overlay", place, "overlay", 0, text) < 0 ? errno : 0;
	if (fchdir(here) < 0)
		return fail(failure, errno, NULL, "working directory");
	return err ? fail(failure, err, NULL, "overlay by mount(2): %.200s", text) : 0;
}

/*
 * mount(2) needs a place: a lower directory is covered for a moment, in a mount namespace of our own that shows the same as the
 * keeper's. The layers are opened there, because the kernel takes only those of the caller's namespace.
 */
int mount_overlay_classic(const struct overlay *overlay, struct failure *failure)
{
	struct data data = { .used = 0 };
	const char *place = overlay->lowers[0];
	cleanup_close int mount_fd = -1;

	if (!place)
		return fail(failure, EINVAL, NULL, "no lower directory");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return fail(failure, errno, NULL, "mount namespace for the overlay");
	if (compose(&data, overlay, failure) < 0)
		return -1;
	if (mount_by_text(place, data.text, failure) < 0)
		return -1;
	mount_fd = kernel_open_tree(AT_FDCWD, place, OPEN_TREE_CLONE);
	if (mount_fd < 0 || umount2(place, MNT_DETACH) < 0)
		return fail(failure, errno, NULL, "%s", place);
	if (overlay->attributes && kernel_mount_setattr(mount_fd, overlay->attributes, 0, false) < 0)
		return fail(failure, errno, NULL, "attributes of the overlay");
	return steal_fd(&mount_fd);
}
