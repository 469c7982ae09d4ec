/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_KEEPER_H
#define AIRPLANT_KEEPER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker.h"
#include "error.h"
#include "freeze.h"
#include "log.h"
#include "loop.h"
#include "netpool.h"
#include "plan.h"
#include "ports.h"
#include "stream.h"

#define PROTOCOL_VERSION 1

struct client;
struct process;

/* The whole state of a keeper: one per process, made by boot.c and setup.c, passed to everyone. */
struct keeper {
	int epoll;
	int session;	       /* the session directory */
	int sessions;	       /* its parent */
	const char *directory; /* absolute path of the session directory */
	char name[64];	       /* its last component */
	char work[4096];       /* <directory>/k: private mounts */
	int lock;	       /* flock held for as long as this keeper lives */
	int seed;	       /* mount namespace in which every container's root is set up */
	int self;	       /* sealed copy of this program */
	int host_proc;	       /* /proc of the namespace that Node lives in */
	int signals;	       /* signalfd */
	pid_t host_pid;
	uid_t real_root;	/* who else may connect: the overflow ID where real root started us, else 0 */
	uint64_t open_files[2]; /* RLIMIT_NOFILE as it was: what containers inherit */
	struct source signal_source, listener, housekeeping, broker, deadline;
	int tokens[TOKENS]; /* what the broker opened, until a plan takes it */
	bool deaf;	    /* no descriptor for another client: listens again later */
	bool housekeeping_due;
	struct netpool pool;
	uint8_t *pool_plan; /* run in a namespace made on the spot */
	size_t pool_plan_size;
	struct client *clients;
	struct process *processes;
	uint64_t next_handle;
	pid_t trash;		     /* who empties it now, 0: nobody */
	unsigned int trash_failures; /* one after another */
	int pid_namespace;	     /* the keeper's own, to come back to after an exec was started in a container's */
	uint64_t linger;	     /* ms that it lives on without a lease */
	bool idle;		     /* nobody has a lease, the deadline runs */
	bool ending;
};

/* What the command line says. */
struct settings {
	const char *session;
	const char *method; /* newuidmap, direct, single */
	const char *uids, *gids;
	const char *newuidmap, *newgidmap;
	const char *broker; /* "4": a second socket to Node, see broker.h; NULL: none */
};

/* boot.c: makes the namespaces and becomes the waiting parent; only the keeper itself (pid 1) returns, with 0 and its end of
 * the broker's socket (-1: none). */
int boot(const struct settings *settings, int *broker, struct failure *failure);
/* workspace.c: the keeper's private mounts and the seed. */
int workspace_make(struct keeper *keeper, struct failure *failure);
/* setup.c: signals, /proc, session directory, workspace, listening socket. */
int setup(struct keeper *keeper, const struct settings *settings, struct failure *failure);
/* run.c: serves until the last lease ends; does not return. */
_Noreturn void keeper_run(struct keeper *keeper, int control);
/* Trash is deleted soon, in the background. */
void keeper_housekeeping(struct keeper *keeper);
/* Kills everything, deletes the session directory, exits. */
_Noreturn void keeper_end(struct keeper *keeper);

int probe_main(const char *what);

#endif
