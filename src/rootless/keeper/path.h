/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_PATH_H
#define AIRPLANT_PATH_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Paths as a container sees them: resolved with the given directory as "/", so that neither "..", nor an absolute link, nor a
 * magic link of /proc leads out of it. All return a descriptor (close-on-exec), or -1 with errno.
 */

/* The container's root itself, once it is entered. */
int path_root(void);
int path_open(int root, const char *path, int flags, mode_t mode);
/* Opens (O_PATH) a directory; it and its parents are made where missing, also behind dangling links. */
int path_make_directory(int root, const char *path);
/* Opens a file as openat does with O_CREAT, making its parents, also behind a dangling link. */
int path_make_file(int root, const char *path, int flags, mode_t mode);
/*
 * Whether it lies in /proc or /sys. A link of an image may lead there, and a write or a mount that was meant for an ordinary file
 * would change the kernel's settings or cover what masks them (CVE-2025-52881).
 */
bool path_is_kernels(int fd);
/* Opens (O_PATH) the directory of the path's last component, made where missing; *name points to that component in `path`. */
int path_make_parent(int root, const char *path, const char **name);

#endif
