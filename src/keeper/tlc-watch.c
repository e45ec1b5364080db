/* SPDX-License-Identifier: Apache-2.0 */

/* A watch is a job of the keeper's that waits for events of inotify, and then for quiet. What it saw
 * last, and what it waits for, are the job's own. Its owner has a reference, and each scheduling.
 *
 * An inotify is shared with the child of a fork(): there each watch opens its own, when its job runs. */
#include "keeper/tlc-watch.h"

#include <poll.h>
#include <sys/stat.h>

#include "keeper/tlc-watch-path.h"
#include "model/tlc-cancel.h"
#include "model/tlc-clock.h"

/* What was there; all zero: nothing. */
typedef struct {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified, changed;
} TlcWatchSight;

struct _TlcWatch {
  TlcJob job; /* first */
  char *path;
  void (*changed) (gpointer data);
  gpointer data;
  GDestroyNotify destroy;
  /* the job's: */
  TlcWatchPath *way;   /* NULL: to be opened */
  TlcWatchSight sight; /* when it was last told, or looked for */
  TlcWatchTouch touch; /* since */
  gint64 first_us, last_us; /* unless SETTLED: when it was touched */
  gint64 retry_us;     /* G_MAXINT64: all is watched */
  /* under the workers' lock: */
  guint n_refs;
  gboolean is_stopped;
  gboolean is_running; /* its job */
  gboolean is_forked;  /* since it last ran */
  TlcWatch *next, *previous;
};

static TlcWatch *tlc_watch_list; /* under the workers' lock: those that are not stopped */

static void
tlc_watch_unref (TlcWatch *watch)
{
  gboolean is_last;

  tlc_worker_lock ();
  is_last = --watch->n_refs == 0;
  tlc_worker_unlock ();
  if (!is_last)
    return;
  if (watch->destroy != NULL)
    watch->destroy (watch->data);
  tlc_watch_path_free (watch->way);
  g_free (watch->path);
  g_free (watch);
}

static void
tlc_watch_drop (TlcJob *job)
{
  tlc_watch_unref ((TlcWatch *) job);
}

/* --- what is there --- */

static TlcWatchSight
tlc_watch_look (const TlcWatch *watch)
{
  struct stat status;

  if (stat (watch->path, &status) != 0)
    return (TlcWatchSight){ 0 };
  return (TlcWatchSight){ status.st_dev, status.st_ino, status.st_size, status.st_mtim,
                          status.st_ctim };
}

static gboolean
tlc_watch_sight_equal (const TlcWatchSight *a, const TlcWatchSight *b)
{
  return a->device == b->device && a->inode == b->inode && a->size == b->size
         && tlc_clock_to_us (&a->modified) == tlc_clock_to_us (&b->modified)
         && tlc_clock_to_us (&a->changed) == tlc_clock_to_us (&b->changed);
}

/* When it will have settled. */
static gint64
tlc_watch_due_us (const TlcWatch *watch)
{
  switch (watch->touch)
    {
    case TLC_WATCH_SETTLED:
      return G_MAXINT64;
    case TLC_WATCH_OPEN:
      return MIN (watch->last_us + TLC_WATCH_OPEN_MS * 1000,
                  watch->first_us + TLC_WATCH_SETTLE_MAX_MS * 1000);
    case TLC_WATCH_CLOSED:
      return MIN (watch->last_us + TLC_WATCH_CLOSED_MS * 1000,
                  watch->first_us + TLC_WATCH_SETTLE_MAX_MS * 1000);
    default:
      return watch->last_us;
    }
}

/* --- what happens --- */

/* Events were lost, or not to be had. */
static void
tlc_watch_fail (TlcWatch *watch, GError *error)
{
  g_debug ("%s; trying again in %d ms", error->message, TLC_WATCH_RETRY_MS);
  g_error_free (error);
  watch->retry_us = tlc_clock_now_us () + TLC_WATCH_RETRY_MS * 1000;
}

/* Follows the path anew. What is there and has come unseen may be half written. */
static void
tlc_watch_walk (TlcWatch *watch)
{
  TlcWatchSight sight;
  GError *error = NULL;

  watch->retry_us = G_MAXINT64;
  if (watch->way == NULL)
    watch->way = tlc_watch_path_new (watch->path, &error);
  if (watch->way == NULL || !tlc_watch_path_walk (watch->way, &error))
    tlc_watch_fail (watch, error);
  sight = tlc_watch_look (watch);
  if (sight.inode == 0)
    watch->touch = TLC_WATCH_SETTLED;
  else if (watch->touch == TLC_WATCH_SETTLED && !tlc_watch_sight_equal (&sight, &watch->sight))
    watch->touch = TLC_WATCH_OPEN;
  if (watch->touch == TLC_WATCH_SETTLED)
    watch->sight = sight;
}

/* Reads what has happened, and walks where that led elsewhere. */
static void
tlc_watch_catch_up (TlcWatch *watch)
{
  gboolean was_settled = watch->touch == TLC_WATCH_SETTLED;
  gboolean is_stale = watch->way == NULL || watch->retry_us <= tlc_clock_now_us ();
  gboolean has_seen = FALSE, is_moved = FALSE;

  if (watch->way != NULL)
    has_seen = tlc_watch_path_read (watch->way, &watch->touch, &is_moved);
  if (is_stale || is_moved)
    tlc_watch_walk (watch);
  if (has_seen || was_settled)
    watch->last_us = tlc_clock_now_us ();
  if (was_settled)
    watch->first_us = watch->last_us;
}

