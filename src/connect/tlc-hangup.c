/* SPDX-License-Identifier: Apache-2.0 */

/* Noticing that a peer has closed what nobody uses: calls look at a connection before they use it, but
 * what waits for a call counts as open until then.
 *
 * A look claims nothing, so that a thread finds its home when it comes meanwhile; only what has hung up
 * is claimed, by the word on which it was judged, and closed. */
#include "connect/tlc-hangup.h"

#include "connect/tlc-idle.h"

static gboolean
tlc_hangup_is_young (TlcSeat *seat, gint64 now_us)
{
  return now_us < tlc_seat_get_born_us (seat) + TLC_HANGUP_YOUNG_US;
}

static void
tlc_hangup_close (TlcSeats *seats, TlcSeat *seat, guint64 word, gint64 now_us, TlcHangup *hangup)
{
  TlcHome home = { seat, word };

  if (!tlc_seat_claim_home (&home))
    return;
  if (TLC_SEAT_STATE (word) == TLC_SEAT_SPARE)
    tlc_seats_forget_spare (seats);
  /* Idle limits are learnt from one of them: all, closed together, would be a server that has ended. */
  if (hangup->n_closed++ == 0)
    tlc_idle_look (seat->connection, MAX (now_us - tlc_seat_get_since (seat), 0));
  if (seat->connection->n_carried == 0 && tlc_hangup_is_young (seat, now_us))
    {
      hangup->n_unused++;
      hangup->unused_at = seat->connection->endpoint;
    }
  tlc_seat_close_connection (seat);
  tlc_seats_release (seats, &home);
}

static void
tlc_hangup_look_at (TlcSeats *seats, TlcSeat *seat, gint64 now_us, TlcHangup *hangup)
{
  /* ORDER(seat.word): acquire; with a word, what its claimant wrote before he left. */
  guint64 word = atomic_load_explicit (&seat->word, memory_order_acquire);

  if (TLC_SEAT_STATE (word) != TLC_SEAT_FREE && TLC_SEAT_STATE (word) != TLC_SEAT_SPARE)
    return;
  if (tlc_seat_is_hung_up (seat, word))
    tlc_hangup_close (seats, seat, word, now_us, hangup);
  else if (!tlc_hangup_is_young (seat, now_us))
    hangup->last_proved_us = MAX (hangup->last_proved_us, tlc_seat_get_born_us (seat));
}

void
tlc_hangup_look (TlcSeats *seats, gint64 now_us, TlcHangup *ret_hangup)
{
  TlcSeat *seat;

  *ret_hangup = (TlcHangup){ 0 };
  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    tlc_hangup_look_at (seats, seat, now_us, ret_hangup);
}
