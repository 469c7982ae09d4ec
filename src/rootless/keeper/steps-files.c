/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "files.h"
#include "kernel.h"
#include "path.h"
#include "steps.h"

/* Kept: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD (whiteouts), SETFCAP. Bits of linux/capability.h. */
#define KEPT_CAPABILITIES (1u << 0 | 1u << 1 | 1u << 3 | 1u << 4 | 1u << 27 | 1u << 31)

/*
 * The socket is made in the session directory, by a relative name: its path may not fit into sun_path, and a visitor of a container
 * has lost sight of it already. Its parent may be nothing else, so only the name counts.
 */
int step_listen(struct child *child, const struct field *args, struct failure *failure)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cleanup_close int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t parent = strlen(child->directory);
	const char *path = args[1].text, *name;
	mode_t mask;
	int result;

	if (fd < 0 || before < 0)
		return fail(failure, errno, NULL, "%s", path);
	name = strncmp(path, child->directory, parent) == 0 && path[parent] == '/' ? path + parent + 1 : "";
	if (!*name || strchr(name, '/') || strlen(name) >= sizeof address.sun_path)
		return fail(failure, EINVAL, NULL, "%s: not a name in the session directory", path);
	strcpy(address.sun_path, name);
	mask = umask(0177);
	result = fchdir(child->session);
	if (result == 0)
		result = bind(fd, (struct sockaddr *)&address, sizeof address);
	umask(mask);
	if (result < 0 || listen(fd, 1) < 0 || fchdir(before) < 0)
		return fail(failure, errno, NULL, "%s", path);
	slot_put(child, args[0].number, steal_fd(&fd));
	return 0;
}

static int keep_few_capabilities(void)
{
	struct {
		uint32_t version;
		int pid;
	} header = { .version = 0x20080522 }; /* _LINUX_CAPABILITY_VERSION_3 */
	uint32_t sets[6] = { KEPT_CAPABILITIES, KEPT_CAPABILITIES };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_capset, &header, sets);
}

/* Nothing of the host may stay open, and nothing of the keeper: only these two, as 3 and 4. */
static int keep_few_descriptors(int *listener, int *root)
{
	int high[2] = { fcntl(*listener, F_DUPFD_CLOEXEC, 5), fcntl(*root, F_DUPFD_CLOEXEC, 5) };

	if (high[0] < 0 || high[1] < 0 || dup3(high[0], 3, O_CLOEXEC) < 0 || dup3(high[1], 4, O_CLOEXEC) < 0)
		return -1;
	*listener = 3;
	*root = 4;
	return kernel_close_range(5, ~0u);
}

/* A container's process may have found the socket through a bind mount; whoever has a pid in our namespace is one (see client.c). */
static int accept_owner(int listener, uid_t real_root)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		socklen_t size = sizeof(struct ucred);
		struct ucred peer;

		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return -1;
		if (fd < 0)
			continue;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == 0 &&
		    (peer.uid == 0 || peer.uid == real_root))
			return fd;
		close(fd);
	}
}

/*
 * Becomes the file worker: the last step of its plan. The status socket is closed when nothing can fail any more, which the keeper
 * takes for the execution of a program.
 */
int step_files(struct child *child, const struct field *args, struct failure *failure)
{
	int listener = slot_get(child, args[0].number, failure), root, fd;

	if (listener < 0)
		return -1;
	if (!child->entered)
		return fail(failure, EINVAL, NULL, "no root was entered");
	root = path_root();
	if (root < 0 || chdir("/") < 0)
		return fail(failure, errno, NULL, "/");
	umask(0);
	if (keep_few_capabilities() < 0)
		return fail(failure, errno, NULL, "capabilities");
	step_executed(child, "airplant-files");
	if (keep_few_descriptors(&listener, &root) < 0)
		_exit(1);
	fd = accept_owner(listener, child->real_root);
	close(listener);
	if (fd >= 0)
		files_serve(fd, root);
	_exit(0);
}
