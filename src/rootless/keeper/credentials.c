/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "kernel.h"
#include "path.h"
#include "steps.h"
#include "user.h"

#define CAPABILITY_VERSION_3 0x20080522

struct capabilities {
	uint32_t effective, permitted, inheritable;
};

static int set_capabilities(uint64_t permitted, uint64_t inheritable)
{
	struct {
		uint32_t version;
		int pid;
	} header = { CAPABILITY_VERSION_3, 0 };
	struct capabilities data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = data[i].permitted = (uint32_t)(permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	return (int)syscall(SYS_capset, &header, data);
}

static int drop_bounding(uint64_t keep, struct failure *failure)
{
	for (unsigned long capability = 0; capability < 64; capability++) {
		if (keep >> capability & 1 || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			break; /* past the last one that this kernel knows */
		return fail(failure, errno, NULL, "bounding set, capability %lu", capability);
	}
	return 0;
}

static int raise_ambient(uint64_t wanted, struct failure *failure)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return fail(failure, errno, NULL, "ambient capabilities");
	for (unsigned long capability = 0; capability < 64; capability++) {
		if (wanted >> capability & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
			return fail(failure, errno, NULL, "ambient capability %lu", capability);
	}
	return 0;
}

/*
 * So that the user can open /dev/stdout again. Only what the keeper made itself; the group of a pty stays "tty". An ID that is
 * not mapped (EINVAL) is told by setresuid, in better words.
 */
static int own_stdio(const struct child *child, uid_t uid, struct failure *failure)
{
	for (int fd = 0; fd < 3; fd++) {
		if (child->owns_stdio[fd] && fchown(fd, uid, (gid_t)-1) < 0 && errno != EPERM && errno != EROFS &&
		    errno != EINVAL)
			return fail(failure, errno, NULL, "descriptor %d to user %u", fd, uid);
	}
	return 0;
}

static int change_ids(const struct identity *identity, struct failure *failure)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail(failure, errno, NULL, "keeping capabilities");
	/* EPERM: the namespace denies it, because a single ID is mapped. */
	if (setgroups(identity->count, identity->groups) < 0 && errno != EPERM)
		return fail(failure, errno, NULL, "groups of user %u: is one not mapped?", identity->uid);
	if (setresgid(identity->gid, identity->gid, identity->gid) < 0)
		return fail(failure, errno, NULL, "group %u", identity->gid);
	if (setresuid(identity->uid, identity->uid, identity->uid) < 0)
		return fail(failure, errno, NULL, "user %u", identity->uid);
	return 0;
}

/*
 * Inheritable stays empty (CVE-2022-29162), but for what ambient requires. An ordinary user without ambient capabilities has
 * none from the exec on, so it has none now.
 */
int step_credentials(struct child *child, const struct field *args, struct failure *failure)
{
	uint64_t bounding = args[3].number, permitted = args[4].number, ambient = args[5].number;
	cleanup_close int root = path_root();
	struct identity identity;

	if (user_resolve(root, args[0].text, args[1].text, args[2].list, &identity, failure) < 0)
		return -1;
	if (own_stdio(child, identity.uid, failure) < 0 || drop_bounding(bounding, failure) < 0 ||
	    change_ids(&identity, failure) < 0)
		return -1;
	if (identity.uid != 0 && ambient == 0)
		permitted = 0;
	if (set_capabilities(permitted, ambient) < 0)
		return fail(failure, errno, NULL, "capabilities");
	if (raise_ambient(ambient, failure) < 0)
		return -1;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	child->uid = identity.uid;
	memcpy(child->home, identity.home, sizeof child->home);
	return 0;
}
