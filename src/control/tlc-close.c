/* SPDX-License-Identifier: Apache-2.0 */

/* Closing: a configuration without endpoints, and a drain.
 *
 *   closed: calls that begin fail, those that wait for their turn are sent away
 *      --all others ended--> nothing is open
 *      --close-timeout--> their sockets are shut down: they fail, and close them --> nothing is open
 *
 * What a thread has sent a request on and left is closed in its absence. */
#include "control/tlc-close.h"

#include "client/tlc-thread.h"
#include "connect/tlc-condemn.h"
#include "connect/tlc-drain.h"
#include "model/tlc-clock.h"

/* How often those are cut that were not to be cut before: a socket between two endpoints of a dial. */
#define TLC_CLOSE_AGAIN_MS 20

static void
tlc_close_cut (TlcCore *core)
{
  gint64 deadline_us = tlc_clock_now_us () + TLC_CLOSE_CUT_MS * 1000;
  TlcDrainReport report;
  gint64 now_us;

  do
    {
      tlc_condemn_all (&core->seats, G_MAXUINT64);
      now_us = tlc_clock_now_us ();
    }
  while (now_us < deadline_us
         && !tlc_drain (&core->seats, NULL, MIN (deadline_us, now_us + TLC_CLOSE_AGAIN_MS * 1000),
                        &report));
}

/* Until nothing is open, or the time is over. A call that its thread has forgotten is closed when it is
 * overdue. */
static gboolean
tlc_close_wait (TlcCore *core, gint64 deadline_us)
{
  TlcSeat *own = tlc_thread_peek_claimed_seat (core);
  gint64 now_us = tlc_clock_now_us ();
  TlcDrainReport report;
  gboolean is_drained;

  do
    {
      guint n_open;
      gint64 due_us = tlc_condemn_overdue (&core->seats, core->name, now_us, &n_open);

      is_drained = tlc_drain (&core->seats, own, MIN (deadline_us, due_us), &report);
      now_us = tlc_clock_now_us ();
    }
  while (!is_drained && !report.own && now_us < deadline_us);
  return is_drained;
}

void
tlc_close (TlcCore *core)
{
  tlc_close_since (core, tlc_clock_now_us ());
}

void
tlc_close_since (TlcCore *core, gint64 now_us)
{
  g_autoptr (TlcSnapshot) before = tlc_branch_read (core->branch);
  gint64 deadline_us = now_us + before->settings->close_timeout_us;

  tlc_core_end (core);
  /* What this thread has not fetched it does not wait for. */
  tlc_thread_let_go (core);
  if (!tlc_close_wait (core, deadline_us))
    tlc_close_cut (core);
}
