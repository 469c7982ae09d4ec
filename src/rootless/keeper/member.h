/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_MEMBER_H
#define AIRPLANT_MEMBER_H

#include <stdbool.h>
#include <sys/types.h>

/* Which processes belong to a container: those in the pid namespace of its first process, and in those below it. */
struct member_space {
	ino_t container;
	ino_t keeper;
};

/* proc: a descriptor of /proc. name: the first process. */
int member_space_open(struct member_space *space, int proc, const char *name);
/* directory: a descriptor of /proc/<pid>, which never means another process that got the number later. */
bool member_of(const struct member_space *space, int proc, int directory);
/* The letter of /proc/<pid>/stat; 0 when the process is gone, also when it is a zombie without living threads. */
char member_state(int directory);

#endif
