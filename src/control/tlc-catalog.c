/* SPDX-License-Identifier: Apache-2.0 */

/* The catalog: the services of a registry, from the first time that somebody asks for one until all of them
 * close. Before that there is only what the file says of it: a service that nobody asks for costs nothing. */
#include "control/tlc-catalog.h"

#include <stddef.h>
#include <string.h>

#include "control/tlc-close.h"
#include "control/tlc-follow.h"
#include "model/tlc-cancel.h"
#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"
#include "model/tlc-text.h"

/* So many names are named that are like an unknown one; or all, where there are so few. */
#define TLC_CATALOG_NEAR_MAX 8

static TlcCatalog *
tlc_catalog_from_reclaim (TlcJob *job)
{
  return (TlcCatalog *) ((char *) job - offsetof (TlcCatalog, reclaim));
}

static void
tlc_catalog_run_reclaim (TlcJob *job)
{
  tlc_root_reclaim (tlc_catalog_from_reclaim (job)->root);
}

static void
tlc_catalog_drop_reclaim (TlcJob *job)
{
  tlc_catalog_unref (tlc_catalog_from_reclaim (job));
}

TlcCatalog *
tlc_catalog_new (void)
{
  TlcCatalog *catalog = g_new0 (TlcCatalog, 1);

  atomic_init (&catalog->ref_count, 1);
  catalog->root = tlc_root_new ();
  tlc_directory_init (&catalog->directory);
  catalog->notifier = tlc_notifier_new ();
  catalog->reclaim.run = tlc_catalog_run_reclaim;
  catalog->reclaim.drop = tlc_catalog_drop_reclaim;
  catalog->files = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_services_file_unref);
  return catalog;
}

TlcCatalog *
tlc_catalog_ref (TlcCatalog *catalog)
{
  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already. */
  atomic_fetch_add_explicit (&catalog->ref_count, 1, memory_order_relaxed);
  return catalog;
}

void
tlc_catalog_unref (TlcCatalog *catalog)
{
  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (atomic_fetch_sub_explicit (&catalog->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  tlc_directory_clear (&catalog->directory);
  tlc_root_unref (catalog->root);
  tlc_notifier_unref (catalog->notifier);
  g_ptr_array_unref (catalog->files);
  g_free (catalog->path);
  g_clear_pointer (&catalog->loaded, g_bytes_unref);
  g_free (catalog);
}

void
tlc_catalog_reclaim (TlcCatalog *catalog)
{
  if (!tlc_keeper_schedule (&tlc_catalog_ref (catalog)->reclaim, tlc_clock_now_us ()))
    tlc_catalog_unref (catalog);
}

/* --- closing --- */

/* Closes all services that are open by one publication. */
static void
tlc_catalog_close_unlocked (TlcCatalog *catalog)
{
  GPtrArray *members = catalog->directory.members;
  TlcTable *table = tlc_root_copy_table_unlocked (catalog->root);

  for (guint i = 0; i < members->len; i++)
    {
      TlcMember *member = members->pdata[i];
      TlcService *service = tlc_member_get_service (member);
      TlcSnapshot *current = tlc_branch_peek_unlocked (member->branch);

      if (service == NULL || current->closed)
        continue;
      tlc_table_set (table, member->branch->place, tlc_snapshot_new_closed (current));
      tlc_core_announce_unlocked (tlc_service_get_core (service),
                                  table->snapshots[member->branch->place]);
    }
  tlc_root_publish_unlocked (catalog->root, table);
}

void
tlc_catalog_end (TlcCatalog *catalog)
{
  GPtrArray *members = catalog->directory.members;
  gint64 now_us = tlc_clock_now_us ();

  tlc_follow_stop (catalog);
  tlc_root_lock ();
  catalog->is_ended = TRUE;
  tlc_catalog_close_unlocked (catalog);
  tlc_root_unlock ();
  /* There are no more from here on. Who waits for his turn is sent away, and calls end beside each other. */
  for (guint i = 0; i < members->len; i++)
    {
      TlcService *service = tlc_member_get_service (members->pdata[i]);

      if (service != NULL)
        tlc_core_end (tlc_service_get_core (service));
    }
  for (guint i = 0; i < members->len; i++)
    {
      TlcService *service = tlc_member_get_service (members->pdata[i]);

      if (service == NULL)
        continue;
      tlc_close_since (tlc_service_get_core (service), now_us);
      tlc_service_unref (service);
    }
}

/* --- who asks for a service --- */

/* Whether @name is to be named where @asked is not known. */
static gboolean
tlc_catalog_is_near (const char *name, const char *asked, guint n_names)
{
  return n_names <= TLC_CATALOG_NEAR_MAX
         || tlc_text_distance (name, asked) <= MAX (2, strlen (asked) / 3);
}

/* Those that are in force, and like @asked: `"echo", "log"`. */
static char *
tlc_catalog_list_near_unlocked (TlcCatalog *catalog, const char *asked)
{
  GPtrArray *members = catalog->directory.members;
  GString *list = g_string_new (NULL);
  guint n_named = 0;

  for (guint i = 0; i < members->len && n_named < TLC_CATALOG_NEAR_MAX; i++)
    {
      TlcMember *member = members->pdata[i];

      if (!tlc_member_is_open (member) || !tlc_catalog_is_near (member->name, asked, members->len))
        continue;
      g_string_append_printf (list, "%s\"%s\"", n_named++ > 0 ? ", " : "", member->name);
    }
  return g_string_free (list, FALSE);
}

static const char *
tlc_catalog_get_file_name_unlocked (TlcCatalog *catalog)
{
  GPtrArray *files = catalog->files;

  return files->len > 0 ? ((TlcServicesFile *) files->pdata[files->len - 1])->name : NULL;
}

static void
tlc_catalog_set_unknown_unlocked (TlcCatalog *catalog, const char *name, GError **error)
{
  const char *file = tlc_catalog_get_file_name_unlocked (catalog);
  g_autofree char *asked = tlc_text_escape (name);
  g_autofree char *near = tlc_catalog_list_near_unlocked (catalog, name);

  if (file == NULL)
    tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                   "service \"%s\": not known: the registry has loaded nothing yet", asked);
  else
    tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                   "service \"%s\": not in %s%s%s%s", asked, file,
                   *near != '\0' ? ": it has " : "", near, *near != '\0' ? "" : ": nothing like it");
}

