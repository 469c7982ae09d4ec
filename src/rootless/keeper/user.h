/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_USER_H
#define AIRPLANT_USER_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

#define GROUPS_MOST 1024

/* Who a process shall be, as the container's own /etc/passwd and /etc/group say. */
struct identity {
	uid_t uid;
	gid_t gid;
	size_t count;
	gid_t groups
		[GROUPS_MOST]; /* the gid is among them: leaving it out lifts denials to that group (CVE-2022-36109) */
	char home[256];
};

/* user, group, additional: as in docs/protocol.md, `credentials`. root: "/" of the container. */
int user_resolve(int root, const char *user, const char *group, char *const *additional, struct identity *identity,
		 struct failure *failure);

/* A piece of a file; no NUL at its end. */
struct piece {
	const char *at;
	size_t size;
};

struct account {
	struct piece name, home;
	uid_t uid;
	gid_t gid;
};

/* Decimal digits and nothing else, 0 to 2^32-2. */
bool user_number(struct piece text, uint32_t *number);
/* The first well-formed line with that name, or with that uid where `name` is NULL. */
bool user_find(struct piece passwd, const char *name, uid_t uid, struct account *account);
bool user_find_group(struct piece group, const char *name, gid_t *gid);
/* Once, however often it is named; -1 when there are too many. */
int user_add_group(struct identity *identity, gid_t gid);
/* Adds the groups that list the user; -1 when there are too many. */
int user_memberships(struct piece group, struct piece user, struct identity *identity);

#endif
