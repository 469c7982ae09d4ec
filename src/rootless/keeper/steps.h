/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_STEPS_H
#define AIRPLANT_STEPS_H

#include "plan.h"

/* One function per step of docs/protocol.md; 0, or -1 with the failure filled (its `what` is the step's name already). */
#define OP(number, name, fields) \
	int step_##name(struct child *child, const struct field *args, struct failure *failure);
#include "ops.def"
#undef OP

/* The descriptor of a slot, or -1 with the failure filled. */
int slot_get(const struct child *child, uint64_t slot, struct failure *failure);
/*
 * Sets the program's limit of open files, unless that was done or the soft one is below `least`. The last thing before the program:
 * the steps before it need more descriptors than it may have.
 */
int step_limit_files(struct child *child, uint64_t least, struct failure *failure);
/*
 * For a step that goes on for ever instead of executing a program: default signals, a name, and the keeper learns that it runs. What the
 * step could fail at belongs before this.
 */
void step_executed(struct child *child, const char *name);
/* Keeps the descriptor in the slot, closing what was there. */
void slot_put(struct child *child, uint64_t slot, int fd);

#endif
