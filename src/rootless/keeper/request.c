/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "linger.h"
#include "process.h"

/* One request: who asks, under which id, with which fields. */
struct call {
	struct client *client;
	struct keeper *keeper;
	uint32_t id;
	struct field fields[FIELDS_MAX];
	struct failure failure;
	struct body answer;
	bool later; /* the answer comes when it is done */
};

static struct process *find(struct call *call, uint64_t handle)
{
	struct process *process = process_find(call->keeper, handle);

	if (!process)
		fail(&call->failure, ESRCH, "handle", "%llu", (unsigned long long)handle);
	return process;
}

/* The last one to hold a lease may be gone without the keeper having got round to it. */
static void take_lease(struct client *client)
{
	bool others = false;

	for (const struct client *other = client->keeper->clients; other; other = other->next)
		others |= other->lease && !other->gone;
	if (linger_stop(client->keeper) || !others)
		client->heir = true;
	client->lease = true;
}

static int hello(struct call *call)
{
	if (call->fields[0].number != PROTOCOL_VERSION)
		return fail(&call->failure, EPROTO, "hello", "this keeper speaks version %d", PROTOCOL_VERSION);
	if (call->fields[1].number & 1)
		take_lease(call->client);
	else
		call->client->lease = false;
	body_number(&call->answer, PROTOCOL_VERSION);
	body_number(&call->answer, (uint64_t)call->keeper->host_pid);
	body_text(&call->answer, call->keeper->directory);
	body_text(&call->answer, call->keeper->work);
	return 0;
}

static int send_signal(struct call *call)
{
	struct process *process = find(call, call->fields[0].number);

	if (!process)
		return -1;
	if (process->state >= EXITED || process->pid <= 0)
		return fail(&call->failure, ESRCH, "signal", "%s", process->id);
	if (call->fields[1].number >= NSIG)
		return fail(&call->failure, EINVAL, "signal", "%llu", (unsigned long long)call->fields[1].number);
	if (kill(process->pid, (int)call->fields[1].number) < 0)
		return fail(&call->failure, errno, "signal", "%llu", (unsigned long long)call->fields[1].number);
	return 0;
}

static int resize(struct call *call)
{
	struct process *process = find(call, call->fields[0].number);
	struct winsize size = { .ws_row = (unsigned short)call->fields[1].number,
				.ws_col = (unsigned short)call->fields[2].number };

	if (!process)
		return -1;
	if (!(process->flags & SPAWN_TTY) || process->output[0].source.fd < 0)
		return fail(&call->failure, ENOTTY, "resize", "%s", process->id);
	return ioctl(process->output[0].source.fd, TIOCSWINSZ, &size) < 0 ?
		       fail(&call->failure, errno, "resize", "pty") :
		       0;
}

static int logs(struct call *call)
{
	struct process *process = find(call, call->fields[0].number);

	if (!process)
		return -1;
	if (!process->log.ring)
		return fail(&call->failure, ENODATA, "logs", "%s keeps no log", process->id);
	client_answer(call->client, call->id, &call->answer);
	call->later = true;
	if (follow_start(process, call->client, call->id, call->fields[1].number & 1, call->fields[2].number) < 0)
		return fail(&call->failure, ENOMEM, "logs", "%s", process->id);
	follow_serve(process);
	return 0;
}

static int end_logs(struct call *call)
{
	struct follower *follower = follow_find(call->keeper, call->client, (uint32_t)call->fields[0].number);

	if (follower)
		follow_stop(follower);
	return 0;
}

static int pause_or_resume(struct call *call, bool pause)
{
	struct process *process = find(call, call->fields[0].number);

	if (!process)
		return -1;
	if (process->state != RUNNING || process->kind != CONTAINER)
		return fail(&call->failure, ESRCH, pause ? "pause" : "resume", "%s", process->id);
	if (process->freeze.active == pause)
		return fail(&call->failure, EALREADY, pause ? "pause" : "resume", "%s", process->id);
	return pause ? freeze_all(&process->freeze, process->pid, process->cgroup, &call->failure) :
		       freeze_thaw(&process->freeze, process->cgroup, &call->failure);
}

