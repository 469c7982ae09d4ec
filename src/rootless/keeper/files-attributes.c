/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "files-apply.h"

/* Owner, mode and times. */

int apply_fail(struct apply *apply, const struct entry *entry, const char *what)
{
	return files_fail(apply->files, errno, what, entry->path, "%s", "");
}

/* A new file is root's already, which most files are. */
static bool is_owned(const struct apply *apply, const struct entry *entry)
{
	return apply->flatten || (entry->uid == 0 && entry->gid == 0 && apply->parent.of_root);
}

/* EINVAL: one of the two IDs is not mapped. */
static int explain_owner(struct apply *apply, const struct entry *entry, bool is_user)
{
	if (errno != EINVAL)
		return apply_fail(apply, entry, "chown");
	return files_fail(apply->files, EINVAL, "owner", entry->path, "%s ID %llu is not mapped",
			  is_user ? "user" : "group", (unsigned long long)(is_user ? entry->uid : entry->gid));
}

/* 2^32-1 would mean "as it is" to chown. */
static int check_range(struct apply *apply, const struct entry *entry)
{
	if (entry->uid < UINT32_MAX && entry->gid < UINT32_MAX)
		return 0;
	errno = EINVAL;
	return explain_owner(apply, entry, entry->uid >= UINT32_MAX);
}

static int own(int directory, const char *name, uid_t uid, gid_t gid)
{
	return fchownat(directory, name, uid, gid, *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH);
}

static int change_owner(struct apply *apply, const struct entry *entry, int directory, const char *name)
{
	if (check_range(apply, entry) < 0)
		return -1;
	if (own(directory, name, (uid_t)entry->uid, (gid_t)entry->gid) == 0)
		return 0;
	if (errno != EINVAL)
		return apply_fail(apply, entry, "chown");
	return explain_owner(apply, entry, own(directory, name, (uid_t)entry->uid, (gid_t)-1) < 0);
}

int apply_owner(struct apply *apply, const struct entry *entry, int fd, bool is_new)
{
	return apply->flatten || (is_new && is_owned(apply, entry)) ? 0 : change_owner(apply, entry, fd, "");
}

int apply_owner_at(struct apply *apply, const struct entry *entry, int parent)
{
	return is_owned(apply, entry) ? 0 : change_owner(apply, entry, parent, entry->name);
}

/* A program that runs as its owner must not do so for the owner that it got instead. */
mode_t apply_mode(const struct apply *apply, const struct entry *entry)
{
	mode_t mode = entry->mode & 07777;

	if (apply->flatten && entry->uid != 0)
		mode &= ~(mode_t)S_ISUID;
	if (apply->flatten && entry->gid != 0)
		mode &= ~(mode_t)S_ISGID;
	return mode;
}

/* In this order, because writing and chown take set-user-ID bits and capabilities away, and whatever is done changes the times. */
int apply_finish_file(struct apply *apply, const struct entry *entry, int fd)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, entry->time };
	mode_t mode = apply_mode(apply, entry);
	cleanup_close int file = fd;

	if (apply_owner(apply, entry, file, true) < 0)
		return -1;
	if ((!apply->exact_modes || mode & 07000) && fchmod(file, mode) < 0)
		return apply_fail(apply, entry, "chmod");
	if (entry->xattrs_size &&
	    apply_xattrs(apply, entry->path, entry->xattrs, entry->xattrs_size, file, false, false) < 0)
		return -1;
	if (futimens(file, times) < 0)
		return apply_fail(apply, entry, "times");
	if (close(steal_fd(&file)) < 0)
		return apply_fail(apply, entry, "write");
	return 0;
}
