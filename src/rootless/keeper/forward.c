/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "forwarder.h"
#include "ports.h"
#include "worker.h"

int peers_read(const char *text, struct peers *peers)
{
	peers->count = 0;
	while (*text) {
		size_t size = strcspn(text, " ");
		char address[INET_ADDRSTRLEN] = "";

		if (size < sizeof address)
			memcpy(address, text, size);
		if (peers->count == PEERS_MAX || inet_pton(AF_INET, address, &peers->list[peers->count]) != 1)
			return -1;
		peers->count++;
		text += size + (text[size] == ' ');
	}
	return 0;
}

static struct route route_inside(const struct peers *peers, uint16_t port)
{
	struct route route = { 0 };

	for (size_t i = 0; i < peers->count; i++)
		target_set_itself(route_add(&route), peers->list[i], port);
	return route;
}

/* In the child, from where nothing can be returned: what fails ends the process, which the keeper sees on the pidfd. */
_Noreturn static void forward_main(const struct ports *ports, const struct peers *peers, int network_namespace)
{
	struct forwarder *forwarder = forwarder_make(ports->count);
	int keep[PORTS_MAX + 1];
	size_t count = 0;

	if (!forwarder)
		_exit(1);
	for (size_t i = 0; i < ports->count; i++) {
		const struct listener *listener = &ports->list[i];
		struct route route = route_inside(peers, listener->target);

		if (listener->fd < 0)
			continue;
		forwarder_add(forwarder, WORKER_FIRST + (int)count, listener->datagrams, &route);
		keep[count++] = listener->fd;
	}
	keep[count] = network_namespace;
	if (worker_settle("airplant-ports", keep, count + 1) < 0 || setns(WORKER_FIRST + (int)count, CLONE_NEWNET) < 0)
		_exit(1);
	close(WORKER_FIRST + (int)count);
	if (worker_drop_capabilities() < 0 || forwarder_prepare(forwarder, true) < 0)
		_exit(1);
	forwarder_serve(forwarder);
}

pid_t forward_start(const struct ports *ports, const struct peers *peers, int network_namespace, int *pidfd,
		    struct failure *failure)
{
	pid_t pid = worker_fork(pidfd);

	if (pid < 0)
		return fail(failure, errno, "forward", "clone3");
	if (pid == 0)
		forward_main(ports, peers, network_namespace);
	return pid;
}
