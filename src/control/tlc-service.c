/* SPDX-License-Identifier: Apache-2.0 */

/* The handle of a service: what the program holds. All that threads share lies in the core,
 * which stays until the last of them has let go; the handle goes with the program's last
 * reference, and closes the service. */
#include "control/tlc-service-private.h"

#include <string.h>

#include "client/tlc-thread.h"
#include "connect/tlc-drain.h"
#include "control/tlc-close.h"
#include "control/tlc-ready.h"
#include "keeper/tlc-resolver.h"
#include "model/tlc-cancel.h"
#include "model/tlc-clock.h"
#include "model/tlc-cold.h"
#include "model/tlc-error-private.h"
#include "model/tlc-rcu.h"
#include "model/tlc-settings.h"
#include "observe/tlc-thread-name.h"

struct _TlcService {
  guint32 index;        /* the core's, here so that the warm path needs one line of memory */
  guint64 id;           /* likewise */
  TlcCore *core;        /* immutable */
  atomic_int ref_count; /* any thread */
};

/* A generated client is an object with two protocols. */
gboolean
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

static gint64
tlc_service_deadline_us (guint timeout_ms)
{
  return tlc_clock_now_us () + (gint64) timeout_ms * 1000;
}

/* The settings, and what their addresses stand for. */
static TlcSettings *
tlc_service_read_config (const char *name, const TlcConfig *config, GPtrArray **ret_answers,
                         GError **error)
{
  TlcSettings *settings = tlc_settings_new (config, name, error);

  if (settings != NULL)
    *ret_answers
        = tlc_resolver_ask (settings->addresses, tlc_service_deadline_us (TLC_RESOLVER_TIMEOUT_MS));
  return settings;
}

static TlcBranch *
tlc_service_make_branch (const char *name, const TlcConfig *config, GError **error)
{
  GPtrArray *answers;
  TlcSettings *settings = tlc_service_read_config (name, config, &answers, error);
  TlcBranch *branch;

  if (settings == NULL)
    return NULL;
  branch = tlc_branch_new_alone (settings, answers, error);
  if (branch == NULL)
    g_prefix_error (error, "service %s: ", name);
  return branch;
}

void
tlc_service_let_workers_go (void)
{
  if (!tlc_worker_drop ())
    return;
  tlc_keeper_stop ();
  tlc_resolver_stop ();
}

static TlcService *
tlc_service_wrap (TlcCore *core)
{
  TlcService *service = g_new0 (TlcService, 1);

  atomic_init (&service->ref_count, 1);
  service->core = core;
  service->index = core->index;
  service->id = core->id;
  return service;
}

TlcService *
tlc_service_new (const char *name, GType client_type, const TlcConfig *config, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  g_autoptr (TlcSnapshot) first = NULL;
  TlcBranch *branch;
  TlcService *service;

  g_return_val_if_fail (name != NULL, NULL);
  g_return_val_if_fail (config != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!tlc_settings_check_service_name (name, error)
      || !tlc_service_check_client_type (name, client_type, error))
    return NULL;
  tlc_worker_hold ();
  branch = tlc_service_make_branch (name, config, error);
  if (branch == NULL)
    {
      tlc_service_let_workers_go ();
      return NULL;
    }
  first = tlc_branch_read (branch);
  service = tlc_service_wrap (tlc_core_new (name, client_type, branch, first));
  tlc_core_top_up (service->core);
  return service;
}

TlcService *
tlc_service_new_unlocked (const char *name, GType client_type, TlcBranch *branch)
{
  tlc_worker_hold ();
  return tlc_service_wrap (
      tlc_core_new (name, client_type, branch, tlc_branch_peek_unlocked (branch)));
}

