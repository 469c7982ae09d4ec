/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_HOST_GATE_H
#define AIRPLANT_HOST_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define HOST_GATES_MAX 32

/* Listening sockets that a container's plan made in its own network namespace, for ports of the host's loopback. */
struct host_gates {
	size_t count;
	struct host_gate {
		int fd; /* -1: not there yet */
		uint16_t port;
	} list[HOST_GATES_MAX];
};

/* Announces one of the plan's; false when there are too many. */
bool host_gates_expect(struct host_gates *gates, uint16_t port);
/*
 * Keeps the socket for a port that was announced, else closes it: what else a child says, whoever has got hold of it by then, opens no
 * port of the host.
 */
void host_gates_add(struct host_gates *gates, int fd, uint16_t port);
void host_gates_close(struct host_gates *gates);
/*
 * Starts a process that stays in the host's network namespace and carries what arrives at the sockets to 127.0.0.1, or where that refuses to
 * ::1, at the same port. Gives its pidfd.
 */
int host_gates_serve(const struct host_gates *gates, int *pidfd, struct failure *failure);

#endif
