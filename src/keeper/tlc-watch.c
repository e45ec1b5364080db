/* SPDX-License-Identifier: Apache-2.0 */

/* A watch: inotify on the directories that a path leads through (tlc-watch-path), and when what it says has
 * settled.
 *
 *   STILL --something happens to what the path depends on--> RESTLESS --it has settled--> STILL, told
 *                                                               '--it is missing: STILL
 *
 * Directories are watched first and looked at after that, until twice in a row the way is the same. Those
 * that are only gone through are watched for being moved and removed themselves, so that what else happens in
 * them wakes nobody. All of it is the keeper's; what others touch is under the workers' lock. */
#include "keeper/tlc-watch.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/tlc-watch-path.h"
#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"

#define TLC_WATCH_SELF (IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR)
#define TLC_WATCH_ENTRIES (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
#define TLC_WATCH_WRITING (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)
#define TLC_WATCH_WALKS_MAX 8

/* What the keeper knows; made anew in the child of a fork(), where it may be half changed. */
typedef struct {
  int fd;
  TlcWatchPath *path;
  GHashTable *descriptors; /* of inotify, to the place of the path */
  gboolean is_restless, is_open, is_atomic;
  gint64 since_us, last_us; /* of what has made it restless */
} TlcWatchState;

struct _TlcWatch {
  atomic_int ref_count; /* any thread */
  char *path;
  void (*changed) (gpointer data);
  gpointer data;
  GDestroyNotify destroy;
  TlcJob job;
  TlcWatchState *state; /* the keeper's */
  /* under the workers' lock: */
  gboolean is_stopped;
  TlcWatch *next, *previous; /* all that are not */
};

static TlcWatch *tlc_watches; /* under the workers' lock */

/* --- what is watched --- */

static TlcWatchState *
tlc_watch_state_new (GError **error)
{
  TlcWatchState *state;
  int fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);

  if (fd < 0)
    {
      tlc_error_set (error, TLC_ERROR_EXHAUSTED, TLC_DELIVERY_NOT_SENT, "no inotify instance: %s",
                     g_strerror (errno));
      return NULL;
    }
  state = g_new0 (TlcWatchState, 1);
  state->fd = fd;
  state->descriptors = g_hash_table_new (NULL, NULL);
  return state;
}

static void
tlc_watch_state_free (TlcWatchState *state)
{
  if (state == NULL)
    return;
  close (state->fd);
  tlc_watch_path_free (state->path);
  g_hash_table_unref (state->descriptors);
  g_free (state);
}

/* What is only gone through need not be readable. */
static gboolean
tlc_watch_state_add (TlcWatchState *state, GHashTable *descriptors, TlcWatchPlace *place,
                     GError **error)
{
  guint32 mask = TLC_WATCH_SELF;
  int descriptor;

  if (place->names->len > 0)
    mask |= TLC_WATCH_ENTRIES;
  if (place->has_file)
    mask |= TLC_WATCH_WRITING;
  descriptor = inotify_add_watch (state->fd, place->directory, mask);
  if (descriptor >= 0)
    {
      g_hash_table_insert (descriptors, GINT_TO_POINTER (descriptor), place);
      return TRUE;
    }
  if (errno == ENOENT || errno == ENOTDIR || (errno == EACCES && place->names->len == 0))
    return TRUE; /* the next walk goes elsewhere */
  tlc_error_set (error, errno == EACCES ? TLC_ERROR_CONFIG : TLC_ERROR_EXHAUSTED,
                 TLC_DELIVERY_NOT_SENT, "%s: cannot be watched: %s", place->directory,
                 g_strerror (errno));
  return FALSE;
}

/* Those that lead nowhere any more. */
static void
tlc_watch_state_drop_others (TlcWatchState *state, GHashTable *descriptors)
{
  GHashTableIter iter;
  gpointer descriptor;

  g_hash_table_iter_init (&iter, state->descriptors);
  while (g_hash_table_iter_next (&iter, &descriptor, NULL))
    if (!g_hash_table_contains (descriptors, descriptor))
      inotify_rm_watch (state->fd, GPOINTER_TO_INT (descriptor));
}

/* Takes @path over. */
static gboolean
tlc_watch_state_adopt (TlcWatchState *state, TlcWatchPath *path, GError **error)
{
  GHashTable *descriptors = g_hash_table_new (NULL, NULL);
  gboolean is_good = TRUE;
  GHashTableIter iter;
  gpointer place;

  g_hash_table_iter_init (&iter, path->places);
  while (is_good && g_hash_table_iter_next (&iter, NULL, &place))
    is_good = tlc_watch_state_add (state, descriptors, place, error);
  tlc_watch_state_drop_others (state, descriptors);
  g_hash_table_unref (state->descriptors);
  state->descriptors = descriptors;
  tlc_watch_path_free (state->path);
  state->path = path;
  return is_good;
}

