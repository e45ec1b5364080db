/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/tlc-snapshot.h"

/* The place where readers find the snapshot in force, and the records of endpoints that outlive
 * snapshots.
 *
 *                              | read | lock .. unlock | reclaim | free
 *   read                       |  X   |       X        |    X    |
 *   lock .. unlock             |  X   |                |    X    |
 *   reclaim                    |  X   |       X        |         |
 *   free                       |      |                |         |      X: may run together
 */
typedef struct _TlcRoot TlcRoot;

/* Snapshots that were replaced and wait for their readers to move on. So many and no more are
 * alive besides the one in force, the one that is being made, and those that threads are reading. */
#define TLC_ROOT_REPLACED_MAX 32

/* A root at generation 1. Takes @settings and @answers over, also on failure: an answer that is an
 * error. */
TlcRoot *tlc_root_new (TlcSettings *settings, GPtrArray *answers, GError **error);
void tlc_root_free (TlcRoot *root); /* no reader is left */

/* A reference to the snapshot in force. Any thread; no lock. */
TlcSnapshot *tlc_root_read (TlcRoot *root);

/* Writers are alone between lock and unlock, in the whole process: the lock is held while memory
 * is filled, never while anything is waited for. Calls do not take it. */
void tlc_root_lock (void);
void tlc_root_unlock (void);
/* With the lock held: waits, letting go of it, until fewer than TLC_ROOT_REPLACED_MAX snapshots
 * await their grace period. FALSE: not by the deadline. */
gboolean tlc_root_wait_for_room_unlocked (TlcRoot *root, gint64 deadline_us);
/* The snapshot in force, without a reference: the lock keeps it. */
TlcSnapshot *tlc_root_peek_unlocked (TlcRoot *root);
/* What @root would become by these, taken over: an endpoint whose address is known keeps its
 * record, a name that has no answer now keeps the one it had. NULL where it had none. */
TlcSnapshot *tlc_root_make_next_unlocked (TlcRoot *root, TlcSettings *settings, GPtrArray *answers,
                                          GError **error);
/* Puts @next, taken over, in force. The one before waits for tlc_root_reclaim(). */
void tlc_root_publish_unlocked (TlcRoot *root, TlcSnapshot *next);
/* A copy of the text of an endpoint that the root knows; NULL when it is not one of them any more.
 * @endpoint need not be alive. */
char *tlc_root_describe_endpoint (TlcRoot *root, const TlcEndpoint *endpoint);

/* Waits out a grace period and frees what was replaced before. One thread at a time: the keeper. */
void tlc_root_reclaim (TlcRoot *root);

/* Around fork(): in the child nobody else holds the lock. */
void tlc_root_after_fork_child (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcRoot, tlc_root_free)
