/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "steps.h"

typedef int (*step_function)(struct child *child, const struct field *args, struct failure *failure);

static const step_function functions[] = {
#define OP(number, name, fields) [number] = step_##name,
#include "ops.def"
#undef OP
};

int plan_run(const struct plan *plan, struct child *child, struct failure *failure)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct step *step = &plan->steps[i];

		*failure = (struct failure){ .step = i };
		strncpy(failure->what, op_name(step->op), sizeof failure->what - 1);
		if (functions[step->op](child, step->args, failure) < 0)
			return -1;
	}
	failure->step = NO_STEP;
	return 0;
}

int slot_get(const struct child *child, uint64_t slot, struct failure *failure)
{
	if (slot >= SLOTS || child->slots[slot] < 0)
		return fail(failure, EBADF, NULL, "slot %llu is empty", (unsigned long long)slot);
	return child->slots[slot];
}

void slot_put(struct child *child, uint64_t slot, int fd)
{
	if (child->slots[slot] >= 0)
		close(child->slots[slot]);
	child->slots[slot] = fd;
}
