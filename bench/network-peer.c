// SPDX-License-Identifier: Apache-2.0
/*
 * Both ends of the network figures, so that a path is measured and not Node:
 *
 *   network-peer server PORT
 *   network-peer client HOST PORT rtt COUNT | connect COUNT | download SECONDS | upload SECONDS
 *
 * The client prints microseconds, one per line; for a transfer one line, gigabits per second.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 32, PIECE = 128 * 1024, MAX_CLIENTS = 512 };

static char piece[PIECE];

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void no_delay(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static int write_all(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t count = write(fd, (const char *)data + done, size - done);

		if (count <= 0)
			return -1;
		done += (size_t)count;
	}
	return 0;
}

static int read_all(int fd, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t count = read(fd, (char *)data + done, size - done);

		if (count <= 0)
			return -1;
		done += (size_t)count;
	}
	return 0;
}

/* Sends until the client has had enough, or takes all and answers how much that was. */
static void transfer(int fd, char direction)
{
	unsigned long long total = 0;
	ssize_t count;

	if (direction == 'd') {
		while (write_all(fd, piece, PIECE) == 0)
			;
		return;
	}
	while ((count = read(fd, piece, PIECE)) > 0)
		total += (unsigned long long)count;
	write_all(fd, &total, sizeof(total));
}

/* Echoes here, for a new process would be part of the figures; a transfer gets one. -1 when the connection is done. */
static int answer(int fd)
{
	char message[MESSAGE];

	if (read_all(fd, message, MESSAGE) < 0)
		return -1;
	if (message[0] == 'e')
		return write_all(fd, message, MESSAGE);
	if (fork() == 0) {
		transfer(fd, message[0]);
		_exit(0);
	}
	return -1;
}

static int listen_on(const char *port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons((unsigned short)atoi(port)) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 128) < 0)
		err(1, "listen on %s", port);
	return fd;
}

static void serve(const char *port)
{
	static struct pollfd fds[MAX_CLIENTS];
	nfds_t count = 1;

	fds[0] = (struct pollfd){ .fd = listen_on(port), .events = POLLIN };
	for (;;) {
		if (poll(fds, count, -1) < 0)
			err(1, "poll");
		for (nfds_t i = count - 1; i > 0; i--) {
			if (fds[i].revents == 0 || answer(fds[i].fd) == 0)
				continue;
			close(fds[i].fd);
			fds[i] = fds[--count];
		}
		if ((fds[0].revents & POLLIN) && count < MAX_CLIENTS) {
			int fd = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC);

			if (fd < 0)
				continue;
			no_delay(fd);
			fds[count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		}
	}
}

static struct addrinfo *resolve(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int code = getaddrinfo(host, port, &hints, &found);

	if (code != 0)
		errx(1, "%s: %s", host, gai_strerror(code));
	return found;
}

static int try_connect(const struct addrinfo *to)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
		close(fd);
		return -1;
	}
	no_delay(fd);
	return fd;
}

static int echo(int fd)
{
	char message[MESSAGE] = "e";

	return write_all(fd, message, MESSAGE) < 0 ? -1 : read_all(fd, message, MESSAGE);
}

/* A forwarder may listen long before the server does: only an answer says that it is there. */
static int connect_patiently(const struct addrinfo *to)
{
	for (double deadline = seconds() + 10; seconds() < deadline; usleep(2000)) {
		int fd = try_connect(to);

		if (fd < 0)
			continue;
		if (echo(fd) == 0)
			return fd;
		close(fd);
	}
	errx(1, "no answer");
}

static void measure_round_trips(int fd, long count)
{
	for (long i = -200; i < count; i++) {
		double began = seconds();

		if (echo(fd) < 0)
			err(1, "echo");
		if (i >= 0)
			printf("%.2f\n", (seconds() - began) * 1e6);
	}
}

static void measure_connects(const struct addrinfo *to, long count)
{
	for (long i = -10; i < count; i++) {
		double began = seconds();
		int fd = try_connect(to);

		if (fd < 0 || echo(fd) < 0)
			err(1, "connect");
		if (i >= 0)
			printf("%.2f\n", (seconds() - began) * 1e6);
		close(fd);
	}
}

static unsigned long long receive_for(int fd, double deadline)
{
	unsigned long long total = 0;

	while (seconds() < deadline) {
		ssize_t count = read(fd, piece, PIECE);

		if (count <= 0)
			errx(1, "the transfer ended early");
		total += (unsigned long long)count;
	}
	return total;
}

static unsigned long long send_for(int fd, double deadline)
{
	unsigned long long total = 0;

	while (seconds() < deadline)
		if (write_all(fd, piece, PIECE) < 0)
			err(1, "write");
	shutdown(fd, SHUT_WR);
	if (read_all(fd, &total, sizeof(total)) < 0)
		errx(1, "the server did not say what arrived");
	return total;
}

static void measure_transfer(int fd, char direction, double length)
{
	char message[MESSAGE] = { direction };
	double began = seconds();
	unsigned long long total;

	if (write_all(fd, message, MESSAGE) < 0)
		err(1, "write");
	total = direction == 'd' ? receive_for(fd, began + length) : send_for(fd, began + length);
	printf("%.3f\n", (double)total * 8 / 1e9 / (seconds() - began));
}

static void be_client(const char *host, const char *port, const char *what, const char *amount)
{
	struct addrinfo *to = resolve(host, port);
	int fd = connect_patiently(to);

	if (strcmp(what, "rtt") == 0)
		measure_round_trips(fd, atol(amount));
	else if (strcmp(what, "connect") == 0)
		measure_connects(to, atol(amount));
	else if (strcmp(what, "download") == 0 || strcmp(what, "upload") == 0)
		measure_transfer(fd, what[0], atof(amount));
	else
		errx(2, "unknown measurement %s", what);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "server") == 0)
		serve(argv[2]);
	else if (argc == 6 && strcmp(argv[1], "client") == 0)
		be_client(argv[2], argv[3], argv[4], argv[5]);
	else
		errx(2, "usage: network-peer server PORT | client HOST PORT rtt|connect|download|upload AMOUNT");
	return 0;
}
