/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "remove.h"

#define TRASH_TRIES 20 /* at an interval of a fifth of a second */

struct process *process_find(struct keeper *keeper, uint64_t handle)
{
	for (struct process *process = keeper->processes; process; process = process->next)
		if (process->handle == handle)
			return process;
	return NULL;
}

/* The pid is ours to use until we reap it: nobody else can, so it cannot be taken over by another process. */
void process_kill(struct process *process)
{
	if (process->state < EXITED && process->pid > 0)
		kill(process->pid, SIGKILL);
}

/* A process that belongs to a container (fuse-overlayfs, a visitor) goes with it. */
static void kill_helpers(const struct process *container)
{
	for (struct process *process = container->keeper->processes, *next; process; process = next) {
		next = process->next; /* a helper that has ended is freed, and it alone */
		if ((process->kind == HELPER || process->kind == VISITOR) && process->target == container)
			process_remove(process);
	}
}

/* Waited for, which takes a fraction of a millisecond: whoever removed the container may publish on the same port at once. */
static void stop_forwarder(int *forwarder)
{
	siginfo_t ignored;

	if (*forwarder < 0)
		return;
	syscall(SYS_pidfd_send_signal, *forwarder, SIGKILL, NULL, 0);
	waitid(P_PIDFD, (id_t)*forwarder, &ignored, WEXITED);
	close(*forwarder);
	*forwarder = -1;
}

/* Its last words may still be on their way through the forwarder, which ends by itself when they have arrived. */
static void let_forwarder_end(int forwarder)
{
	if (forwarder >= 0)
		syscall(SYS_pidfd_send_signal, forwarder, SIGTERM, NULL, 0);
}

static void announce_exit(struct process *process)
{
	uint64_t fields[2] = { (uint64_t)process->exit_code, (uint64_t)process->exit_signal };

	if (process->failed)
		return;
	client_send(process->owner, EXIT, (uint32_t)process->handle, fields, sizeof fields);
	askers_answer(&process->waiters, fields, sizeof fields);
}

/* Takes away what the container had on disk. Its mounts are gone with its namespaces. */
static void clean_up(struct process *process)
{
	stop_forwarder(&process->forwarder);
	stop_forwarder(&process->host_forwarder);
	host_gates_close(&process->host_gates);
	ports_close(&process->ports);
	freeze_release(&process->freeze);
	if (process->kind == CONTAINER)
		kill_helpers(process);
	if (process->scratch && *process->scratch && remove_later(process->keeper->session, process->scratch) == 0)
		keeper_housekeeping(process->keeper);
	if (process->cgroup && *process->cgroup)
		rmdir(process->cgroup);
}

void process_settle(struct process *process)
{
	bool keep;

	if (process->state == EXITED && process->output[0].ended && process->output[1].ended) {
		process->state = FINISHED;
		input_close(&process->input);
		follow_serve(process);
		announce_exit(process);
		let_forwarder_end(process->forwarder);
		let_forwarder_end(process->host_forwarder);
		ports_close(&process->ports);
	}
	if (process->state != FINISHED)
		return;
	keep = process->kind == CONTAINER && !process->removed && !process->failed;
	if (keep || process->output[0].source.fd >= 0 || process->output[1].source.fd >= 0)
		return;
	clean_up(process);
	process_free(process);
}

/*
 * After its exit a silent pipe that somebody else still holds gives no event to wait for: whether it is empty is to be looked at
 * when the client takes more.
 */
void process_go_on(struct process *process)
{
	for (int i = 0; i < 2; i++) {
		if (process->state == EXITED)
			stream_drain(&process->output[i]);
		else
			stream_update(&process->output[i]);
	}
	follow_serve(process);
	process_settle(process);
}

void process_keep(struct process *kept)
{
	kept->flags |= SPAWN_LASTING;
	for (struct process *process = kept->keeper->processes; process; process = process->next)
		if (process->kind == HELPER && process->target == kept)
			process->flags |= SPAWN_LASTING;
}

void process_remove(struct process *process)
{
	process->removed = true;
	process_kill(process);
	if (process->state >= EXITED) {
		stream_close(&process->output[0]);
		stream_close(&process->output[1]);
		process->output[0].ended = process->output[1].ended = true;
	}
	process_settle(process);
}

void process_free(struct process *process)
{
	/* Its program was never executed. */
	struct failure never = { .step = NO_STEP, .what = "wait", .err = ESRCH };
	struct process **link = &process->keeper->processes;

	while (*link && *link != process)
		link = &(*link)->next;
	if (*link)
		*link = process->next;
	for (struct process *other = process->keeper->processes; other; other = other->next)
		if (other->target == process)
			other->target = NULL;
	askers_answer(&process->removals, NULL, 0);
	askers_refuse(&process->waiters, &never);
	while (process->followers) {
		client_send(process->followers->client, LOG_END, process->followers->id, NULL, 0);
		follow_stop(process->followers);
	}
	for (int i = 0; i < 2; i++)
		if (process->output[i].process)
			stream_close(&process->output[i]);
	if (process->input.process)
		input_close(&process->input);
	if (process->status.fd >= 0) {
		loop_remove(process->keeper->epoll, &process->status);
		close(process->status.fd);
	}
	if (process->pidfd >= 0)
		close(process->pidfd);
	cleanup_close_(&process->network);
	log_close(&process->log);
	free(process->id);
	free(process->scratch);
	free(process->cgroup);
	free(process->meta);
	free(process->uid_map);
	free(process->gid_map);
	free(process);
}

void process_discard(struct process *process)
{
	clean_up(process);
	process_free(process);
}

static struct process *find_pid(struct keeper *keeper, pid_t pid)
{
	for (struct process *process = keeper->processes; process; process = process->next)
		if (process->state < EXITED && process->pid == pid)
			return process;
	return NULL;
}

static void exited(struct process *process, int status)
{
	status_drain(process);
	process->state = EXITED;
	process->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	process->exit_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	if (process->failed || process->removed) {
		process_remove(process);
		return;
	}
	stream_drain(&process->output[0]);
	stream_drain(&process->output[1]);
	follow_serve(process);
	process_settle(process);
}

/*
 * What was thrown in behind its back is for the next one. What could not be deleted may be in use by a helper that is about to end;
 * what never can be must not keep the keeper busy for ever.
 */
static void trash_emptied(struct keeper *keeper, int status)
{
	keeper->trash = 0;
	keeper->trash_failures = status == 0 ? 0 : keeper->trash_failures + 1;
	if (keeper->trash_failures < TRASH_TRIES)
		keeper_housekeeping(keeper);
}

/* As pid 1 the keeper inherits orphans too; they are reaped and forgotten. */
void process_reap(struct keeper *keeper)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct process *process = find_pid(keeper, pid);

		if (process)
			exited(process, status);
		else if (pid == keeper->trash)
			trash_emptied(keeper, status);
	}
}
