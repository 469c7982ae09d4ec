/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "process.h"

/*
 * With the host's network /proc/net shows every socket of the machine, and only those that a process of the container holds count
 * as its own: their inode numbers are collected from the descriptors of all processes in its pid namespace.
 */

static void add_sockets(struct body *inodes, const char *pid)
{
	char path[300], link[64];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	directory = opendir(path);
	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		ssize_t size = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
		unsigned long long inode;

		if (size <= 0)
			continue;
		link[size] = '\0';
		if (sscanf(link, "socket:[%llu]", &inode) == 1)
			body_number(inodes, inode);
	}
	closedir(directory);
}

static bool pid_namespace(const char *pid, struct stat *stat_)
{
	char path[300];

	snprintf(path, sizeof path, "/proc/%s/ns/pid", pid);
	return stat(path, stat_) == 0;
}

int sockets_of(pid_t first, bool wanted, struct body *answer)
{
	struct body inodes = { 0 };
	struct stat own, other;
	struct dirent *entry;
	char name[24];
	DIR *proc;

	snprintf(name, sizeof name, "%d", first);
	proc = wanted && pid_namespace(name, &own) ? opendir("/proc") : NULL;
	while (proc && (entry = readdir(proc))) {
		if (*entry->d_name < '1' || *entry->d_name > '9')
			continue;
		if (pid_namespace(entry->d_name, &other) && other.st_ino == own.st_ino)
			add_sockets(&inodes, entry->d_name);
	}
	if (proc)
		closedir(proc);
	body_bytes(answer, inodes.bytes, inodes.size);
	free(inodes.bytes);
	return 0;
}
