/* SPDX-License-Identifier: Apache-2.0 */

/* A reload: whose turn it is, whether there is room, the plan (tlc-plan) and its publication with the root's
 * lock held throughout; and the files that can be gone back to. */
#include "control/tlc-reload.h"

#include <string.h>

#include "control/tlc-plan.h"
#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"

guint64
tlc_reload_begin (TlcCatalog *catalog)
{
  guint64 ticket;

  tlc_root_lock ();
  ticket = ++catalog->last_ticket;
  tlc_root_unlock ();
  return ticket;
}

/* On the keeper, too, which would free what there is no room for: it has done so. */
static gboolean
tlc_reload_wait_for_room_unlocked (TlcCatalog *catalog, GError **error)
{
  if (tlc_root_wait_for_room_unlocked (catalog->root,
                                       tlc_clock_now_us () + TLC_CORE_ROOM_TIMEOUT_MS * 1000))
    return TRUE;
  tlc_error_set (error, TLC_ERROR_EXHAUSTED, TLC_DELIVERY_NOT_SENT,
                 "%d earlier configurations are still being read after %d ms: some "
                 "thread stays inside an RCU read section, or does not return from a notification",
                 TLC_ROOT_REPLACED_MAX, TLC_CORE_ROOM_TIMEOUT_MS);
  return FALSE;
}

static TlcServicesFile *
tlc_reload_peek_file_unlocked (TlcCatalog *catalog)
{
  GPtrArray *files = catalog->files;

  return files->len > 0 ? files->pdata[files->len - 1] : NULL;
}

/* @file is in force. What is the same text again is nothing to go back to. */
static void
tlc_reload_push_unlocked (TlcCatalog *catalog, TlcServicesFile *file)
{
  TlcServicesFile *before = tlc_reload_peek_file_unlocked (catalog);

  if (before != NULL && before->length == file->length
      && memcmp (before->text, file->text, file->length) == 0)
    g_ptr_array_remove_index (catalog->files, catalog->files->len - 1);
  else if (catalog->files->len > TLC_CATALOG_FILES_MAX)
    g_ptr_array_remove_index (catalog->files, 0);
  g_ptr_array_add (catalog->files, tlc_services_file_ref (file));
}

/* Back to @file, if it is still there: what came after it is forgotten. */
static void
tlc_reload_pop_unlocked (TlcCatalog *catalog, TlcServicesFile *file)
{
  guint index;

  if (g_ptr_array_find (catalog->files, file, &index))
    g_ptr_array_set_size (catalog->files, (gint) index + 1);
}

typedef void (*TlcReloadNote) (TlcCatalog *catalog, TlcServicesFile *file);

/* Takes @answers over. *@ret_is_done is FALSE where it came too late. */
static gboolean
tlc_reload_publish_unlocked (TlcPlan *plan, guint64 ticket, GPtrArray *answers, TlcReloadNote note,
                             gboolean *ret_is_done, GError **error)
{
  TlcCatalog *catalog = plan->catalog;

  gboolean has_room = tlc_reload_wait_for_room_unlocked (catalog, error);

  *ret_is_done = FALSE;
  if (!has_room || ticket < catalog->ticket || catalog->is_ended)
    {
      g_ptr_array_unref (answers);
      return has_room;
    }
  if (!tlc_plan_make_unlocked (plan, answers, error))
    return FALSE;
  tlc_plan_publish_unlocked (plan);
  note (catalog, plan->file);
  catalog->ticket = ticket;
  *ret_is_done = TRUE;
  return TRUE;
}

static gboolean
tlc_reload_do (TlcCatalog *catalog, guint64 ticket, TlcServicesFile *file, GPtrArray *answers,
               TlcReloadNote note, char **ret_summary, GError **error)
{
  gboolean is_good, is_done;
  TlcPlan plan;

  *ret_summary = NULL;
  /* Without the keeper nothing would be reclaimed. The first time there is nothing. */
  if (tlc_root_get_generation (catalog->root) > 0 && !tlc_keeper_start (error))
    {
      g_ptr_array_unref (answers);
      return FALSE;
    }
  tlc_plan_init (&plan, catalog, file);
  tlc_root_lock ();
  is_good = tlc_reload_publish_unlocked (&plan, ticket, answers, note, &is_done, error);
  tlc_root_unlock ();
  if (is_done)
    {
      tlc_plan_follow (&plan);
      *ret_summary = tlc_plan_describe (&plan);
    }
  tlc_plan_clear (&plan);
  return is_good;
}

gboolean
tlc_reload_apply (TlcCatalog *catalog, guint64 ticket, TlcServicesFile *file, GPtrArray *answers,
                  char **ret_summary, GError **error)
{
  return tlc_reload_do (catalog, ticket, file, answers, tlc_reload_push_unlocked, ret_summary,
                        error);
}

gboolean
tlc_reload_rollback (TlcCatalog *catalog, guint64 ticket, TlcServicesFile *file,
                     GPtrArray *answers, char **ret_summary, GError **error)
{
  return tlc_reload_do (catalog, ticket, file, answers, tlc_reload_pop_unlocked, ret_summary,
                        error);
}
