/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keeper/tlc-keeper.h"

/* A file that is watched by its path: rewritten in place, renamed over, symlinks swapped anywhere on
 * the way, directories moved away, removed and made again.
 *
 * Its owner holds the workers (see tlc_worker_hold()) from before tlc_watch_new() until after
 * tlc_watch_stop(), and sees to it that the keeper runs. */
typedef struct _TlcWatch TlcWatch;

/* A file closed after it was written is settled when nobody has touched it for so long. */
#define TLC_WATCH_CLOSED_MS 100
/* One that was written and not closed, or came without a close; and under constant writing at the
 * latest. */
#define TLC_WATCH_OPEN_MS 2000
#define TLC_WATCH_SETTLE_MAX_MS 5000
/* Who writes without a pause wakes the keeper so often and no more. */
#define TLC_WATCH_GATHER_MS 20
/* What could not be watched for want of something is tried again. */
#define TLC_WATCH_RETRY_MS 1000

/* Calls @changed on the keeper, no lock held, when what is at @path may have changed and has settled;
 * perhaps when nothing has: the caller compares contents. Missing is no change, coming back is one.
 * What changed before this returned is not told: look after it, not before. A relative @path goes by
 * the working directory of now. @destroy, nullable, has @data when no @changed is running any more, on
 * any thread. NULL and an error: TLC_ERROR_EXHAUSTED where it is the system's limits; @destroy is not
 * called then. */
TlcWatch *tlc_watch_new (const char *path, void (*changed) (gpointer data), gpointer data,
                         GDestroyNotify destroy, GError **error);
/* Inside @changed: whether what was read there is whole, since nothing has happened to the file meanwhile. If
 * not, @changed is called again when that has settled. */
gboolean tlc_watch_is_still (TlcWatch *watch);
/* No new @changed begins; one that has may still be running. Takes @watch over; NULL is nothing. Any
 * thread, also inside @changed. */
void tlc_watch_stop (TlcWatch *watch);

/* In the child of fork(), where the lock is held; after the keeper's. */
void tlc_watch_after_fork_child_unlocked (void);
