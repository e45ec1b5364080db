/* SPDX-License-Identifier: Apache-2.0 */

/* The handle of a service: what the program holds. All that threads share lies in the core,
 * which stays until the last of them has let go; the handle goes with the program's last
 * reference, and closes the service. */
#include "tlc/service.h"

#include <string.h>

#include "client/tlc-thread.h"
#include "model/tlc-error-private.h"
#include "model/tlc-settings.h"

#define TLC_SERVICE_NAME_MAX 255

struct _TlcService {
  guint32 index;        /* the core's, here so that the warm path needs one line of memory */
  guint64 id;           /* likewise */
  TlcCore *core;        /* immutable */
  atomic_int ref_count; /* any thread */
};

static gboolean
tlc_service_check_name (const char *name, GError **error)
{
  gsize length = strlen (name);
  gboolean is_good = length > 0 && length <= TLC_SERVICE_NAME_MAX;

  for (gsize i = 0; is_good && i < length; i++)
    is_good = g_ascii_isgraph (name[i]);
  if (!is_good)
    tlc_error_set (
        error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
        "service name \"%.64s\": 1 to %d printable ASCII characters without spaces are right", name,
        TLC_SERVICE_NAME_MAX);
  return is_good;
}

/* A generated client is an object with two protocols. */
static gboolean
tlc_service_check_client_type (const char *name, GType type, GError **error)
{
  gboolean is_good = FALSE;

  if (G_TYPE_IS_OBJECT (type) && !G_TYPE_IS_ABSTRACT (type))
    {
      GObjectClass *klass = g_type_class_ref (type);

      is_good = g_object_class_find_property (klass, "input_protocol") != NULL
                && g_object_class_find_property (klass, "output_protocol") != NULL;
      g_type_class_unref (klass);
    }
  if (!is_good)
    tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                   "service %s: %s is not the type of a generated client, such as TYPE_ECHO_CLIENT",
                   name,
                   type != G_TYPE_INVALID && g_type_name (type) != NULL ? g_type_name (type) : "0");
  return is_good;
}

TlcService *
tlc_service_new (const char *name, GType client_type, const TlcConfig *config, GError **error)
{
  TlcSettings *settings;
  TlcSnapshot *first;
  TlcService *service;

  g_return_val_if_fail (name != NULL, NULL);
  g_return_val_if_fail (config != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!tlc_service_check_name (name, error)
      || !tlc_service_check_client_type (name, client_type, error))
    return NULL;
  settings = tlc_settings_new (config, name, error);
  if (settings == NULL)
    return NULL;
  first = tlc_snapshot_new (1, settings, error);
  if (first == NULL)
    return NULL;
  service = g_new0 (TlcService, 1);
  atomic_init (&service->ref_count, 1);
  service->core = tlc_core_new (name, client_type, first);
  service->index = service->core->index;
  service->id = service->core->id;
  return service;
}

TlcService *
tlc_service_ref (TlcService *service)
{
  g_return_val_if_fail (service != NULL, NULL);

  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already. */
  atomic_fetch_add_explicit (&service->ref_count, 1, memory_order_relaxed);
  return service;
}

void
tlc_service_unref (TlcService *service)
{
  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (service == NULL
      || atomic_fetch_sub_explicit (&service->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  tlc_core_close (service->core);
  tlc_core_unref (service->core);
  g_free (service);
}

gpointer
tlc_service_get_client (TlcService *service, GError **error)
{
  gpointer client;

  g_return_val_if_fail (service != NULL, NULL);

  client = tlc_thread_peek_client (service->index, service->id);
  return G_LIKELY (client != NULL) ? client : tlc_thread_make_client (service->core, error);
}

guint64
tlc_service_get_generation (TlcService *service)
{
  g_return_val_if_fail (service != NULL, 0);

  return tlc_seats_look (&service->core->seats);
}

const char *
tlc_service_get_name (TlcService *service)
{
  g_return_val_if_fail (service != NULL, NULL);

  return service->core->name;
}

void
tlc_service_get_stats (TlcService *service, TlcStats *ret_stats)
{
  TlcSeats *seats;

  g_return_if_fail (service != NULL);
  g_return_if_fail (ret_stats != NULL);

  seats = &service->core->seats;
  memset (ret_stats, 0, sizeof *ret_stats);
  tlc_ledger_sum (&service->core->ledger, ret_stats);
  tlc_seats_count (seats, &ret_stats->connections_open, &ret_stats->connections_busy);
  ret_stats->generation = tlc_seats_look (seats);
  /* ORDER(counter): relaxed; statistics. */
  ret_stats->reclaimed_retired
      = atomic_load_explicit (&seats->reclaimed_retired, memory_order_relaxed);
}
