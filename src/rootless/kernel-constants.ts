/** Numbers of the kernel's interface that plans carry. */

export const CLONE_NEWNS = 0x00020000
export const CLONE_NEWCGROUP = 0x02000000
export const CLONE_NEWUTS = 0x04000000
export const CLONE_NEWIPC = 0x08000000
export const CLONE_NEWPID = 0x20000000
export const CLONE_NEWNET = 0x40000000

export const MOUNT_ATTR_RDONLY = 0x1
export const MOUNT_ATTR_NOSUID = 0x2
export const MOUNT_ATTR_NODEV = 0x4
export const MOUNT_ATTR_NOEXEC = 0x8

/** Flags of a plan's `openTree`. */
export const TREE_CLONE = 1
export const TREE_RECURSIVE = 2
export const TREE_DIRECTORY = 4

/** Flags of a plan's `attach`. */
export const ATTACH_MAKE_DIRECTORY = 1
export const ATTACH_MAKE_FILE = 2
export const ATTACH_NO_LINK = 4
export const ATTACH_OPTIONAL = 8
export const ATTACH_NOT_KERNELS = 16

/** f_type of a FUSE file system. */
export const FUSE_SUPER_MAGIC = 0x65735546
