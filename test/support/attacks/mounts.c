/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void named(const char *what, const char *path, long result)
{
	char name[600];

	snprintf(name, sizeof name, "%s:%s", what, path);
	verdict(name, result);
}

/* Everything that is mounted here: taken away, made writable, moved; args: paths that must stay covered. */
static void undo_mounts(char **paths)
{
	for (; *paths; paths++) {
		named("umount", *paths, umount2(*paths, 0));
		named("detach", *paths, umount2(*paths, MNT_DETACH));
		named("remount", *paths, mount(NULL, *paths, NULL, MS_REMOUNT | MS_BIND, NULL));
		named("super", *paths, mount(NULL, *paths, NULL, MS_REMOUNT, NULL));
		mkdir("/tmp/moved", 0700);
		named("move", *paths, mount(*paths, "/tmp/moved", NULL, MS_MOVE, NULL));
	}
}

static void by_handle(const char *path)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, directory = open("/", O_RDONLY | O_DIRECTORY);

	if (name_to_handle_at(AT_FDCWD, path, &u.handle, &mount_id, 0) < 0) {
		named("handle", path, -1);
		return;
	}
	named("handle", path, open_by_handle_at(directory, &u.handle, O_RDONLY));
}

int attack_mounts(char **args)
{
	undo_mounts(args);
	mkdir("/tmp/proc", 0700);
	verdict("new_proc", mount("proc", "/tmp/proc", "proc", 0, NULL));
	verdict("new_sysfs", mount("sysfs", "/tmp/proc", "sysfs", 0, NULL));
	verdict("new_cgroup", mount("none", "/tmp/proc", "cgroup2", 0, NULL));
	verdict("new_devtmpfs", mount("none", "/tmp/proc", "devtmpfs", 0, NULL));
	verdict("disk", mount("/dev/vda", "/tmp/proc", "ext4", 0, NULL));
	verdict("mknod", mknod("/tmp/node", S_IFCHR | 0666, 0x103));
	by_handle("/");
	by_handle("/etc");
	verdict("join_mounts", setns(open("/proc/1/ns/user", O_RDONLY), CLONE_NEWUSER));
	return 0;
}
