/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "exec.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

void exec_reset_signals(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static const char *search_path(char *const *env)
{
	for (; *env; env++) {
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	}
	return DEFAULT_PATH;
}

/* The next candidate for a program's name; false after the last. An empty directory would mean the current one: skipped. */
static bool next_candidate(const char **path, const char *name, char file[PATH_MAX])
{
	while (**path) {
		int size = (int)strcspn(*path, ":"), written;

		written = snprintf(file, PATH_MAX, "%.*s/%s", size, *path, name);
		*path += size;
		*path += **path == ':';
		if (size > 0 && written < PATH_MAX)
			return true;
	}
	return false;
}

static int explain(const char *file, int err, struct failure *failure)
{
	if (err == ENOENT && exec_find_interpreter(file, failure))
		return -1;
	return fail(failure, err, NULL, "%s", file);
}

/*
 * Without a slash in the name: as execvp, but it says which file was the obstacle. The first that is there and cannot be executed
 * counts, if no later one can.
 */
static int search(char *const *argv, char *const *env, struct failure *failure)
{
	const char *path = search_path(env), *rest = path;
	char file[PATH_MAX], denied[PATH_MAX] = "";

	while (next_candidate(&rest, argv[0], file)) {
		execve(file, argv, env);
		if (errno == EACCES && !*denied)
			strcpy(denied, file);
		else if (errno != EACCES && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			return fail(failure, errno, NULL, "%s", file);
	}
	if (*denied)
		return fail(failure, EACCES, NULL, "%s", denied);
	for (rest = path; next_candidate(&rest, argv[0], file);) {
		if (exec_find_interpreter(file, failure))
			return -1;
	}
	return fail(failure, ENOENT, NULL, "%s in %s", argv[0], path);
}

int exec_program(char *const *argv, char *const *env, struct failure *failure)
{
	if (!argv[0] || !*argv[0])
		return fail(failure, ENOENT, NULL, "an empty name");
	if (!strchr(argv[0], '/'))
		return search(argv, env, failure);
	execve(argv[0], argv, env);
	return explain(argv[0], errno, failure);
}
