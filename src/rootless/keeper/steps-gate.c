/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/stat.h>

#include "forwarder.h"
#include "namespace-socket.h"
#include "steps.h"
#include "worker.h"

#define OWN_NETWORK SLOTS /* instead of a slot: the network namespace that the helper is in */

enum { TCP = 0, UDP = 1 };

/* The sockets of a plan, and where what arrives at them goes. */
struct gates {
	size_t count;
	struct planned {
		uint64_t slot;
		ino_t inode; /* by which the socket is known again */
		bool datagrams;
		struct route route;
	} list[SLOTS];
};

static int check(const struct child *child, uint64_t port, bool is_path, struct failure *failure)
{
	if (child->entered)
		return fail(failure, EINVAL, NULL, "the host is out of reach");
	if (port > UINT16_MAX || (port == 0) != is_path)
		return fail(failure, EINVAL, NULL, "port %llu", (unsigned long long)port);
	return 0;
}

static ino_t inode_of(int fd)
{
	struct stat status;

	return fd < 0 || fstat(fd, &status) < 0 ? 0 : status.st_ino;
}

/* Whether the socket is still in its slot, where another descriptor may be by now. */
static bool is_there(const struct child *child, const struct planned *planned)
{
	return inode_of(child->slots[planned->slot]) == planned->inode;
}

static struct planned *find(const struct child *child, uint64_t slot)
{
	struct gates *gates = child->gates;

	for (size_t i = 0; gates && i < gates->count; i++)
		if (gates->list[i].slot == slot && is_there(child, &gates->list[i]))
			return &gates->list[i];
	return NULL;
}

static int remember(struct child *child, uint64_t slot, bool datagrams)
{
	if (!child->gates)
		child->gates = calloc(1, sizeof *child->gates);
	if (!child->gates || child->gates->count == SLOTS) {
		errno = ENOMEM;
		return -1;
	}
	child->gates->list[child->gates->count++] = (struct planned){
		.slot = slot,
		.inode = inode_of(child->slots[slot]),
		.datagrams = datagrams,
	};
	return 0;
}

int step_socket(struct child *child, const struct field *args, struct failure *failure)
{
	uint64_t slot = args[0].number, network = args[1].number, protocol = args[2].number, port = args[4].number;
	const char *text = args[3].text;
	struct target address;
	int namespace = -1, fd;

	if (check(child, port, false, failure) < 0)
		return -1;
	if (protocol > UDP || target_set_address(&address, text, (uint16_t)port) < 0)
		return fail(failure, EINVAL, NULL, "%s, protocol %llu", text, (unsigned long long)protocol);
	if (network != OWN_NETWORK) {
		namespace = slot_get(child, network, failure);
		if (namespace < 0)
			return -1;
	}
	fd = namespace_socket(namespace, protocol == UDP, &address);
	if (fd < 0)
		return fail(failure, errno, NULL, "%s port %llu", text, (unsigned long long)port);
	slot_put(child, slot, fd);
	return remember(child, slot, protocol == UDP) < 0 ? fail(failure, errno, NULL, "too many sockets") : 0;
}

int step_gate(struct child *child, const struct field *args, struct failure *failure)
{
	const char *text = args[1].text;
	uint64_t port = args[2].number;
	struct planned *planned;
	struct target *target;

	if (check(child, port, *text == '/', failure) < 0)
		return -1;
	planned = find(child, args[0].number);
	if (!planned)
		return fail(failure, EBADF, NULL, "slot %llu has no socket of the step `socket`",
			    (unsigned long long)args[0].number);
	target = route_add(&planned->route);
	if (!target)
		return fail(failure, E2BIG, NULL, "%s: more than %d targets", text, TARGETS_MAX);
	if ((*text == '/' ? target_set_path(target, text) : target_set_address(target, text, (uint16_t)port)) < 0)
		return fail(failure, errno, NULL, "%s", text);
	return 0;
}

static int check_gates(const struct child *child, const struct gates *gates, struct failure *failure)
{
	for (size_t i = 0; i < gates->count; i++)
		if (is_there(child, &gates->list[i]) && gates->list[i].route.count == 0)
			return fail(failure, EINVAL, NULL, "slot %llu has no gate",
				    (unsigned long long)gates->list[i].slot);
	return 0;
}

/* Descriptors that the helper is to keep. */
struct kept {
	size_t count;
	int list[1 + SLOTS * (1 + TARGETS_MAX)];
};

/* Adds one, and gives the number that it will have. */
static int keep(struct kept *kept, int fd)
{
	kept->list[kept->count] = fd;
	return WORKER_FIRST + (int)kept->count++;
}

static void keep_gates(const struct child *child, struct forwarder *forwarder, struct kept *kept)
{
	const struct gates *gates = child->gates;

	for (size_t i = 0; i < gates->count; i++) {
		const struct planned *planned = &gates->list[i];
		struct route route = planned->route;

		if (!is_there(child, planned))
			continue;
		for (size_t j = 0; j < route.count; j++)
			if (route.list[j].directory >= 0)
				route.list[j].directory = keep(kept, route.list[j].directory);
		forwarder_add(forwarder, keep(kept, child->slots[planned->slot]), planned->datagrams, &route);
	}
}

/* Serves the gates of the plan: the last step of a helper. */
int step_forward(struct child *child, const struct field *args, struct failure *failure)
{
	const struct gates *gates = child->gates;
	struct forwarder *forwarder;
	struct kept kept;

	if (child->entered || args[0].number)
		return fail(failure, EINVAL, NULL, child->entered ? "the host is out of reach" : "flags");
	if (!gates)
		return fail(failure, EINVAL, NULL, "there is no socket");
	if (check_gates(child, gates, failure) < 0)
		return -1;
	forwarder = forwarder_make(gates->count);
	if (!forwarder)
		return fail(failure, ENOMEM, NULL, "%zu sockets", gates->count);
	kept.count = 0;
	keep(&kept, child->status);
	keep_gates(child, forwarder, &kept);
	if (worker_settle("airplant-gates", kept.list, kept.count) < 0) {
		free(forwarder);
		return fail(failure, errno, NULL, "%zu descriptors", kept.count);
	}
	child->status = WORKER_FIRST;
	if (worker_drop_capabilities() < 0 || forwarder_prepare(forwarder, false) < 0) {
		free(forwarder);
		return fail(failure, errno, NULL, "%zu descriptors", kept.count);
	}
	step_executed(child, "airplant-gates");
	forwarder_serve(forwarder);
}
