/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_KERNEL_H
#define AIRPLANT_KERNEL_H

/*
 * System calls and constants that a C library may lack. Nothing of <linux/...> is included, because musl-gcc has none of it and
 * because <linux/mount.h> and glibc's <sys/mount.h> cannot be used together. The numbers are the same on x86-64 and arm64.
 */

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

/* glibc has these as enumerators and macros at once. */
#ifndef FSCONFIG_SET_FLAG
#define FSCONFIG_SET_FLAG 0
#define FSCONFIG_SET_STRING 1
#define FSCONFIG_CMD_CREATE 6
#endif
#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC 1
#endif
#ifndef FSMOUNT_CLOEXEC
#define FSMOUNT_CLOEXEC 1
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x4
#define MOVE_MOUNT_T_EMPTY_PATH 0x40
#endif
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 1
#define MOUNT_ATTR_NOSUID 2
#define MOUNT_ATTR_NODEV 4
#define MOUNT_ATTR_NOEXEC 8
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

#define RESOLVE_NO_MAGICLINKS_ 0x02
#define RESOLVE_NO_SYMLINKS_ 0x04
#define RESOLVE_BENEATH_ 0x08
#define RESOLVE_IN_ROOT_ 0x10

#define MAGIC_PROC 0x9fa0
#define MAGIC_DEVPTS 0x1cd1
#define MAGIC_SYSFS 0x62656572

/* struct open_how of <linux/openat2.h> */
struct kernel_open_how {
	uint64_t flags, mode, resolve;
};

/* struct mount_attr of <linux/mount.h> */
struct kernel_mount_attr {
	uint64_t set, clear, propagation, user_namespace;
};

static inline int kernel_openat2(int directory, const char *path, const struct kernel_open_how *how)
{
	return (int)syscall(SYS_openat2, directory, path, how, sizeof *how);
}
static inline int kernel_open_tree(int directory, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_open_tree, directory, path, flags | OPEN_TREE_CLOEXEC);
}
/* Puts a mount onto what an O_PATH descriptor shows: no path is walked a second time. */
static inline int kernel_attach(int mount, int target)
{
	return (int)syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}
static inline int kernel_fsopen(const char *type)
{
	return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}
static inline int kernel_fsconfig(int context, unsigned int command, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, context, command, key, value, 0);
}
static inline int kernel_fsmount(int context, unsigned int attributes)
{
	return (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
}
static inline int kernel_mount_setattr(int mount, uint64_t set, uint64_t clear, bool recursive)
{
	struct kernel_mount_attr attr = { .set = set, .clear = clear };

	return (int)syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
			    sizeof attr);
}
static inline int kernel_close_range(unsigned int first, unsigned int last)
{
	return first > last ? 0 : (int)syscall(SYS_close_range, first, last, 0);
}

#endif
