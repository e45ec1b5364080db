/* SPDX-License-Identifier: Apache-2.0 */

/* An endpoint: one address of a service, shared by the snapshots that name it and the
 * connections to it. */
#include "model/tlc-endpoint.h"

#include <stdatomic.h>

struct _TlcEndpoint {
  atomic_int ref_count; /* any thread */
  TlcAddress *address;  /* immutable */
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
