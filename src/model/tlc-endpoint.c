/* SPDX-License-Identifier: Apache-2.0 */

/* An endpoint: one address of a service, shared by the snapshots that name it and the
 * connections to it. */
#include "model/tlc-endpoint.h"


/* FNV-1a. */
static guint64
tlc_endpoint_hash (const TlcAddress *address)
{
  const guint8 *bytes = (const guint8 *) &address->sockaddr;
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (socklen_t i = 0; i < address->sockaddr_length; i++)
    hash = (hash ^ bytes[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

TlcEndpoint *
tlc_endpoint_new (TlcAddress *address)
{
  TlcEndpoint *endpoint = g_new0 (TlcEndpoint, 1);

  atomic_init (&endpoint->ref_count, 1);
  endpoint->address = address;
  endpoint->hash = tlc_endpoint_hash (address);
  endpoint->health = tlc_health_new (0); /* for how long, says joined_us */
  tlc_endpoint_post_health_unlocked (endpoint);
  return endpoint;
}

TlcEndpoint *
tlc_endpoint_ref (TlcEndpoint *endpoint)
{
  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already, or reads under RCU. */
  atomic_fetch_add_explicit (&endpoint->ref_count, 1, memory_order_relaxed);
  return endpoint;
}

void
tlc_endpoint_unref (TlcEndpoint *endpoint)
{
  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (endpoint == NULL
      || atomic_fetch_sub_explicit (&endpoint->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  tlc_address_free (endpoint->address);
  g_free (endpoint);
}

gboolean
tlc_endpoint_is_shared (const TlcEndpoint *endpoint)
{
  /* ORDER(ref.drop): acquire; who finds himself alone sees all that the others did. */
  return atomic_load_explicit (&endpoint->ref_count, memory_order_acquire) > 1;
}

const TlcAddress *
tlc_endpoint_get_address (const TlcEndpoint *endpoint)
{
  return endpoint->address;
}

const char *
tlc_endpoint_get_text (const TlcEndpoint *endpoint)
{
  return endpoint->address->text;
}

gint64
tlc_endpoint_get_idle_limit (const TlcEndpoint *endpoint)
{
  /* ORDER(endpoint.idle): relaxed; a guess that is put to the test at each use. */
  return atomic_load_explicit (&endpoint->idle_limit_us, memory_order_relaxed);
}

/* Whether two such closes are of one timer. */
static gboolean
tlc_endpoint_closes_agree (gint64 a_us, gint64 b_us)
{
  return ABS (a_us - b_us) <= MAX (MAX (a_us, b_us) / 10, TLC_ENDPOINT_IDLE_MIN_US);
}

void
tlc_endpoint_note_closed_idle (TlcEndpoint *endpoint, gint64 idle_us)
{
  gint64 before_us;

  if (idle_us < TLC_ENDPOINT_IDLE_MIN_US)
    return;
  /* ORDER(endpoint.idle): relaxed; as above. */
  before_us = atomic_exchange_explicit (&endpoint->closed_after_us, idle_us, memory_order_relaxed);
  if (before_us != 0 && tlc_endpoint_closes_agree (before_us, idle_us))
    atomic_store_explicit (&endpoint->idle_limit_us, MIN (before_us, idle_us),
                           memory_order_relaxed);
}

void
tlc_endpoint_note_open_idle (TlcEndpoint *endpoint, gint64 idle_us)
{
  gint64 limit_us = tlc_endpoint_get_idle_limit (endpoint);

  if (limit_us == 0 || idle_us <= limit_us || tlc_endpoint_closes_agree (limit_us, idle_us))
    return;
  /* ORDER(endpoint.idle): relaxed; as above. */
  atomic_store_explicit (&endpoint->closed_after_us, 0, memory_order_relaxed);
  atomic_store_explicit (&endpoint->idle_limit_us, 0, memory_order_relaxed);
}

void
tlc_endpoint_post_health_unlocked (TlcEndpoint *endpoint)
{
  const TlcHealth *health = &endpoint->health;

  /* ORDER(endpoint.health): relaxed; as in tlc_endpoint_look_at_health(). */
  atomic_store_explicit (&endpoint->posted_health, (guint64) health->at_us << 2 | health->state,
                         memory_order_relaxed);
  atomic_store_explicit (&endpoint->posted_failures, health->n_failures, memory_order_relaxed);
  atomic_store_explicit (&endpoint->is_doubtful,
                         health->state != TLC_HEALTH_UP || health->n_failures > 0,
                         memory_order_relaxed);
}

gboolean
tlc_endpoint_wants_probe (TlcEndpoint *endpoint, gint64 now_us)
{
  TlcHealth health = tlc_endpoint_look_at_health (endpoint, now_us);

  return health.state == TLC_HEALTH_EJECTED
         || (health.state == TLC_HEALTH_UP && health.n_failures > 0
             && tlc_endpoint_count_connections (endpoint) == 0);
}

gboolean
tlc_endpoint_reserve (TlcEndpoint *endpoint, guint max)
{
  /* ORDER(endpoint.load): relaxed; a count, and the compare-and-swap alone decides. */
  guint n = atomic_load_explicit (&endpoint->n_connections, memory_order_relaxed);

  do
    if (n >= max)
      return FALSE;
  /* ORDER(endpoint.load): relaxed; as above. */
  while (!atomic_compare_exchange_weak_explicit (&endpoint->n_connections, &n, n + 1,
                                                 memory_order_relaxed, memory_order_relaxed));
  return TRUE;
}

void
tlc_endpoint_unreserve (TlcEndpoint *endpoint)
{
  /* ORDER(endpoint.load): relaxed; a count. */
  atomic_fetch_sub_explicit (&endpoint->n_connections, 1, memory_order_relaxed);
}

void
tlc_endpoint_note_latency (TlcEndpoint *endpoint, guint n_calls, gint64 sum_us, gint64 now_us)
{
  guint sample_us, before_us;

  if (n_calls == 0)
    return;
  sample_us = (guint) CLAMP (sum_us / n_calls, 1, G_MAXINT);
  /* ORDER(endpoint.load): relaxed; an average, of which a sample may be lost. */
  before_us = atomic_load_explicit (&endpoint->latency_us, memory_order_relaxed);
  if (before_us != 0)
    sample_us = (guint) (((guint64) sample_us + before_us) / 2);
  /* ORDER(endpoint.load): relaxed; as above. */
  atomic_store_explicit (&endpoint->latency_us, MAX (sample_us, 1), memory_order_relaxed);
  atomic_store_explicit (&endpoint->measured_us, now_us, memory_order_relaxed);
  atomic_fetch_add_explicit (&endpoint->n_calls, n_calls, memory_order_relaxed);
}

void
tlc_endpoint_note_in_flight (TlcEndpoint *endpoint, guint n_calls)
{
  /* ORDER(endpoint.load): relaxed; one thread at a time counts. */
  guint before_256 = atomic_load_explicit (&endpoint->in_flight_256, memory_order_relaxed);
  guint now_256 = MIN (n_calls, G_MAXUINT / 1024) * 256;

  /* ORDER(endpoint.load): relaxed; as above. */
  atomic_store_explicit (&endpoint->in_flight_256, before_256 - before_256 / 4 + now_256 / 4,
                         memory_order_relaxed);
}
