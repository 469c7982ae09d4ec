/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "process.h"

ssize_t status_receive(int socket, struct status *status, int *fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = { .iov_base = status, .iov_len = sizeof *status };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))
	};
	ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	*fd = -1;
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(header), sizeof *fd);
	return got;
}

uint64_t status_host_pid(const struct keeper *keeper, int pidfd)
{
	char path[64], text[512];
	cleanup_close int fd = -1;
	const char *line;
	long long pid;
	ssize_t got;

	snprintf(path, sizeof path, "self/fdinfo/%d", pidfd);
	fd = openat(keeper->host_proc, path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (got <= 0)
		return 0;
	text[got] = '\0';
	line = strstr(text, "Pid:");
	pid = line ? strtoll(line + 4, NULL, 10) : 0;
	return pid > 0 ? (uint64_t)pid : 0; /* -1: it was reaped */
}

static void start_forwarder(struct process *process)
{
	struct failure ignored = { 0 };
	cleanup_close int namespace = -1;
	char path[64];

	if (process->ports.count == 0)
		return;
	snprintf(path, sizeof path, "/proc/%d/ns/net", process->pid);
	namespace = open(path, O_RDONLY | O_CLOEXEC);
	/* It may be gone already, and the pid another's: then its ports refuse, as they should. */
	if (namespace >= 0 && syscall(SYS_pidfd_send_signal, process->pidfd, 0, NULL, 0) == 0)
		forward_start(&process->ports, &process->peers, namespace, &process->forwarder, &ignored);
	ports_close(&process->ports);
}

static void start_host_forwarder(struct process *process)
{
	struct failure ignored = { 0 };

	if (process->host_gates.count)
		host_gates_serve(&process->host_gates, &process->host_forwarder, &ignored);
	host_gates_close(&process->host_gates);
}

static void executed(struct process *process)
{
	struct client *owner = process->owner;
	struct body body = { 0 };
	uint16_t numbers[PORTS_MAX];
	size_t count = 0;

	process->state = RUNNING;
	for (size_t i = 0; i < process->ports.count; i++)
		numbers[count++] = process->ports.list[i].fd < 0 ? 0 : process->ports.list[i].host;
	start_forwarder(process);
	start_host_forwarder(process);
	body_number(&body, process->handle);
	body_number(&body, process->host_pid);
	body_bytes(&body, numbers, count * sizeof *numbers);
	client_answer(owner, process->spawn_request, &body);
	stream_update(&process->output[0]);
	stream_update(&process->output[1]);
	if (process->removed)
		process_kill(process);
}

static int write_map(pid_t pid, const char *file, const char *text)
{
	cleanup_close int fd = -1;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return errno;
	return 0;
}

/* Nobody can write the maps of its own user namespace with several lines, so the child asks and waits. */
static void write_maps(const struct process *process)
{
	const char *size = process->gid_map ? strrchr(process->gid_map, ' ') : NULL;
	int32_t answer = EINVAL;

	if (process->uid_map && process->gid_map) {
		answer = 0;
		if (!strchr(process->gid_map, '\n') && size && atoi(size) == 1)
			answer = write_map(process->pid, "setgroups", "deny");
		if (!answer)
			answer = write_map(process->pid, "gid_map", process->gid_map);
		if (!answer)
			answer = write_map(process->pid, "uid_map", process->uid_map);
	}
	send(process->status.fd, &answer, sizeof answer, MSG_NOSIGNAL);
}

/* Only for a process that was announced to have one, and once: whatever is there already is not to be lost. */
static void take_terminal(struct process *process, int master)
{
	if (!(process->flags & SPAWN_TTY) || process->output[0].source.fd >= 0 || process->input.process) {
		close(master);
		return;
	}
	fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	stream_open(&process->output[0], process, 1, master);
	input_open(&process->input, process, fcntl(master, F_DUPFD_CLOEXEC, 0), true);
}

static void take_failure(struct process *process, const struct failure *failure)
{
	process->failed = true;
	client_fail(process->owner, process->spawn_request, failure);
}

/* Takes one message. 0 at the end of them, -1 when there is none yet. */
static int take(struct process *process)
{
	struct status status = { 0 };
	int fd;
	ssize_t got = status_receive(process->status.fd, &status, &fd);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	if (got <= 0)
		return 0;
	if (got != sizeof status)
		status.kind = 0;
	status.failure.what[sizeof status.failure.what - 1] = 0;
	status.failure.detail[sizeof status.failure.detail - 1] = 0;
	if (status.kind == STATUS_TTY && fd >= 0) {
		take_terminal(process, fd);
		return 1;
	}
	if (status.kind == STATUS_NETWORK && process->kind == HELPER && process->network < 0) {
		process->network = fd;
		return 1;
	}
	if (status.kind == STATUS_GATE && fd >= 0) {
		host_gates_add(&process->host_gates, fd, (uint16_t)status.failure.step);
		return 1;
	}
	if (status.kind == STATUS_MAPS)
		write_maps(process);
	else if (status.kind == STATUS_FAILED)
		take_failure(process, &status.failure);
	if (fd >= 0)
		close(fd);
	return 1;
}

/* Nothing more will be said: the program was executed, or a step failed. */
static void finish(struct process *process)
{
	loop_remove(process->keeper->epoll, &process->status);
	close(process->status.fd);
	process->status.fd = -1;
	if (!process->failed)
		executed(process);
}

void status_ready(struct source *source, uint32_t events)
{
	struct process *process = container_of(source, struct process, status);

	(void)events;
	if (take(process) == 0)
		finish(process);
}

/* The child has ended: all that it said is there by now. */
void status_drain(struct process *process)
{
	while (process->status.fd >= 0 && take(process) > 0)
		;
	if (process->status.fd >= 0)
		finish(process);
}
