/* SPDX-License-Identifier: Apache-2.0 */

/* What a program may know of the endpoints of its service. */
#include <string.h>

#include "control/tlc-service-private.h"
#include "model/tlc-clock.h"

static TlcEndpointState
tlc_endpoint_stats_get_state (TlcHealthState state)
{
  switch (state)
    {
    case TLC_HEALTH_EJECTED:
      return TLC_ENDPOINT_EJECTED;
    case TLC_HEALTH_TRIAL:
    case TLC_HEALTH_TRYING:
      return TLC_ENDPOINT_TRIAL;
    default:
      return TLC_ENDPOINT_UP;
    }
}

static void
tlc_endpoint_stats_fill (TlcEndpointStats *stats, TlcEndpoint *endpoint, gint64 now_us)
{
  TlcEjectorView view = tlc_ejector_look (endpoint);
  TlcHealthState state = tlc_health_get_state (&view.health, now_us);

  stats->state = tlc_endpoint_stats_get_state (state);
  stats->failures_in_a_row = view.health.n_failures;
  stats->failures = view.n_failures;
  stats->ejections = view.n_ejections;
  stats->latency_us = tlc_endpoint_get_latency_us (endpoint);
  stats->ejected_until_us = state == TLC_HEALTH_EJECTED ? view.health.at_us : 0;
  /* ORDER(counter): relaxed; statistics. */
  stats->calls = atomic_load_explicit (&endpoint->n_calls, memory_order_relaxed);
}

/* The array with room for the addresses behind it. */
static TlcEndpointStats *
tlc_endpoint_stats_new (const TlcSnapshot *snapshot)
{
  guint n = snapshot->endpoints->len;
  gsize size = (n + 1) * sizeof (TlcEndpointStats);
  TlcEndpointStats *stats;
  char *text;

  for (guint i = 0; i < n; i++)
    size += strlen (tlc_endpoint_get_text (snapshot->endpoints->pdata[i])) + 1;
  stats = g_malloc0 (size);
  text = (char *) (stats + n + 1);
  for (guint i = 0; i < n; i++)
    {
      stats[i].address = text;
      text = g_stpcpy (text, tlc_endpoint_get_text (snapshot->endpoints->pdata[i])) + 1;
    }
  return stats;
}

TlcEndpointStats *
tlc_service_get_endpoint_stats (TlcService *service, guint *ret_n_endpoints)
{
  g_autoptr (TlcSnapshot) current = NULL;
  g_autofree guint *counts = NULL;
  TlcEndpointStats *stats;
  gpointer *endpoints;
  guint n;

  g_return_val_if_fail (service != NULL, NULL);
  g_return_val_if_fail (ret_n_endpoints != NULL, NULL);

  current = tlc_branch_read (tlc_service_get_core (service)->branch);
  endpoints = current->endpoints->pdata;
  *ret_n_endpoints = n = current->endpoints->len;
  stats = tlc_endpoint_stats_new (current);
  counts = g_new0 (guint, 2 * n + 1);
  tlc_seats_survey (&tlc_service_get_core (service)->seats, (TlcEndpoint *const *) endpoints, n, counts,
                    counts + n);
  for (guint i = 0; i < n; i++)
    {
      tlc_endpoint_stats_fill (&stats[i], endpoints[i], tlc_clock_now_us ());
      stats[i].weight = g_array_index (current->places, TlcPlace, i).weight;
      stats[i].connections = counts[i];
      stats[i].in_flight = counts[n + i];
    }
  return stats;
}
