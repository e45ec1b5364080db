/* SPDX-License-Identifier: Apache-2.0 */

/* Opening connections in advance, so that the first calls of threads need not, and keeping them open.
 *
 *   IDLE --too few are open: claim an EMPTY seat--> CONNECTING --writable--> leave it SPARE, IDLE
 *                                                       '--failed, too late, endpoint gone--> IDLE
 *
 * The seat is claimed before the dial begins, as by a call, so that a drain waits for it. Nobody
 * waits here: the keeper comes back when the socket is ready, and when the configuration changes. A
 * thread that waits for a seat gets this one, as a dial that may take long is less than a call.
 *
 * Endpoints are chosen as for calls, and have equal shares of connect-timeout. One that fails is not tried
 * again in this round. When all of them have failed there is a pause, each time a longer one, and then
 * another round.
 *
 * What lies unused is looked at every second: what its peer has closed is closed, and replaced. An
 * endpoint that closes what it has just accepted has failed, too. */
#include "connect/tlc-top-up.h"

#include <errno.h>
#include <poll.h>

#include "connect/tlc-dial.h"
#include "connect/tlc-hangup.h"
#include "connect/tlc-socket.h"
#include "model/tlc-clock.h"

#define TLC_TOP_UP_PAUSE_US (100 * 1000)
#define TLC_TOP_UP_PAUSE_MAX_US (30 * G_USEC_PER_SEC)
/* So long after the latest failure all are tried again. */
#define TLC_TOP_UP_ROUND_US (30 * G_USEC_PER_SEC)
/* How often it is looked for what peers have closed; and, where nobody waits to be told, for a seat. */
#define TLC_TOP_UP_LOOK_US G_USEC_PER_SEC
/* How often, while it connects, it is looked whether somebody waits for the seat. */
#define TLC_TOP_UP_YIELD_US (10 * 1000)

void
tlc_top_up_init (TlcTopUp *top_up, TlcBalance *balance, TlcLedger *ledger)
{
  *top_up = (TlcTopUp){
    .seats = balance->seats, .balance = balance, .ledger = ledger, .fd = -1, .round = 1
  };
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
  if (top_up->home.seat->connection == NULL)
    tlc_endpoint_unreserve (top_up->endpoint);
  tlc_endpoint_unref (g_steal_pointer (&top_up->endpoint));
  top_up->fd = -1;
  tlc_seats_stock (top_up->seats, &top_up->home);
  top_up->home.seat = NULL;
}

/* Those that have failed in this round. */
static GPtrArray *
tlc_top_up_list_failed (const TlcTopUp *top_up, const TlcSnapshot *current)
{
  GPtrArray *failed = g_ptr_array_new ();

  for (guint i = 0; i < current->endpoints->len; i++)
    {
      TlcEndpoint *endpoint = current->endpoints->pdata[i];

      if (endpoint->top_up_round == top_up->round)
        g_ptr_array_add (failed, endpoint);
    }
  return failed;
}

/* @endpoint, which need not be alive unless it is of @current, will not do in this round. */
static void
tlc_top_up_pass_over (TlcTopUp *top_up, const TlcSnapshot *current, const TlcEndpoint *endpoint)
{
  g_autoptr (GPtrArray) failed = NULL;
  gint64 now_us = tlc_clock_now_us ();

  for (guint i = 0; i < current->endpoints->len; i++)
    if (current->endpoints->pdata[i] == endpoint)
      ((TlcEndpoint *) current->endpoints->pdata[i])->top_up_round = top_up->round;
  top_up->failed_us = now_us;
  failed = tlc_top_up_list_failed (top_up, current);
  if (failed->len < current->endpoints->len)
    return;
  top_up->round++;
  top_up->pause_until_us
      = now_us
        + MIN ((gint64) TLC_TOP_UP_PAUSE_US << MIN (top_up->n_pauses, 16), TLC_TOP_UP_PAUSE_MAX_US);
  top_up->n_pauses++;
}

/* By @error, an errno. */
static void
tlc_top_up_fail (TlcTopUp *top_up, const TlcSnapshot *current, int error)
{
  tlc_ledger_add (top_up->ledger, TLC_COUNT_CONNECT_FAILURES, 1);
  if (tlc_dial_is_fault_of_endpoint (error))
    tlc_ejector_note_failure (top_up->balance->ejector, top_up->endpoint, g_strerror (error));
  tlc_top_up_pass_over (top_up, current, top_up->endpoint);
  tlc_top_up_leave (top_up);
}

static void
tlc_top_up_abandon (TlcTopUp *top_up)
{
  tlc_socket_close (top_up->fd);
  tlc_top_up_leave (top_up);
}

/* That it lasts is seen later: see tlc_top_up_look_at_rest(). */
static void
tlc_top_up_finish (TlcTopUp *top_up, const TlcSnapshot *current)
{
  TlcConnection *connection = tlc_dial_end (top_up->fd, top_up->endpoint, current->settings);

  if (connection == NULL)
    {
      tlc_top_up_fail (top_up, current, errno);
      return;
    }
  connection->is_reserved = TRUE;
  tlc_ledger_add (top_up->ledger, TLC_COUNT_CONNECTS, 1);
  tlc_seat_put_connection (top_up->home.seat, connection);
  tlc_seat_date (top_up->home.seat, tlc_clock_now_us ());
  tlc_top_up_leave (top_up);
}

/* Whose turn it is, with a reservation: one of them has not failed in this round. */
static TlcEndpoint *
tlc_top_up_pick (TlcTopUp *top_up, const TlcSnapshot *current)
{
  g_autoptr (GPtrArray) failed = NULL;
  TlcChoice choice = {
    .snapshot = current,
    .seat = top_up->home.seat->index,
    .now_us = tlc_clock_now_us (),
  };

  if (choice.now_us >= top_up->failed_us + TLC_TOP_UP_ROUND_US
      || current->generation != top_up->generation)
    top_up->round++;
  top_up->generation = current->generation;
  choice.tried = failed = tlc_top_up_list_failed (top_up, current);
  return tlc_balance_pick (top_up->balance, &choice);
}

