/* SPDX-License-Identifier: Apache-2.0 */

/* Following a file, on the keeper, which waits for nobody:
 *
 *   STILL --the watch says that it has changed, and it has: read, parsed--> ASKING
 *     ^  '--missing, or as it was: nothing; not right: told                   |  names, on the resolver's
 *     '-----------applied or not, and told--- all answered, or too late ------'
 *
 * A change while it asks begins anew. Only one file is followed at a time. */
#include "control/tlc-follow.h"

#include <stddef.h>
#include <string.h>

#include "control/tlc-load.h"
#include "control/tlc-reload.h"
#include "keeper/tlc-resolver.h"
#include "keeper/tlc-watch.h"
#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"

struct _TlcFollow {
  atomic_int ref_count; /* the watch's, and each scheduling's */
  TlcCatalog *catalog;  /* a reference */
  char *path;
  /* under the root's lock: */
  GBytes *seen;    /* what was in the file, or why it could not be read */
  TlcWatch *watch; /* which has us; NULL: it has just begun */
  gboolean is_over; /* the catalog had us, and has not any more */
  TlcJob job;
  gboolean is_stale; /* set before the job is first scheduled: what was loaded is not what is there */
  /* the keeper's, while it asks: */
  TlcServicesFile *file;
  TlcInquiry *inquiry;
  guint64 ticket;
  gint64 deadline_us;
};

static TlcFollow *
tlc_follow_from_job (TlcJob *job)
{
  return (TlcFollow *) ((char *) job - offsetof (TlcFollow, job));
}

static TlcFollow *
tlc_follow_ref (TlcFollow *follow)
{
  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already. */
  atomic_fetch_add_explicit (&follow->ref_count, 1, memory_order_relaxed);
  return follow;
}

static void
tlc_follow_forget (TlcFollow *follow)
{
  tlc_inquiry_cancel (g_steal_pointer (&follow->inquiry));
  g_clear_pointer (&follow->file, tlc_services_file_unref);
}

