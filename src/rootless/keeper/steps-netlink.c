/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "steps.h"

/* Of <linux/netlink.h> and <linux/rtnetlink.h>, which musl-gcc does not have. */
#define ROUTE 0	     /* NETLINK_ROUTE */
#define NETFILTER 12 /* NETLINK_NETFILTER */
#define REQUEST 0x1  /* NLM_F_REQUEST */
#define ACK 0x4	     /* NLM_F_ACK: where the sender left it out, a refusal is no failure */
#define FLAG_ATTRIBUTES 0x200
#define TYPE_ERROR 2 /* NLMSG_ERROR */
#define SOL_NETLINK_ 270
#define CAP_ACK 10
#define EXT_ACK 11
#define ATTRIBUTE_MESSAGE 1 /* NLMSGERR_ATTR_MSG */
#define LARGEST (64u << 10)

struct header {
	uint32_t size;
	uint16_t type, flags;
	uint32_t sequence, port;
};

struct acknowledgement {
	struct header header;
	int32_t error;
	struct header about;
	uint8_t attributes[512];
};

/* The kernel's own words, where it has some: attributes follow the header that the answer is about. */
static const char *words(const struct acknowledgement *answer, size_t size)
{
	size_t at = offsetof(struct acknowledgement, attributes);
	uint16_t head[2];

	if ((answer->header.flags & FLAG_ATTRIBUTES) == 0)
		return "";
	while (at + sizeof head <= size) {
		const char *text = (const char *)answer + at + sizeof head;

		memcpy(head, (const char *)answer + at, sizeof head);
		if (head[0] < sizeof head || head[0] > size - at)
			break;
		if (head[1] == ATTRIBUTE_MESSAGE && memchr(text, 0, head[0] - sizeof head))
			return text;
		at += (head[0] + 3u) & ~3u;
	}
	return "";
}

static int await(int socket, uint32_t index, struct failure *failure)
{
	struct acknowledgement answer;

	for (;;) {
		ssize_t size = recv(socket, &answer, sizeof answer, 0);

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return fail(failure, errno, NULL, "message %u: no answer", index);
		if ((size_t)size < offsetof(struct acknowledgement, about) || answer.header.type != TYPE_ERROR ||
		    answer.header.sequence != index)
			continue;
		if (answer.error == 0)
			return 0;
		return fail(failure, -answer.error, NULL, "message %u: %s", index, words(&answer, (size_t)size));
	}
}

/* Sends the message at `bytes` and says how long it is, padding included. */
static ssize_t exchange(int socket, const char *bytes, size_t size, uint32_t index, struct failure *failure)
{
	cleanup_free char *copy = NULL;
	struct header header;
	bool optional;
	size_t padded;

	if (size < sizeof header)
		return fail(failure, EBADMSG, NULL, "message %u is cut short", index);
	memcpy(&header, bytes, sizeof header);
	if (header.size < sizeof header || header.size > size || header.size > LARGEST)
		return fail(failure, EBADMSG, NULL, "message %u has a wrong size", index);
	copy = malloc(header.size);
	if (!copy)
		return fail(failure, ENOMEM, NULL, "message %u", index);
	optional = !(header.flags & ACK);
	header.flags |= REQUEST | ACK;
	header.sequence = index;
	memcpy(copy, bytes, header.size);
	memcpy(copy, &header, sizeof header);
	if (send(socket, copy, header.size, 0) < 0)
		return fail(failure, errno, NULL, "message %u", index);
	if (await(socket, index, failure) < 0 && !optional)
		return -1;
	padded = ((size_t)header.size + 3) & ~(size_t)3;
	return (ssize_t)(padded < size ? padded : size);
}

#define PLACE_SIZE 8 /* u32 offset, u32 slot */

static uint32_t number_at(const char *bytes)
{
	uint32_t number;

	memcpy(&number, bytes, sizeof number);
	return number;
}

/* A namespace is named to the kernel by a descriptor, which only the child knows: its number goes to each of the places. */
static int fill_places(const struct child *child, char *bytes, size_t size, const struct field *places,
		       struct failure *failure)
{
	if (places->size % PLACE_SIZE)
		return fail(failure, EBADMSG, NULL, "%zu bytes of places", places->size);
	for (size_t at = 0; at < places->size; at += PLACE_SIZE) {
		uint32_t offset = number_at(places->text + at);
		uint32_t slot = number_at(places->text + at + 4);
		int fd;

		if (slot >= SLOTS || size < sizeof fd || offset > size - sizeof fd)
			return fail(failure, EBADMSG, NULL, "no place at %u for slot %u", offset, slot);
		fd = slot_get(child, slot, failure);
		if (fd < 0)
			return -1;
		memcpy(bytes + offset, &fd, sizeof fd);
	}
	return 0;
}

/* Better words, where the kernel has them. */
static int open_netlink(int protocol)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_NETLINK_, CAP_ACK, &on, sizeof on);
	setsockopt(fd, SOL_NETLINK_, EXT_ACK, &on, sizeof on);
	return fd;
}

/*
 * A transaction of nf_tables: all messages in one datagram, which takes effect as a whole or not at all. Each that fails is answered; the
 * last but one, before the end of the batch, asks for an answer, and so ends the waiting.
 */
int step_netfilter(struct child *child, const struct field *args, struct failure *failure)
{
	cleanup_close int fd = open_netlink(NETFILTER);
	struct acknowledgement answer;

	(void)child;
	if (fd < 0)
		return fail(failure, errno, NULL, "socket");
	if (send(fd, args[0].text, args[0].size, 0) < 0)
		return fail(failure, errno, NULL, "batch");
	for (;;) {
		ssize_t size = recv(fd, &answer, sizeof answer, 0);

		if (size < 0 && errno == EINTR)
			continue;
		if (size < (ssize_t)offsetof(struct acknowledgement, about))
			return fail(failure, size < 0 ? errno : EBADMSG, NULL, "no answer");
		if (answer.header.type != TYPE_ERROR)
			continue;
		return answer.error ? fail(failure, -answer.error, NULL, "message %u: %s", answer.header.sequence,
					   words(&answer, (size_t)size)) :
				      0;
	}
}

int step_netlink(struct child *child, const struct field *args, struct failure *failure)
{
	cleanup_free char *filled = malloc(args[0].size + 1);
	cleanup_close int fd = open_netlink(ROUTE);
	const char *bytes = filled;
	size_t left = args[0].size;

	if (fd < 0 || !filled)
		return fail(failure, errno, NULL, "socket");
	memcpy(filled, args[0].text, args[0].size);
	if (fill_places(child, filled, args[0].size, &args[1], failure) < 0)
		return -1;
	for (uint32_t index = 0; left; index++) {
		ssize_t taken = exchange(fd, bytes, left, index, failure);

		if (taken < 0)
			return -1;
		bytes += taken;
		left -= (size_t)taken;
	}
	return 0;
}
