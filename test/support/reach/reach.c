/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIELDS 5

const char *reason(void)
{
	switch (errno) {
	case ECONNREFUSED: return "refused";
	case ECONNRESET: return "reset";
	case EAGAIN:
	case EINPROGRESS:
	case ETIMEDOUT: return "silent";
	case EHOSTUNREACH:
	case ENETUNREACH: return "unreachable";
	default: return strerrorname_np(errno);
	}
}

struct addrinfo *look_up(const char *host, const char *port, int type)
{
	struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_NUMERICSERV }, *found = NULL;

	return getaddrinfo(host, port, &hints, &found) == 0 ? found : NULL;
}

socklen_t abstract_address(const char *name, struct sockaddr_un *address)
{
	size_t size = strnlen(name, sizeof address->sun_path - 1);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(address->sun_path + 1, name + 1, size - 1);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

/* A socket that is connected to there; of datagrams nothing was sent yet. With a device, packets leave by that, whatever the routes say. */
static int reach(char **fields, int type)
{
	const char *told = getenv("REACH_PATIENCE");
	int ms = told ? atoi(told) : PATIENCE;
	struct timeval patience = { ms / 1000, ms % 1000 * 1000 };
	struct addrinfo *address = look_up(fields[1], fields[2], type);
	const char *device = fields[3];
	int fd, failed;

	if (!address) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	fd = socket(address->ai_family, type, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if ((!device || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)) == 0) &&
	    connect(fd, address->ai_addr, address->ai_addrlen) == 0)
		return fd;
	failed = errno;
	close(fd);
	errno = failed;
	return -1;
}

/* The word that the other side answers with. */
static const char *ask(int fd, const void *question, size_t size)
{
	static char answer[600];
	ssize_t got;

	if (fd < 0 || (size && send(fd, question, size, MSG_NOSIGNAL) < 0))
		return reason();
	got = recv(fd, answer, sizeof answer - 1, 0);
	if (got < 0)
		return reason();
	answer[strcspn(answer, "\r\n")] = 0;
	return got ? answer : "closed";
}

static const char *attempt_tcp(char **fields)
{
	return ask(reach(fields, SOCK_STREAM), "hello\n", 6);
}

static const char *attempt_udp(char **fields)
{
	return ask(reach(fields, SOCK_DGRAM), "hello\n", 6);
}

/* Whether somebody accepts connections there. */
static const char *attempt_open(char **fields)
{
	return reach(fields, SOCK_STREAM) < 0 ? reason() : "open";
}

/* `dns,SERVER,NAME`: the address that a server of names tells, or its response code. */
static const char *attempt_dns(char **fields)
{
	char query[300] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0", *at = query + 12, *name = fields[2];
	static char text[INET_ADDRSTRLEN];
	const char *answer;

	for (char *label; (label = strsep(&name, "."));) {
		*at++ = (char)strlen(label);
		at = stpcpy(at, label);
	}
	memcpy(at, "\0\0\1\0\1", 5);
	at += 5;
	fields[2] = "53";
	answer = ask(reach(fields, SOCK_DGRAM), query, (size_t)(at - query));
	if (memcmp(answer, query, 2) != 0)
		return answer;
	if (answer[3] & 0xf || !answer[7])
		return (answer[3] & 0xf) == 3 ? "unknown" : "no address";
	/* The answer's name is a pointer, or the same again. */
	answer += at - query;
	answer += (*answer & 0xc0) == 0xc0 ? 2 : at - query - 12 - 4;
	return inet_ntop(AF_INET, answer + 10, text, sizeof text);
}

/* `unix,@NAME`: an abstract socket. */
static const char *attempt_unix(char **fields)
{
	struct sockaddr_un address;
	socklen_t size = abstract_address(fields[1], &address);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&address, size) < 0 ? reason() : ask(fd, "hello\n", 6);
}

/* A socket that connects to a port of its own machine may be given just that port, and then reaches itself. */
static bool is_self(int fd)
{
	struct sockaddr_storage own = { 0 }, peer = { 0 };
	socklen_t sizes[] = { sizeof own, sizeof peer };

	getsockname(fd, (struct sockaddr *)&own, &sizes[0]);
	getpeername(fd, (struct sockaddr *)&peer, &sizes[1]);
	return memcmp(&own, &peer, sizeof own) == 0;
}

/* `scan,ADDRESS`: all TCP ports that are open, of somebody who refuses at once. */
static const char *attempt_scan(char **fields)
{
	struct addrinfo *address = look_up(fields[1], "1", SOCK_STREAM);
	static char found[400];
	char *end = found;

	for (int port = 1; address && port < 65536 && end - found < 300; port++) {
		int fd = socket(address->ai_family, SOCK_STREAM, 0);

		/* In both families it stands at the same place. */
		((struct sockaddr_in *)address->ai_addr)->sin_port = htons((uint16_t)port);
		if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
			end += is_self(fd) ? 0 : sprintf(end, "%s%d", end > found ? "," : "", port);
		else if (errno != ECONNREFUSED)
			return reason();
		close(fd);
	}
	return end > found ? found : "nothing";
}

static const struct {
	const char *name;
	const char *(*run)(char **fields);
} kinds[] = {
	{ "tcp", attempt_tcp },	  { "udp", attempt_udp },   { "open", attempt_open },	{ "dns", attempt_dns },
	{ "unix", attempt_unix }, { "scan", attempt_scan }, { "frame", attempt_frame },
};

static void attempt(const char *text)
{
	char *copy = strdup(text), *fields[FIELDS + 1] = { 0 };

	for (size_t i = 0; i < FIELDS && copy; i++)
		fields[i] = strsep(&copy, ",");
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].name, fields[0]) == 0)
			printf("%s %s\n", text, kinds[i].run(fields));
	fflush(stdout);
}

int main(int count, char **args)
{
	bool in_turn = count > 1 && strcmp(args[1], "in-turn") == 0;

	if (count > 1 && strcmp(args[1], "serve") == 0)
		return serve(args + 2);
	for (int i = in_turn ? 2 : 1; i < count; i++) {
		if (!in_turn && fork() != 0)
			continue;
		attempt(args[i]);
		if (!in_turn)
			_exit(0);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
