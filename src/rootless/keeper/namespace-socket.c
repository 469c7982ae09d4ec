/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "namespace-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datagrams.h"
#include "error.h"

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

/* An IPv6 address that was added a moment ago may be tentative yet, and not to be bound without IPV6_FREEBIND. */
static int set_options(int fd, int family, bool datagrams)
{
	int on = 1;

	if (family == AF_INET6 && (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0 ||
				   setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on) < 0))
		return -1;
	/* Two sockets for datagrams may not share an address: the second would take all. */
	if (datagrams)
		return datagram_socket_prepare(fd, family);
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

static int make_socket(bool datagrams, const struct target *address)
{
	int family = address->address.any.sa_family;
	int type = (datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
	cleanup_close int fd = socket(family, type, 0);

	if (fd < 0 || set_options(fd, family, datagrams) < 0 || bind(fd, &address->address.any, address->size) < 0)
		return -1;
	if (!datagrams && listen(fd, SOMAXCONN) < 0)
		return -1;
	return steal_fd(&fd);
}

/* The child that goes there: its memory is its own, its table of descriptors is ours, where it leaves the socket at `place`. */
static _Noreturn void visit(int network_namespace, bool datagrams, const struct target *address, int place)
{
	int fd = setns(network_namespace, CLONE_NEWNET) < 0 ? -1 : make_socket(datagrams, address);
	int err = fd >= 0 && dup3(fd, place, O_CLOEXEC) >= 0 ? 0 : errno;

	if (fd >= 0)
		close(fd);
	_exit(err);
}

int namespace_socket(int network_namespace, bool datagrams, const struct target *address)
{
	struct clone_args args = { .flags = CLONE_FILES | CLONE_VFORK, .exit_signal = SIGCHLD };
	cleanup_close int place = -1;
	int status;
	pid_t pid;

	if (network_namespace < 0)
		return make_socket(datagrams, address);
	place = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (place < 0)
		return -1;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		visit(network_namespace, datagrams, address, place);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
	return errno ? -1 : steal_fd(&place);
}
