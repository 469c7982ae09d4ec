/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "path.h"
#include "user.h"

#define FILE_MOST (1u << 20)

static bool all_digits(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == 0;
}

/*
 * The file belongs to the image, so it may be anything: a FIFO, a link to /dev/zero, a gigabyte (CVE-2024-9676). A missing one
 * is an empty one.
 */
static int read_file(int root, const char *path, char **buffer, struct piece *file, struct failure *failure)
{
	cleanup_close int fd = path_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat stat;
	ssize_t got;

	*file = (struct piece){ "", 0 };
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &stat) < 0)
		return fail(failure, errno, NULL, "%s", path);
	if (!S_ISREG(stat.st_mode))
		return fail(failure, EINVAL, NULL, "%s: not a regular file", path);
	*buffer = malloc(FILE_MOST + 1);
	if (!*buffer)
		return fail(failure, ENOMEM, NULL, "%s", path);
	for (size_t size = 0; size <= FILE_MOST; size += (size_t)got) {
		got = read(fd, *buffer + size, FILE_MOST + 1 - size);
		if (got < 0)
			return fail(failure, errno, NULL, "%s", path);
		*file = (struct piece){ *buffer, size };
		if (got == 0)
			return 0;
	}
	return fail(failure, EFBIG, NULL, "%s", path);
}

/* A number is always an ID, never a name that consists of digits. */
static int find_user(struct piece passwd, const char *user, struct account *account, struct failure *failure)
{
	uint32_t uid = 0;

	if (*user && !all_digits(user)) {
		if (user_find(passwd, user, 0, account))
			return 0;
		return fail(failure, ENOENT, NULL, "user %s", user);
	}
	if (*user && !user_number((struct piece){ user, strlen(user) }, &uid))
		return fail(failure, EINVAL, NULL, "user %s", user);
	if (!user_find(passwd, NULL, uid, account))
		*account = (struct account){ .uid = uid };
	return 0;
}

static int find_group(struct piece group, const char *name, gid_t *gid, struct failure *failure)
{
	if (all_digits(name)) {
		if (!user_number((struct piece){ name, strlen(name) }, gid))
			return fail(failure, EINVAL, NULL, "group %s", name);
		return 0;
	}
	if (!user_find_group(group, name, gid))
		return fail(failure, ENOENT, NULL, "group %s", name);
	return 0;
}

static int add_groups(struct piece group, char *const *names, struct identity *identity, struct failure *failure)
{
	for (; *names; names++) {
		gid_t gid;

		if (find_group(group, *names, &gid, failure) < 0)
			return -1;
		if (user_add_group(identity, gid) < 0)
			return fail(failure, E2BIG, NULL, "group %s", *names);
	}
	return 0;
}

/* As Docker does it: groups of /etc/group count only where no group was named. */
int user_resolve(int root, const char *user, const char *group, char *const *additional, struct identity *identity,
		 struct failure *failure)
{
	cleanup_free char *passwd_buffer = NULL, *group_buffer = NULL;
	struct piece passwd, groups;
	struct account account = { 0 };

	if (read_file(root, "/etc/passwd", &passwd_buffer, &passwd, failure) < 0 ||
	    read_file(root, "/etc/group", &group_buffer, &groups, failure) < 0 ||
	    find_user(passwd, user, &account, failure) < 0)
		return -1;
	identity->uid = account.uid;
	identity->gid = account.gid;
	if (*group && find_group(groups, group, &identity->gid, failure) < 0)
		return -1;
	identity->groups[0] = identity->gid;
	identity->count = 1;
	if (!*group && user_memberships(groups, account.name, identity) < 0)
		return fail(failure, E2BIG, NULL, "groups of user %s", user);
	strcpy(identity->home, "/");
	if (account.home.size && account.home.size < sizeof identity->home)
		snprintf(identity->home, sizeof identity->home, "%.*s", (int)account.home.size, account.home.at);
	return add_groups(groups, additional, identity, failure);
}