/* Follows the path anew. FALSE: not all of it is watched. */
static gboolean
tlc_watch_state_follow (TlcWatchState *state, const char *path, GError **error)
{
  for (guint i = 0; i < TLC_WATCH_WALKS_MAX; i++)
    {
      g_autofree char *trace = state->path != NULL ? g_strdup (state->path->trace) : NULL;

      if (!tlc_watch_state_adopt (state, tlc_watch_path_walk (path), error))
        return FALSE;
      if (i > 0 && g_str_equal (trace, state->path->trace))
        break;
    }
  return TRUE;
}

/* --- what happens --- */

static void
tlc_watch_state_stir (TlcWatchState *state)
{
  gint64 now_us = tlc_clock_now_us ();

  if (!state->is_restless)
    {
      state->since_us = now_us;
      state->is_atomic = state->is_open = FALSE;
    }
  state->is_restless = TRUE;
  state->last_us = now_us;
}

static gboolean
tlc_watch_place_has_link (const TlcWatchPlace *place, const char *name)
{
  g_autofree char *at = g_build_filename (place->directory, name, NULL);
  struct stat status;

  return lstat (at, &status) == 0 && S_ISLNK (status.st_mode);
}

/* What is renamed into place, or a link that is made there, is whole. A file that is created is written
 * next, and a directory is filled. */
static void
tlc_watch_state_note_entry (TlcWatchState *state, const TlcWatchPlace *place,
                            const struct inotify_event *event)
{
  guint32 mask = event->mask;
  gboolean is_directory = (mask & IN_ISDIR) != 0;

  if ((mask & IN_ATTRIB) != 0)
    return;
  state->is_atomic
      = !is_directory
        && ((mask & IN_MOVED_TO) != 0
            || ((mask & IN_CREATE) != 0 && tlc_watch_place_has_link (place, event->name)));
  state->is_open = (mask & IN_MODIFY) != 0
                   || ((mask & IN_CREATE) != 0 && !is_directory && !state->is_atomic);
}

/* Whether the path depends on it. */
static gboolean
tlc_watch_state_hear (TlcWatchState *state, const struct inotify_event *event)
{
  const TlcWatchPlace *place
      = g_hash_table_lookup (state->descriptors, GINT_TO_POINTER (event->wd));
  gboolean is_self = (event->mask & (IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED)) != 0;

  if ((event->mask & IN_Q_OVERFLOW) != 0)
    {
      tlc_watch_state_stir (state);
      return TRUE;
    }
  if (place == NULL
      || (!is_self && (event->len == 0 || !tlc_watch_place_depends_on (place, event->name))))
    return FALSE;
  tlc_watch_state_stir (state);
  if (!is_self)
    tlc_watch_state_note_entry (state, place, event);
  return TRUE;
}

/* All that has happened so far. TRUE: the path is to be followed anew. */
static gboolean
tlc_watch_state_read (TlcWatchState *state)
{
  _Alignas (struct inotify_event) char buffer[4096];
  gboolean is_concerned = FALSE;
  gssize length;

  while ((length = read (state->fd, buffer, sizeof buffer)) > 0)
    for (const char *at = buffer; at < buffer + length;)
      {
        const struct inotify_event *event = (const struct inotify_event *) (const void *) at;

        is_concerned |= tlc_watch_state_hear (state, event);
        at += sizeof *event + event->len;
      }
  return is_concerned;
}

/* When it will have settled, if nothing more happens. */
static gint64
tlc_watch_state_get_due (const TlcWatchState *state)
{
  if (!state->is_restless)
    return G_MAXINT64;
  if (state->is_atomic)
    return state->last_us;
  return MIN (state->since_us + TLC_WATCH_LATEST_US,
              state->last_us + (state->is_open ? TLC_WATCH_OPEN_US : TLC_WATCH_QUIET_US));
}

/* --- the keeper's part --- */

static TlcWatch *
tlc_watch_from_job (TlcJob *job)
{
  return (TlcWatch *) ((char *) job - offsetof (TlcWatch, job));
}

static TlcWatch *
tlc_watch_ref (TlcWatch *watch)
{
  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already. */
  atomic_fetch_add_explicit (&watch->ref_count, 1, memory_order_relaxed);
  return watch;
}