TlcCore *
tlc_service_get_core (TlcService *service)
{
  return service->core;
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
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (service == NULL
      || atomic_fetch_sub_explicit (&service->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  tlc_close (service->core);
  tlc_core_unref (service->core);
  tlc_service_let_workers_go ();
  g_free (service);
}

void
tlc_service_close (TlcService *service)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  g_return_if_fail (service != NULL);

  tlc_close (service->core);
}

/* Waiting for a grace period, or for who waits for one, would be waiting for itself; and so would the keeper's
 * waiting for what it has to do. */
gboolean
tlc_service_check_may_wait (const char *kind, const char *name, const char *what, GError **error)
{
  if (tlc_rcu_is_reading ())
    tlc_error_set (error, TLC_ERROR_BUSY, TLC_DELIVERY_NOT_SENT,
                   "%s %s: %s inside an RCU read section, which it would wait for: leave the "
                   "section first",
                   kind, name, what);
  else if (tlc_keeper_is_self ())
    tlc_error_set (error, TLC_ERROR_BUSY, TLC_DELIVERY_NOT_SENT,
                   "%s %s: %s by the thread that notifies, which it would wait for: do it in another",
                   kind, name, what);
  else
    return TRUE;
  return FALSE;
}

static gboolean
tlc_service_change (TlcService *service, const TlcConfig *config, GError **error)
{
  GPtrArray *answers;
  TlcSettings *settings
      = tlc_service_read_config (service->core->name, config, &answers, error);

  if (settings == NULL)
    return FALSE;
  /* Without the keeper nothing would be reclaimed. */
  if (tlc_keeper_start (error))
    return tlc_core_reconfigure (service->core, settings, answers, error);
  tlc_settings_free (settings);
  g_ptr_array_unref (answers);
  return FALSE;
}

gboolean
tlc_service_reconfigure (TlcService *service, const TlcConfig *config, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  g_return_val_if_fail (service != NULL, FALSE);
  g_return_val_if_fail (config != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!tlc_service_check_may_wait ("service", service->core->name, "reconfigured", error))
    return FALSE;
  return tlc_service_change (service, config, error);
}

static void
tlc_service_set_drain_error (TlcService *service, const TlcDrainReport *report, guint timeout_ms,
                             GError **error)
{
  g_autofree char *endpoint = NULL;
  g_autofree char *thread = NULL;

  if (report->own)
    {
      tlc_error_set (error, TLC_ERROR_BUSY, TLC_DELIVERY_NOT_SENT,
                     "service %s: not drained: this thread has not fetched the reply of a call that "
                     "it sent before the change",
                     service->core->name);
      return;
    }
  if (report->endpoint != NULL)
    endpoint = tlc_branch_describe_endpoint (service->core->branch, report->endpoint);
  thread = tlc_thread_describe (report->thread);
  tlc_error_set (error, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT,
                 "service %s: not drained after %u ms: %u %s older than generation %"
                 G_GUINT64_FORMAT ", the oldest by thread %s for %" G_GINT64_FORMAT " ms, %s%s",
                 service->core->name, timeout_ms, report->n_claimed,
                 report->n_claimed == 1 ? "call is" : "calls are",
                 tlc_branch_get_generation (service->core->branch), thread,
                 (tlc_clock_now_us () - report->since_us) / 1000,
                 endpoint != NULL ? "at " : "connecting", endpoint != NULL ? endpoint : "");
}

/* What it holds may be what is to be drained. */
static gboolean
tlc_service_check_not_holding (TlcService *service, GError **error)
{
  if (!tlc_thread_is_holding (service->core))
    return TRUE;
  tlc_error_set (error, TLC_ERROR_BUSY, TLC_DELIVERY_NOT_SENT,
                 "service %s: drained by a thread that holds a connection of it: release it first",
                 service->core->name);
  return FALSE;
}

gboolean
tlc_service_drain (TlcService *service, guint timeout_ms, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  TlcDrainReport report;
  gboolean is_drained;

  g_return_val_if_fail (service != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!tlc_service_check_may_wait ("service", service->core->name, "drained", error)
      || !tlc_service_check_not_holding (service, error))
    return FALSE;
  is_drained = tlc_drain (&service->core->seats, tlc_thread_peek_claimed_seat (service->core),
                          tlc_service_deadline_us (timeout_ms), &report);
  if (!is_drained)
    tlc_service_set_drain_error (service, &report, timeout_ms, error);
  return is_drained;
}

gboolean
tlc_service_wait_ready (TlcService *service, guint timeout_ms, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  g_return_val_if_fail (service != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return tlc_ready_wait (service->core, tlc_service_deadline_us (timeout_ms), error);
}

/* The program did not look at what it got. */
static TLC_COLD gpointer
tlc_service_refuse_client (GError **error)
{
  tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT, "no service: NULL was given for it");
  return NULL;
}

gpointer
tlc_service_get_client (TlcService *service, GError **error)
{
  gpointer client;

  if (G_UNLIKELY (service == NULL))
    return tlc_service_refuse_client (error);
  client = tlc_thread_peek_client (service->index, service->id);
  return G_LIKELY (client != NULL) ? client : tlc_thread_make_client (service->core, error);
}

guint64
tlc_service_get_generation (TlcService *service)
{
  g_return_val_if_fail (service != NULL, 0);

  return tlc_branch_get_generation (service->core->branch);
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
  TlcSeatsCensus census;
  TlcSeats *seats;

  g_return_if_fail (service != NULL);
  g_return_if_fail (ret_stats != NULL);

  seats = &service->core->seats;
  memset (ret_stats, 0, sizeof *ret_stats);
  tlc_ledger_sum (&service->core->ledger, ret_stats);
  tlc_seats_count (seats, &census);
  ret_stats->connections_open = census.n_open + census.n_opening;
  ret_stats->connections_busy = census.n_busy;
  ret_stats->waiting = census.n_waiting;
  ret_stats->generation = tlc_branch_get_generation (service->core->branch);
  /* ORDER(counter): relaxed; statistics. */
  ret_stats->reclaimed_retired
      = atomic_load_explicit (&seats->reclaimed_retired, memory_order_relaxed);
  ret_stats->reclaimed_idle = atomic_load_explicit (&seats->reclaimed_idle, memory_order_relaxed);
}
