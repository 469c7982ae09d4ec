/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "keeper.h"
#include "overflow-id.h"

/*
 * A pid namespace wants its own /proc, or every /proc/self of the keeper would be wrong. The host's stays open for the pids that
 * Node knows. One fully visible /proc must remain in this mount namespace, or the kernel forbids mounting it for containers.
 */
static int mount_proc(struct keeper *keeper, struct failure *failure)
{
	keeper->host_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail(failure, errno, "setup", "make / private");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return fail(failure, errno, "proc", "/proc");
	keeper->pid_namespace = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	return keeper->pid_namespace < 0 ? fail(failure, errno, "setup", "/proc/self/ns/pid") : 0;
}

/* The lock says that this session lives; whoever gets it may delete the directory. */
static int make_session(struct keeper *keeper, struct failure *failure)
{
	char parent[4096];
	const char *slash = strrchr(keeper->directory, '/');

	if (!slash || slash == keeper->directory || strlen(slash + 1) >= sizeof keeper->name ||
	    strlen(keeper->directory) >= sizeof parent - 16)
		return fail(failure, EINVAL, "session", "%s", keeper->directory);
	snprintf(keeper->name, sizeof keeper->name, "%s", slash + 1);
	snprintf(parent, sizeof parent, "%.*s", (int)(slash - keeper->directory), keeper->directory);
	keeper->sessions = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (keeper->sessions < 0 || mkdirat(keeper->sessions, keeper->name, 0700) < 0)
		return fail(failure, errno, "session", "%s", keeper->directory);
	keeper->session = openat(keeper->sessions, keeper->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Held before it has its name: a sweeper never finds it free. */
	keeper->lock = openat(keeper->session, "lock.new", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (keeper->session < 0 || keeper->lock < 0 || flock(keeper->lock, LOCK_EX | LOCK_NB) < 0 ||
	    renameat(keeper->session, "lock.new", keeper->session, "lock") < 0)
		return fail(failure, errno, "session", "%s/lock", keeper->directory);
	if (mkdirat(keeper->session, "containers", 0700) < 0 || mkdirat(keeper->session, "trash", 0700) < 0)
		return fail(failure, errno, "session", "%s", keeper->directory);
	return 0;
}

/* Bound by a relative name, because a path in a deep home directory does not fit into sun_path. */
static int make_listener(struct keeper *keeper, struct failure *failure)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "keeper.sock" };
	mode_t before = umask(0177);
	int result = -1, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && fchdir(keeper->session) == 0)
		result = bind(fd, (struct sockaddr *)&address, sizeof address);
	umask(before);
	if (result < 0 || listen(fd, 64) < 0 || chdir("/") < 0)
		return fail(failure, errno, "session", "%s/keeper.sock", keeper->directory);
	keeper->listener.fd = fd;
	return 0;
}

static int take_signals(struct keeper *keeper, struct failure *failure)
{
	struct rlimit files;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	keeper->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (keeper->signals < 0)
		return fail(failure, errno, "setup", "signalfd");
	getrlimit(RLIMIT_NOFILE, &files);
	keeper->open_files[0] = files.rlim_cur;
	keeper->open_files[1] = files.rlim_max;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	return 0;
}

int setup(struct keeper *keeper, const struct settings *settings, struct failure *failure)
{
	char target[32] = "";

	keeper->directory = settings->session;
	if (strcmp(settings->method, "direct") == 0)
		keeper->real_root = overflow_id(); /* as real root shows in here */
	keeper->self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (readlink("/proc/self", target, sizeof target - 1) > 0)
		keeper->host_pid = (pid_t)atoi(target); /* still the host's /proc */
	/* Per-container keyrings would hit kernel.keys.maxkeys after 200 containers; the default filter denies keyctl anyway. */
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if (take_signals(keeper, failure) < 0 || mount_proc(keeper, failure) < 0 || make_session(keeper, failure) < 0)
		return -1;
	if (workspace_make(keeper, failure) < 0)
		return -1;
	return make_listener(keeper, failure);
}