/* Makes the service of @member, or finds that somebody else has. */
static TlcService *
tlc_catalog_make_service (TlcCatalog *catalog, TlcMember *member, GType client_type)
{
  TlcService *service;

  tlc_root_lock ();
  service = tlc_member_get_service (member);
  if (service == NULL)
    {
      tlc_root_ref (catalog->root);
      service = tlc_service_new_unlocked (member->name, client_type, member->branch);
      tlc_seats_set_notifier (&tlc_service_get_core (service)->seats, catalog->notifier);
      /* ORDER(member.service): release; pairs with the load in tlc_member_get_service(). */
      atomic_store_explicit (&member->service, service, memory_order_release);
    }
  tlc_root_unlock ();
  tlc_core_top_up (tlc_service_get_core (service));
  return service;
}

static gboolean
tlc_catalog_check_bound (TlcService *service, GType client_type, GError **error)
{
  const TlcCore *core = tlc_service_get_core (service);

  if (core->client_type == client_type)
    return TRUE;
  tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                 "service %s: its clients are of type %s, as asked for first, and not of type %s",
                 core->name, g_type_name (core->client_type),
                 g_type_name (client_type) != NULL ? g_type_name (client_type) : "0");
  return FALSE;
}

static gboolean
tlc_catalog_check_open (TlcCatalog *catalog, TlcMember *member, GError **error)
{
  TlcService *service = tlc_member_get_service (member);
  gboolean is_ended = service != NULL && tlc_core_is_ended (tlc_service_get_core (service));
  g_autofree char *file = NULL;

  if (tlc_member_is_open (member) && !is_ended)
    return TRUE;
  tlc_root_lock ();
  file = g_strdup (tlc_catalog_get_file_name_unlocked (catalog));
  tlc_root_unlock ();
  if (is_ended)
    tlc_error_set (error, TLC_ERROR_CLOSED, TLC_DELIVERY_NOT_SENT,
                   "service %s: the program has closed it", member->name);
  else
    tlc_error_set (error, TLC_ERROR_CLOSED, TLC_DELIVERY_NOT_SENT,
                   "service %s: no longer in %s: closed until it comes back", member->name, file);
  return FALSE;
}

TlcService *
tlc_catalog_bind (TlcCatalog *catalog, const char *name, GType client_type, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  TlcMember *member = tlc_directory_find (&catalog->directory, name);
  TlcService *service;

  if (member == NULL)
    {
      tlc_root_lock ();
      tlc_catalog_set_unknown_unlocked (catalog, name, error);
      tlc_root_unlock ();
      return NULL;
    }
  if (!tlc_service_check_client_type (name, client_type, error)
      || !tlc_catalog_check_open (catalog, member, error))
    return NULL;
  service = tlc_member_get_service (member);
  if (service == NULL)
    service = tlc_catalog_make_service (catalog, member, client_type);
  return tlc_catalog_check_bound (service, client_type, error) ? service : NULL;
}
