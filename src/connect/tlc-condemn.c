/* SPDX-License-Identifier: Apache-2.0 */

/* Condemning: a call that was begun and never ended, since its thread went elsewhere with the reply
 * outstanding, must not keep its connection for ever. The keeper shuts the socket down, which the
 * peer sees at once; to close it is the owner's, whenever he comes back, and he finds that his call
 * has timed out.
 *
 * A connection that is held for longer than it may is closed where its holder is between two calls:
 * a seat that is HELD can be claimed for that. Where he is in a call, after it.
 *
 * The keeper may be looking at a call that ends at the same moment. But whoever ends a call after
 * its deadline closes the connection, so what is shut down is not used again. */
#include "connect/tlc-condemn.h"

#include "observe/tlc-thread-name.h"

/* Reports the hold that is in @seat by @word, and ends it. */
static void
tlc_condemn_hold (TlcSeats *seats, TlcSeat *seat, guint64 word, const char *name, gint64 now_us)
{
  /* ORDER(seat.sign): relaxed; for messages. */
  gint32 number = atomic_load_explicit (&seat->thread, memory_order_relaxed);
  gint64 since_us = tlc_seat_get_since (seat);
  TlcHome home = { seat, word };
  g_autofree char *thread = NULL;

  if (!tlc_seat_claim_home (&home))
    return;
  thread = tlc_thread_describe (number);
  g_debug (
      "service %s: thread %s holds a connection for longer than hold-timeout, and has not called "
      "for %" G_GINT64_FORMAT " ms: closed",
      name, thread, (now_us - since_us) / 1000);
  tlc_seat_close_connection (seat);
  tlc_seats_release (seats, &home);
}

/* When the call or hold in @seat is to be looked after; G_MAXINT64: there is none. */
static gint64
tlc_condemn_look (TlcSeats *seats, TlcSeat *seat, const char *name, gint64 now_us)
{
  /* ORDER(seat.word): acquire; pairs with the claim: with the word of a claim, the deadline is that
   * of its call, or 0; with HELD, that of the hold. */
  guint64 word = atomic_load_explicit (&seat->word, memory_order_acquire);
  gboolean is_held = TLC_SEAT_STATE (word) == TLC_SEAT_HELD;
  gint64 due_us;

  if (TLC_SEAT_STATE (word) != TLC_SEAT_CLAIMED && !is_held)
    return G_MAXINT64;
  /* ORDER(seat.deadline): relaxed; read after the word. */
  due_us = atomic_load_explicit (&seat->deadline_us, memory_order_relaxed);
  if (due_us == 0)
    return G_MAXINT64;
  due_us += TLC_CONDEMN_GRACE_US;
  if (due_us > now_us)
    return due_us;
  if (is_held)
    tlc_condemn_hold (seats, seat, word, name, now_us);
  else
    tlc_seat_shut_down (seat, word);
  return G_MAXINT64;
}

gint64
tlc_condemn_overdue (TlcSeats *seats, const char *name, gint64 now_us, guint *ret_n_open)
{
  gint64 next_us = G_MAXINT64;
  TlcSeat *seat;

  *ret_n_open = 0;
  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    {
      gint64 due_us = tlc_condemn_look (seats, seat, name, now_us);

      next_us = MIN (next_us, due_us);
      *ret_n_open += tlc_seat_get_endpoint (seat) != NULL;
    }
  return next_us;
}

void
tlc_condemn_all (TlcSeats *seats)
{
  TlcSeat *seat;

  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    {
      /* ORDER(seat.word): acquire; as in tlc_condemn_look(). */
      guint64 word = atomic_load_explicit (&seat->word, memory_order_acquire);

      if (TLC_SEAT_STATE (word) == TLC_SEAT_CLAIMED)
        tlc_seat_shut_down (seat, word);
    }
}
