/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "files-read.h"
#include "path.h"

/* "." and "..", and what ends with a slash, is a directory by itself: what it is called where it lies is not known. */
static bool is_named(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int files_base(struct files *files, const char *what, const char *path, struct files_base *base)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	cleanup_close int parent = -1;
	char directory[PATH_MAX];
	size_t size = is_named(name) ? (size_t)(name - path) : strlen(path);

	if (size >= sizeof directory || strlen(name) > NAME_MAX)
		return files_fail(files, ENAMETOOLONG, what, path, "%s", "");
	memcpy(directory, path, size);
	directory[size] = 0;
	strcpy(base->name, is_named(name) ? name : ".");
	parent = path_open(files->root, directory, O_PATH | O_DIRECTORY, 0);
	if (parent < 0 || fchdir(parent) < 0)
		return files_fail(files, errno, what, path, "%s", "");
	return 0;
}
