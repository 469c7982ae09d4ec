/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_MOUNT_H
#define AIRPLANT_MOUNT_H

#include <stdint.h>

#include "error.h"

/* Mounts that are nowhere attached yet. All return a descriptor (close-on-exec), or -1 with the failure filled. */

/* A new file system; options are "key=value" or "flag". */
int mount_new(const char *type, char *const *options, uint64_t attributes, struct failure *failure);

struct overlay {
	char *const *lowers; /* top first */
	const char *upper;   /* "": read-only */
	const char *work;
	char *const *options;
	uint64_t attributes;
};

/* An overlay as the kernel offers it: by file system context from Linux 6.5 on, by mount(2) before. */
int mount_overlay(const struct overlay *overlay, struct failure *failure);
/* Only the latter. Leaves the caller in a mount namespace of its own. */
int mount_overlay_classic(const struct overlay *overlay, struct failure *failure);

/* The context's options one by one; for both of the above. */
int mount_options(int context, char *const *options, struct failure *failure);
int mount_option(int context, const char *key, const char *value, struct failure *failure);
int mount_finish(int context, uint64_t attributes, struct failure *failure);

#endif
