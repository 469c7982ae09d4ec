/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

bool is_shortage(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

struct target *route_add(struct route *route)
{
	return route->count < TARGETS_MAX ? &route->list[route->count++] : NULL;
}

int target_set_address(struct target *target, const char *address, uint16_t port)
{
	*target = (struct target){ .directory = -1 };
	if (inet_pton(AF_INET, address, &target->address.v4.sin_addr) == 1) {
		target->address.v4.sin_family = AF_INET;
		target->address.v4.sin_port = htons(port);
		target->size = sizeof target->address.v4;
		return 0;
	}
	if (inet_pton(AF_INET6, address, &target->address.v6.sin6_addr) == 1) {
		target->address.v6.sin6_family = AF_INET6;
		target->address.v6.sin6_port = htons(port);
		target->size = sizeof target->address.v6;
		return 0;
	}
	errno = EINVAL;
	return -1;
}

void target_set_itself(struct target *target, struct in_addr address, uint16_t port)
{
	*target = (struct target){ .size = sizeof target->address.v4, .from_itself = true, .directory = -1 };
	target->address.v4 = (struct sockaddr_in){ AF_INET, htons(port), address, { 0 } };
}

int target_set_path(struct target *target, const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];

	*target = (struct target){ .size = sizeof target->address.path, .directory = -1 };
	target->address.path.sun_family = AF_UNIX;
	if (strlen(path) < sizeof target->address.path.sun_path) {
		strcpy(target->address.path.sun_path, path);
		return 0;
	}
	if ((size_t)(slash - path) >= sizeof parent - 1 || strlen(slash + 1) >= sizeof target->address.path.sun_path ||
	    !slash[1]) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(parent, path, (size_t)(slash - path) + 1);
	parent[slash - path + 1] = '\0';
	strcpy(target->address.path.sun_path, slash + 1);
	target->directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return target->directory < 0 ? -1 : 0;
}

bool target_is_path(const struct target *target)
{
	return target->address.any.sa_family == AF_UNIX;
}

bool target_is_self(const struct target *target, int fd)
{
	struct sockaddr_in own = { 0 };
	socklen_t size = sizeof own;

	return target->from_itself && getsockname(fd, (struct sockaddr *)&own, &size) == 0 &&
	       own.sin_port == target->address.v4.sin_port;
}

/* The number is chosen when it connects: numbers that others use for other targets remain to be had. */
static int bind_to_itself(int fd, const struct target *target)
{
	struct sockaddr_in own = target->address.v4;
	int on = 1;

	own.sin_port = 0;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	return bind(fd, (struct sockaddr *)&own, sizeof own);
}

/* The first bytes of a stream that nobody has read yet always fit. */
static int introduce(int fd, const struct sockaddr *client)
{
	uint8_t bytes[16] = { [10] = 0xff, [11] = 0xff };

	if (client->sa_family == AF_INET)
		memcpy(bytes + 12, &((const struct sockaddr_in *)client)->sin_addr, 4);
	else
		memcpy(bytes, &((const struct sockaddr_in6 *)client)->sin6_addr, sizeof bytes);
	return send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) == sizeof bytes ? 0 : -1;
}

static int target_connect(const struct target *target, int type, const struct sockaddr *client)
{
	bool path = target_is_path(target);
	cleanup_close int fd =
		socket(target->address.any.sa_family, (path ? SOCK_STREAM : type) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || (target->from_itself && bind_to_itself(fd, target) < 0))
		return -1;
	if (target->directory >= 0 && fchdir(target->directory) < 0)
		return -1;
	if (connect(fd, &target->address.any, target->size) < 0 && errno != EINPROGRESS)
		return -1;
	if (path && introduce(fd, client) < 0)
		return -1;
	return steal_fd(&fd);
}

int route_dial(const struct route *route, size_t *next, int type, const struct sockaddr *client)
{
	errno = ECONNREFUSED;
	while (*next < route->count) {
		int fd = target_connect(&route->list[(*next)++], type, client);

		if (fd >= 0 || is_shortage(errno))
			return fd;
	}
	return -1;
}
