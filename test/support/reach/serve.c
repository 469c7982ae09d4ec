/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "reach.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* IPv4 comes to IPv6's wildcard address, too; answers then leave from the address that was asked, as the kernel's choice for UDP would not. */
static int listen_at(const char *host, const char *port, int type)
{
	struct addrinfo *address = look_up(host, port, type);
	int fd = address ? socket(address->ai_family, type, 0) : -1, on = 1, off = 0;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0)
		return -1;
	return type == SOCK_STREAM && listen(fd, 1024) < 0 ? -1 : fd;
}

/* What came is sent back to where it came from, by way of the address that it came to. */
static void answer_datagram(int fd, char *word)
{
	char received[2048], control[256];
	struct sockaddr_storage peer;
	struct iovec part = { received, sizeof received };
	struct msghdr message = { &peer, sizeof peer, &part, 1, control, sizeof control, 0 };

	if (recvmsg(fd, &message, 0) < 0)
		return;
	part = (struct iovec){ word, strlen(word) };
	sendmsg(fd, &message, 0);
}

static void answer_connection(int listener, char *word)
{
	struct timeval patience = { 2, 0 };
	char received[64];
	int fd = accept(listener, NULL, NULL);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	/* What was not read would make the end a reset. */
	if (fd >= 0 && recv(fd, received, sizeof received, 0) > 0)
		send(fd, word, strlen(word), MSG_NOSIGNAL);
	close(fd);
}

static int listen_at_name(const char *name)
{
	struct sockaddr_un address;
	socklen_t size = abstract_address(name, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 1024) < 0 ? -1 : fd;
}

/* serve WORD PORT [ADDRESS], or serve WORD @NAME: says "listening" when it does. */
int serve(char **args)
{
	const char *host = args[2] ? args[2] : "::";
	bool is_unix = *args[1] == '@';
	struct pollfd sockets[] = {
		{ .fd = is_unix ? listen_at_name(args[1]) : listen_at(host, args[1], SOCK_STREAM), .events = POLLIN },
		{ .fd = is_unix ? -1 : listen_at(host, args[1], SOCK_DGRAM), .events = POLLIN },
	};

	if (sockets[0].fd < 0 || (!is_unix && sockets[1].fd < 0)) {
		perror(host);
		return 1;
	}
	puts("listening");
	fflush(stdout);
	while (poll(sockets, 2, -1) > 0) {
		if (sockets[0].revents)
			answer_connection(sockets[0].fd, args[0]);
		if (sockets[1].revents)
			answer_datagram(sockets[1].fd, args[0]);
	}
	return 1;
}
