/* SPDX-License-Identifier: Apache-2.0 */

/* The handle of a registry: what the program holds. Behind it is the catalog of its services, which the
 * library's threads keep for as long as they are at it. */
#include "tlc/registry.h"

#include <string.h>

#include "control/tlc-follow.h"
#include "control/tlc-load.h"
#include "model/tlc-cancel.h"

struct _TlcRegistry {
  TlcCatalog *catalog;  /* immutable */
  atomic_int ref_count; /* any thread */
};

TlcRegistry *
tlc_registry_new (void)
{
  TlcRegistry *registry = g_new0 (TlcRegistry, 1);

  atomic_init (&registry->ref_count, 1);
  registry->catalog = tlc_catalog_new ();
  tlc_worker_hold ();
  return registry;
}

TlcRegistry *
tlc_registry_ref (TlcRegistry *registry)
{
  g_return_val_if_fail (registry != NULL, NULL);

  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already. */
  atomic_fetch_add_explicit (&registry->ref_count, 1, memory_order_relaxed);
  return registry;
}

void
tlc_registry_unref (TlcRegistry *registry)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (registry == NULL
      || atomic_fetch_sub_explicit (&registry->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  tlc_catalog_end (registry->catalog);
  tlc_catalog_unref (registry->catalog);
  tlc_service_let_workers_go ();
  g_free (registry);
}

gboolean
tlc_registry_load (TlcRegistry *registry, const char *path, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  g_return_val_if_fail (registry != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return tlc_service_check_may_wait ("registry", path, "loaded", error)
         && tlc_load_path (registry->catalog, path, error);
}

gboolean
tlc_registry_load_data (TlcRegistry *registry, const char *text, gssize length, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  g_return_val_if_fail (registry != NULL, FALSE);
  g_return_val_if_fail (text != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return tlc_service_check_may_wait ("registry", "text", "loaded", error)
         && tlc_load_text (registry->catalog, text, length < 0 ? strlen (text) : (gsize) length,
                           error);
}

gboolean
tlc_registry_rollback (TlcRegistry *registry, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  g_return_val_if_fail (registry != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return tlc_service_check_may_wait ("registry", "text", "rolled back", error)
         && tlc_load_last (registry->catalog, error);
}

gboolean
tlc_registry_watch (TlcRegistry *registry, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  g_return_val_if_fail (registry != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return tlc_follow_start (registry->catalog, error);
}

void
tlc_registry_set_notify (TlcRegistry *registry, TlcNotifyFunc func, gpointer user_data,
                         GDestroyNotify destroy)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  g_return_if_fail (registry != NULL);

  tlc_notifier_set_func (registry->catalog->notifier, func, user_data, destroy);
}

TlcService *
tlc_registry_get_service (TlcRegistry *registry, const char *name, GType client_type,
                          GError **error)
{
  TlcMember *member;
  TlcService *service;

  g_return_val_if_fail (registry != NULL, NULL);
  g_return_val_if_fail (name != NULL, NULL);

  member = tlc_directory_find (&registry->catalog->directory, name);
  service = member != NULL && tlc_member_is_open (member) ? tlc_member_get_service (member) : NULL;
  if (G_LIKELY (service != NULL && tlc_service_get_core (service)->client_type == client_type
                && !tlc_core_is_ended (tlc_service_get_core (service))))
    return service;
  return tlc_catalog_bind (registry->catalog, name, client_type, error);
}

guint64
tlc_registry_get_generation (TlcRegistry *registry)
{
  g_return_val_if_fail (registry != NULL, 0);

  return tlc_root_get_generation (registry->catalog->root);
}
