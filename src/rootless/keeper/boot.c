/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "keeper.h"

/*
 * Two processes come out of this file. The keeper is pid 1 of a new pid namespace inside a new user namespace. The one that Node
 * started stays outside: only from there can newuidmap write the maps, and libuv waits for it. It lives as long as the keeper,
 * passes signals on, and takes the keeper along when it is killed (it has one thread, so PDEATHSIG means what it says).
 */

#define FIRST_FREE 16 /* nothing is open from here on: main closed what was inherited */
#define ARGS_MAX 1100 /* 340 extents of three numbers, and a little */

static int write_file(pid_t pid, const char *file, const char *text)
{
	cleanup_close int fd = -1;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ? -1 : 0;
}

/* "0 1000 1 1 100000 65536" becomes lines of three numbers. */
static void extents_to_lines(char *text)
{
	int spaces = 0;

	for (; *text; text++)
		if (*text == ' ' && ++spaces % 3 == 0)
			*text = '\n';
}

static int write_maps(pid_t pid, const struct settings *settings, struct failure *failure)
{
	cleanup_free char *uids = strdup(settings->uids), *gids = strdup(settings->gids);

	if (!uids || !gids)
		return fail(failure, ENOMEM, "maps", "out of memory");
	extents_to_lines(uids);
	extents_to_lines(gids);
	if (strcmp(settings->method, "single") == 0 && write_file(pid, "setgroups", "deny") < 0)
		return fail(failure, errno, "maps", "setgroups");
	if (write_file(pid, "gid_map", gids) < 0)
		return fail(failure, errno, "maps", "gid_map %s", settings->gids);
	if (write_file(pid, "uid_map", uids) < 0)
		return fail(failure, errno, "maps", "uid_map %s", settings->uids);
	return 0;
}

static pid_t start_tool(const char *tool, pid_t pid, const char *extents)
{
	char *args[ARGS_MAX + 3], number[16], *copy = strdup(extents), *save = NULL;
	char *env[] = { NULL };
	int count = 0;
	pid_t child;

	snprintf(number, sizeof number, "%d", pid);
	args[count++] = (char *)(uintptr_t)tool;
	args[count++] = number;
	for (char *word = strtok_r(copy, " ", &save); word && count < ARGS_MAX; word = strtok_r(NULL, " ", &save))
		args[count++] = word;
	args[count] = NULL;
	child = vfork();
	if (child == 0) {
		execve(tool, args, env);
		_exit(127);
	}
	free(copy);
	return child;
}

/* Both at once: each is a process of its own and takes about 2 ms. */
static int run_tools(pid_t pid, const struct settings *settings, struct failure *failure)
{
	pid_t uids = start_tool(settings->newuidmap, pid, settings->uids);
	pid_t gids = start_tool(settings->newgidmap, pid, settings->gids);
	int uid_status = -1, gid_status = -1;

	if (uids > 0)
		waitpid(uids, &uid_status, 0);
	if (gids > 0)
		waitpid(gids, &gid_status, 0);
	if (uid_status != 0)
		return fail(failure, EPERM, "newuidmap", "%s <pid> %s: status %d", settings->newuidmap, settings->uids,
			    WIFEXITED(uid_status) ? WEXITSTATUS(uid_status) : -1);
	if (gid_status != 0)
		return fail(failure, EPERM, "newgidmap", "%s <pid> %s: status %d", settings->newgidmap, settings->gids,
			    WIFEXITED(gid_status) ? WEXITSTATUS(gid_status) : -1);
	return 0;
}

static int map_ids(pid_t pid, const struct settings *settings, struct failure *failure)
{
	if (strcmp(settings->method, "newuidmap") == 0)
		return run_tools(pid, settings, failure);
	return write_maps(pid, settings, failure);
}

static sigset_t watched(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return set;
}

/* Everything but signals and the end of the keeper is the keeper's business; even the control socket is closed here. */
static _Noreturn void stand_by(pid_t keeper, const int broker[2])
{
	sigset_t set = watched();
	struct pollfd fds[2] = { { .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN },
				 { .fd = broker[0], .events = POLLIN } };
	struct signalfd_siginfo info;
	int status;

	prctl(PR_SET_NAME, "airplant-stand");
	for (;;) {
		poll(fds, 2, -1);
		if (fds[1].revents && broker_serve(broker[0], broker[1]) < 0)
			fds[1].fd = -1;
		while (read(fds[0].fd, &info, sizeof info) == sizeof info)
			if (info.ssi_signo != SIGCHLD)
				kill(keeper, (int)info.ssi_signo);
		while (waitpid(-1, &status, WNOHANG) == keeper)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
}

/* The control socket and stderr are the keeper's alone: their ends mean that it is gone. */
static void close_all_but(const int broker[2])
{
	for (int fd = 0; fd < FIRST_FREE; fd++)
		if (fd != broker[0] && fd != broker[1])
			close(fd);
}

/* The child's first moments: wait until the maps are there, then become root of the namespace. */
static int take_identity(int wait, struct failure *failure)
{
	char byte;

	if (read(wait, &byte, 1) != 1)
		_exit(1);
	close(wait);
	prctl(PR_SET_NAME, "airplant-keeper");
	/* Single-ID maps deny setgroups; the groups that remain show as nobody's and give nothing that the caller had not. */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return fail(failure, errno, "setup", "setgroups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return fail(failure, errno, "setup", "become root of the namespace");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return fail(failure, errno, "setup", "prctl");
	return 0;
}

int boot(const struct settings *settings, int *broker, struct failure *failure)
{
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS, .exit_signal = SIGCHLD };
	sigset_t set = watched();
	int wait[2], sockets[2] = { -1, -1 }, outside[2] = { -1, -1 };
	pid_t pid;

	if (pipe2(wait, O_CLOEXEC) < 0)
		return fail(failure, errno, "setup", "pipe");
	if (settings->broker && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return fail(failure, errno, "setup", "broker");
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (pid < 0)
		return fail(failure, errno, "clone3", "user, pid and mount namespace");
	if (pid == 0) {
		close(wait[1]);
		*broker = sockets[1];
		if (settings->broker)
			close(sockets[0]), close(atoi(settings->broker));
		return take_identity(wait[0], failure);
	}
	close(wait[0]);
	if (map_ids(pid, settings, failure) < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -1;
	}
	if (write(wait[1], "", 1) != 1)
		kill(pid, SIGKILL);
	if (settings->broker) {
		close(sockets[1]);
		outside[0] = atoi(settings->broker);
		outside[1] = sockets[0];
	}
	close(wait[1]);
	close_all_but(outside);
	stand_by(pid, outside);
}
