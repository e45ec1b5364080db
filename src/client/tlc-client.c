/* SPDX-License-Identifier: Apache-2.0 */

/* What a program says of the calls on one client. The client is looked up among the calling thread's
 * few: nothing hangs on a generated object, and another thread's is not found. */
#include "tlc/client.h"

#include "client/tlc-thread.h"

static TlcCall *
tlc_client_find_call (gconstpointer client)
{
  TlcSlot *slot = tlc_thread_find_slot (client);

  return slot != NULL ? tlc_slot_get_call (slot) : NULL;
}

void
tlc_client_set_timeout (gpointer client, guint timeout_ms)
{
  TlcCall *call = tlc_client_find_call (client);

  g_return_if_fail (call != NULL);

  tlc_call_set_timeout (call, (gint64) timeout_ms * 1000);
}

void
tlc_client_set_idempotent (gpointer client, gboolean idempotent)
{
  TlcCall *call = tlc_client_find_call (client);

  g_return_if_fail (call != NULL);

  call->is_idempotent = idempotent;
}

void
tlc_client_reset (gpointer client)
{
  TlcCall *call = tlc_client_find_call (client);

  g_return_if_fail (call != NULL);

  tlc_call_reset (call);
}