static void
tlc_follow_unref (gpointer data)
{
  TlcFollow *follow = data;

  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (atomic_fetch_sub_explicit (&follow->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  tlc_follow_forget (follow);
  g_bytes_unref (follow->seen);
  tlc_catalog_unref (follow->catalog);
  g_free (follow->path);
  g_free (follow);
}

/* We are the one who frees what takes up room, and cannot wait for ourselves. */
static void
tlc_follow_make_room (TlcCatalog *catalog)
{
  gboolean has_room;

  tlc_root_lock ();
  has_room = tlc_root_wait_for_room_unlocked (catalog->root, tlc_clock_now_us ());
  tlc_root_unlock ();
  if (!has_room)
    tlc_root_reclaim (catalog->root);
}

static gboolean
tlc_follow_is_over (TlcFollow *follow)
{
  gboolean is_over;

  tlc_root_lock ();
  is_over = follow->is_over;
  tlc_root_unlock ();
  return is_over;
}

static void
tlc_follow_apply (TlcFollow *follow)
{
  GPtrArray *answers = tlc_inquiry_end (g_steal_pointer (&follow->inquiry));
  g_autoptr (TlcServicesFile) file = g_steal_pointer (&follow->file);
  g_autoptr (GError) error = NULL;
  char *summary = NULL;

  if (tlc_follow_is_over (follow))
    {
      g_ptr_array_unref (answers);
      return;
    }
  tlc_follow_make_room (follow->catalog);
  tlc_reload_apply (follow->catalog, follow->ticket, file, answers, &summary, &error);
  tlc_load_tell (follow->catalog, summary, error);
}

static void tlc_follow_look (TlcFollow *follow, TlcWatch *watch);

/* On the keeper: while it asks. */
static void
tlc_follow_run (TlcJob *job)
{
  TlcFollow *follow = tlc_follow_from_job (job);

  if (follow->is_stale)
    {
      follow->is_stale = FALSE;
      tlc_follow_look (follow, NULL);
    }
  else if (follow->inquiry == NULL)
    return;
  else if (tlc_inquiry_is_answered (follow->inquiry) || tlc_clock_now_us () >= follow->deadline_us)
    tlc_follow_apply (follow);
  else if (!tlc_keeper_schedule (&tlc_follow_ref (follow)->job, follow->deadline_us))
    tlc_follow_unref (follow);
}

static void
tlc_follow_drop (TlcJob *job)
{
  tlc_follow_unref (tlc_follow_from_job (job));
}

static void
tlc_follow_ask (TlcFollow *follow, TlcServicesFile *file, guint64 ticket)
{
  follow->file = file;
  follow->ticket = ticket;
  follow->deadline_us = tlc_clock_now_us () + TLC_RESOLVER_TIMEOUT_MS * 1000;
  follow->inquiry = tlc_inquiry_new (file->addresses, &follow->job);
  if (!tlc_keeper_schedule (&tlc_follow_ref (follow)->job,
                            tlc_inquiry_is_answered (follow->inquiry) ? 0 : follow->deadline_us))
    tlc_follow_unref (follow);
  /* The last answer may have come in between. */
  if (tlc_inquiry_is_answered (follow->inquiry))
    tlc_keeper_hasten (&follow->job, 0);
}

/* Notes what is in the file. FALSE: it is what was in it the last time. */
static gboolean
tlc_follow_see (TlcFollow *follow, const char *text, gsize length)
{
  GBytes *seen = g_bytes_new (text, length);
  gboolean is_new;

  tlc_root_lock ();
  is_new = !g_bytes_equal (follow->seen, seen);
  g_bytes_unref (follow->seen);
  follow->seen = seen;
  tlc_root_unlock ();
  return is_new;
}

/* On the keeper. What is read while it is written is not whole: then @watch, NULL where it is not its call,
 * calls again. */
static void
tlc_follow_look (TlcFollow *follow, TlcWatch *watch)
{
  guint64 ticket = tlc_reload_begin (follow->catalog);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  TlcServicesFile *file = NULL;
  gboolean is_missing;
  gsize length = 0;

  text = tlc_services_file_read (follow->path, &length, &is_missing, &error);
  if (is_missing || (watch != NULL && !tlc_watch_is_still (watch))
      || !(text != NULL ? tlc_follow_see (follow, text, length)
                        : tlc_follow_see (follow, error->message, strlen (error->message))))
    return;
  tlc_follow_forget (follow);
  if (text != NULL)
    file = tlc_load_parse (follow->catalog, follow->path, text, length, &error);
  if (file != NULL)
    tlc_follow_ask (follow, file, ticket);
  else
    tlc_load_tell (follow->catalog, NULL, error);
}

/* The watch says so. */
static void
tlc_follow_changed (gpointer data)
{
  TlcFollow *follow = data;
  TlcWatch *watch;

  tlc_root_lock ();
  watch = follow->watch;
  tlc_root_unlock ();
  tlc_follow_look (follow, watch);
}

/* --- its life --- */

/* Takes @loaded over: what was in the file when it was loaded. */
static TlcFollow *
tlc_follow_new (TlcCatalog *catalog, const char *path, GBytes *loaded, GError **error)
{
  TlcFollow *follow = g_new0 (TlcFollow, 1);
  TlcWatch *watch;

  atomic_init (&follow->ref_count, 1);
  follow->catalog = tlc_catalog_ref (catalog);
  follow->path = g_strdup (path);
  follow->seen = loaded;
  follow->job.run = tlc_follow_run;
  follow->job.drop = tlc_follow_drop;
  watch = tlc_watch_new (path, tlc_follow_changed, follow, tlc_follow_unref, error);
  if (watch == NULL)
    {
      tlc_follow_unref (follow);
      return NULL;
    }
  tlc_root_lock ();
  follow->watch = watch;
  tlc_root_unlock ();
  return follow;
}

/* A copy of the path to follow, and what was in it; NULL: there is none, or it is followed already. */
static char *
tlc_follow_get_path (TlcCatalog *catalog, GBytes **ret_loaded, gboolean *ret_is_followed,
                     GError **error)
{
  g_autofree char *path = NULL;

  tlc_root_lock ();
  path = g_strdup (catalog->path);
  *ret_is_followed = catalog->follow != NULL && g_str_equal (catalog->follow->path, path);
  if (*ret_is_followed) /* and has just been loaded, perhaps */
    {
      g_bytes_unref (catalog->follow->seen);
      catalog->follow->seen = g_bytes_ref (catalog->loaded);
    }
  *ret_loaded = path != NULL && !*ret_is_followed ? g_bytes_ref (catalog->loaded) : NULL;
  tlc_root_unlock ();
  if (path == NULL)
    tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                   "watch: no file has been loaded: load one first");
  return *ret_is_followed ? NULL : g_steal_pointer (&path);
}

/* What came between the load and the watch. */
static void
tlc_follow_catch_up (TlcFollow *follow)
{
  gsize length;
  g_autofree char *text = tlc_services_file_read (follow->path, &length, NULL, NULL);
  g_autoptr (GBytes) there = g_bytes_new (text, text != NULL ? length : 0);

  tlc_root_lock ();
  follow->is_stale = text != NULL && !g_bytes_equal (there, follow->seen);
  tlc_root_unlock ();
  if (follow->is_stale && !tlc_keeper_schedule (&tlc_follow_ref (follow)->job, 0))
    tlc_follow_unref (follow);
}

/* Puts @follow, nullable, in the place of the one that is there. Returns the watch to stop; NULL: none. */
static TlcWatch *
tlc_follow_replace_unlocked (TlcCatalog *catalog, TlcFollow *follow)
{
  TlcFollow *before = catalog->follow;

  catalog->follow = follow;
  if (before == NULL)
    return NULL;
  before->is_over = TRUE;
  return before->watch;
}

gboolean
tlc_follow_start (TlcCatalog *catalog, GError **error)
{
  gboolean is_followed;
  GBytes *loaded;
  g_autofree char *path = tlc_follow_get_path (catalog, &loaded, &is_followed, error);
  TlcFollow *follow;
  TlcWatch *watch;

  if (path == NULL)
    return is_followed;
  if (!tlc_keeper_start (error))
    {
      g_bytes_unref (loaded);
      return FALSE;
    }
  follow = tlc_follow_new (catalog, path, loaded, error);
  if (follow == NULL)
    return FALSE;
  tlc_follow_catch_up (follow);
  tlc_root_lock ();
  watch = tlc_follow_replace_unlocked (catalog, follow);
  tlc_root_unlock ();
  tlc_watch_stop (watch);
  return TRUE;
}

void
tlc_follow_move (TlcCatalog *catalog)
{
  g_autoptr (GError) error = NULL;
  gboolean is_following;

  tlc_root_lock ();
  is_following = catalog->follow != NULL;
  tlc_root_unlock ();
  if (!is_following || tlc_follow_start (catalog, &error))
    return;
  /* As long as that is so, tlc_registry_watch() says why. */
  g_debug ("%s", error->message);
  tlc_follow_stop (catalog);
}

void
tlc_follow_stop (TlcCatalog *catalog)
{
  TlcWatch *watch;

  tlc_root_lock ();
  watch = tlc_follow_replace_unlocked (catalog, NULL);
  tlc_root_unlock ();
  tlc_watch_stop (watch);
}
