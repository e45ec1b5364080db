/* SPDX-License-Identifier: Apache-2.0 */

/* What a program says of the calls on one client. The client is looked up among the calling thread's
 * few: nothing hangs on a generated object, and another thread's is not found. */
#include "tlc/client.h"

#include "client/tlc-hold.h"
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

gboolean
tlc_client_hold (gpointer client, GError **error)
{
  TlcCall *call = tlc_client_find_call (client);

  g_return_val_if_fail (call != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return tlc_hold_begin (call, error);
}

void
tlc_client_release (gpointer client)
{
  TlcCall *call = tlc_client_find_call (client);

  g_return_if_fail (call != NULL);
  g_return_if_fail (call->n_holds > 0);

  tlc_hold_end (call);
}

void
tlc_client_reset (gpointer client)
{
  TlcCall *call = tlc_client_find_call (client);

  g_return_if_fail (call != NULL);

  tlc_call_reset (call);
}
