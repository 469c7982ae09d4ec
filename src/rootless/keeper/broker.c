/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "broker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kernel.h"
#include "keeper.h"

enum { OPEN_FILE = 1 }; /* else a recursive clone of the mount tree */

struct request {
	uint32_t size, token, kind;
};

struct reply {
	uint32_t token;
	int32_t err;
};

static int read_all(int fd, void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = read(fd, (char *)bytes + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		done += (size_t)got;
	}
	return 0;
}

static int open_source(const char *path, uint32_t kind)
{
	cleanup_close int file = -1;
	struct stat stat_;

	if (kind != OPEN_FILE)
		return kernel_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file < 0 || fstat(file, &stat_) < 0)
		return -1;
	if (!S_ISREG(stat_.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return steal_fd(&file);
}

/* Sends the descriptor and waits until the keeper has it, so that a plan that names it cannot be faster. */
static int hand_over(int keeper, uint32_t token, int fd)
{
	struct status status = { .kind = token };
	char taken;

	if (status_send(keeper, &status, fd) < 0)
		return errno;
	return recv(keeper, &taken, 1, 0) == 1 ? 0 : EPIPE;
}

int broker_serve(int node, int keeper)
{
	struct request request;
	struct reply reply;
	char path[PATH_MAX];
	cleanup_close int fd = -1;

	if (read_all(node, &request, sizeof request) < 0 || request.size >= sizeof path || request.token >= TOKENS)
		return -1;
	if (read_all(node, path, request.size) < 0)
		return -1;
	path[request.size] = '\0';
	reply = (struct reply){ .token = request.token };
	fd = open_source(path, request.kind);
	reply.err = fd < 0 ? errno : hand_over(keeper, request.token, fd);
	return send(node, &reply, sizeof reply, MSG_NOSIGNAL) == sizeof reply ? 0 : -1;
}

static void broker_ready(struct source *source, uint32_t events)
{
	struct keeper *keeper = container_of(source, struct keeper, broker);
	struct status status;
	int fd = -1;

	(void)events;
	if (status_receive(source->fd, &status, &fd) <= 0) {
		loop_remove(keeper->epoll, source);
		return;
	}
	if (fd < 0 || status.kind >= TOKENS)
		return;
	if (keeper->tokens[status.kind] >= 0)
		close(keeper->tokens[status.kind]);
	keeper->tokens[status.kind] = fd;
	send(source->fd, "", 1, MSG_NOSIGNAL);
}

int broker_listen(struct keeper *keeper)
{
	for (size_t i = 0; i < TOKENS; i++)
		keeper->tokens[i] = -1;
	if (keeper->broker.fd < 0)
		return 0;
	keeper->broker.ready = broker_ready;
	return loop_add(keeper->epoll, &keeper->broker, EPOLLIN);
}
