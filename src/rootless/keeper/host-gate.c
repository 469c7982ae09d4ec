/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "host-gate.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "forwarder.h"
#include "namespace-socket.h"
#include "steps.h"
#include "worker.h"

/*
 * The container's program may connect as soon as it runs, so its own plan makes the socket; the keeper gets it, and serves it when the
 * program was executed. Until then the kernel's queue holds who comes.
 */
int step_hostGate(struct child *child, const struct field *args, struct failure *failure)
{
	struct status status = { .kind = STATUS_GATE };
	cleanup_close int fd = -1;
	struct target address;

	if (child->entered)
		return fail(failure, EINVAL, NULL, "the host is out of reach");
	if (args[1].number == 0 || args[1].number > UINT16_MAX ||
	    target_set_address(&address, args[0].text, (uint16_t)args[1].number) < 0)
		return fail(failure, EINVAL, NULL, "%s", args[0].text);
	fd = namespace_socket(-1, false, &address);
	status.failure.step = args[1].number;
	/* A neighbour on a network could send packets to an address of loopback, too (weak host model, RFC 1122, 3.3.4.2). */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo") < 0 ||
	    status_send(child->status, &status, fd) < 0)
		return fail(failure, errno, NULL, "%s port %llu", args[0].text, (unsigned long long)args[1].number);
	return 0;
}

bool host_gates_expect(struct host_gates *gates, uint16_t port)
{
	if (gates->count == HOST_GATES_MAX)
		return false;
	gates->list[gates->count++] = (struct host_gate){ -1, port };
	return true;
}

void host_gates_add(struct host_gates *gates, int fd, uint16_t port)
{
	for (size_t i = 0; i < gates->count; i++) {
		if (gates->list[i].port != port || gates->list[i].fd >= 0)
			continue;
		gates->list[i].fd = fd;
		return;
	}
	close(fd);
}

void host_gates_close(struct host_gates *gates)
{
	while (gates->count)
		cleanup_close_(&gates->list[--gates->count].fd);
}

/* In the child, from where nothing can be returned: what fails ends the process, and the sockets with it. */
_Noreturn static void serve(const struct host_gates *gates)
{
	struct forwarder *forwarder = forwarder_make(gates->count);
	int keep[HOST_GATES_MAX];
	size_t count = 0;

	if (!forwarder)
		_exit(1);
	for (size_t i = 0; i < gates->count; i++) {
		struct route route = { 0 };

		if (gates->list[i].fd < 0)
			continue;
		target_set_address(route_add(&route), "127.0.0.1", gates->list[i].port);
		target_set_address(route_add(&route), "::1", gates->list[i].port);
		forwarder_add(forwarder, WORKER_FIRST + (int)count, false, &route);
		keep[count++] = gates->list[i].fd;
	}
	if (worker_settle("airplant-host", keep, count) < 0 || worker_drop_capabilities() < 0 ||
	    forwarder_prepare(forwarder, true) < 0)
		_exit(1);
	forwarder_serve(forwarder);
}

int host_gates_serve(const struct host_gates *gates, int *pidfd, struct failure *failure)
{
	pid_t pid = worker_fork(pidfd);

	if (pid < 0)
		return fail(failure, errno, "hostGate", "clone3");
	if (pid == 0)
		serve(gates);
	return 0;
}
