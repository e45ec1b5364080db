/* SPDX-License-Identifier: Apache-2.0 */

/* Sweeping: a thread that sleeps, or has gone, must not keep a connection open for ever, and it does not
 * wake up to close it.
 *
 * What nobody uses can be claimed, by the exact word on which it was judged, and closed. The thread that
 * was at home there finds another word when it comes back, and another seat.
 *
 * What is in use when it becomes too old is closed by its claimant: he is reminded by the stamp, which he
 * compares whenever he releases, so that calls need not look at ages. */
#include "connect/tlc-sweep.h"

#include "model/tlc-clock.h"

typedef struct {
  TlcSeats *seats;
  const TlcSettings *settings;
  gint64 now_us;
  guint64 n_surplus; /* so many may be closed though they are not too old */
  gint64 next_us;
} TlcSweep;

static void
tlc_sweep_note (TlcSweep *sweep, gint64 due_us)
{
  sweep->next_us = MIN (sweep->next_us, due_us);
}

static void
tlc_sweep_unclaimed (TlcSweep *sweep, TlcSeat *seat, guint64 word, gint64 expiry_us)
{
  gint64 idle_us = tlc_seat_get_since (seat) + sweep->settings->idle_timeout_us;

  if (sweep->now_us < expiry_us && (sweep->now_us < idle_us || sweep->n_surplus == 0))
    {
      tlc_sweep_note (sweep, sweep->n_surplus == 0 ? expiry_us : MIN (expiry_us, idle_us));
      return;
    }
  if (tlc_seats_reclaim (sweep->seats, seat, word, TLC_RECLAIM_IDLE) && sweep->n_surplus > 0)
    sweep->n_surplus--;
}

static void
tlc_sweep_seat (TlcSweep *sweep, TlcSeat *seat)
{
  /* ORDER(seat.word): acquire; with a word, what its claimant wrote before he left. */
  guint64 word = atomic_load_explicit (&seat->word, memory_order_acquire);
  gint64 expiry_us = tlc_seat_get_expiry_us (seat, sweep->settings->max_age_us);

  switch (TLC_SEAT_STATE (word))
    {
    case TLC_SEAT_FREE:
    case TLC_SEAT_SPARE:
      tlc_sweep_unclaimed (sweep, seat, word, expiry_us);
      return;
    case TLC_SEAT_AWAITING:
    case TLC_SEAT_CLAIMED:
      if (sweep->now_us < expiry_us)
        {
          tlc_sweep_note (sweep, expiry_us);
          return;
        }
      tlc_seats_remind (seat);
      tlc_sweep_note (sweep, sweep->now_us + TLC_SWEEP_REMIND_US);
      return;
    case TLC_SEAT_EMPTY:
    case TLC_SEAT_HELD: /* as long as hold-timeout lets it: see tlc-condemn.h */
      return;
    }
}

gint64
tlc_sweep (TlcSeats *seats, const TlcSettings *settings, gint64 now_us)
{
  TlcSweep sweep = { .seats = seats, .settings = settings, .now_us = now_us, .next_us = G_MAXINT64 };
  TlcSeatsCensus census;
  TlcSeat *seat;

  tlc_seats_count (seats, &census);
  sweep.n_surplus = census.n_open - MIN (census.n_open, settings->min_connections);
  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    tlc_sweep_seat (&sweep, seat);
  return MAX (sweep.next_us, now_us + TLC_SWEEP_SLACK_US);
}
