/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "plan.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define STEP_HEADER 8 /* u16 op, u16 zero, u32 size */
#define STEP_FIELDS (sizeof((struct step *)0)->args / sizeof(struct field))

static const struct operation {
	const char *name, *fields;
} operations[] = {
#define OP(number, op, signature) [number] = { #op, signature },
#include "ops.def"
#undef OP
};

#define OP(number, name, signature) \
	_Static_assert(sizeof(signature) - 1 <= STEP_FIELDS, "step has room for the fields of " #name);
#include "ops.def"
#undef OP

static const struct operation *operation(uint16_t op)
{
	return op < sizeof operations / sizeof *operations && operations[op].name ? &operations[op] : NULL;
}

const char *op_name(uint16_t op)
{
	return operation(op) ? operations[op].name : "unknown";
}

/* How many of the first fields are slots. */
static size_t slot_fields(uint16_t op)
{
	switch (op) {
	case OP_subtree:
	case OP_mask: return 2;
	case OP_openTree:
	case OP_openFile:
	case OP_takeFd:
	case OP_newMount:
	case OP_overlay:
	case OP_setAttributes:
	case OP_enterRoot:
	case OP_attach:
	case OP_listen:
	case OP_networkOf:
	case OP_joinNetwork:
	case OP_showNetwork:
	case OP_files:
	case OP_socket:
	case OP_gate:
	case OP_copyIn: return 1;
	default: return 0;
	}
}

/* Which field is a user ID, followed by a group ID; 0: none. */
static size_t id_field(uint16_t op)
{
	switch (op) {
	case OP_mkdir:
	case OP_writeFile: return 2;
	case OP_copyIn: return 3;
	default: return 0;
	}
}

/* What later steps use as an index, or narrow to 32 bits, where 2^32-1 and 2^32 would mean "as it is" and root. */
static int check_values(const struct step *step, struct failure *failure)
{
	size_t ids = id_field(step->op);

	for (size_t i = 0; i < slot_fields(step->op); i++) {
		if (step->args[i].number >= SLOTS)
			return fail(failure, EINVAL, op_name(step->op), "no slot %llu",
				    (unsigned long long)step->args[i].number);
	}
	if (ids && (step->args[ids].number >= UINT32_MAX || step->args[ids + 1].number >= UINT32_MAX))
		return fail(failure, EINVAL, op_name(step->op), "user or group ID out of range");
	return 0;
}

static uint32_t number_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Decodes one step and returns how many bytes it took, or -1. */
static ssize_t decode_step(const uint8_t *bytes, size_t size, struct step *step, struct failure *failure)
{
	uint32_t head, body;

	if (size < STEP_HEADER)
		return fail(failure, EBADMSG, "plan", "a step is cut short");
	head = number_at(bytes);
	body = number_at(bytes + 4);
	if (head > UINT16_MAX || !operation((uint16_t)head))
		return fail(failure, EBADMSG, "plan", "there is no step with number %u", head);
	if (body > size - STEP_HEADER)
		return fail(failure, EBADMSG, op_name((uint16_t)head), "fields are cut short");
	if (wire_decode(operations[head].fields, bytes + STEP_HEADER, body, step->args) < 0)
		return fail(failure, EBADMSG, op_name((uint16_t)head), "fields are not \"%s\"",
			    operations[head].fields);
	step->op = (uint16_t)head;
	return (ssize_t)STEP_HEADER + body;
}

static int decode_steps(const uint8_t *bytes, size_t size, size_t count, struct plan *plan, struct failure *failure)
{
	for (size_t i = 0; i < count; i++) {
		ssize_t taken;

		failure->step = i;
		taken = decode_step(bytes, size, &plan->steps[i], failure);
		if (taken < 0)
			return -1;
		plan->count = i + 1;
		if (check_values(&plan->steps[i], failure) < 0)
			return -1;
		bytes += taken;
		size -= (size_t)taken;
	}
	failure->step = NO_STEP;
	return size ? fail(failure, EBADMSG, "plan", "bytes follow the last step") : 0;
}

int plan_decode(const uint8_t *bytes, size_t size, struct plan *plan, struct failure *failure)
{
	uint32_t count;

	*plan = (struct plan){ 0 };
	failure->step = NO_STEP;
	if (size < 4)
		return fail(failure, EBADMSG, "plan", "no steps");
	count = number_at(bytes);
	if (count > (size - 4) / STEP_HEADER)
		return fail(failure, EBADMSG, "plan", "%u steps do not fit into %zu bytes", count, size);
	plan->steps = calloc((size_t)count + 1, sizeof *plan->steps);
	if (!plan->steps)
		return fail(failure, ENOMEM, "plan", "%u steps", count);
	if (decode_steps(bytes + 4, size - 4, count, plan, failure) == 0)
		return 0;
	plan_release(plan);
	return -1;
}

void plan_release(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		wire_release(operations[plan->steps[i].op].fields, plan->steps[i].args);
	free(plan->steps);
	*plan = (struct plan){ 0 };
}

int status_send(int socket, const struct status *status, int fd)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = (void *)status, .iov_len = sizeof *status };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;

	if (fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof control.bytes;
		CMSG_FIRSTHDR(&message)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&message)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&message)->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof fd);
	}
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}
