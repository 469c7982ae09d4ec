/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_NAMESPACE_SOCKET_H
#define AIRPLANT_NAMESPACE_SOCKET_H

#include <stdbool.h>

#include "route.h"

/*
 * A bound socket (TCP: listening; for datagrams: datagram_socket_prepare was done) in the network namespace that the descriptor is of,
 * -1: in the caller's own. Only the socket is made there: who leaves the host's network namespace can never come back.
 */
int namespace_socket(int network_namespace, bool datagrams, const struct target *address);

#endif
