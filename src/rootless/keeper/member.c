/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "member.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "error.h"

#define GET_PARENT _IO(0xb7, 0x2) /* NS_GET_PARENT of linux/nsfs.h */
#define GENERATIONS_MAX 64

struct facts {
	char state;
	pid_t parent;
	int threads;
};

/* The name in parentheses may hold anything, therefore the last one counts. */
static int read_facts(int directory, struct facts *facts)
{
	cleanup_close int fd = openat(directory, "stat", O_RDONLY | O_CLOEXEC);
	char text[1024], *at;
	ssize_t size;

	if (fd < 0)
		return -1;
	size = read(fd, text, sizeof text - 1);
	if (size <= 0)
		return -1;
	text[size] = 0;
	at = strrchr(text, ')');
	/* Fields 3, 4 and 20 of proc(5). */
	if (!at || sscanf(at + 1, " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d",
			  &facts->state, &facts->parent, &facts->threads) != 3)
		return -1;
	return 0;
}

char member_state(int directory)
{
	struct facts facts;

	if (read_facts(directory, &facts) < 0 || facts.state == 'X')
		return 0;
	return facts.state == 'Z' && facts.threads <= 1 ? 0 : facts.state;
}

int member_space_open(struct member_space *space, int proc, const char *name)
{
	cleanup_close int directory = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat container, keeper;

	if (directory < 0 || fstatat(directory, "ns/pid", &container, 0) < 0 ||
	    fstatat(proc, "self/ns/pid", &keeper, 0) < 0)
		return -1;
	if (container.st_ino == keeper.st_ino) {
		errno = EINVAL;
		return -1;
	}
	*space = (struct member_space){ container.st_ino, keeper.st_ino };
	return 0;
}

/* Climbs from a nested namespace; above the keeper's own there is no way. */
static bool is_below(const struct member_space *space, int directory)
{
	int fd = openat(directory, "ns/pid", O_RDONLY | O_CLOEXEC);
	struct stat at;

	while (fd >= 0) {
		int parent;

		if (fstat(fd, &at) < 0 || at.st_ino == space->keeper || at.st_ino == space->container)
			break;
		parent = ioctl(fd, GET_PARENT);
		close(fd);
		fd = parent;
	}
	if (fd < 0)
		return false;
	close(fd);
	return at.st_ino == space->container;
}

/*
 * The namespace of a program that its user may not read is hidden even from the keeper (ptrace(2), access mode checks);
 * then its parent's counts.
 */
bool member_of(const struct member_space *space, int proc, int directory)
{
	int at = directory;
	bool answer = false;

	for (int generation = 0; at >= 0 && generation < GENERATIONS_MAX; generation++) {
		struct facts facts;
		struct stat own;
		char name[16];

		if (fstatat(at, "ns/pid", &own, 0) == 0) {
			answer = own.st_ino == space->container || (own.st_ino != space->keeper && is_below(space, at));
			break;
		}
		if ((errno != EACCES && errno != EPERM) || read_facts(at, &facts) < 0)
			break;
		if (at != directory)
			close(at);
		snprintf(name, sizeof name, "%d", facts.parent);
		at = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (at >= 0 && at != directory)
		close(at);
	return answer;
}