static void
tlc_watch_unref (TlcWatch *watch)
{
  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (atomic_fetch_sub_explicit (&watch->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  tlc_watch_state_free (watch->state);
  watch->destroy (watch->data);
  g_free (watch->path);
  g_free (watch);
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

/* After a fork(), which may have swallowed what happened meanwhile. */
static gboolean
tlc_watch_begin_again (TlcWatch *watch, GError **error)
{
  watch->state = tlc_watch_state_new (error);
  if (watch->state == NULL)
    return FALSE;
  tlc_watch_state_stir (watch->state);
  return tlc_watch_state_follow (watch->state, watch->path, error);
}

static gboolean
tlc_watch_look (TlcWatch *watch, GError **error)
{
  if (watch->state == NULL)
    return tlc_watch_begin_again (watch, error);
  return !tlc_watch_state_read (watch->state)
         || tlc_watch_state_follow (watch->state, watch->path, error);
}

static void
tlc_watch_schedule (TlcWatch *watch, gint64 due_us)
{
  int fd = watch->state != NULL ? watch->state->fd : -1;
  gboolean is_new = fd >= 0 ? tlc_keeper_schedule_io (&tlc_watch_ref (watch)->job, fd, POLLIN, due_us)
                            : tlc_keeper_schedule (&tlc_watch_ref (watch)->job, due_us);

  if (!is_new)
    tlc_watch_unref (watch);
}

static void
tlc_watch_run (TlcJob *job)
{
  TlcWatch *watch = tlc_watch_from_job (job);
  g_autoptr (GError) error = NULL;
  gint64 due_us = G_MAXINT64;
  TlcWatchState *state;

  if (tlc_watch_is_stopped (watch))
    return;
  if (!tlc_watch_look (watch, &error))
    {
      g_debug ("%s: %s", watch->path, error->message);
      due_us = tlc_clock_now_us () + TLC_WATCH_RETRY_US;
    }
  state = watch->state;
  if (state != NULL && tlc_clock_now_us () >= tlc_watch_state_get_due (state))
    {
      state->is_restless = FALSE;
      if (state->path->is_found)
        watch->changed (watch->data);
    }
  if (state != NULL)
    due_us = MIN (due_us, tlc_watch_state_get_due (state));
  /* It may have been stopped inside. */
  if (!tlc_watch_is_stopped (watch))
    tlc_watch_schedule (watch, due_us);
}

static void
tlc_watch_drop (TlcJob *job)
{
  tlc_watch_unref (tlc_watch_from_job (job));
}

/* --- its life --- */

static void
tlc_watch_link_unlocked (TlcWatch *watch)
{
  watch->next = tlc_watches;
  if (tlc_watches != NULL)
    tlc_watches->previous = watch;
  tlc_watches = watch;
}

static void
tlc_watch_unlink_unlocked (TlcWatch *watch)
{
  *(watch->previous != NULL ? &watch->previous->next : &tlc_watches) = watch->next;
  if (watch->next != NULL)
    watch->next->previous = watch->previous;
  watch->is_stopped = TRUE;
}

TlcWatch *
tlc_watch_new (const char *path, void (*changed) (gpointer data), gpointer data,
               GDestroyNotify destroy, GError **error)
{
  TlcWatchState *state = tlc_watch_state_new (error);
  TlcWatch *watch;

  if (state == NULL || !tlc_watch_state_follow (state, path, error) || !tlc_keeper_start (error))
    {
      tlc_watch_state_free (state);
      return NULL;
    }
  tlc_watch_state_stir (state); /* it may have changed already, or be about to */
  watch = g_new0 (TlcWatch, 1);
  atomic_init (&watch->ref_count, 1);
  watch->path = g_strdup (path);
  watch->changed = changed;
  watch->data = data;
  watch->destroy = destroy;
  watch->job.run = tlc_watch_run;
  watch->job.drop = tlc_watch_drop;
  watch->state = state;
  tlc_worker_lock ();
  tlc_watch_link_unlocked (watch);
  tlc_worker_unlock ();
  tlc_watch_schedule (watch, 0);
  return watch;
}

void
tlc_watch_stop (TlcWatch *watch)
{
  if (watch == NULL)
    return;
  tlc_worker_lock ();
  tlc_watch_unlink_unlocked (watch);
  tlc_keeper_hasten_unlocked (&watch->job, 0);
  tlc_worker_unlock ();
  tlc_watch_unref (watch);
}

void
tlc_watch_after_fork_child_unlocked (void)
{
  for (TlcWatch *watch = tlc_watches; watch != NULL; watch = watch->next)
    {
      /* What is behind it may be half changed: it is left where it lies. */
      if (watch->state != NULL)
        close (watch->state->fd);
      watch->state = NULL;
      tlc_keeper_hasten_unlocked (&watch->job, 0);
    }
}
