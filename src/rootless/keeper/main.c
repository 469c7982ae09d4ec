/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "client.h"
#include "keeper.h"
#include "kernel.h"

#define CONTROL 3 /* the socket to Node */
#define BROKER 4  /* with --broker: the second one */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

extern char **environ;

/*
 * Runs on from a sealed copy in memory. The binary on disk belongs to the user, who is root in every container: one that got hold
 * of /proc/<pid>/exe could overwrite it for the next start (CVE-2019-5736). Nothing can write to the copy.
 */
static int reexecute_sealed(char **argv)
{
	cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int copy, seals = self < 0 ? -1 : fcntl(self, F_GET_SEALS);
	struct stat stat_;
	off_t at = 0;

	if (self < 0)
		return -1;
	if (seals >= 0 && (seals & SEALS) == SEALS)
		return 0;
	copy = memfd_create("airplant-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (copy < 0 && errno == EINVAL)
		copy = memfd_create("airplant-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0 || fstat(self, &stat_) < 0)
		return -1;
	while (at < stat_.st_size)
		if (sendfile(copy, self, &at, (size_t)(stat_.st_size - at)) <= 0)
			return -1;
	if (fcntl(copy, F_ADD_SEALS, SEALS) < 0)
		return -1;
	fexecve(copy, argv, environ);
	return -1;
}

static int usage(void)
{
	fputs("airplant-keeper is started by airplant, see docs/protocol.md; --version and --probe "
	      "userns|maps|fuse|tun work by hand\n",
	      stderr);
	return 2;
}

static int parse(int argc, char **argv, struct settings *settings)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		const char **to = !strcmp(argv[i], "--session")	  ? &settings->session :
				  !strcmp(argv[i], "--map")	  ? &settings->method :
				  !strcmp(argv[i], "--uids")	  ? &settings->uids :
				  !strcmp(argv[i], "--gids")	  ? &settings->gids :
				  !strcmp(argv[i], "--newuidmap") ? &settings->newuidmap :
				  !strcmp(argv[i], "--newgidmap") ? &settings->newgidmap :
				  !strcmp(argv[i], "--broker")	  ? &settings->broker :
								    NULL;
		if (!to)
			return -1;
		*to = argv[i + 1];
	}
	return settings->session && settings->method && settings->uids && settings->gids ? 0 : -1;
}

/* Tells Node why there will be no keeper: one error frame with id 0. */
static int give_up(const struct failure *failure)
{
	struct client client = { .source.fd = CONTROL };
	char ignored[256];

	client_fail(&client, 0, failure);
	if (write(CONTROL, client.out, client.out_size) != (ssize_t)client.out_size)
		fprintf(stderr, "airplant-keeper: %s: %s: %s\n", failure->what, failure->detail,
			strerror(failure->err));
	/* Node is writing its first request: were that answered by a reset, the frame above would be lost. */
	shutdown(CONTROL, SHUT_WR);
	while (read(CONTROL, &ignored, sizeof ignored) > 0)
		;
	return 1;
}

int main(int argc, char **argv)
{
	struct keeper keeper = { 0 };
	int broker = -1;
	struct settings settings = { .newuidmap = "/usr/bin/newuidmap", .newgidmap = "/usr/bin/newgidmap" };
	struct failure failure = { .step = NO_STEP };

	if (argc > 0 && strcmp(argv[0], INIT_NAME) == 0)
		return init_main(argc, argv, environ);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("%d\n", PROTOCOL_VERSION) < 0;
	if (argc == 3 && strcmp(argv[1], "--probe") == 0)
		return probe_main(argv[2]);
	if (parse(argc, argv, &settings) < 0)
		return usage();
	umask(022);
	if (reexecute_sealed(argv) < 0) {
		fail(&failure, errno, "setup", "sealed copy of the keeper");
		return give_up(&failure);
	}
	fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
	kernel_close_range(settings.broker ? BROKER + 1 : CONTROL + 1, ~0u);
	if (settings.broker)
		fcntl(BROKER, F_SETFD, FD_CLOEXEC);
	if (boot(&settings, &broker, &failure) < 0)
		return give_up(&failure);
	keeper.broker.fd = broker;
	if (setup(&keeper, &settings, &failure) < 0)
		return give_up(&failure);
	keeper_run(&keeper, CONTROL);
}
