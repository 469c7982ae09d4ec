/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_fsopen
#define SYS_fsopen 430
#endif

static char handle[136];

static long clone_with(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static long clone3_with(unsigned long flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0)
		_exit(0);
	return pid;
}

/* What the default profile denies, called as an attacker would. */
int attack_denied(char **args)
{
	int ns = open("/proc/self/ns/mnt", O_RDONLY);

	(void)args;
	verdict("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
	verdict("umount2", umount2("/proc", MNT_DETACH));
	verdict("pivot_root", syscall(SYS_pivot_root, "/", "/"));
	verdict("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
	verdict("fsconfig", syscall(431, 0, 0, NULL, NULL, 0));
	verdict("open_tree", syscall(428, -100, "/", 1));
	verdict("move_mount", syscall(429, -100, "/", -100, "/tmp", 0));
	verdict("mount_setattr", syscall(442, -100, "/", 0, handle, 32));
	verdict("unshare", syscall(SYS_unshare, CLONE_NEWUSER));
	verdict("unshare_files", syscall(SYS_unshare, CLONE_NEWNS));
	verdict("setns", syscall(SYS_setns, ns, 0));
	verdict("clone_newuser", clone_with(CLONE_NEWUSER));
	verdict("clone_newns", clone_with(CLONE_NEWNS));
	verdict("clone3_newuser", clone3_with(CLONE_NEWUSER));
	verdict("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
	verdict("add_key", syscall(SYS_add_key, "user", "a", "b", 1, KEY_SPEC_SESSION_KEYRING));
	verdict("request_key", syscall(SYS_request_key, "user", "a", NULL, KEY_SPEC_SESSION_KEYRING));
	verdict("bpf", syscall(SYS_bpf, 0, handle, 72));
	verdict("perf_event_open", syscall(SYS_perf_event_open, handle, 0, -1, -1, 0));
	verdict("io_uring_setup", syscall(425, 1, handle));
	verdict("userfaultfd", syscall(SYS_userfaultfd, 0));
	verdict("af_alg", socket(AF_ALG, SOCK_SEQPACKET, 0));
	verdict("af_vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
	verdict("personality", syscall(SYS_personality, ADDR_NO_RANDOMIZE));
	verdict("open_by_handle_at", syscall(SYS_open_by_handle_at, -100, handle, 0));
	verdict("pidfd_getfd", syscall(438, 0, 0, 0));
	verdict("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
	verdict("init_module", syscall(SYS_init_module, handle, 1, ""));
	verdict("delete_module", syscall(SYS_delete_module, "x", 0));
	verdict("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, RB_ENABLE_CAD, NULL));
	verdict("swapon", syscall(SYS_swapon, "/tmp/x", 0));
	verdict("acct", syscall(SYS_acct, "/tmp/x"));
	verdict("settimeofday", syscall(SYS_settimeofday, NULL, NULL));
	verdict("sethostname", syscall(SYS_sethostname, "x", 1));
	verdict("quotactl", syscall(SYS_quotactl, 0, NULL, 0, NULL));
	verdict("syslog", syscall(SYS_syslog, 3, handle, 1));
	verdict("vhangup", syscall(SYS_vhangup));
	return 0;
}

#ifdef __x86_64__
static sigjmp_buf no_gate;

static void on_fault(int number)
{
	(void)number;
	siglongjmp(no_gate, 1);
}

/* Where there is no gate for 32-bit programs, as on some virtual machines, the instruction faults: then there is no such call. */
static long int80(long number, long first)
{
	long result;

	signal(SIGSEGV, on_fault);
	if (sigsetjmp(no_gate, 1))
		return -ENOSYS;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first) : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static long kernel_verdict(const char *name, long result)
{
	errno = result < 0 ? (int)-result : 0;
	verdict(name, result < 0 ? -1 : 0);
	return result;
}

/* The same calls by the numbers of the other tables, which a filter that looks at one table only would let pass. */
int attack_tables(char **args)
{
	(void)args;
	kernel_verdict("i386_unshare", int80(310, CLONE_NEWUSER));
	kernel_verdict("i386_mount", int80(21, 0));
	kernel_verdict("i386_setns", int80(346, 0));
	kernel_verdict("i386_keyctl", int80(288, 0));
	kernel_verdict("i386_bpf", int80(357, 0));
	kernel_verdict("i386_clone", int80(120, CLONE_NEWUSER | SIGCHLD));
	kernel_verdict("i386_personality", int80(136, ADDR_NO_RANDOMIZE));
	verdict("x32_getpid", syscall(0x40000000 | 39));
	verdict("x32_unshare", syscall(0x40000000 | 272, CLONE_NEWUSER));
	verdict("x32_mount", syscall(0x40000000 | 165, 0, 0, 0, 0, 0));
	verdict("x32_ptrace", syscall(0x40000000 | 521, 0, 0, 0, 0));
	return 0;
}
#else
int attack_tables(char **args)
{
	(void)args;
	return 0;
}
#endif
