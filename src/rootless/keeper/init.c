/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "exec.h"
#include "plan.h"

/* argv: INIT_NAME, number of the status socket, index of the exec step, the program's argv. */
enum { ARG_STATUS = 1, ARG_STEP, ARG_PROGRAM };

/* A group of its own, in the foreground: otherwise Ctrl-C would reach it twice, from the terminal and forwarded by us. */
static _Noreturn void run_program(int status, char **argv, char **env)
{
	struct status failed = { .kind = STATUS_FAILED, .failure = { .what = "exec" } };

	failed.failure.step = strtoull(argv[ARG_STEP], NULL, 10);
	fcntl(status, F_SETFD, FD_CLOEXEC);
	setpgid(0, 0);
	tcsetpgrp(0, getpid()); /* SIGTTOU is still blocked; without a terminal it does nothing */
	exec_reset_signals();
	exec_program(argv + ARG_PROGRAM, env, &failed.failure);
	status_send(status, &failed, -1);
	_exit(127);
}

/* Reaps whatever ended. True when the program was among it. */
static bool reap(pid_t program, int *code)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != program)
			continue;
		ended = true;
		*code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
	return ended;
}

/*
 * Signals wait in a signalfd rather than interrupting: a handler could run between a fork and the assignment of its result, and
 * pid 1 gets no signal that it has no handler for. All of them are blocked, so that none is lost before the first read.
 */
int init_main(int argc, char **argv, char **env)
{
	struct signalfd_siginfo signal;
	int status, signals, code = 1;
	sigset_t all;
	pid_t program;

	if (argc <= ARG_PROGRAM)
		return 125;
	status = atoi(argv[ARG_STATUS]);
	prctl(PR_SET_NAME, INIT_NAME);
	/* Until the socket is closed: the program has the same user, and could take it from us with ptrace. */
	prctl(PR_SET_DUMPABLE, 0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signals = signalfd(-1, &all, SFD_CLOEXEC);
	program = signals < 0 ? -1 : fork();
	if (program == 0)
		run_program(status, argv, env);
	if (program < 0) {
		struct status failed = { .kind = STATUS_FAILED,
					 .failure = { .step = strtoull(argv[ARG_STEP], NULL, 10) } };

		fail(&failed.failure, errno, "exec", "init");
		status_send(status, &failed, -1);
		return 125;
	}
	/* The keeper sees the end of the socket when the program was executed, so it must not be held here. */
	close(status);
	prctl(PR_SET_DUMPABLE, 1);
	for (;;) {
		if (read(signals, &signal, sizeof signal) != (ssize_t)sizeof signal)
			return 125; /* all signals are blocked, so nothing interrupts: somebody denies us reading */
		if (signal.ssi_signo != SIGCHLD)
			kill(program, (int)signal.ssi_signo);
		else if (reap(program, &code))
			return code;
	}
}
