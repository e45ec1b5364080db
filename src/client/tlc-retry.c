/* SPDX-License-Identifier: Apache-2.0 */

/* Retries, beneath the generated client: the whole request is in our buffer still, so when its
 * connection breaks it can be sent on another one.
 *
 * Whether it may be. A request of which the kernel took no byte has not run, whatever it is. One that
 * was sent may have run: it is repeated only if its method is declared idempotent, and only until
 * the first byte of a reply has come; a oneway never. What timed out is not repeated: the deadline is
 * the whole call's. Requests of a pipeline are not: the later ones may depend on it. Nor is
 * what goes over a connection that is held: it belongs there, or nowhere.
 *
 * Whether it shall be. When servers are in trouble, retries add to it. So they are paid for: each call
 * earns its thread a fraction of one, retry-budget, and a service has a few a second to give. Free is
 * only the first step off a connection that had died unnoticed, which asks nothing of a server that
 * the call would not have. Later ones wait, twice as long each time, and not all equally long. */
#include "client/tlc-retry.h"

#include <string.h>

#include "client/tlc-call.h"
#include "connect/tlc-wait.h"
#include "model/tlc-clock.h"

#define TLC_RETRY_PRICE 100
#define TLC_RETRY_PAUSE_US (10 * 1000)
#define TLC_RETRY_PAUSE_MAX_US (1000 * 1000)
#define TLC_RETRY_PATIENCE_US (100 * 1000)

static gboolean
tlc_retry_matches (char *const *globs, const char *method)
{
  /* What ThriftMultiplexedProtocol puts before it is not part of a method's name. */
  const char *colon = strrchr (method, ':');

  for (; globs != NULL && *globs != NULL; globs++)
    if (g_pattern_match_simple (*globs, colon != NULL ? colon + 1 : method))
      return TRUE;
  return FALSE;
}

static gboolean
tlc_retry_is_idempotent (const TlcCall *call)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (call->core->branch);
  g_autofree char *method = g_strndup (tlc_call_get_method (call), call->method_length);

  return call->is_idempotent || tlc_retry_matches (current->settings->idempotent_methods, method);
}

/* Others are on the way behind it or with it, or were, when it was sent: then it is not in the buffer any
 * more. */
static gboolean
tlc_retry_is_of_pipeline (const TlcCall *call)
{
  return call->n_queued > 0 || call->out.length == 0;
}

static gboolean
tlc_retry_is_safe (const TlcCall *call)
{
  if (call->limits.retry == TLC_RETRY_NEVER)
    return FALSE;
  if (call->delivery == TLC_DELIVERY_NOT_SENT)
    return TRUE;
  return call->limits.retry == TLC_RETRY_IDEMPOTENT && call->type == T_CALL && call->in.length == 0
         && tlc_retry_is_idempotent (call);
}

/* The connection had carried requests before this one, and this is the first that finds it dead. */
static gboolean
tlc_retry_is_first_after_rest (const TlcCall *call)
{
  guint n_before = call->home.seat->connection->n_carried;

  if (call->state != TLC_CALL_SENDING)
    n_before--;
  return call->n_attempts == 1 && n_before > 0;
}

static gboolean
tlc_retry_take_from_savings (TlcCall *call)
{
  TlcRetryBudget *budget = &call->retry_budget;
  /* ORDER(counter): relaxed; our own. */
  guint64 n_calls
      = atomic_load_explicit (&call->counters.counts[TLC_COUNT_CALLS], memory_order_relaxed);

  budget->savings += (n_calls - budget->n_calls) * call->limits.retry_budget;
  budget->savings = MIN (budget->savings, TLC_RETRY_SAVINGS_MAX * TLC_RETRY_PRICE);
  budget->n_calls = n_calls;
  if (budget->savings < TLC_RETRY_PRICE)
    return FALSE;
  budget->savings -= TLC_RETRY_PRICE;
  return TRUE;
}

/* Each retry uses up a tenth of a second, which must not be more than a second ahead of the clock. */
static gboolean
tlc_retry_take_from_reserve (TlcRetryReserve *reserve, gint64 now_us)
{
  /* ORDER(retry.reserve): relaxed; the compare-and-swap alone decides who takes what is left. */
  gint64 used_us = atomic_load_explicit (&reserve->used_until_us, memory_order_relaxed);
  gint64 next_us;

  do
    {
      next_us = MAX (used_us, now_us) + G_USEC_PER_SEC / TLC_RETRY_RESERVE;
      if (next_us > now_us + G_USEC_PER_SEC)
        return FALSE;
      /* ORDER(retry.reserve): relaxed; see above. */
    }
  while (!atomic_compare_exchange_weak_explicit (&reserve->used_until_us, &used_us, next_us,
                                                 memory_order_relaxed, memory_order_relaxed));
  return TRUE;
}

static gboolean
tlc_retry_pay (TlcCall *call, gint64 now_us)
{
  return call->limits.retry_budget > 0
         && (tlc_retry_take_from_savings (call)
             || tlc_retry_take_from_reserve (&call->core->retry_reserve, now_us));
}

/* Between half of it and all, so that threads which failed together do not come back together. */
static gint64
tlc_retry_draw_pause (const TlcCall *call, gint64 now_us)
{
  gint64 most_us = MIN ((gint64) TLC_RETRY_PAUSE_US << (call->n_attempts - 1),
                        TLC_RETRY_PAUSE_MAX_US);
  guint64 seed = ((guint64) now_us << 32) ^ (guint32) call->sequence;
  guint32 noise = (guint32) ((seed * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)) >> 32);

  return most_us / 2 + noise % (most_us / 2);
}

/* What breaks under the first request after a rest may have been closed as idle. Who waits for less than call-timeout, and not for long, does not know whether the
 * server was too slow. */
static void
tlc_retry_blame (TlcCall *call, TlcIo io, gint64 now_us)
{
  gboolean is_impatient = now_us - call->begun_us < MIN (call->limits.call_timeout_us, TLC_RETRY_PATIENCE_US);

  if (io != TLC_IO_TIMED_OUT && tlc_retry_is_first_after_rest (call))
    tlc_ejector_note_lost (&call->core->ejector, call->home.seat->connection->endpoint);
  else if (io != TLC_IO_TIMED_OUT || !is_impatient)
    tlc_call_blame_endpoint (call, io == TLC_IO_TIMED_OUT ? "a call timed out" : "connection lost");
}

gboolean
tlc_retry (TlcCall *call, TlcIo io)
{
  gint64 now_us = tlc_clock_now_us (), pause_us = 0;
  gboolean is_first_after_rest;

  tlc_retry_blame (call, io, now_us);
  if (io == TLC_IO_TIMED_OUT || tlc_retry_is_of_pipeline (call) || call->n_holds > 0
      || call->n_attempts >= call->limits.max_attempts || !tlc_retry_is_safe (call))
    return FALSE;
  is_first_after_rest = tlc_retry_is_first_after_rest (call);
  if (!is_first_after_rest)
    pause_us = tlc_retry_draw_pause (call, now_us);
  if (now_us + pause_us >= call->deadline_us)
    return FALSE;
  if (!(is_first_after_rest && call->delivery == TLC_DELIVERY_NOT_SENT)
      && !tlc_retry_pay (call, now_us))
    return FALSE;
  /* Nobody else should wait for a seat that we only sleep in. */
  tlc_call_leave (call, FALSE);
  tlc_counters_add (&call->counters, TLC_COUNT_RETRIES, 1);
  call->n_attempts++;
  if (pause_us > 0)
    tlc_wait (-1, 0, now_us + pause_us);
  return TRUE;
}
