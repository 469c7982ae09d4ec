/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void release(struct spawn *spawn)
{
	for (int i = 0; i < 3; i++)
		close_fd(&spawn->stdio[i]);
	close_fd(&spawn->network);
	while (spawn->network_count)
		close_fd(&spawn->networks[--spawn->network_count]);
	close_fd(&spawn->cgroup);
	close_fd(&spawn->status);
	plan_release(&spawn->plan);
	plan_release(&spawn->pool_plan);
	wire_release(SPAWN_FIELDS, spawn->fields);
}

/* The child's end of one standard stream, the keeper's other end in *ours. */
static int make_pipe(int ends[2], int *theirs, int *ours, bool input)
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	*theirs = ends[input ? 0 : 1];
	*ours = ends[input ? 1 : 0];
	fcntl(*ours, F_SETFL, O_NONBLOCK);
	return 0;
}

static int make_stdio(struct process *process, struct spawn *spawn, struct failure *failure)
{
	int ends[2], ours;

	if (process->flags & SPAWN_TTY) {
		stream_open(&process->output[0], process, 1, -1);
		stream_open(&process->output[1], process, 2, -1);
		process->output[0].ended = false;
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		if (make_pipe(ends, &spawn->stdio[i + 1], &ours, false) < 0)
			return fail(failure, errno, "pipe", "stdout or stderr");
		stream_open(&process->output[i], process, (uint8_t)(i + 1), ours);
	}
	if (!(process->flags & SPAWN_STDIN))
		return 0;
	if (make_pipe(ends, &spawn->stdio[0], &ours, true) < 0)
		return fail(failure, errno, "pipe", "stdin");
	input_open(&process->input, process, ours, false);
	return 0;
}

static int make_network(struct keeper *keeper, const struct process *process, struct spawn *spawn,
			struct failure *failure)
{
	if (!(process->flags & SPAWN_NETWORK))
		return 0;
	spawn->network = netpool_take(&keeper->pool);
	if (spawn->network >= 0)
		return 0;
	spawn->fields[F_NAMESPACES].number |= CLONE_NEWNET;
	if (!keeper->pool_plan)
		return 0;
	return plan_decode(keeper->pool_plan, keeper->pool_plan_size, &spawn->pool_plan, failure);
}

/*
 * The namespaces that the plan's networkOf steps name, opened here: a pid is only sure to be that process's while nobody reaps. One that
 * is on its way to exec may not have joined its network yet.
 */
static int open_networks(struct keeper *keeper, struct spawn *spawn, struct failure *failure)
{
	for (size_t i = 0; i < spawn->plan.count; i++) {
		const struct step *step = &spawn->plan.steps[i];
		uint64_t handle = step->args[1].number;
		const struct process *process;
		char path[64];
		int fd;

		if (step->op != OP_networkOf || handle == 0)
			continue;
		process = process_find(keeper, handle);
		if (!process || process->state != RUNNING)
			return fail(failure, ESRCH, "networkOf", "%llu", (unsigned long long)handle);
		if (spawn->network_count == NETWORKS_MAX)
			return fail(failure, E2BIG, "networkOf", "more than %d", NETWORKS_MAX);
		snprintf(path, sizeof path, "/proc/%d/ns/net", process->pid);
		fd = process->network < 0 ? open(path, O_RDONLY | O_CLOEXEC) :
					    fcntl(process->network, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return fail(failure, errno, "networkOf", "%s", path);
		spawn->networks[spawn->network_count++] = fd;
	}
	return 0;
}

/* Also the limit on them, before anything was started. */
static int expect_host_gates(struct process *process, const struct plan *plan, struct failure *failure)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct step *step = &plan->steps[i];

		if (step->op != OP_hostGate)
			continue;
		if (process->kind != CONTAINER ||
		    !host_gates_expect(&process->host_gates, (uint16_t)step->args[1].number))
			return fail(failure, E2BIG, "hostGate", "more than %d, or of no container", HOST_GATES_MAX);
	}
	return 0;
}

static bool joins_network(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].op == OP_joinNetwork)
			return true;
	return false;
}

