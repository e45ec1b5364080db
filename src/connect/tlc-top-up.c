/* SPDX-License-Identifier: Apache-2.0 */

/* Opening connections in advance, so that the first calls of threads need not.
 *
 *   IDLE --too few are open: claim an EMPTY seat--> CONNECTING --writable--> leave it SPARE, IDLE
 *                                                       '--failed, too late, endpoint gone--> IDLE
 *
 * The seat is claimed before the dial begins, as by a call, so that a drain waits for it. Nobody
 * waits here: the keeper comes back when the socket is ready, and when the configuration changes.
 * After a failure it tries the next endpoint, each time after a longer pause. */
#include "connect/tlc-top-up.h"

#include <errno.h>
#include <poll.h>

#include "connect/tlc-dial.h"
#include "connect/tlc-socket.h"
#include "model/tlc-clock.h"

#define TLC_TOP_UP_PAUSE_US (100 * 1000)
#define TLC_TOP_UP_PAUSE_MAX_US (30 * G_USEC_PER_SEC)

void
tlc_top_up_init (TlcTopUp *top_up, TlcSeats *seats, TlcLedger *ledger)
{
  *top_up = (TlcTopUp){ .seats = seats, .ledger = ledger, .fd = -1 };
}

static gboolean
tlc_top_up_is_connecting (const TlcTopUp *top_up)
{
  return top_up->fd >= 0;
}

/* The seat is left as it is, and whatever was under way is over. */
static void
tlc_top_up_leave (TlcTopUp *top_up)
{
  tlc_endpoint_unref (g_steal_pointer (&top_up->endpoint));
  top_up->fd = -1;
  tlc_seats_stock (top_up->seats, &top_up->home);
  top_up->home.seat = NULL;
}

static void
tlc_top_up_fail (TlcTopUp *top_up)
{
  tlc_ledger_add (top_up->ledger, TLC_COUNT_CONNECT_FAILURES, 1);
  top_up->pause_until_us
      = tlc_clock_now_us ()
        + MIN ((gint64) TLC_TOP_UP_PAUSE_US << MIN (top_up->n_failed, 16), TLC_TOP_UP_PAUSE_MAX_US);
  top_up->n_failed++;
  tlc_top_up_leave (top_up);
}

static void
tlc_top_up_abandon (TlcTopUp *top_up)
{
  tlc_socket_close (top_up->fd);
  tlc_top_up_leave (top_up);
}

static void
tlc_top_up_finish (TlcTopUp *top_up, const TlcSettings *settings)
{
  TlcConnection *connection = tlc_dial_end (top_up->fd, top_up->endpoint, settings);

  if (connection == NULL)
    {
      tlc_top_up_fail (top_up);
      return;
    }
  tlc_ledger_add (top_up->ledger, TLC_COUNT_CONNECTS, 1);
  top_up->n_failed = 0;
  top_up->pause_until_us = 0;
  tlc_seat_put_connection (top_up->home.seat, connection);
  tlc_seat_date (top_up->home.seat, tlc_clock_now_us ());
  tlc_top_up_leave (top_up);
}

/* FALSE: nothing can be done now. */
static gboolean
tlc_top_up_begin (TlcTopUp *top_up, const TlcSnapshot *current)
{
  gpointer endpoint = current->endpoints->pdata[top_up->n_failed % current->endpoints->len];

  if (!tlc_seats_claim_vacant (top_up->seats, &top_up->home))
    return FALSE;
  /* Only now that the seat is claimed, so that who drains after a later change waits for it. Without: a
   * drain is over, and then a connection is opened to what it was about. Who made the change sees to it
   * that we come again. */
  if (tlc_seats_get_generation (top_up->seats) != current->generation)
    {
      tlc_seats_release (top_up->seats, &top_up->home);
      top_up->home.seat = NULL;
      return FALSE;
    }
  tlc_seat_sign (top_up->home.seat, gettid ());
  tlc_seat_date (top_up->home.seat, tlc_clock_now_us ());
  top_up->endpoint = tlc_endpoint_ref (endpoint);
  top_up->deadline_us = tlc_clock_now_us () + current->settings->connect_timeout_us;
  top_up->fd = tlc_dial_begin (endpoint);
  if (top_up->fd < 0)
    tlc_top_up_fail (top_up);
  return TRUE;
}

/* FALSE: it still connects. */
static gboolean
tlc_top_up_look (TlcTopUp *top_up, const TlcSnapshot *current)
{
  struct pollfd pollfd = { .fd = top_up->fd, .events = POLLOUT };

  if (!tlc_snapshot_has_endpoint (current, top_up->endpoint))
    tlc_top_up_abandon (top_up);
  else if (poll (&pollfd, 1, 0) > 0)
    tlc_top_up_finish (top_up, current->settings);
  else if (tlc_clock_now_us () >= top_up->deadline_us)
    {
      tlc_socket_close (top_up->fd);
      tlc_top_up_fail (top_up);
    }
  else
    return FALSE;
  return TRUE;
}

static gboolean
tlc_top_up_is_needed (TlcTopUp *top_up, const TlcSnapshot *current)
{
  TlcSeatsCensus census;

  if (current->closed || current->settings->min_connections == 0)
    return FALSE;
  tlc_seats_count (top_up->seats, &census);
  return census.n_open < current->settings->min_connections;
}

TlcTopUpNext
tlc_top_up_step (TlcTopUp *top_up, const TlcSnapshot *current)
{
  const TlcTopUpNext never = { G_MAXINT64, -1 };

  for (;;)
    {
      if (tlc_top_up_is_connecting (top_up) && !tlc_top_up_look (top_up, current))
        return (TlcTopUpNext){ top_up->deadline_us, top_up->fd };
      if (!tlc_top_up_is_needed (top_up, current))
        return never;
      if (tlc_clock_now_us () < top_up->pause_until_us)
        return (TlcTopUpNext){ top_up->pause_until_us, -1 };
      if (!tlc_top_up_begin (top_up, current))
        return never;
    }
}

void
tlc_top_up_after_fork_child (TlcTopUp *top_up)
{
  tlc_endpoint_unref (top_up->endpoint);
  tlc_top_up_init (top_up, top_up->seats, top_up->ledger);
}