/* Nothing is begun. */
static void
tlc_top_up_give_back (TlcTopUp *top_up)
{
  tlc_seats_release (top_up->seats, &top_up->home);
  top_up->home.seat = NULL;
}

/* Begins to connect, or fails at once. FALSE: there is no seat for it, or @current is out of date. */
static gboolean
tlc_top_up_begin (TlcTopUp *top_up, const TlcSnapshot *current)
{
  gint64 now_us = tlc_clock_now_us ();
  TlcEndpoint *endpoint;

  if (!tlc_seats_claim_vacant (top_up->seats, &top_up->home))
    return FALSE;
  /* Only now that the seat is claimed, so that who drains after a later change waits for it. Without: a
   * drain is over, and then a connection is opened to what it was about. Who made the change sees to it
   * that we come again. */
  if (tlc_branch_get_generation (top_up->seats->branch) != current->generation)
    {
      tlc_top_up_give_back (top_up);
      return FALSE;
    }
  tlc_seat_sign (top_up->home.seat, gettid ());
  tlc_seat_date (top_up->home.seat, now_us);
  endpoint = tlc_top_up_pick (top_up, current);
  if (endpoint == NULL)
    {
      tlc_top_up_give_back (top_up);
      return FALSE;
    }
  top_up->endpoint = tlc_endpoint_ref (endpoint);
  top_up->deadline_us
      = now_us
        + current->settings->connect_timeout_us / MIN (current->endpoints->len, TLC_DIAL_SHARES_MAX);
  top_up->fd = tlc_dial_begin (top_up->endpoint);
  if (top_up->fd < 0)
    tlc_top_up_fail (top_up, current, errno);
  return TRUE;
}

static gboolean
tlc_top_up_is_waited_for (TlcTopUp *top_up)
{
  return (tlc_seats_look (top_up->seats) & TLC_SEATS_WAIT) != 0;
}

/* FALSE: it still connects. */
static gboolean
tlc_top_up_look (TlcTopUp *top_up, const TlcSnapshot *current)
{
  struct pollfd pollfd = { .fd = top_up->fd, .events = POLLOUT };
  gint64 now_us = tlc_clock_now_us ();

  if (!tlc_snapshot_has_endpoint (current, top_up->endpoint))
    tlc_top_up_abandon (top_up);
  else if (poll (&pollfd, 1, 0) > 0)
    tlc_top_up_finish (top_up, current);
  else if (tlc_top_up_is_waited_for (top_up))
    {
      top_up->pause_until_us = now_us + TLC_TOP_UP_PAUSE_US;
      tlc_top_up_abandon (top_up);
    }
  else if (now_us >= top_up->deadline_us)
    {
      tlc_socket_close (top_up->fd);
      tlc_top_up_fail (top_up, current, ETIMEDOUT);
    }
  else
    return FALSE;
  return TRUE;
}

static void
tlc_top_up_look_at_rest (TlcTopUp *top_up, const TlcSnapshot *current)
{
  gint64 now_us = tlc_clock_now_us ();
  TlcHangup hangup;

  if (now_us < top_up->look_at_us)
    return;
  top_up->look_at_us = now_us + TLC_TOP_UP_LOOK_US;
  tlc_hangup_look (top_up->seats, now_us, &hangup);
  if (hangup.n_unused > 0)
    tlc_top_up_pass_over (top_up, current, hangup.unused_at);
  /* By a clock of coarse ticks. */
  else if (hangup.last_proved_us + 2 * TLC_SEAT_BORN_US > top_up->failed_us)
    {
      top_up->round += top_up->n_pauses > 0;
      top_up->n_pauses = 0;
    }
}

/* Seats that are claimed without a connection are about to get one, or lose it and say so. */
static gboolean
tlc_top_up_is_needed (TlcTopUp *top_up, const TlcSnapshot *current)
{
  TlcSeatsCensus census;

  tlc_seats_count (top_up->seats, &census);
  return census.n_open + census.n_opening < current->settings->min_connections;
}

TlcTopUpNext
tlc_top_up_step (TlcTopUp *top_up, const TlcSnapshot *current)
{
  for (;;)
    {
      gint64 now_us = tlc_clock_now_us ();

      if (tlc_top_up_is_connecting (top_up) && !tlc_top_up_look (top_up, current))
        return (TlcTopUpNext){ MIN (top_up->deadline_us, now_us + TLC_TOP_UP_YIELD_US), top_up->fd };
      if (current->closed || current->settings->min_connections == 0)
        return (TlcTopUpNext){ G_MAXINT64, -1 };
      tlc_top_up_look_at_rest (top_up, current);
      if (!tlc_top_up_is_needed (top_up, current))
        return (TlcTopUpNext){ top_up->look_at_us, -1 };
      if (tlc_clock_now_us () < top_up->pause_until_us)
        return (TlcTopUpNext){ MIN (top_up->pause_until_us, top_up->look_at_us), -1 };
      if (!tlc_top_up_begin (top_up, current))
        return (TlcTopUpNext){ top_up->look_at_us, -1 };
    }
}

void
tlc_top_up_after_fork_child (TlcTopUp *top_up)
{
  guint64 round = top_up->round + 1;

  if (top_up->endpoint != NULL)
    tlc_endpoint_unreserve (top_up->endpoint);
  tlc_endpoint_unref (top_up->endpoint);
  tlc_top_up_init (top_up, top_up->balance, top_up->ledger);
  top_up->round = round;
}
