/* SPDX-License-Identifier: Apache-2.0 */

/* Condemning: a call that was begun and never ended, since its thread went elsewhere with the reply
 * outstanding, must not keep its connection for ever. The keeper shuts the socket down, which the
 * peer sees at once; to close it is the owner's, whenever he comes back, and he finds that his call
 * has timed out.
 *
 * The keeper may be looking at a call that ends at the same moment. But whoever ends a call after
 * its deadline closes the connection, so what is shut down is not used again. */
#include "connect/tlc-condemn.h"

/* When the call in @seat is to be looked after; G_MAXINT64: there is none. */
static gint64
tlc_condemn_look (TlcSeat *seat, gint64 now_us)
{
  /* ORDER(seat.word): acquire; pairs with the claim: with the word of a claim, the deadline is that
   * of its call, or 0. */
  guint64 word = atomic_load_explicit (&seat->word, memory_order_acquire);
  gint64 due_us;

  if (TLC_SEAT_STATE (word) != TLC_SEAT_CLAIMED)
    return G_MAXINT64;
  /* ORDER(seat.deadline): relaxed; read after the word. */
  due_us = atomic_load_explicit (&seat->deadline_us, memory_order_relaxed);
  if (due_us == 0)
    return G_MAXINT64;
  due_us += TLC_CONDEMN_GRACE_US;
  if (due_us > now_us)
    return due_us;
  tlc_seat_shut_down (seat, word);
  return G_MAXINT64;
}

gint64
tlc_condemn_overdue (TlcSeats *seats, gint64 now_us, guint *ret_n_open)
{
  gint64 next_us = G_MAXINT64;
  TlcSeat *seat;

  *ret_n_open = 0;
  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    {
      gint64 due_us = tlc_condemn_look (seat, now_us);

      next_us = MIN (next_us, due_us);
      *ret_n_open += tlc_seat_get_endpoint (seat) != NULL;
    }
  return next_us;
}
