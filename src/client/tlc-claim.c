/* SPDX-License-Identifier: Apache-2.0 */

/* The way of a call to a seat where its thread has none, or has lost it: one that nobody uses, or,
 * where the cap is reached, the next in turn. What it gets may hold a connection of another
 * thread's, which is as good as its own but for what the thread knew of it. */
#include "client/tlc-call.h"

#include "client/tlc-hold.h"
#include "model/tlc-cancel.h"
#include "model/tlc-clock.h"
#include "observe/tlc-thread-name.h"

/* "4 open, 4 busy, 60 waiting; the longest claim is thread 4711 (worker)'s, for 1234 ms" */
static char *
tlc_claim_describe_rush (TlcSeats *seats)
{
  TlcSeatsCensus census;
  GString *text = g_string_new (NULL);

  tlc_seats_count (seats, &census);
  g_string_printf (
      text, "%" G_GUINT64_FORMAT " open, %" G_GUINT64_FORMAT " busy, %" G_GUINT64_FORMAT " waiting",
      census.n_open + census.n_opening, census.n_busy, census.n_waiting);
  if (census.longest != NULL)
    {
      /* ORDER(seat.sign): relaxed; for messages. */
      gint32 number = atomic_load_explicit (&census.longest->thread, memory_order_relaxed);
      g_autofree char *thread = tlc_thread_describe (number);

      g_string_append_printf (
          text, "; the longest claim is thread %s's, for %" G_GINT64_FORMAT " ms", thread,
          (tlc_clock_now_us () - tlc_seat_get_since (census.longest)) / 1000);
    }
  return g_string_free (text, FALSE);
}

/* What of the settings bounds the wait, copied: who is cancelled in it would keep the snapshot. */
typedef struct {
  gboolean closed;
  guint max_waiting;
  gint64 claim_timeout_us;
} TlcClaimLimits;

static TlcClaimLimits
tlc_claim_get_limits (const TlcCall *call)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (call->core->branch);

  return (TlcClaimLimits) { current->closed, current->settings->max_waiting,
                            current->settings->claim_timeout_us };
}

static TLC_COLD gboolean
tlc_claim_fail (TlcCall *call, TlcQueueVerdict verdict, const TlcClaimLimits *limits, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  g_autofree char *rush = NULL, *how_far = NULL;

  if (verdict == TLC_QUEUE_CLOSED)
    return tlc_call_fail (call, error, TLC_ERROR_CLOSED, "the service is closed");
  rush = error != NULL ? tlc_claim_describe_rush (&call->core->seats) : NULL;
  if (verdict == TLC_QUEUE_FULL)
    return tlc_call_fail (call, error, TLC_ERROR_EXHAUSTED,
                          "no connection, and as many calls wait for one as max-waiting = %u allows: %s",
                          limits->max_waiting, rush);
  if (tlc_clock_now_us () < call->deadline_us)
    return tlc_call_fail (call, error, TLC_ERROR_EXHAUSTED,
                          "no connection within claim-timeout = %" G_GINT64_FORMAT " ms: %s",
                          limits->claim_timeout_us / 1000, rush);
  how_far = g_strdup_printf ("waiting for a connection: %s", rush);
  return tlc_call_time_out (call, error, how_far);
}

/* A oneway wants a look at the connection first, and so does what has lost one before. */
static TlcQueueRequest
tlc_claim_offer_request (const TlcCall *call)
{
  gboolean is_plain = call->type == T_CALL && call->n_attempts == 1 && call->out.length > 0;

  return (TlcQueueRequest){
    .data = is_plain ? call->out.data : NULL,
    .length = call->out.length,
    .generation = call->limits.generation,
    .check_after_idle_us = call->limits.check_after_idle_us,
  };
}

static gboolean
tlc_claim_wait (TlcCall *call, GError **error)
{
  TlcQueueRequest request = tlc_claim_offer_request (call);
  TlcClaimLimits limits = tlc_claim_get_limits (call);
  gint64 deadline_us = MIN (call->deadline_us, tlc_clock_now_us () + limits.claim_timeout_us);
  TlcQueueVerdict verdict;

  do
    verdict = tlc_queue_wait (&call->core->seats, &call->home, &request, call->thread,
                              limits.max_waiting, deadline_us);
  /* Who closes sends away whoever waits, also when the service has been opened again meanwhile. */
  while (verdict == TLC_QUEUE_CLOSED && !tlc_claim_get_limits (call).closed);
  call->sent_ahead = request.sent;
  return verdict == TLC_QUEUE_GRANTED || tlc_claim_fail (call, verdict, &limits, error);
}

gboolean
tlc_call_claim_seat (TlcCall *call, GError **error)
{
  TlcClaim claim;

  if (call->n_holds > 0)
    return tlc_hold_fail (call, error);
  claim = tlc_seats_claim_any (&call->core->seats, &call->home);
  if (claim == TLC_CLAIM_FAILED)
    return tlc_call_fail (call, error, TLC_ERROR_EXHAUSTED, "out of memory for a connection");
  if (claim == TLC_CLAIM_NONE && !tlc_claim_wait (call, error))
    return FALSE;
  call->is_claimed = TRUE;
  if (claim == TLC_CLAIM_ADOPTED)
    tlc_counters_add (&call->counters, TLC_COUNT_ADOPTED, 1);
  if (claim == TLC_CLAIM_STOLEN)
    tlc_counters_add (&call->counters, TLC_COUNT_STOLEN, 1);
  tlc_call_rest (call, tlc_seat_get_since (call->home.seat));
  tlc_seat_sign (call->home.seat, call->thread);
  tlc_seat_date (call->home.seat, tlc_clock_now_us ());
  tlc_seat_bound (call->home.seat, call->deadline_us);
  if (call->sent_ahead > 0)
    tlc_call_name_endpoint (call, call->home.seat->connection->endpoint);
  return TRUE;
}