/* A container's own control group; an exec belongs into that of its container. */
static int make_cgroup(const struct process *process, struct spawn *spawn, struct failure *failure)
{
	const char *path = process->kind == EXEC ? spawn->target->cgroup : process->cgroup;

	if (!*path)
		return 0;
	if (process->kind != EXEC && mkdir(path, 0755) < 0 && errno != EEXIST)
		return fail(failure, errno, "cgroup", "%s", path);
	spawn->cgroup = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return spawn->cgroup < 0 ? fail(failure, errno, "cgroup", "%s", path) : 0;
}

static int make_process(struct client *client, uint32_t request, struct spawn *spawn, struct process **made)
{
	struct keeper *keeper = client->keeper;
	struct process *process = calloc(1, sizeof *process);
	const struct field *fields = spawn->fields;

	if (!process)
		return -1;
	*made = process;
	process->keeper = keeper;
	process->pidfd = process->forwarder = process->host_forwarder = process->network = process->status.fd = -1;
	process->output[0].source.fd = process->output[1].source.fd = process->input.source.fd = -1;
	process->output[0].credit = process->output[1].credit = fields[F_CREDIT].number;
	process->owner = client;
	process->kind = (enum kind)fields[F_KIND].number;
	process->flags = fields[F_FLAGS].number;
	process->own_network = (process->flags & SPAWN_NETWORK) || (fields[F_NAMESPACES].number & CLONE_NEWNET) ||
			       joins_network(&spawn->plan);
	process->target = spawn->target;
	process->spawn_request = request;
	process->id = strdup(fields[F_ID].text);
	process->scratch = strdup(fields[F_SCRATCH].text);
	process->cgroup = strdup(fields[F_CGROUP].text);
	process->meta = strdup(fields[F_META].text);
	peers_read(fields[F_PEER].text, &process->peers);
	for (size_t i = 0; i < spawn->plan.count; i++) {
		if (spawn->plan.steps[i].op != OP_nestUser || process->uid_map)
			continue;
		process->uid_map = strdup(spawn->plan.steps[i].args[0].text);
		process->gid_map = strdup(spawn->plan.steps[i].args[1].text);
	}
	if (!process->id || !process->scratch || !process->cgroup || !process->meta)
		return -1;
	if ((process->flags & SPAWN_LOGGED) && log_open(&process->log, fields[F_LOG_LIMIT].number) < 0)
		return -1;
	process->handle = ++keeper->next_handle;
	return 0;
}

/* A container gets its namespaces by clone3; helpers are plain children. */
static pid_t clone_child(const struct process *process, const struct spawn *spawn, int *pidfd)
{
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)pidfd, .exit_signal = SIGCHLD };

	if (process->kind == CONTAINER)
		args.flags |= spawn->fields[F_NAMESPACES].number;
	else if (process->kind == HELPER)
		args.flags |= spawn->fields[F_NAMESPACES].number & CLONE_NEWNET;
	if (spawn->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)spawn->cgroup;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/*
 * An exec's pid namespace is that of its container. It is only ever joined for children, so the keeper joins it for the one that it
 * clones now; the other namespaces are joined by the child (spawn-child.c). A keeper that cannot come back must not go on: whatever
 * it started next would be in that container.
 */
static pid_t clone_exec(const struct process *process, const struct spawn *spawn, int *pidfd)
{
	pid_t pid;

	if (setns(spawn->target->pidfd, CLONE_NEWPID) < 0)
		return -1;
	pid = clone_child(process, spawn, pidfd);
	if (pid == 0)
		return 0;
	if (setns(process->keeper->pid_namespace, CLONE_NEWPID) < 0)
		abort();
	return pid;
}

static int start(struct process *process, struct spawn *spawn, struct failure *failure)
{
	int sockets[2], pidfd = -1;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return fail(failure, errno, "socketpair", "status");
	process->status = (struct source){ .fd = sockets[0], .ready = status_ready };
	spawn->status = sockets[1];
	if (loop_add(process->keeper->epoll, &process->status, EPOLLIN) < 0)
		return fail(failure, errno, "epoll", "status");
	pid = process->kind == EXEC ? clone_exec(process, spawn, &pidfd) : clone_child(process, spawn, &pidfd);
	if (pid == 0)
		spawn_child(process->keeper, process, spawn);
	if (pid < 0)
		return fail(failure, errno, process->kind == EXEC ? "join" : "clone3", "%s",
			    process->kind == EXEC ? spawn->target->id : process->id);
	process->pid = pid;
	process->pidfd = pidfd;
	/* Now, while the child is busy with its plan: once it has ended and was reaped nobody knows its pid. */
	if (process->kind == CONTAINER)
		process->host_pid = status_host_pid(process->keeper, pidfd);
	return 0;
}

