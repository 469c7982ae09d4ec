/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "datagrams.h"

#define ENTRY_SIZE 24
#define ATTEMPTS 32

enum { SAME_NUMBER = 1, OPTIONAL = 2 };
enum { TCP = 0, UDP = 1 };

struct entry {
	uint8_t family, flags;
	uint16_t host, target;
	uint8_t protocol;
	uint8_t address[16];
};

static uint16_t read_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static struct entry entry_read(const uint8_t *bytes)
{
	struct entry entry = { bytes[0], bytes[1], read_u16(bytes + 2), read_u16(bytes + 4), bytes[6], { 0 } };

	memcpy(entry.address, bytes + 8, sizeof entry.address);
	return entry;
}

static bool entry_valid(const uint8_t *bytes, bool first)
{
	struct entry entry = entry_read(bytes);

	return (entry.family == 4 || entry.family == 6) && !(entry.flags & ~(SAME_NUMBER | OPTIONAL)) && entry.target &&
	       entry.protocol <= UDP && !bytes[7] && !(first && entry.flags & SAME_NUMBER);
}

static void entry_text(const struct entry *entry, char text[INET6_ADDRSTRLEN])
{
	if (!inet_ntop(entry->family == 4 ? AF_INET : AF_INET6, entry->address, text, INET6_ADDRSTRLEN))
		strcpy(text, "?");
}

static int publish_failed(struct failure *failure, const struct entry *entry, int err, uint16_t number)
{
	char text[INET6_ADDRSTRLEN];

	entry_text(entry, text);
	return fail(failure, err, "publish", entry->family == 4 ? "%s:%u%s" : "[%s]:%u%s", text, (unsigned)number,
		    entry->protocol == UDP ? "/udp" : "");
}

static socklen_t entry_address(const struct entry *entry, uint16_t number, struct sockaddr_storage *storage)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;

	memset(storage, 0, sizeof *storage);
	if (entry->family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(number);
		memcpy(&v4->sin_addr, entry->address, sizeof v4->sin_addr);
		return sizeof *v4;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(number);
	memcpy(&v6->sin6_addr, entry->address, sizeof v6->sin6_addr);
	return sizeof *v6;
}

/* With SO_REUSEADDR two sockets for datagrams could have one address, and the second would take all. */
static int set_options(int fd, const struct entry *entry)
{
	int on = 1;

	if (entry->family == 6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
		return -1;
	if (entry->protocol == UDP)
		return datagram_socket_prepare(fd, entry->family == 4 ? AF_INET : AF_INET6);
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

/* Binds the entry to the number, or to any free one, which is then told in *number. */
static int entry_open(const struct entry *entry, uint16_t *number)
{
	struct sockaddr_storage address;
	socklen_t size = entry_address(entry, *number, &address);
	int type = entry->protocol == UDP ? SOCK_DGRAM : SOCK_STREAM;
	cleanup_close int fd = socket(address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || set_options(fd, entry) < 0 || bind(fd, (struct sockaddr *)&address, size) < 0)
		return -1;
	/* listen is where the kernel refuses the second of two sockets that were both bound with SO_REUSEADDR. */
	if (type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0)
		return -1;
	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return -1;
	/* The port stands at the same place in both families. */
	*number = ntohs(((struct sockaddr_in *)&address)->sin_port);
	return steal_fd(&fd);
}

static bool is_unavailable(int err)
{
	return err == EAFNOSUPPORT || err == EPFNOSUPPORT || err == EPROTONOSUPPORT || err == EADDRNOTAVAIL;
}

/* Binds the entries of one group to one number; 0 in *number lets the first one that is available choose. */
static int group_bind(const uint8_t *packed, size_t count, struct listener *list, uint16_t *number,
		      struct failure *failure)
{
	for (size_t i = 0; i < count; i++) {
		struct entry entry = entry_read(packed + i * ENTRY_SIZE);
		uint16_t bound = *number;
		int err;

		list[i] = (struct listener){ .fd = entry_open(&entry, &bound),
					     .target = entry.target,
					     .datagrams = entry.protocol == UDP };
		entry_text(&entry, list[i].address);
		if (list[i].fd >= 0) {
			list[i].host = *number = bound;
			continue;
		}
		err = errno;
		if (entry.flags & OPTIONAL && is_unavailable(err))
			continue;
		publish_failed(failure, &entry, err, bound);
		while (i-- > 0)
			cleanup_close_(&list[i].fd);
		errno = err;
		return -1;
	}
	return 0;
}

/*
 * The number that the kernel chose for the first may be taken at the others' addresses; then all of them try another. A
 * number that was asked for is not retried.
 */
static int group_retry(const uint8_t *packed, size_t count, struct listener *list, struct failure *failure)
{
	const uint16_t wanted = entry_read(packed).host;

	for (int attempt = 1;; attempt++) {
		uint16_t number = wanted;

		if (group_bind(packed, count, list, &number, failure) == 0)
			return 0;
		if (wanted || errno != EADDRINUSE || attempt == ATTEMPTS)
			return -1;
	}
}

int ports_bind(const uint8_t *packed, size_t size, struct ports *ports, struct failure *failure)
{
	size_t total = size / ENTRY_SIZE;

	ports->count = 0;
	if (size % ENTRY_SIZE || total > PORTS_MAX)
		return fail(failure, EINVAL, "publish", "%zu bytes of ports", size);
	for (size_t i = 0; i < total; i++)
		if (!entry_valid(packed + i * ENTRY_SIZE, i == 0))
			return fail(failure, EINVAL, "publish", "port entry %zu", i);
	while (ports->count < total) {
		const uint8_t *group = packed + ports->count * ENTRY_SIZE;
		size_t count = 1;

		while (ports->count + count < total && group[count * ENTRY_SIZE + 1] & SAME_NUMBER)
			count++;
		if (group_retry(group, count, ports->list + ports->count, failure) < 0) {
			ports_close(ports);
			ports->count = 0;
			return -1;
		}
		ports->count += count;
	}
	return 0;
}

void ports_close(struct ports *ports)
{
	for (size_t i = 0; i < ports->count; i++) {
		cleanup_close_(&ports->list[i].fd);
		ports->list[i].fd = -1;
	}
}

void ports_describe(const struct ports *ports, char *text, size_t room)
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < ports->count && used < room; i++) {
		const struct listener *listener = &ports->list[i];

		if (listener->host == 0)
			continue;
		used += (size_t)snprintf(text + used, room - used, "%s%s %s %u %u", used ? ";" : "",
					 listener->datagrams ? "udp" : "tcp", listener->address,
					 (unsigned)listener->host, (unsigned)listener->target);
	}
}
