/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "datagram-session.h"

union control {
	struct cmsghdr header; /* for its alignment */
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

int datagram_socket_prepare(int socket, int family)
{
	int on = 1;

	if (family == AF_INET)
		return setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
	return setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
}

/* To a group or to everybody: then the answer comes from an address of the kernel's choice. */
static void read_local(struct origin *origin, const struct cmsghdr *header)
{
	struct in_pktinfo v4;
	struct in6_pktinfo v6;

	if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
		memcpy(&v4, CMSG_DATA(header), sizeof v4);
		memcpy(origin->local, &v4.ipi_spec_dst, sizeof v4.ipi_spec_dst);
	} else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
		memcpy(&v6, CMSG_DATA(header), sizeof v6);
		if (IN6_IS_ADDR_MULTICAST(&v6.ipi6_addr))
			return;
		memcpy(origin->local, &v6.ipi6_addr, sizeof v6.ipi6_addr);
		if (IN6_IS_ADDR_LINKLOCAL(&v6.ipi6_addr))
			origin->interface = (uint32_t)v6.ipi6_ifindex;
	}
}

ssize_t datagram_receive(int socket, struct origin *origin, uint8_t *bytes, size_t room)
{
	union control control;
	struct iovec part = { bytes, room };
	struct msghdr message = { .msg_name = &origin->client,
				  .msg_namelen = sizeof origin->client,
				  .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof control };
	ssize_t size;

	memset(origin, 0, sizeof *origin);
	size = recvmsg(socket, &message, MSG_DONTWAIT);
	if (size < 0)
		return -1;
	origin->socket = socket;
	origin->client_size = message.msg_namelen;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
		read_local(origin, header);
	return size;
}

static size_t write_local(const struct origin *origin, struct cmsghdr *header)
{
	struct in_pktinfo v4 = { 0 };
	struct in6_pktinfo v6 = { 0 };
	bool is_v4 = origin->client.any.sa_family == AF_INET;
	const void *info = is_v4 ? (void *)&v4 : (void *)&v6;
	size_t size = is_v4 ? sizeof v4 : sizeof v6;

	memcpy(&v4.ipi_spec_dst, origin->local, sizeof v4.ipi_spec_dst);
	memcpy(&v6.ipi6_addr, origin->local, sizeof v6.ipi6_addr);
	v6.ipi6_ifindex = origin->interface;
	header->cmsg_level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
	header->cmsg_type = is_v4 ? IP_PKTINFO : IPV6_PKTINFO;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), info, size);
	return CMSG_SPACE(size);
}

void session_answer(const struct session *session, const uint8_t *bytes, size_t size)
{
	const struct origin *origin = &session->origin;
	union control control = { .room = { 0 } };
	struct iovec part = { (void *)bytes, size };
	struct msghdr message = { .msg_name = (void *)&origin->client,
				  .msg_namelen = origin->client_size,
				  .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control };

	message.msg_controllen = write_local(origin, &control.header);
	(void)!sendmsg(origin->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}
