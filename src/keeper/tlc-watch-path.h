/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The directories that a path leads through, and what in each of them it depends on: a name that is a symbolic
 * link, or missing, or the file itself. Links are followed one by one, since each of them may be replaced. */
typedef struct {
  GHashTable *places; /* directory (physical) to TlcWatchPlace */
  char *trace;        /* the same for the same way through the same inodes */
  gboolean is_found;  /* it leads to something */
} TlcWatchPath;

typedef struct {
  char *directory;
  GPtrArray *names;     /* of char *, what it depends on there; none: on the directory itself alone */
  gboolean has_file;    /* the last of them is the file, whose writing counts */
} TlcWatchPlace;

/* Where @path, absolute, leads now. */
TlcWatchPath *tlc_watch_path_walk (const char *path);
void tlc_watch_path_free (TlcWatchPath *path);
gboolean tlc_watch_place_depends_on (const TlcWatchPlace *place, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcWatchPath, tlc_watch_path_free)
