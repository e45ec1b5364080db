/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/tlc-endpoint-table.h"
#include "model/tlc-snapshot.h"

/* The place where readers find the snapshots in force: those of all services that change together. One
 * pointer leads to a table of them, which is immutable; a change publishes another table, by one store,
 * whatever it changes.
 *
 *                              | read | lock .. unlock | reclaim | free
 *   read                       |  X   |       X        |    X    |
 *   lock .. unlock             |  X   |                |    X    |
 *   reclaim                    |  X   |       X        |         |
 *   free                       |      |                |         |      X: may run together
 */
typedef struct _TlcRoot TlcRoot;
/* One service's part of it: tlc-branch.h. */
typedef struct _TlcBranch TlcBranch;

/* All snapshots of one generation, by the places of their branches. Nobody changes it once it is
 * published; what does not change from one to the next is in both. */
typedef struct {
  guint64 generation; /* of the whole: 1 for the first that was published */
  guint n_snapshots;
  TlcSnapshot *snapshots[]; /* a reference each */
} TlcTable;

/* Tables that were replaced and wait for their readers to move on. So many and no more are alive besides
 * the one in force and the one that is being made; and the snapshots in them, with those that threads
 * are reading. */
#define TLC_ROOT_REPLACED_MAX 32

/* A root without branches, at generation 0. */
TlcRoot *tlc_root_new (void);
TlcRoot *tlc_root_ref (TlcRoot *root);
void tlc_root_unref (TlcRoot *root); /* with the last one no reader is left */

/* A reference to the snapshot at @place that is in force. Any thread; no lock. */
TlcSnapshot *tlc_root_read (TlcRoot *root, guint place);
/* The number of the table in force; 0: none has been published. Any thread; no lock. */
guint64 tlc_root_get_generation (TlcRoot *root);

/* Writers are alone between lock and unlock, in the whole process: the lock is held while memory
 * is filled, never while anything is waited for. Calls do not take it. Who holds it enters no read
 * section: fork() has the two in the other order. */
void tlc_root_lock (void);
void tlc_root_unlock (void);
/* With the lock held, all of these. Waits, letting go of it, until fewer than TLC_ROOT_REPLACED_MAX
 * tables await their grace period. FALSE: not by the deadline. */
gboolean tlc_root_wait_for_room_unlocked (TlcRoot *root, gint64 deadline_us);
/* A place for @branch, which is the root's from now on: in the next table. */
void tlc_root_add_unlocked (TlcRoot *root, TlcBranch *branch);
/* What is in force at @place, without a reference; NULL: nothing has been yet. */
TlcSnapshot *tlc_root_peek_unlocked (TlcRoot *root, guint place);
/* The table in force, as the next one, with room for all branches: to be changed, and published. */
TlcTable *tlc_root_copy_table_unlocked (TlcRoot *root);
/* Puts @snapshot, taken over, at @place. */
void tlc_table_set (TlcTable *table, guint place, TlcSnapshot *snapshot);
/* Puts @next, taken over, in force. The one before waits for tlc_root_reclaim(). */
void tlc_root_publish_unlocked (TlcRoot *root, TlcTable *next);

/* Waits out a grace period and frees what was replaced before. One thread at a time: the keeper. */
void tlc_root_reclaim (TlcRoot *root);

/* Around fork(): in the child nobody else holds the lock. */
void tlc_root_after_fork_child (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcRoot, tlc_root_unref)
