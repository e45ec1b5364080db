/* SPDX-License-Identifier: Apache-2.0 */

/* Whether a service can be reached, for programs that start: one that nobody can connect to yet is tried
 * again after a pause, until the time is over. */
#include "control/tlc-ready.h"

#include "client/tlc-thread.h"
#include "connect/tlc-wait.h"
#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"
#include "tlc/client.h"

#define TLC_READY_PAUSE_US (10 * 1000)
#define TLC_READY_PAUSE_MAX_US (500 * 1000)

static gboolean
tlc_ready_is_connected (TlcCore *core)
{
  TlcSeat *seat;

  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (&core->seats, &iter)) != NULL;)
    if (tlc_seat_get_endpoint (seat) != NULL)
      return TRUE;
  return FALSE;
}

/* Within @deadline_us. */
static gboolean
tlc_ready_try (TlcCore *core, TlcCall *call, gint64 deadline_us, GError **error)
{
  gint64 left_us = MAX (deadline_us - tlc_clock_now_us (), 0);
  gboolean is_connected;

  if (tlc_ready_is_connected (core))
    return TRUE;
  tlc_deadline_push ((guint) MIN (left_us / 1000 + 1, G_MAXUINT));
  is_connected = tlc_call_probe (call, error);
  tlc_deadline_pop ();
  return is_connected;
}

/* Whether it may be another time. */
static gboolean
tlc_ready_may_come (const GError *error)
{
  return g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE)
         || g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT)
         || g_error_matches (error, TLC_ERROR, TLC_ERROR_EXHAUSTED);
}

gboolean
tlc_ready_wait (TlcCore *core, gint64 deadline_us, GError **error)
{
  gint64 began_us = tlc_clock_now_us ();
  TlcSlot *slot = tlc_thread_get_slot (core, error);
  gint64 pause_us = TLC_READY_PAUSE_US;

  if (slot == NULL)
    return FALSE;
  for (;;)
    {
      g_autoptr (GError) reason = NULL;
      gint64 now_us;

      if (tlc_ready_try (core, tlc_slot_get_call (slot), deadline_us, &reason))
        return TRUE;
      now_us = tlc_clock_now_us ();
      if (!tlc_ready_may_come (reason))
        {
          g_propagate_error (error, g_steal_pointer (&reason));
          return FALSE;
        }
      if (now_us >= deadline_us)
        {
          tlc_error_set (error, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT,
                         "service %s: not ready after %" G_GINT64_FORMAT " ms: %s", core->name,
                         (now_us - began_us) / 1000, reason->message);
          return FALSE;
        }
      tlc_wait (-1, 0, MIN (deadline_us, now_us + pause_us));
      pause_us = MIN (pause_us * 2, TLC_READY_PAUSE_MAX_US);
    }
}
