/* SPDX-License-Identifier: Apache-2.0 */

/* Condemning: a call that was begun and never ended, since its thread went elsewhere with the reply
 * outstanding, must not keep its connection for ever, nor one that is held for longer than it may. Both
 * are in seats that the thread has left, AWAITING or HELD: when they are overdue they are claimed by the
 * exact word, and closed. The thread finds another word when it comes back.
 *
 * A seat that is CLAIMED is left alone: whoever has claimed it is at it, and goes by his own deadline. Only
 * a service that is closed does not wait for that: it shuts the socket down, which he notices. */
#include "connect/tlc-condemn.h"

#include "observe/tlc-thread-name.h"

void
tlc_condemn_report_hold (TlcSeats *seats, const char *name, gint32 number, gint64 held_us)
{
  g_autofree char *thread = tlc_thread_describe (number);
  char *message = g_strdup_printf ("service %s: thread %s has held a connection for %" G_GINT64_FORMAT
                                   " ms, longer than hold-timeout: closed",
                                   name, thread, held_us / 1000);

  g_debug ("%s", message);
  tlc_notifier_post (seats->notifier, TLC_EVENT_HOLD_TOO_LONG,
                     tlc_root_get_generation (seats->branch->root), name, message, NULL);
}

/* Closes the connection of @seat, which its thread has left AWAITING or HELD by @word. FALSE: the thread
 * has come back. */
static gboolean
tlc_condemn_close (TlcSeats *seats, TlcSeat *seat, guint64 word)
{
  TlcHome home = { seat, word };

  if (!tlc_seat_claim_home (&home))
    return FALSE;
  tlc_seat_close_connection (seat);
  tlc_seats_release (seats, &home);
  return TRUE;
}

static void
tlc_condemn_hold (TlcSeats *seats, TlcSeat *seat, guint64 word, const char *name, gint64 now_us)
{
  /* ORDER(seat.sign): relaxed; for messages. */
  gint32 thread = atomic_load_explicit (&seat->thread, memory_order_relaxed);
  gint64 since_us = tlc_seat_get_since (seat);

  if (tlc_condemn_close (seats, seat, word))
    tlc_condemn_report_hold (seats, name, thread, now_us - since_us);
}

/* When the call or hold in @seat is to be looked after; G_MAXINT64: there is none. */
static gint64
tlc_condemn_look (TlcSeats *seats, TlcSeat *seat, const char *name, gint64 now_us)
{
  /* ORDER(seat.word): acquire; pairs with the store that left it: with AWAITING, the deadline is that of
   * the call; with HELD, that of the hold. */
  guint64 word = atomic_load_explicit (&seat->word, memory_order_acquire);
  gint64 due_us;

  if (!TLC_SEAT_IS_IN_CALL (word) && TLC_SEAT_STATE (word) != TLC_SEAT_HELD)
    return G_MAXINT64;
  /* ORDER(seat.deadline): relaxed; read after the word. */
  due_us = atomic_load_explicit (&seat->deadline_us, memory_order_relaxed) + TLC_CONDEMN_GRACE_US;
  if (due_us > now_us)
    return due_us;
  if (TLC_SEAT_STATE (word) == TLC_SEAT_AWAITING)
    tlc_condemn_close (seats, seat, word);
  else if (TLC_SEAT_STATE (word) == TLC_SEAT_HELD)
    tlc_condemn_hold (seats, seat, word, name, now_us);
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
tlc_condemn_all (TlcSeats *seats, guint64 newest)
{
  TlcSeat *seat;

  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    {
      /* ORDER(seat.word): acquire; as in tlc_condemn_look(). */
      guint64 word = atomic_load_explicit (&seat->word, memory_order_acquire);

      if (TLC_SEAT_STATE (word) == TLC_SEAT_CLAIMED)
        tlc_seat_shut_down (seat, word, newest);
      /* What has left it so has made it current before. */
      else if (TLC_SEAT_IS_IN_CALL (word) && tlc_seat_get_stamp (seat) <= newest)
        tlc_condemn_close (seats, seat, word);
    }
}
