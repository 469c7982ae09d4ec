/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_BROKER_H
#define AIRPLANT_BROKER_H

struct keeper;

/*
 * Only when real root starts a keeper: containers are then mapped to IDs that cannot read what only root can, /root first of all. The
 * process that stays outside opens such sources of bind mounts when Node asks for it, and hands them to the keeper under a number.
 */

#define TOKENS 256

/* Outside: carries out one request of Node's (docs/protocol.md). -1 when Node is gone. */
int broker_serve(int node, int keeper);

/* Inside: takes what arrives on keeper->broker.fd into keeper->tokens. */
int broker_listen(struct keeper *keeper);

#endif
