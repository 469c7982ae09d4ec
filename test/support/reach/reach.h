/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_REACH_H
#define AIRPLANT_REACH_H

#include <netdb.h>
#include <stdbool.h>
#include <sys/un.h>

/*
 * Tries to reach addresses, and answers those who try; test/support/reach.ts compiles and runs it. All attempts of one call go at once,
 * or one after the other behind "in-turn", and each prints a line: itself, a blank and how it ended.
 */

/* What nobody has answered after so many milliseconds is silent. */
#define PATIENCE 1500

/* An address and port, by getaddrinfo(3); NULL when there is none of that name. */
struct addrinfo *look_up(const char *host, const char *port, int type);

/* Of "@NAME". */
socklen_t abstract_address(const char *name, struct sockaddr_un *address);

/* The word for errno. */
const char *reason(void);

/* Answers everybody with a word: on a TCP and UDP port of all addresses or of one, or on an abstract Unix socket. */
int serve(char **args);

/* Frames of its own making: `frame,DESTINATION,PORT,SOURCE`, a datagram to the bridge of eth0. Needs CAP_NET_RAW. */
const char *attempt_frame(char **fields);

#endif
