/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_ATTACK_H
#define AIRPLANT_ATTACK_H

/* Attacks from inside a container; test/integration/security/ runs them and reads what they print: one line each, "name verdict". */

/* Prints "name OK" or "name ERRNO". */
void verdict(const char *name, long result);

int attack_denied(char **args);
int attack_tables(char **args);
int attack_mounts(char **args);
int attack_overwrite(char **args);
int attack_spy(char **args);
int attack_swap(char **args);

#endif
