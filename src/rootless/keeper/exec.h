/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_EXEC_H
#define AIRPLANT_EXEC_H

#include <stdbool.h>

#include "error.h"

/* Executes argv, searched in env's PATH. Returns only on failure: -1. */
int exec_program(char *const *argv, char *const *env, struct failure *failure);
/* Default dispositions and an empty mask: exec keeps ignored signals ignored. */
void exec_reset_signals(void);
/* Explains an ENOENT of a file that is there: fills the failure with its missing interpreter. False: the file is not there. */
bool exec_find_interpreter(const char *file, struct failure *failure);

#endif