/* A token is good for one plan: its descriptor would pin a mount of the host for as long as the keeper lives. */
static void release_tokens(struct keeper *keeper, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		uint64_t token = plan->steps[i].args[1].number;

		if (plan->steps[i].op == OP_takeFd && token < TOKENS)
			close_fd(&keeper->tokens[token]);
	}
}

static int check(struct keeper *keeper, struct spawn *spawn, struct failure *failure)
{
	const struct field *fields = spawn->fields;
	bool joins;

	if (fields[F_KIND].number > VISITOR || fields[F_LOG_LIMIT].number > (1ull << 32))
		return fail(failure, EINVAL, "spawn", "kind or log limit");
	/* Any other bit would make the child a part of the keeper itself: its memory, its descriptors, its threads. */
	if (fields[F_NAMESPACES].number & ~(uint64_t)NAMESPACES)
		return fail(failure, EINVAL, "spawn", "namespaces %#llx",
			    (unsigned long long)fields[F_NAMESPACES].number);
	if ((fields[F_FLAGS].number & SPAWN_LOGGED) && fields[F_LOG_LIMIT].number < 4096)
		return fail(failure, EINVAL, "spawn", "log limit below 4096");
	if (peers_read(fields[F_PEER].text, &(struct peers){ 0 }) < 0)
		return fail(failure, EINVAL, "spawn", "peer \"%s\"", fields[F_PEER].text);
	if (fields[F_TARGET].number)
		spawn->target = process_find(keeper, fields[F_TARGET].number);
	joins = fields[F_KIND].number == EXEC || fields[F_KIND].number == VISITOR;
	if (joins && (!spawn->target || spawn->target->kind != CONTAINER || spawn->target->state != RUNNING))
		return fail(failure, ESRCH, "spawn", "the container is not running");
	if (fields[F_KIND].number == EXEC && spawn->target->freeze.active)
		return fail(failure, EBUSY, "spawn", "the container is paused");
	return plan_decode((const uint8_t *)fields[F_PLAN].text, fields[F_PLAN].size, &spawn->plan, failure);
}

int process_spawn(struct client *client, uint32_t request, const uint8_t *body, size_t size, struct failure *failure)
{
	struct spawn spawn = { .stdio = { -1, -1, -1 }, .network = -1, .cgroup = -1, .status = -1 };
	struct keeper *keeper = client->keeper;
	struct process *process = NULL;
	int result;

	if (wire_decode(SPAWN_FIELDS, body, size, spawn.fields) < 0)
		return fail(failure, EPROTO, "spawn", "malformed");
	result = check(keeper, &spawn, failure);
	if (result == 0 && make_process(client, request, &spawn, &process) < 0)
		result = fail(failure, ENOMEM, "spawn", "out of memory, or too many processes");
	if (result == 0)
		result = ports_bind((const uint8_t *)spawn.fields[F_PORTS].text, spawn.fields[F_PORTS].size,
				    &process->ports, failure);
	if (result == 0)
		result = make_stdio(process, &spawn, failure);
	if (result == 0)
		result = make_network(keeper, process, &spawn, failure);
	if (result == 0)
		result = open_networks(keeper, &spawn, failure);
	if (result == 0)
		result = expect_host_gates(process, &spawn.plan, failure);
	if (result == 0)
		result = make_cgroup(process, &spawn, failure);
	if (result == 0)
		result = start(process, &spawn, failure);
	release_tokens(keeper, &spawn.plan);
	release(&spawn);
	if (result == 0) {
		process->next = keeper->processes;
		keeper->processes = process;
		stream_update(&process->output[0]);
		stream_update(&process->output[1]);
		netpool_refill(&keeper->pool);
	} else if (process) {
		process_discard(process);
	}
	return result;
}