/* In a child of fork(): what was watched is the parent's; and if its job was at something, nobody
 * knows how far it had come. */
static gboolean
tlc_watch_begin (TlcWatch *watch)
{
  gboolean is_forked, is_stopped;

  tlc_worker_lock ();
  is_forked = watch->is_forked;
  watch->is_forked = FALSE;
  watch->is_running = TRUE;
  is_stopped = watch->is_stopped;
  tlc_worker_unlock ();
  if (is_forked)
    g_clear_pointer (&watch->way, tlc_watch_path_free);
  return !is_stopped;
}

static gboolean
tlc_watch_end (TlcWatch *watch)
{
  gboolean is_stopped;

  tlc_worker_lock ();
  watch->is_running = FALSE;
  is_stopped = watch->is_stopped;
  if (!is_stopped)
    watch->n_refs++;
  tlc_worker_unlock ();
  return !is_stopped;
}

static gboolean
tlc_watch_is_stopped (TlcWatch *watch)
{
  gboolean is_stopped;

  tlc_worker_lock ();
  is_stopped = watch->is_stopped;
  tlc_worker_unlock ();
  return is_stopped;
}

/* While it settles the fd is not polled: a writer without a pause would keep the keeper awake. */
static void
tlc_watch_schedule (TlcWatch *watch)
{
  gint64 due_us = MIN (tlc_watch_due_us (watch), watch->retry_us);

  if (watch->touch != TLC_WATCH_SETTLED || watch->way == NULL)
    tlc_keeper_schedule (&watch->job,
                         watch->way == NULL
                             ? due_us
                             : MIN (due_us, tlc_clock_now_us () + TLC_WATCH_GATHER_MS * 1000));
  else
    tlc_keeper_schedule_io (&watch->job, tlc_watch_path_get_fd (watch->way), POLLIN, due_us);
}

static void
tlc_watch_run (TlcJob *job)
{
  TlcWatch *watch = (TlcWatch *) job;

  if (tlc_watch_begin (watch))
    {
      tlc_watch_catch_up (watch);
      if (tlc_watch_due_us (watch) <= tlc_clock_now_us () && !tlc_watch_is_stopped (watch))
        {
          watch->touch = TLC_WATCH_SETTLED;
          watch->sight = tlc_watch_look (watch);
          watch->changed (watch->data);
        }
    }
  if (tlc_watch_end (watch))
    tlc_watch_schedule (watch);
}

gboolean
tlc_watch_is_still (TlcWatch *watch)
{
  tlc_watch_catch_up (watch);
  return watch->touch == TLC_WATCH_SETTLED;
}

/* --- whose it is --- */

static void
tlc_watch_link_unlocked (TlcWatch *watch)
{
  watch->next = tlc_watch_list;
  if (watch->next != NULL)
    watch->next->previous = watch;
  tlc_watch_list = watch;
}

static void
tlc_watch_unlink_unlocked (TlcWatch *watch)
{
  *(watch->previous != NULL ? &watch->previous->next : &tlc_watch_list) = watch->next;
  if (watch->next != NULL)
    watch->next->previous = watch->previous;
}

TlcWatch *
tlc_watch_new (const char *path, void (*changed) (gpointer data), gpointer data,
               GDestroyNotify destroy, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  g_autofree char *directory = g_path_is_absolute (path) ? NULL : g_get_current_dir ();
  g_autofree char *absolute
      = directory == NULL ? g_strdup (path) : g_build_filename (directory, path, NULL);
  TlcWatchPath *way = tlc_watch_path_new (absolute, error);
  TlcWatch *watch;

  if (way == NULL || !tlc_watch_path_walk (way, error))
    {
      tlc_watch_path_free (way);
      return NULL;
    }
  watch = g_new0 (TlcWatch, 1);
  watch->job = (TlcJob){ .run = tlc_watch_run, .drop = tlc_watch_drop };
  watch->path = g_steal_pointer (&absolute);
  watch->changed = changed;
  watch->data = data;
  watch->destroy = destroy;
  watch->way = way;
  watch->sight = tlc_watch_look (watch);
  watch->retry_us = G_MAXINT64;
  watch->n_refs = 2; /* the caller's, and the job's */
  tlc_worker_lock ();
  tlc_watch_link_unlocked (watch);
  tlc_worker_unlock ();
  tlc_watch_schedule (watch);
  return watch;
}

void
tlc_watch_stop (TlcWatch *watch)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  if (watch == NULL)
    return;
  tlc_worker_lock ();
  watch->is_stopped = TRUE;
  tlc_watch_unlink_unlocked (watch);
  tlc_keeper_hasten_unlocked (&watch->job, 0); /* it lets go */
  tlc_worker_unlock ();
  tlc_watch_unref (watch);
}

/* What the job was amid is not to be trusted, and left where it is. */
void
tlc_watch_after_fork_child_unlocked (void)
{
  for (TlcWatch *watch = tlc_watch_list; watch != NULL; watch = watch->next)
    {
      if (watch->way != NULL)
        tlc_watch_path_after_fork_child (watch->way);
      if (watch->is_running)
        {
          watch->way = NULL;
          watch->sight = (TlcWatchSight){ 0 };
          watch->touch = TLC_WATCH_SETTLED;
        }
      watch->is_running = FALSE;
      watch->is_forked = TRUE;
      watch->n_refs = 2; /* its owner's and one scheduling's, wherever the job was */
      tlc_keeper_hasten_unlocked (&watch->job, 0);
    }
}
