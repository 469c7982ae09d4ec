/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_LINGER_H
#define AIRPLANT_LINGER_H

#include "keeper.h"

/*
 * A keeper may live on for a while without a lease, so that what it keeps can be taken over by the next run of a watched test, or looked
 * at by hand.
 */

/* How long, in ms from the end of the last lease; 0: not at all. A deadline that runs begins anew. */
int linger_set(struct keeper *keeper, uint64_t ms, struct failure *failure);
/* The last lease has ended: ends the keeper, at the deadline or, without any container, now. A deadline that runs goes on. */
void linger_begin(struct keeper *keeper);
/* There is a lease again. True when a deadline was running. */
bool linger_stop(struct keeper *keeper);

#endif
