/* SPDX-License-Identifier: Apache-2.0 */

/* Holding: one connection over several calls, for servers that remember who is at its other end: a
 * login, a session, a transaction.
 *
 * Between two calls the seat is HELD: no thread gets it for a call of its own, but anybody may
 * claim it to close the connection, when its endpoint is removed or the hold has lasted too long.
 * What was held is then gone, and nothing is put in its place unasked: a call in a session that has
 * silently become another one is worse than an error. So each call fails until the program has
 * released. */
#include "client/tlc-hold.h"

#include "client/tlc-pipeline.h"
#include "connect/tlc-condemn.h"
#include "model/tlc-clock.h"

static gboolean
tlc_hold_is_overdue (const TlcCall *call)
{
  return tlc_clock_now_us () >= call->hold_limit_us;
}

gboolean
tlc_hold_fail (TlcCall *call, GError **error)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (call->core->branch);
  gint64 held_ms = (tlc_clock_now_us () - call->held_us) / 1000;

  if (current->closed)
    return tlc_call_fail (call, error, TLC_ERROR_CLOSED, "the service is closed");
  if (tlc_hold_is_overdue (call))
    return tlc_call_fail (call, error, TLC_ERROR_TIMED_OUT,
                          "the connection was held for %" G_GINT64_FORMAT " ms, longer than "
                          "hold-timeout = %" G_GINT64_FORMAT " ms, and is closed: release it",
                          held_ms, (call->hold_limit_us - call->held_us) / 1000);
  if (call->endpoint != NULL && !tlc_snapshot_has_endpoint (current, call->endpoint))
    return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST,
                          "the endpoint of the connection that was held is no longer configured: "
                          "release it, and hold another");
  if (!tlc_seats_has (&call->core->seats, call->home.seat))
    return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST,
                          "the connection that was held is one more than max-connections allows now: release "
                          "it, and hold another");
  return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST,
                        "the connection that was held is lost: release it, and hold another");
}

gboolean
tlc_hold_check (TlcCall *call, GError **error)
{
  tlc_seat_date (call->home.seat, call->held_us);
  if (tlc_hold_is_overdue (call))
    tlc_call_close_connection (call);
  return call->home.seat->connection != NULL || tlc_hold_fail (call, error);
}

/* The seat's deadline and date are the hold's now, for the keeper. */
void
tlc_call_leave_held (TlcCall *call)
{
  tlc_seat_date (call->home.seat, call->held_us);
  tlc_seat_bound (call->home.seat, call->hold_limit_us);
  tlc_seats_release_as (&call->core->seats, &call->home, TLC_SEAT_HELD);
}

static gboolean
tlc_hold_connect (TlcCall *call, GError **error)
{
  g_autoptr (TlcSnapshot) current = NULL;

  if (!tlc_call_connect_only (call, error))
    return FALSE;
  current = tlc_branch_read (call->core->branch); /* not before: it may be cancelled while it waits */
  call->held_us = tlc_clock_now_us ();
  call->hold_limit_us = call->held_us + current->settings->hold_timeout_us;
  call->n_holds = 1;
  tlc_call_rest (call, call->held_us);
  tlc_call_leave (call, TRUE);
  tlc_call_finish (call);
  return TRUE;
}

/* Whether the connection is still there; for now, since nothing is claimed. */
static gboolean
tlc_hold_is_kept (const TlcCall *call)
{
  return !tlc_hold_is_overdue (call) && TLC_SEAT_STATE (call->home.word) != TLC_SEAT_EMPTY
         && tlc_seat_is_ours (&call->home);
}

/* A hold within a hold. What is lost for the outer one is for the inner. */
static gboolean
tlc_hold_deepen (TlcCall *call, GError **error)
{
  if (call->state == TLC_CALL_IDLE && !tlc_hold_is_kept (call))
    {
      tlc_call_forget_last (call);
      return tlc_hold_fail (call, error);
    }
  call->n_holds++;
  return TRUE;
}

gboolean
tlc_hold_begin (TlcCall *call, GError **error)
{
  if (call->n_holds > 0)
    return tlc_hold_deepen (call, error);
  if (call->state == TLC_CALL_AWAITING)
    {
      tlc_error_set (error, TLC_ERROR_BUSY, TLC_DELIVERY_NOT_SENT,
                     "%s: replies are outstanding on this client: receive them before you hold its "
                     "connection (not sent)",
                     call->core->name);
      return FALSE;
    }
  return tlc_pipeline_begin (call, "hold", error) && tlc_hold_connect (call, error);
}

void
tlc_hold_end (TlcCall *call)
{
  gboolean is_overdue = tlc_hold_is_overdue (call);

  if (--call->n_holds > 0 || call->is_claimed)
    return;
  if (!tlc_seat_claim_home (&call->home))
    return;
  call->is_claimed = TRUE;
  tlc_call_leave (call, !is_overdue);
  if (is_overdue)
    tlc_condemn_report_hold (&call->core->seats, call->core->name, call->thread, tlc_clock_now_us () - call->held_us);
}
