/* SPDX-License-Identifier: Apache-2.0 */

/* What a thread's calls say of the endpoint that they go to, and whether they should go to another.
 *
 * A thread tells its endpoint how long calls take not after each of them but now and then, when it looks
 * whether it is in the right place; so that threads do not meet at it. */
#include "client/tlc-call.h"
#include "model/tlc-cancel.h"
#include "model/tlc-clock.h"

void
tlc_call_blame_endpoint (TlcCall *call, const char *reason)
{
  tlc_ejector_note_failure (&call->core->ejector, call->home.seat->connection->endpoint, reason);
}

void
tlc_call_clear_endpoint (TlcCall *call)
{
  tlc_ejector_note_answer (&call->core->ejector, call->endpoint);
}

void
tlc_call_tell_endpoint (TlcCall *call)
{
  if (call->endpoint != NULL)
    tlc_endpoint_note_latency (call->endpoint, call->n_told, call->told_us, tlc_clock_now_us ());
  call->n_told = 0;
  call->told_us = 0;
}

/* Not all threads at once. */
static gint64
tlc_call_get_interval (const TlcCall *call)
{
  guint32 noise = (guint32) call->sequence * 2654435769u;

  return TLC_BALANCE_INTERVAL_US + (gint64) (noise >> 16) * (TLC_BALANCE_INTERVAL_US / 4) / 65536;
}

gboolean
tlc_call_reconsider (TlcCall *call)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (call->core->branch);
  TlcChoice choice = {
    .snapshot = current,
    .seat = call->home.seat->index,
    .is_for_call = TRUE,
    .now_us = call->begun_us,
  };
  TlcEndpoint *next;

  call->reconsider_at_us = call->begun_us + tlc_call_get_interval (call);
  tlc_call_tell_endpoint (call);
  if (current->endpoints->len < 2)
    return FALSE;
  next = tlc_balance_reconsider (&call->core->balance, &choice, call->endpoint);
  if (next != NULL)
    call->next_endpoint = tlc_endpoint_ref (next);
  return next != NULL;
}
