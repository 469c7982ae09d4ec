/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_OVERFLOW_ID_H
#define AIRPLANT_OVERFLOW_ID_H

/* What every ID without a mapping looks like from inside a user namespace. */
unsigned int overflow_id(void);

#endif
