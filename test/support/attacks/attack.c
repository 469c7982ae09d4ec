/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

void verdict(const char *name, long result)
{
	printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "OK");
	fflush(stdout);
}

/* Which descriptors are there, asked without opening one. */
static int attack_descriptors(char **args)
{
	(void)args;
	for (int fd = 0; fd < 65536; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	printf("\n");
	return 0;
}

/* A path, or "@name" for an abstract address. */
static socklen_t unix_address(const char *name, struct sockaddr_un *address)
{
	size_t size = strnlen(name, sizeof address->sun_path - 1);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(address->sun_path, name, size);
	if (*name == '@')
		address->sun_path[0] = 0;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

static int attack_connect(char **args)
{
	for (; *args; args++) {
		struct sockaddr_un address;
		socklen_t size = unix_address(*args, &address);
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		char byte = 0;

		verdict(*args, connect(fd, (struct sockaddr *)&address, size) < 0 ? -1 : write(fd, &byte, 1));
		close(fd);
	}
	return 0;
}

/* Sockets that others try to connect to, until it is killed. */
static int attack_listen(char **args)
{
	for (; *args; args++) {
		struct sockaddr_un address;
		socklen_t size = unix_address(*args, &address);
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 9) < 0)
			return 1;
	}
	printf("listening\n");
	fflush(stdout);
	for (;;)
		pause();
}

static int print_writable(const char *path, const struct stat *stat, int type, struct FTW *where)
{
	int fd;

	(void)where;
	if (type == FTW_D && access(path, W_OK) == 0)
		printf("%s/\n", path);
	if (type != FTW_F || !S_ISREG(stat->st_mode))
		return 0;
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 0;
	printf("%s\n", path);
	close(fd);
	return 0;
}

/* Every file below the directories that can be opened for writing, and every directory that can be written to. */
static int attack_writable(char **args)
{
	for (; *args; args++)
		nftw(*args, print_writable, 64, FTW_PHYS);
	printf("done\n");
	return 0;
}

/* Types text into a terminal, as if the user had. */
static int attack_type(char **args)
{
	int tty = open("/dev/tty", O_RDWR);

	verdict("open", tty);
	if (tty < 0)
		tty = 0;
	for (const char *at = args[0]; *at; at++)
		if (ioctl(tty, TIOCSTI, at) < 0) {
			verdict("type", -1);
			return 0;
		}
	verdict("type", 0);
	return 0;
}

/* Children of our parent, who may be the keeper: it does not know them. */
static int attack_siblings(char **args)
{
	for (int left = atoi(args[0]); left > 0; left--) {
		long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

		if (pid == 0)
			_exit(7);
		if (pid < 0) {
			verdict("clone", -1);
			return 0;
		}
	}
	verdict("clone", 0);
	return 0;
}

static int attack_signal(char **args)
{
	for (int number = 1; number < 65; number++)
		if (number != SIGKILL && number != SIGSTOP)
			signal(number, SIG_IGN);
	for (char **target = args; *target; target++)
		for (int number = 1; number < 65; number++)
			if (number != SIGKILL && number != SIGSTOP)
				kill(atoi(*target), number);
	printf("sent\n");
	return 0;
}

static int attack_group(char **args)
{
	(void)args;
	printf("%d %d\n", getpgid(0), getsid(0));
	return 0;
}

static int attack_capability(char **args)
{
	/* A file capability would survive where set-uid bits are looked at only. */
	verdict("mknod", mknod("/tmp/null", S_IFCHR | 0666, 0x103));
	verdict("block", mknod("/tmp/disk", S_IFBLK | 0666, 0x800));
	verdict("setuid", setuid(0));
	verdict("setgid", setgid(0));
	(void)args;
	printf("%d %d\n", geteuid(), getegid());
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **args);
} attacks[] = {
	{ "descriptors", attack_descriptors }, { "connect", attack_connect }, { "listen", attack_listen }, { "writable", attack_writable },
	{ "type", attack_type },	       { "siblings", attack_siblings }, { "signal", attack_signal },
	{ "group", attack_group },	       { "privilege", attack_capability }, { "denied", attack_denied },
	{ "tables", attack_tables },	       { "mounts", attack_mounts },	{ "overwrite", attack_overwrite },
	{ "spy", attack_spy },		       { "swap", attack_swap },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof attacks / sizeof *attacks; i++)
		if (strcmp(attacks[i].name, argv[1]) == 0)
			return attacks[i].run(argv + 2);
	return 64;
}
