/* SPDX-License-Identifier: Apache-2.0 */

/* What a caller does, at random, and how it may end. */
#include "support/tlc-caller.h"

#define MAX_PIPELINE 4
#define MAX_HELD 3
/* Of the server's time: shorter than a test waits, longer than calls are let go on. */
#define SLOW_MS 2000

static gint32
tlc_caller_draw (TlcCaller *caller, gint32 end)
{
  return g_rand_int_range (caller->random, 0, end);
}

/* Takes the error of a call that failed. Returns @ok. */
static gboolean
tlc_caller_end (TlcCaller *caller, gboolean ok, GError *failure)
{
  g_autoptr (GError) error = failure;

  if (ok)
    {
      caller->n_good++;
      return TRUE;
    }
  ck_assert_ptr_nonnull (error);
  if (!g_error_matches (error, TLC_ERROR, TLC_ERROR_CLOSED))
    ck_abort_msg ("neither answered nor closed: %s", error->message);
  caller->n_closed[caller->deed][tlc_error_get_delivery (error)]++;
  if (!caller->is_closed)
    caller->told_us = g_get_monotonic_time ();
  caller->is_closed = TRUE;
  return FALSE;
}

static gboolean
tlc_caller_add (TlcCaller *caller)
{
  GError *error = NULL;
  gint32 sum = 0, value = ++caller->value;
  gboolean ok = echo_if_add (caller->echo, &sum, value, 1, &error);

  if (!tlc_caller_end (caller, ok, error))
    return FALSE;
  ck_assert_int_eq (sum, value + 1);
  return TRUE;
}

/* The server counts how often it ran. */
static void
tlc_caller_run (TlcCaller *caller)
{
  GError *error = NULL;
  gint32 n = 0;
  gboolean ok = echo_if_run (caller->echo, &n, caller->id, &error);

  if (ok)
    ck_assert_int_eq (n, ++caller->n_ran);
  else
    caller->n_may_have_run += tlc_error_get_delivery (error) != TLC_DELIVERY_NOT_SENT;
  tlc_caller_end (caller, ok, error);
}

static void
tlc_caller_note (TlcCaller *caller)
{
  GError *error = NULL;
  gboolean ok = echo_if_note (caller->echo, "tlc-caller", &error);

  tlc_caller_end (caller, ok, error);
}

/* Whether it may make a slow call: there is room for some. */
static gboolean
tlc_caller_may_be_slow (TlcCaller *caller)
{
  int n = atomic_load (caller->n_may_slow);

  while (n > 0)
    if (atomic_compare_exchange_weak (caller->n_may_slow, &n, n - 1))
      return TRUE;
  return FALSE;
}

/* Sent: it may have run. */
static void
tlc_caller_end_sent (TlcCaller *caller, gboolean ok, GError *error)
{
  ck_assert_msg (ok || tlc_error_get_delivery (error) == TLC_DELIVERY_UNKNOWN, "it was sent: %s",
                 error != NULL ? error->message : "");
  tlc_caller_end (caller, ok, error);
}

static void
tlc_caller_be_slow (TlcCaller *caller)
{
  GError *error = NULL;
  gint32 value = 0;
  gboolean ok;

  if (!tlc_caller_may_be_slow (caller))
    return;
  if (!echo_client_send_take (caller->echo, SLOW_MS, 1, &error))
    {
      tlc_caller_end (caller, FALSE, error);
      return;
    }
  ok = echo_client_recv_take (caller->echo, &value, &error);
  tlc_caller_end_sent (caller, ok, error);
}

void
tlc_caller_send (TlcCaller *caller)
{
  gint32 n = 1 + tlc_caller_draw (caller, MAX_PIPELINE);

  caller->deed = TLC_CALLER_PIPELINE;
  caller->is_slow_due = tlc_caller_may_be_slow (caller);
  for (caller->n_due = 0; caller->n_due < (guint) n; caller->n_due++)
    {
      gboolean is_slow = caller->is_slow_due && caller->n_due == 0;
      GError *error = NULL;
      gint32 value = caller->value + 1;

      if (is_slow ? !echo_client_send_take (caller->echo, SLOW_MS, value, &error)
                  : !echo_client_send_add (caller->echo, value, 0, &error))
        {
          tlc_caller_end (caller, FALSE, error);
          return;
        }
      caller->value = value;
    }
}

void
tlc_caller_receive (TlcCaller *caller)
{
  gboolean is_slow = caller->is_slow_due;

  caller->deed = TLC_CALLER_PIPELINE;
  for (; caller->n_due > 0; caller->n_due--, is_slow = FALSE)
    {
      GError *error = NULL;
      gint32 value = 0;
      gboolean ok = is_slow ? echo_client_recv_take (caller->echo, &value, &error)
                            : echo_client_recv_add (caller->echo, &value, &error);

      tlc_caller_end_sent (caller, ok, error);
      if (ok)
        ck_assert_int_eq (value, caller->value + 1 - (gint32) caller->n_due);
    }
}

static void
tlc_caller_hold (TlcCaller *caller)
{
  GError *error = NULL;
  gint32 n = tlc_caller_draw (caller, MAX_HELD);
  gboolean ok = tlc_client_hold (caller->echo, &error);

  if (!tlc_caller_end (caller, ok, error))
    return;
  while (n-- > 0 && tlc_caller_add (caller))
    ;
  tlc_client_release (caller->echo);
}

void
tlc_caller_act (TlcCaller *caller)
{
  caller->deed = (TlcCallerDeed) tlc_caller_draw (caller, TLC_CALLER_DEEDS);
  switch (caller->deed)
    {
    case TLC_CALLER_RUN:
      tlc_caller_run (caller);
      return;
    case TLC_CALLER_NOTE:
      tlc_caller_note (caller);
      return;
    case TLC_CALLER_PIPELINE:
      tlc_caller_send (caller);
      tlc_caller_receive (caller);
      return;
    case TLC_CALLER_HOLD:
      tlc_caller_hold (caller);
      return;
    case TLC_CALLER_SLOW:
      tlc_caller_be_slow (caller);
      return;
    default:
      tlc_caller_add (caller);
    }
}

void
tlc_caller_must_be_refused (TlcCaller *caller)
{
  g_autoptr (GError) error = NULL;
  gint32 sum = 0;

  ck_assert_uint_eq (caller->n_due, 0);
  ck_assert (!echo_if_add (caller->echo, &sum, 1, 2, &error));
  if (!g_error_matches (error, TLC_ERROR, TLC_ERROR_CLOSED)
      || tlc_error_get_delivery (error) != TLC_DELIVERY_NOT_SENT)
    ck_abort_msg ("after the close: %s", error->message);
}
