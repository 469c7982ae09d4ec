/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_REMOVE_H
#define AIRPLANT_REMOVE_H

/* Deletes a directory and all below it, never following a link, never crossing into a mount, however deep, whatever its modes. */
int remove_tree(int directory, const char *name);

/* Renames the scratch directory into <session>/trash (detaching a mount at <scratch>/merged first); fast. */
int remove_later(int session, const char *scratch);

/* Deletes what is in <session>/trash, in a process of low priority. Returns its pid, 0 when there was nothing. */
int remove_trash_start(int session);
/* The same at once, by the caller itself. */
void remove_trash_now(int session);

/* In a process of low priority: deletes each session directory beside ours whose `lock` nobody holds. */
int remove_dead_sessions_start(int sessions, const char *own_name);

#endif
