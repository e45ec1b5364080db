/* SPDX-License-Identifier: Apache-2.0 */

/* Draining: waiting until what was retired is not used any more.
 *
 * The drainer looks at every seat. What no call uses he closes himself, whether its thread sleeps
 * or not. A seat that is claimed is in order if its connection leads where the configuration still
 * does, or once its stamp says that it was made current with the generation in question or a later
 * one; its claimant does that at the end of the call at the latest, and wakes the drainer. */
#include "connect/tlc-drain.h"

#include "model/tlc-clock.h"

static void
tlc_drain_note (TlcDrainReport *report, TlcSeat *seat, gboolean own)
{
  gint64 since_us = tlc_seat_get_since (seat);

  report->own |= own;
  if (report->n_claimed++ > 0 && since_us >= report->since_us)
    return;
  report->since_us = since_us;
  /* ORDER(seat.sign): relaxed; for messages. */
  report->thread = atomic_load_explicit (&seat->thread, memory_order_relaxed);
  report->endpoint = tlc_seat_get_endpoint (seat);
}

/* Whether nothing in @seat is older than @generation. */
static gboolean
tlc_drain_seat (TlcSeats *seats, TlcSeat *seat, guint64 generation, const TlcSnapshot *current)
{
  for (;;)
    {
      guint64 word;

      if (tlc_seats_clean (seats, seat, current))
        return TRUE;
      /* ORDER(seat.stamp): seq_cst; pairs with the store in tlc_seats_make_current(): with a stamp
       * that is current, what was retired is closed. */
      if (atomic_load_explicit (&seat->stamp, memory_order_seq_cst) >= generation
          || (tlc_seats_has (seats, seat)
              && tlc_snapshot_has_endpoint (current, tlc_seat_get_endpoint (seat))))
        return TRUE;
      /* ORDER(seat.word): seq_cst; as in tlc_seats_clean(): was it claimed, or left meanwhile? */
      word = atomic_load_explicit (&seat->word, memory_order_seq_cst);
      if (TLC_SEAT_IS_IN_CALL (word))
        return FALSE;
    }
}

static gboolean
tlc_drain_scan (TlcSeats *seats, const TlcSeat *own, guint64 generation, TlcDrainReport *report)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (seats->branch);
  TlcSeat *seat;

  *report = (TlcDrainReport){ 0 };
  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    if (!tlc_drain_seat (seats, seat, generation, current))
      tlc_drain_note (report, seat, seat == own);
  return report->n_claimed == 0;
}

static guint64
tlc_drain_count_moves (TlcSeats *seats)
{
  guint64 n_moved;

  pthread_mutex_lock (&seats->drain_lock);
  n_moved = seats->n_moved;
  pthread_mutex_unlock (&seats->drain_lock);
  return n_moved;
}

/* Until a seat is made current, if none was since @n_moved was counted. FALSE: the deadline has
 * passed. */
static gboolean
tlc_drain_wait (TlcSeats *seats, guint64 n_moved, gint64 deadline_us)
{
  pthread_mutex_lock (&seats->drain_lock);
  while (seats->n_moved == n_moved
         && tlc_clock_wait (&seats->drain_moved, &seats->drain_lock, deadline_us) == 0)
    ;
  pthread_mutex_unlock (&seats->drain_lock);
  return tlc_clock_now_us () < deadline_us;
}

gboolean
tlc_drain (TlcSeats *seats, const TlcSeat *own, gint64 deadline_us, TlcDrainReport *ret_report)
{
  guint64 generation = tlc_branch_get_generation (seats->branch) << 1;
  gboolean is_drained, in_time = TRUE;

  /* ORDER(seats.drainers): seq_cst; before the scan, pairs with the look for drainers in
   * tlc_seats_make_current().
   * Without: a seat is made current after our scan and before our sleep, and nobody wakes us. */
  atomic_fetch_add_explicit (&seats->n_drainers, 1, memory_order_seq_cst);
  for (;;)
    {
      guint64 n_moved = tlc_drain_count_moves (seats);

      is_drained = tlc_drain_scan (seats, own, generation, ret_report);
      if (is_drained || ret_report->own || !in_time)
        break;
      in_time = tlc_drain_wait (seats, n_moved, deadline_us);
    }
  /* ORDER(seats.drainers): relaxed; who still wakes us wakes nobody. */
  atomic_fetch_sub_explicit (&seats->n_drainers, 1, memory_order_relaxed);
  return is_drained;
}
