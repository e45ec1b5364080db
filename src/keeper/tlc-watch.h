/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keeper/tlc-keeper.h"

/* Tells when a file may have changed: rewritten in place, renamed over, reached through a symbolic link that
 * changed, in a directory that was replaced.
 *
 * What is renamed or linked into place is told at once. What is written in place is told when it has been
 * closed and nothing happens to it for TLC_WATCH_QUIET_US; while it is open for longer than it is written,
 * after TLC_WATCH_OPEN_US, and TLC_WATCH_LATEST_US at the latest. A file that is missing is nothing to tell. */
typedef struct _TlcWatch TlcWatch;

#define TLC_WATCH_QUIET_US (100 * 1000)
#define TLC_WATCH_OPEN_US (2 * G_USEC_PER_SEC)
#define TLC_WATCH_LATEST_US (5 * G_USEC_PER_SEC)
/* After the system gave no more watches it is asked again. */
#define TLC_WATCH_RETRY_US (5 * G_USEC_PER_SEC)

/* Has @changed called on the keeper, no lock held, for the first time soon. It may be called where
 * nothing has changed. @path is absolute. @destroy is called with @data when @changed is not any more, on
 * whichever thread. The caller sees to it that the library's threads are wanted. NULL, and nothing is called:
 * the system gives no inotify instance, watch or thread, or does not let us. */
TlcWatch *tlc_watch_new (const char *path, void (*changed) (gpointer data), gpointer data,
                         GDestroyNotify destroy, GError **error);
/* Any thread, also inside @changed. A call of it may be under way elsewhere. NULL: nothing. */
void tlc_watch_stop (TlcWatch *watch);

/* In the child of fork(), where the workers' lock is held: what the parent's inotify says is the parent's. */
void tlc_watch_after_fork_child_unlocked (void);
