/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "mount.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernel.h"

/*
 * Adds the kernel's own words to a failure: each read of the context gives one message, "e <why>" for errors. errno alone
 * is EINVAL for nearly everything that can be wrong about a mount.
 */
static int explain(int context, int err, struct failure *failure, const char *subject)
{
	char message[200];
	size_t used;
	ssize_t size;

	fail(failure, err, NULL, "%s", subject);
	while ((size = read(context, message, sizeof message - 1)) > 0) {
		message[size] = 0;
		message[strcspn(message, "\n")] = 0;
		used = strlen(failure->detail);
		if (message[0] == 'e' && message[1] == ' ')
			snprintf(failure->detail + used, sizeof failure->detail - used, ": %s", message + 2);
	}
	return -1;
}

int mount_option(int context, const char *key, const char *value, struct failure *failure)
{
	char subject[160];
	int err;

	if (kernel_fsconfig(context, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value) == 0)
		return 0;
	err = errno;
	snprintf(subject, sizeof subject, "%s%s%s", key, value ? "=" : "", value ? value : "");
	return explain(context, err, failure, subject);
}

int mount_options(int context, char *const *options, struct failure *failure)
{
	for (; *options; options++) {
		const char *value = strchr(*options, '=');
		char key[64];

		if (!value) {
			if (mount_option(context, *options, NULL, failure) < 0)
				return -1;
			continue;
		}
		if ((size_t)(value - *options) >= sizeof key)
			return fail(failure, EINVAL, NULL, "option %s", *options);
		memcpy(key, *options, (size_t)(value - *options));
		key[value - *options] = 0;
		if (mount_option(context, key, value + 1, failure) < 0)
			return -1;
	}
	return 0;
}

int mount_finish(int context, uint64_t attributes, struct failure *failure)
{
	int mount;

	if (kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
		return explain(context, errno, failure, "create");
	mount = kernel_fsmount(context, (unsigned int)attributes);
	return mount < 0 ? explain(context, errno, failure, "mount") : mount;
}

int mount_new(const char *type, char *const *options, uint64_t attributes, struct failure *failure)
{
	cleanup_close int context = kernel_fsopen(type);
	char reason[sizeof failure->detail];
	int mount = -1;

	if (context < 0)
		return fail(failure, errno, NULL, "%s", type);
	if (mount_options(context, options, failure) == 0)
		mount = mount_finish(context, attributes, failure);
	if (mount < 0) {
		memcpy(reason, failure->detail, sizeof reason);
		return fail(failure, failure->err, NULL, "%.30s: %.200s", type, reason);
	}
	return mount;
}
