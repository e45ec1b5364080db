/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The directories that a path leads through, watched by an inotify of its own. One thread at a time. */
typedef struct _TlcWatchPath TlcWatchPath;

/* How what lies at the path was last touched. */
typedef enum {
  TLC_WATCH_SETTLED,
  TLC_WATCH_OPEN,   /* made or written, and not closed */
  TLC_WATCH_CLOSED, /* closed after writing, or its attributes changed */
  TLC_WATCH_WHOLE,  /* put there by a rename, or a symlink made: nobody needs to wait */
} TlcWatchTouch;

/* So many symlinks on the way, as the kernel. */
#define TLC_WATCH_MAX_LINKS 40
/* So often the path is walked again at once when it changes while it is. */
#define TLC_WATCH_MAX_WALKS 16
/* So many times 4 KiB of events are read in a row. */
#define TLC_WATCH_MAX_READS 256

/* Watches nothing yet; @path is absolute. NULL and TLC_ERROR_EXHAUSTED. */
TlcWatchPath *tlc_watch_path_new (const char *path, GError **error);
void tlc_watch_path_free (TlcWatchPath *self);
/* To be polled for input. */
int tlc_watch_path_get_fd (const TlcWatchPath *self);
/* In the child of fork(): what is watched is the parent's. Nothing but tlc_watch_path_free() is left. */
void tlc_watch_path_after_fork_child (TlcWatchPath *self);

/* Watches what is on the way now, and no more. It may have changed when this returns, but not without
 * an event. FALSE: some of it is not watched. */
gboolean tlc_watch_path_walk (TlcWatchPath *self, GError **error);
/* Reads the events that there are, and follows @touch through them. TRUE: there were some about the
 * path; @ret_is_stale: it is to be walked again. */
gboolean tlc_watch_path_read (TlcWatchPath *self, TlcWatchTouch *touch, gboolean *ret_is_stale);
