/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_FORWARDER_H
#define AIRPLANT_FORWARDER_H

#include <stdbool.h>
#include <stddef.h>

#include "route.h"

/*
 * A process that carries what arrives at its sockets to their targets: the forwarder of a container's published ports (forward.c), and
 * the helper whose last step is `forward` (steps-gate.c).
 */
struct forwarder;

/* NULL when there is no memory. */
struct forwarder *forwarder_make(size_t most_gates);
/* A listening TCP socket, or one for datagrams. */
void forwarder_add(struct forwarder *forwarder, int fd, bool datagrams, const struct route *route);
/* Before it serves. With `until_told` SIGTERM means that nothing new comes, and that it ends once all that is on its way has arrived. */
int forwarder_prepare(struct forwarder *forwarder, bool until_told);
_Noreturn void forwarder_serve(struct forwarder *forwarder);

#endif
