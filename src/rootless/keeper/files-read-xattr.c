/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "files-read.h"

/* XATTR_NAME_MAX, XATTR_LIST_MAX and XATTR_SIZE_MAX of linux/limits.h. */
#define NAME_MOST 255
#define LIST_MOST 65536
#define VALUE_MOST 65536
#define ALL_MOST (FILES_FRAME_MAX / 2) /* path and link need the rest of the frame */

#define OVERLAY "user.overlay."
#define ESCAPED "user.overlay.overlay."
#define FUSE_OVERLAY "user.fuseoverlayfs."

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Labels and hashes are this machine's, and nothing that a file keeps when it moves. */
static bool is_foreign(const char *name)
{
	return strcmp(name, "security.selinux") == 0 || strcmp(name, "security.ima") == 0 ||
	       strcmp(name, "security.evm") == 0 || strcmp(name, "system.nfs4_acl") == 0;
}

/* Under which name an attribute is told; NULL: it is not. */
static const char *told(const char *name, bool raw, char room[NAME_MOST + 1])
{
	if (is_foreign(name) || (raw && begins(name, FUSE_OVERLAY)))
		return NULL;
	if (!raw || !begins(name, OVERLAY))
		return name;
	if (!begins(name, ESCAPED) || strlen(name) > NAME_MOST)
		return NULL;
	/* What a container set as user.overlay.* itself: the kernel keeps it apart from its own by a second "overlay.". */
	strcpy(room, OVERLAY);
	strcat(room, name + strlen(ESCAPED));
	return room;
}

static ssize_t list(const struct files_xattr_source *source, char *names)
{
	ssize_t size =
		source->fd >= 0 ? flistxattr(source->fd, names, LIST_MOST) : llistxattr(source->name, names, LIST_MOST);

	/* The file system has none, or does not show them to us. */
	return size < 0 && (errno == ENOTSUP || errno == EPERM || errno == EACCES || errno == ENOSYS) ? 0 : size;
}

/* One that vanished since it was listed, or that only its owner may read, is left out. */
static int put_one(struct files *files, const struct files_xattr_source *source, const char *name, size_t *all)
{
	static char value[VALUE_MOST];
	char room[NAME_MOST + 1];
	const char *as = told(name, source->raw, room);
	ssize_t size;

	if (!as)
		return 0;
	size = source->fd >= 0 ? fgetxattr(source->fd, name, value, sizeof value) :
				 lgetxattr(source->name, name, value, sizeof value);
	if (size < 0)
		return errno == ENODATA || errno == EPERM || errno == EACCES || errno == ENOTSUP ? 0 : -1;
	*all += strlen(as) + (size_t)size + 9;
	if (*all > ALL_MOST) {
		errno = E2BIG;
		return -1;
	}
	files_put_s(files, as);
	files_put_b(files, value, (size_t)size);
	return 0;
}

int files_put_xattrs(struct files *files, const struct files_xattr_source *source)
{
	static char names[LIST_MOST];
	ssize_t size = source->fd < 0 && !source->name ? 0 : list(source, names);
	size_t all = 0, place = files_reserve_u32(files);

	if (size < 0)
		return -1;
	for (const char *name = names; name < names + size; name += strlen(name) + 1)
		if (put_one(files, source, name, &all) < 0)
			return -1;
	files_patch_u32(files, place, (uint32_t)all);
	return 0;
}

/* "y" by overlayfs and fuse-overlayfs alike; the latter writes a file where attributes are not supported. */
bool files_is_opaque(int fd)
{
	static const char *const names[] = { OVERLAY "opaque", FUSE_OVERLAY "opaque" };
	struct stat status;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char value[2];

		if (fgetxattr(fd, names[i], value, sizeof value) == 1 && *value == 'y')
			return true;
	}
	return fstatat(fd, ".wh..wh..opq", &status, AT_SYMLINK_NOFOLLOW) == 0;
}
