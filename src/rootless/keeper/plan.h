/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_PLAN_H
#define AIRPLANT_PLAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"
#include "wire.h"

#define SLOTS 512
#define NETWORKS_MAX 16 /* networkOf steps of one plan */

enum op {
#define OP(number, name, fields) OP_##name = number,
#include "ops.def"
#undef OP
};

struct step {
	uint16_t op;
	struct field args[8];
};

struct plan {
	size_t count;
	struct step *steps;
};

/* Decodes a whole plan in the keeper, before a child exists. The bytes must outlive the plan. */
int plan_decode(const uint8_t *bytes, size_t size, struct plan *plan, struct failure *failure);
void plan_release(struct plan *plan);
const char *op_name(uint16_t op);

/* What a child tells the keeper on its status socket (SOCK_SEQPACKET); end of file means: the program was executed. */
enum status_kind {
	STATUS_FAILED = 1, /* failure */
	STATUS_TTY,	   /* with the pty's master */
	STATUS_NETWORK,	   /* with the network namespace of a helper, which others may join */
	STATUS_GATE,	   /* with a socket that waits for connections to the host's port in `step` */
	STATUS_MAPS,	   /* step = index of nestUser; waits for an int32 answer: 0 or an errno */
};

struct status {
	uint32_t kind;
	struct failure failure; /* STATUS_MAPS: only step */
};

/* Sends one status, with a descriptor unless it is -1. */
int status_send(int socket, const struct status *status, int fd);
/* Receives one without waiting, with its descriptor or -1. 0 at the end, -1 when there is none now. */
ssize_t status_receive(int socket, struct status *status, int *fd);

/* All that the child side knows; slots start as -1. */
struct child {
	int status;   /* see above; close-on-exec */
	int seed;     /* mount namespace with one empty directory, /root */
	int self;     /* sealed copy of the keeper's binary, for init */
	bool entered; /* enterRoot was done, or it is an exec or a visitor: paths are the container's */
	bool visitor; /* in a container's mount namespace with all rights: nothing of the container may be executed */
	int session;  /* the session directory; nothing of the container may ever get it */
	const char *directory; /* its path */
	uid_t real_root;       /* who besides root may connect to a socket of ours, see struct keeper */
	bool owns_stdio[3]; /* descriptors 0 to 2 that are the keeper's own pipes or pty: to be chowned to the user */
	bool null_stdin;    /* descriptor 0 is the host's /dev/null: exec opens the container's own instead */
	const int *tokens;  /* descriptors of the broker, -1 where none */
	size_t token_count;
	int *networks; /* what the networkOf steps name, in their order; the keeper opened them */
	size_t network_count;
	int slots[SLOTS];
	struct gates *gates; /* of the steps `socket` and `gate` */
	uint64_t open_files
		[2]; /* RLIMIT_NOFILE, soft and hard, of the program: set last, the steps before need descriptors */
	uid_t uid;   /* as resolved by credentials */
	char home[256];
};

/* Runs the steps in order. Returns 0 when the plan ended without an exec, -1 on failure; does not return after exec. */
int plan_run(const struct plan *plan, struct child *child, struct failure *failure);

/* The re-executed keeper as a container's pid 1. argv: INIT_NAME, the status socket's number, the exec step's index, the argv. */
#define INIT_NAME "airplant-init"
int init_main(int argc, char **argv, char **env);

#endif