static int pause_container(struct call *call)
{
	return pause_or_resume(call, true);
}

static int resume_container(struct call *call)
{
	return pause_or_resume(call, false);
}

static int remove_container(struct call *call)
{
	struct process *process = find(call, call->fields[0].number);

	if (!process)
		return -1;
	if (askers_add(&process->removals, call->client, call->id) < 0)
		return fail(&call->failure, ENOMEM, "remove", "%s", process->id);
	call->later = true;
	process_remove(process);
	return 0;
}

/* For those who did not start it, and so are not told of its exit. */
static int wait_for(struct call *call)
{
	struct process *process = find(call, call->fields[0].number);

	if (!process)
		return -1;
	if (process->state == FINISHED) {
		body_number(&call->answer, (uint64_t)process->exit_code);
		body_number(&call->answer, (uint64_t)process->exit_signal);
		return 0;
	}
	if (askers_add(&process->waiters, call->client, call->id) < 0)
		return fail(&call->failure, ENOMEM, "wait", "%s", process->id);
	call->later = true;
	return 0;
}

/* Reads a file of /proc as a whole into the answer. */
static int read_proc(struct call *call, int32_t pid, const char *name)
{
	cleanup_free uint8_t *bytes = NULL;
	cleanup_close int fd = -1;
	size_t size = 0, room = 0;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/net/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return fail(&call->failure, errno, "readNet", "%s", path);
	while (fd >= 0) {
		ssize_t got;

		if (room - size < 16384) {
			uint8_t *more = realloc(bytes, room += 65536);

			if (!more)
				return fail(&call->failure, ENOMEM, "readNet", "%s", path);
			bytes = more;
		}
		got = read(fd, bytes + size, room - size);
		if (got <= 0)
			break;
		size += (size_t)got;
	}
	body_bytes(&call->answer, bytes, size);
	return 0;
}

static int read_net(struct call *call)
{
	struct process *process = find(call, call->fields[0].number);

	if (!process)
		return -1;
	if (process->state != RUNNING)
		return fail(&call->failure, ESRCH, "readNet", "%s", process->id);
	if (read_proc(call, process->pid, "tcp") < 0 || read_proc(call, process->pid, "tcp6") < 0)
		return -1;
	return sockets_of(process->pid, call->fields[1].number & 1, &call->answer);
}

static int list(struct call *call)
{
	static const char *const states[] = { "starting", "running", "exited", "exited" };
	uint32_t count = 0;
	size_t at = call->answer.size;

	body_bytes(&call->answer, NULL, 0); /* place of the count */
	for (struct process *process = call->keeper->processes; process; process = process->next) {
		char pid[24], handle[24], ports[PORTS_TEXT];

		/* One that failed was never there, though it takes a moment until it is reaped. */
		if (process->kind != CONTAINER || process->failed)
			continue;
		snprintf(pid, sizeof pid, "%llu", (unsigned long long)process->host_pid);
		body_text(&call->answer, process->id);
		body_text(&call->answer, process->meta);
		body_text(&call->answer, pid);
		body_text(&call->answer,
			  process->freeze.active && process->state == RUNNING ? "paused" : states[process->state]);
		snprintf(handle, sizeof handle, "%llu", (unsigned long long)process->handle);
		body_text(&call->answer, handle);
		ports_describe(&process->ports, ports, sizeof ports);
		body_text(&call->answer, ports);
		count += 6;
	}
	memcpy(call->answer.bytes + at, &count, sizeof count);
	return 0;
}

