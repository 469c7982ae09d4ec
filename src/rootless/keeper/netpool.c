/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "netpool.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "worker.h"

/* A message is one byte; the descriptor rides along. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int send_namespace(int socket, int fd)
{
	char byte = 0;
	struct iovec part = { &byte, 1 };
	union control control = { .room = { 0 } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof control.room;
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* 1: *fd is the namespace, or -1 when the maker could not make one. 0: nothing is there yet. -1: the maker is gone. */
static int receive_namespace(int socket, int *fd)
{
	char byte;
	struct iovec part = { &byte, 1 };
	union control control = { .room = { 0 } };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.room
	};
	ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header;

	*fd = -1;
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (size <= 0)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof *fd))
		memcpy(fd, CMSG_DATA(header), sizeof *fd);
	return 1;
}

static int make_namespace(const struct plan *plan)
{
	struct child child = { .status = -1, .seed = -1, .self = -1 };
	struct failure failure;

	for (size_t i = 0; i < SLOTS; i++)
		child.slots[i] = -1;
	if (unshare(CLONE_NEWNET) < 0 || plan_run(plan, &child, &failure) < 0)
		return -1;
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* A process of its own: unshare and the plan take as long as the rest of a start, and the keeper must not move. */
_Noreturn static void maker_main(int socket, const struct plan *plan)
{
	char request;

	if (worker_settle("airplant-netns", &socket, 1) < 0)
		_exit(1);
	socket = WORKER_FIRST;
	while (recv(socket, &request, 1, 0) == 1) {
		int fd = make_namespace(plan);

		if (send_namespace(socket, fd) < 0 || fd < 0)
			_exit(1);
		close(fd);
	}
	_exit(0);
}

/* One message; a maker that failed once would fail again, and the container that makes its own then tells why. */
static bool collect(struct netpool *pool)
{
	int fd;
	int got = receive_namespace(pool->source.fd, &fd);

	if (got == 0)
		return false;
	if (got < 0 || fd < 0 || pool->ready == NETPOOL_MAX) {
		cleanup_close_(&fd);
		netpool_stop(pool);
		return false;
	}
	pool->namespaces[pool->ready++] = fd;
	if (pool->asked)
		pool->asked--;
	return true;
}

static void pool_ready(struct source *source, uint32_t events)
{
	struct netpool *pool = container_of(source, struct netpool, source);

	(void)events;
	while (pool->maker >= 0 && collect(pool))
		;
}

void netpool_init(struct netpool *pool, int epoll)
{
	*pool = (struct netpool){ .source = { -1, pool_ready }, .epoll = epoll, .maker = -1 };
}

static int check_plan(const struct plan *plan, struct failure *failure)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].op != OP_netlink && plan->steps[i].op != OP_sysctl)
			return fail(failure, EINVAL, "pool", "step %s", op_name(plan->steps[i].op));
	return 0;
}

static int maker_start(struct netpool *pool, const struct plan *plan, struct failure *failure)
{
	int sockets[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return fail(failure, errno, "pool", "socketpair");
	pid = worker_fork(&pool->maker);
	if (pid == 0)
		maker_main(sockets[1], plan);
	close(sockets[1]);
	pool->source.fd = sockets[0];
	if (pid > 0 && loop_add(pool->epoll, &pool->source, EPOLLIN) == 0)
		return 0;
	fail(failure, errno, "pool", pid > 0 ? "epoll" : "clone3");
	if (pid < 0)
		pool->maker = -1;
	netpool_stop(pool);
	return -1;
}

int netpool_start(struct netpool *pool, size_t size, const uint8_t *plan, size_t plan_size, struct failure *failure)
{
	struct plan decoded;
	int result;

	if (plan_decode(plan, plan_size, &decoded, failure) < 0)
		return -1;
	result = check_plan(&decoded, failure);
	if (result == 0) {
		netpool_stop(pool);
		result = size ? maker_start(pool, &decoded, failure) : 0;
	}
	plan_release(&decoded);
	if (result < 0)
		return -1;
	pool->wanted = size < NETPOOL_MAX ? size : NETPOOL_MAX;
	netpool_refill(pool);
	return 0;
}

int netpool_take(struct netpool *pool)
{
	if (pool->ready == 0 && pool->maker >= 0)
		pool_ready(&pool->source, 0);
	return pool->ready ? pool->namespaces[--pool->ready] : -1;
}

void netpool_refill(struct netpool *pool)
{
	while (pool->maker >= 0 && pool->ready + pool->asked < pool->wanted) {
		char request = 0;

		if (send(pool->source.fd, &request, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
			pool->asked++;
		else if (errno == EAGAIN || errno == EINTR)
			return;
		else
			netpool_stop(pool);
	}
}

void netpool_stop(struct netpool *pool)
{
	while (pool->ready)
		close(pool->namespaces[--pool->ready]);
	pool->wanted = pool->asked = 0;
	if (pool->source.fd >= 0) {
		loop_remove(pool->epoll, &pool->source);
		close(pool->source.fd);
		pool->source.fd = -1;
	}
	if (pool->maker >= 0) {
		syscall(SYS_pidfd_send_signal, pool->maker, SIGKILL, NULL, 0);
		close(pool->maker);
		pool->maker = -1;
	}
}
