/* SPDX-License-Identifier: Apache-2.0 */

/* Loading: read, parse, ask what names stand for, apply; and whatever comes of it, tell. */
#include "control/tlc-load.h"

#include <string.h>

#include "control/tlc-follow.h"
#include "control/tlc-reload.h"
#include "keeper/tlc-resolver.h"
#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"

#define TLC_LOAD_TEXT_NAME "text"

/* What the addresses of all of its services stand for. */
static GPtrArray *
tlc_load_ask (const TlcServicesFile *file)
{
  return tlc_resolver_ask (file->addresses,
                           tlc_clock_now_us () + TLC_RESOLVER_TIMEOUT_MS * 1000);
}

void
tlc_load_tell (TlcCatalog *catalog, char *summary, const GError *error)
{
  guint64 generation = tlc_root_get_generation (catalog->root);

  if (error != NULL)
    tlc_notifier_post (catalog->notifier, TLC_EVENT_REJECTED, generation, NULL,
                       g_strdup (error->message), g_error_copy (error));
  else if (summary != NULL)
    tlc_notifier_post (catalog->notifier, TLC_EVENT_APPLIED, generation, NULL, summary, NULL);
}

static gboolean
tlc_load_finish (TlcCatalog *catalog, char *summary, GError *reason, GError **error)
{
  tlc_load_tell (catalog, summary, reason);
  if (reason == NULL)
    return TRUE;
  g_propagate_error (error, reason);
  return FALSE;
}

/* Text that ends in the midst of a line where the one in force goes on was cut off on its way. */
static gboolean
tlc_load_check_cut (TlcCatalog *catalog, const char *name, const char *text, gsize length,
                    GError **error)
{
  GPtrArray *files = catalog->files;
  const TlcServicesFile *file;
  gboolean is_cut;

  tlc_root_lock ();
  file = files->len > 0 ? files->pdata[files->len - 1] : NULL;
  is_cut = file != NULL && length > 0 && length < file->length && text[length - 1] != '\n'
           && memcmp (text, file->text, length) == 0;
  tlc_root_unlock ();
  if (is_cut)
    tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                   "%s: ends in the midst of a line, after %" G_GSIZE_FORMAT
                   " bytes that are as in the one in force: it was cut off; where it was not, end its "
                   "last line",
                   name, length);
  return !is_cut;
}

TlcServicesFile *
tlc_load_parse (TlcCatalog *catalog, const char *name, const char *text, gsize length,
                GError **error)
{
  return tlc_load_check_cut (catalog, name, text, length, error)
             ? tlc_services_file_parse (name, text, length, error)
             : NULL;
}

static gboolean
tlc_load_whole (TlcCatalog *catalog, guint64 ticket, const char *name, const char *text,
                gsize length, char **ret_summary, GError **error)
{
  g_autoptr (TlcServicesFile) file = tlc_load_parse (catalog, name, text, length, error);

  return file != NULL
         && tlc_reload_apply (catalog, ticket, file, tlc_load_ask (file), ret_summary, error);
}

/* It is in force: what is to be followed. */
static void
tlc_load_note_path (TlcCatalog *catalog, const char *path, const char *text, gsize length)
{
  g_autofree char *here = g_get_current_dir ();
  char *absolute
      = g_path_is_absolute (path) ? g_strdup (path) : g_build_filename (here, path, NULL);
  GBytes *loaded = g_bytes_new (text, length);

  tlc_root_lock ();
  g_free (catalog->path);
  catalog->path = absolute;
  g_clear_pointer (&catalog->loaded, g_bytes_unref);
  catalog->loaded = loaded;
  tlc_root_unlock ();
  tlc_follow_move (catalog);
}

gboolean
tlc_load_path (TlcCatalog *catalog, const char *path, GError **error)
{
  guint64 ticket = tlc_reload_begin (catalog);
  g_autofree char *text = NULL;
  GError *reason = NULL;
  char *summary = NULL;
  gsize length;

  text = tlc_services_file_read (path, &length, NULL, &reason);
  if (text != NULL && tlc_load_whole (catalog, ticket, path, text, length, &summary, &reason))
    tlc_load_note_path (catalog, path, text, length);
  return tlc_load_finish (catalog, summary, reason, error);
}

gboolean
tlc_load_text (TlcCatalog *catalog, const char *text, gsize length, GError **error)
{
  guint64 ticket = tlc_reload_begin (catalog);
  GError *reason = NULL;
  char *summary = NULL;

  tlc_load_whole (catalog, ticket, TLC_LOAD_TEXT_NAME, text, length, &summary, &reason);
  return tlc_load_finish (catalog, summary, reason, error);
}

/* A reference to the file before the one in force; NULL: there is none. */
static TlcServicesFile *
tlc_load_get_last (TlcCatalog *catalog)
{
  TlcServicesFile *last = NULL;

  tlc_root_lock ();
  if (catalog->files->len > 1)
    last = tlc_services_file_ref (catalog->files->pdata[catalog->files->len - 2]);
  tlc_root_unlock ();
  return last;
}

gboolean
tlc_load_last (TlcCatalog *catalog, GError **error)
{
  guint64 ticket = tlc_reload_begin (catalog);
  g_autoptr (TlcServicesFile) last = tlc_load_get_last (catalog);
  GError *reason = NULL;
  char *summary = NULL;

  if (last == NULL)
    tlc_error_set (&reason, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                   "rollback: nothing was in force before: load something");
  else
    tlc_reload_rollback (catalog, ticket, last, tlc_load_ask (last), &summary, &reason);
  return tlc_load_finish (catalog, summary, reason, error);
}
