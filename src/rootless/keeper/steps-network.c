/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#include "steps.h"

/* Handle 0 is the namespace that this process is in now; those of other processes were opened by the keeper, see spawn.c. */
int step_networkOf(struct child *child, const struct field *args, struct failure *failure)
{
	int fd;

	if (child->entered)
		return fail(failure, EINVAL, NULL, "the host is out of reach");
	if (args[1].number == 0) {
		fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return fail(failure, errno, NULL, "/proc/self/ns/net");
	} else {
		if (child->network_count == 0)
			return fail(failure, EINVAL, NULL, "it was not opened");
		fd = child->networks[0];
		child->networks++;
		child->network_count--;
	}
	slot_put(child, args[0].number, fd);
	return 0;
}

/*
 * A helper's namespaces are closed to the keeper, which reads them of no process that did not execute a program of its own (ptrace(2),
 * access mode checks): so it hands over a descriptor.
 */
int step_offerNetwork(struct child *child, const struct field *args, struct failure *failure)
{
	cleanup_close int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct status status = { .kind = STATUS_NETWORK };

	(void)args;
	if (fd < 0 || status_send(child->status, &status, fd) < 0)
		return fail(failure, errno, NULL, "/proc/self/ns/net");
	return 0;
}

/* From a network of ours there is no way back to the host's, whose namespace belongs to nobody in here. */
int step_joinNetwork(struct child *child, const struct field *args, struct failure *failure)
{
	int fd = slot_get(child, args[0].number, failure);

	if (fd < 0)
		return -1;
	return setns(fd, CLONE_NEWNET) < 0 ? fail(failure, errno, NULL, "network namespace") : 0;
}

/*
 * A tap that stays when nobody holds it: what is set up on it outlives the program that serves it, and that only has to attach to it. Its
 * index is ours to choose, as with all interfaces, so that the messages that follow need not ask for it.
 */
int step_tap(struct child *child, const struct field *args, struct failure *failure)
{
	cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int index = (int)args[1].number;

	(void)child;
	if (fd < 0)
		return fail(failure, errno, NULL, "/dev/net/tun");
	if (args[0].size >= sizeof request.ifr_name || args[1].number > INT32_MAX)
		return fail(failure, EINVAL, NULL, "%s", args[0].text);
	memcpy(request.ifr_name, args[0].text, args[0].size);
	if (ioctl(fd, TUNSETIFINDEX, &index) < 0 || ioctl(fd, TUNSETIFF, &request) < 0 ||
	    ioctl(fd, TUNSETPERSIST, 1) < 0)
		return fail(failure, errno, NULL, "%s", args[0].text);
	return 0;
}