/* The plan is kept: it also prepares a namespace that is made on the spot when the pool is empty. */
static int pool(struct call *call)
{
	struct keeper *keeper = call->keeper;
	const struct field *plan = &call->fields[1];
	size_t room = keeper->pool_plan_size;

	if (netpool_start(&keeper->pool, call->fields[0].number, (const uint8_t *)plan->text, plan->size,
			  &call->failure) < 0)
		return -1;
	bytes_grow(&keeper->pool_plan, &room, plan->size);
	memcpy(keeper->pool_plan, plan->text, plan->size);
	keeper->pool_plan_size = plan->size;
	return 0;
}

static int linger(struct call *call)
{
	if (linger_set(call->keeper, call->fields[0].number, &call->failure) < 0)
		return -1;
	body_number(&call->answer, call->client->heir);
	if (call->keeper->linger || !call->keeper->idle)
		return 0;
	client_answer(call->client, call->id, &call->answer);
	client_flush(call->client);
	keeper_end(call->keeper);
}

static int keep(struct call *call)
{
	struct process *process = find(call, call->fields[0].number);

	if (!process)
		return -1;
	if ((process->kind != CONTAINER && process->kind != HELPER) || process->removed)
		return fail(&call->failure, EINVAL, "keep", "%s is no container or helper, or was removed",
			    process->id);
	process_keep(process);
	return 0;
}

static int adopt(struct call *call)
{
	struct process *container = find(call, call->fields[0].number);
	struct process *helper = find(call, call->fields[1].number);

	if (!container || !helper)
		return -1;
	if (container->kind != CONTAINER || container->removed || helper->kind != HELPER)
		return fail(&call->failure, EINVAL, "adopt", "no container, or no helper");
	helper->target = container;
	if (container->flags & SPAWN_LASTING)
		process_keep(container);
	return 0;
}

static int shut_down(struct call *call)
{
	/* Who began it may not know that somebody asked for it to stay. */
	if (call->keeper->linger)
		return fail(&call->failure, EBUSY, "shutdown", "it lingers");
	client_answer(call->client, call->id, &call->answer);
	client_flush(call->client);
	keeper_end(call->keeper);
}

static const struct {
	const char *fields;
	int (*run)(struct call *call);
} calls[] = {
	[HELLO] = { "uu", hello },
	[SIGNAL] = { "uu", send_signal },
	[RESIZE] = { "uuu", resize },
	[LOGS] = { "uuu", logs },
	[END_LOGS] = { "u", end_logs },
	[PAUSE] = { "u", pause_container },
	[RESUME] = { "u", resume_container },
	[REMOVE] = { "u", remove_container },
	[READ_NET] = { "uu", read_net },
	[LIST] = { "", list },
	[POOL] = { "ub", pool },
	[SHUTDOWN] = { "", shut_down },
	[LINGER] = { "u", linger },
	[KEEP] = { "u", keep },
	[ADOPT] = { "uu", adopt },
	[WAIT] = { "u", wait_for },
};

int request(struct client *client, uint16_t type, uint32_t id, const uint8_t *body, size_t size)
{
	struct call call = { .client = client, .keeper = client->keeper, .id = id, .failure = { .step = NO_STEP } };
	int result;

	if (type == CREDIT)
		return flow_credit(client, id, body, size);
	if (type == STDIN || type == CLOSE_STDIN)
		return flow_input(client, type, id, body, size);
	if (type == SPAWN) {
		if (process_spawn(client, id, body, size, &call.failure) < 0)
			client_fail(client, id, &call.failure);
		return 0;
	}
	if (type >= sizeof calls / sizeof *calls || !calls[type].run)
		return -1;
	if (wire_decode(calls[type].fields, body, size, call.fields) < 0)
		return -1;
	result = calls[type].run(&call);
	if (result < 0) {
		client_fail(client, id, &call.failure);
		free(call.answer.bytes);
	} else if (!call.later) {
		client_answer(client, id, &call.answer);
	}
	wire_release(calls[type].fields, call.fields);
	return 0;
}
