/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_PROCESS_H
#define AIRPLANT_PROCESS_H

#include "client.h"
#include "host-gate.h"
#include "keeper.h"

enum kind { CONTAINER = 0, EXEC = 1, HELPER = 2, VISITOR = 3 };

enum spawn_flag {
	SPAWN_NETWORK = 1, /* network namespace from the pool */
	SPAWN_TTY = 2,
	SPAWN_STDIN = 4,
	SPAWN_ATTACHED = 8,
	SPAWN_LOGGED = 16,
	SPAWN_LASTING = 32, /* outlives the connection that asked for it */
};

enum state { STARTING, RUNNING, EXITED, FINISHED };

/* A process that a client asked for: a container's pid 1, an exec, a helper, or a helper that sees a container's mounts. */
struct process {
	struct process *next;
	struct keeper *keeper;
	struct client *owner; /* NULL once that client is gone */
	struct process *target;
	uint64_t handle;
	enum kind kind;
	enum state state;
	uint64_t flags;
	bool failed;  /* a step failed: the client was told, no exit is announced */
	bool removed; /* goes away as soon as it has finished */
	char *id, *scratch, *cgroup, *meta;
	bool own_network;	 /* not the keeper's, and the host's, which cannot be joined */
	int network;		 /* namespace that it offered, -1 */
	char *uid_map, *gid_map; /* of nestUser */
	pid_t pid;		 /* 0: there is none yet */
	int pidfd;
	uint64_t host_pid;
	struct source status; /* until the program runs */
	uint32_t spawn_request;
	struct asker *removals; /* who waits until it is gone */
	struct asker *waiters;	/* who waits until it has ended */
	struct stream output[2];
	struct input input;
	struct log log;
	struct follower *followers;
	struct ports ports;
	struct peers peers;
	int forwarder; /* pidfd */
	struct host_gates host_gates;
	int host_forwarder; /* pidfd */
	struct freeze freeze;
	int exit_code, exit_signal;
};

/* spawn.c */
int process_spawn(struct client *client, uint32_t request, const uint8_t *body, size_t size, struct failure *failure);

/* process.c */
struct process *process_find(struct keeper *keeper, uint64_t handle);
void process_reap(struct keeper *keeper);
/* Moves on after the exit and the ends of the streams; may free the process. */
void process_settle(struct process *process);
void process_kill(struct process *process);
/* Its client takes more output than before. May free it, and it alone. */
void process_go_on(struct process *process);
void process_remove(struct process *process);
/* It will outlive the connection that asked for it, as will the helpers of a container. */
void process_keep(struct process *kept);
void process_free(struct process *process);
/* Undoes a start that did not get as far as a child. */
void process_discard(struct process *process);

/* flow.c: input and credit. -1: the client broke the protocol. */
int flow_credit(struct client *client, uint32_t id, const uint8_t *body, size_t size);
int flow_input(struct client *client, uint16_t type, uint32_t id, const uint8_t *body, size_t size);

/* askers.c: who is answered later */
int askers_add(struct asker **askers, struct client *client, uint32_t id);
/* Answers all of them with the same fields. */
void askers_answer(struct asker **askers, const void *body, size_t size);
void askers_refuse(struct asker **askers, const struct failure *failure);
void askers_forget(struct keeper *keeper, const struct client *client);

/* status.c: reads what the child says on its way to exec. */
void status_ready(struct source *source, uint32_t events);
/* The pid that the host knows: the host's /proc shows it in the pidfd's fdinfo. 0 when the process was reaped. */
uint64_t status_host_pid(const struct keeper *keeper, int pidfd);
/* The child has ended: reads what it said before, and nothing after that. */
void status_drain(struct process *process);

/* sockets.c: adds the inodes of the sockets that the processes of a pid namespace hold (nothing unless wanted). */
int sockets_of(pid_t first, bool wanted, struct body *answer);

/* follow.c: log subscriptions */
struct follower {
	struct follower *next;
	struct process *process;
	struct client *client;
	uint32_t id;
	bool follow;
	uint64_t position, seen, credit;
};
int follow_start(struct process *process, struct client *client, uint32_t id, bool follow, uint64_t credit);
void follow_serve(struct process *process);
struct follower *follow_find(struct keeper *keeper, const struct client *client, uint32_t id);
void follow_stop(struct follower *follower);
void follow_forget(struct keeper *keeper, const struct client *client);

#endif
