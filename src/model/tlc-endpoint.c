/* SPDX-License-Identifier: Apache-2.0 */

/* An endpoint: one address of a service, shared by the snapshots that name it and the
 * connections to it. */
#include "model/tlc-endpoint.h"

#include <stdatomic.h>

struct _TlcEndpoint {
  atomic_int ref_count; /* any thread */
  TlcAddress *address;  /* immutable */
  /* any thread: after how long idle the peer was last seen to have closed, and after how long it is
   * known to; 0: not yet */
  _Atomic gint64 closed_after_us;
  _Atomic gint64 idle_limit_us;
};

TlcEndpoint *
tlc_endpoint_new (TlcAddress *address)
{
  TlcEndpoint *endpoint = g_new0 (TlcEndpoint, 1);

  atomic_init (&endpoint->ref_count, 1);
  endpoint->address = address;
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
