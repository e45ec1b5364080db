/* SPDX-License-Identifier: Apache-2.0 */

/* Seats: where connections sit between calls, and who may touch them.
 *
 * Every way in is a claim (compare-and-swap of a word that was read, to CLAIMED), every way out
 * is a release. A thread's next call claims its home by the exact word that it left there: one
 * compare-and-swap that meets nobody. A free connection is nobody's, so whoever wins the claim
 * may close it without asking its thread.
 *
 * A change is announced, by raising the generation of each service that it concerns, and then published,
 * by one store for all of them. A claimant looks at the generation only after its claim, and once more
 * after it left. Where that is not the seat's it goes by the snapshot in force, the old one or
 * the new: so nobody who has seen one service after a change sees another as it was before, no connection
 * to a retired endpoint is used, and none is forgotten in a seat. */
#include "connect/tlc-seats.h"

#include <stdlib.h>

#include "model/tlc-cancel.h"
#include "model/tlc-clock.h"

void
tlc_seats_init (TlcSeats *seats, TlcBranch *branch, const TlcSnapshot *first)
{
  seats->branch = branch;
  atomic_init (&seats->attention, first->generation << 1);
  atomic_init (&seats->cap, first->settings->max_connections);
  atomic_init (&seats->has_strays, first->settings->max_connections != TLC_SEATS_UNLIMITED);
  atomic_init (&seats->max_age_us, first->settings->max_age_us);
  tlc_queue_init (&seats->queue);
  pthread_mutex_init (&seats->drain_lock, NULL);
  pthread_cond_init (&seats->drain_moved, NULL);
}

void
tlc_seats_set_notifier (TlcSeats *seats, TlcNotifier *notifier)
{
  seats->notifier = tlc_notifier_ref (notifier);
}

TlcSeat *
tlc_seats_next (TlcSeats *seats, TlcSeatsIter *iter)
{
  for (; iter->chunk < TLC_SEATS_CHUNKS; iter->chunk++, iter->index = 0)
    {
      TlcSeat *row = tlc_seats_get_chunk (seats, iter->chunk);

      if (row != NULL && iter->index < tlc_seats_chunk_size (iter->chunk))
        return &row[iter->index++];
    }
  return NULL;
}

void
tlc_seats_clear (TlcSeats *seats)
{
  TlcSeat *seat;

  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    tlc_seat_close_connection (seat);
  for (guint chunk = 0; chunk < TLC_SEATS_CHUNKS; chunk++)
    free (tlc_seats_get_chunk (seats, chunk));
  pthread_cond_destroy (&seats->drain_moved);
  pthread_mutex_destroy (&seats->drain_lock);
  tlc_queue_clear (&seats->queue);
  tlc_notifier_unref (seats->notifier);
}

static void
tlc_seats_close_for (TlcSeats *seats, TlcSeat *seat, TlcReclaim why)
{
  /* ORDER(counter): relaxed; statistics. */
  atomic_fetch_add_explicit (why == TLC_RECLAIM_RETIRED ? &seats->reclaimed_retired
                                                        : &seats->reclaimed_idle,
                             1, memory_order_relaxed);
  tlc_seat_close_connection (seat);
}

/* Closes the connection if its endpoint is retired or the seat beyond the cap, or if it cannot be
 * brought up to date. */
static void
tlc_seats_judge_connection (TlcSeats *seats, TlcSeat *seat, const TlcSnapshot *current)
{
  if (seat->connection == NULL)
    return;
  if (!tlc_snapshot_has_endpoint (current, seat->connection->endpoint)
      || !tlc_seats_has (seats, seat))
    tlc_seats_close_for (seats, seat, TLC_RECLAIM_RETIRED);
  else if (!tlc_connection_adjust (seat->connection, current->settings))
    tlc_seat_close_connection (seat);
}

void
tlc_seats_make_current (TlcSeats *seats, TlcSeat *seat)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (seats->branch);

  tlc_seats_judge_connection (seats, seat, current);
  /* ORDER(seat.stamp): seq_cst; pairs with the load in the drainer's scan.
   * Orders:  the old connection is closed  ->  the stamp is current  ->  the look for drainers.
   * Without: a drainer takes a current stamp for a closed connection; or he goes to sleep on the
   * old stamp while we find no drainer to wake. */
  atomic_store_explicit (&seat->stamp, TLC_SEATS_STAMP (current), memory_order_seq_cst);
  /* ORDER(seats.drainers): seq_cst; pairs with the drainer's entry, which is before his scan. */
  if (atomic_load_explicit (&seats->n_drainers, memory_order_seq_cst) == 0)
    return;
  pthread_mutex_lock (&seats->drain_lock);
  seats->n_moved++;
  pthread_cond_broadcast (&seats->drain_moved);
  pthread_mutex_unlock (&seats->drain_lock);
}

gboolean
tlc_seats_is_outdated (TlcSeats *seats, TlcSeat *seat)
{
  return !tlc_seats_is_current (seats, seat)
         && tlc_seat_get_stamp (seat) != tlc_branch_get_generation (seats->branch) << 1;
}

/* Whether somebody waits who can be given @seat, which is about to be left in @state. */
static gboolean
tlc_seats_is_awaited (TlcSeats *seats, TlcSeat *seat, guint64 attention, TlcSeatState state)
{
  return (attention & TLC_SEATS_WAIT) != 0 && state != TLC_SEAT_HELD && tlc_seats_has (seats, seat);
}

/* Between calls only: what is held is one conversation, however long. */
static void
tlc_seats_judge_age (TlcSeats *seats, TlcSeat *seat)
{
  /* ORDER(seats.max_age): relaxed; a change is seen by the next call, or by the sweeper. */
  gint64 max_age_us = atomic_load_explicit (&seats->max_age_us, memory_order_relaxed);

  if (max_age_us > 0 && tlc_clock_last_tick_us () >= tlc_seat_get_expiry_us (seat, max_age_us))
    tlc_seats_close_for (seats, seat, TLC_RECLAIM_IDLE);
}

/* The second look, after @seat was left in @state, current by @stamp. What is announced and not in force
 * yet is none of our business: the sweep that follows its publication finds what we left. (Nor could
 * anything be done about it, but to come here again and again until the writer has the processor.) */
static gboolean
tlc_seats_has_left_work (TlcSeats *seats, TlcSeat *seat, guint64 stamp, TlcSeatState state)
{
  guint64 attention = tlc_seats_look (seats);

  return tlc_seat_look_at_stamp (seat) != stamp
         || tlc_seats_is_awaited (seats, seat, attention, state)
         || (TLC_SEATS_GENERATION (attention) != stamp
             && tlc_branch_get_generation (seats->branch) << 1 != stamp);
}

void
tlc_seats_release_as (TlcSeats *seats, TlcHome *home, TlcSeatState as)
{
  /* Who is to get the seat is out of the queue before he is told, and something is sent between. */
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  TlcSeat *seat = home->seat;
  TlcSeatState state;
  guint64 stamp;

  do
    {
      tlc_seats_refresh (seats, seat);
      if (as != TLC_SEAT_HELD)
        tlc_seats_judge_age (seats, seat);
      state = seat->connection != NULL ? as : TLC_SEAT_EMPTY;
      stamp = tlc_seat_get_stamp (seat);
      if (tlc_seats_is_awaited (seats, seat, tlc_seats_look (seats), state)
          && tlc_queue_serve (seats, home))
        return;
      tlc_seat_leave (home, state);
    }
  while (tlc_seats_has_left_work (seats, seat, stamp, state) && tlc_seat_claim_home (home));
}

static gboolean
tlc_seats_may_be_spare (TlcSeats *seats, guint max_spare)
{
  /* ORDER(seats.spare): relaxed; a count. */
  guint n_spare = atomic_load_explicit (&seats->n_spare, memory_order_relaxed);

  do
    if (n_spare >= max_spare)
      return FALSE;
  /* ORDER(seats.spare): relaxed; a count. */
  while (!atomic_compare_exchange_weak_explicit (&seats->n_spare, &n_spare, n_spare + 1,
                                                 memory_order_relaxed, memory_order_relaxed));
  return TRUE;
}

static void
tlc_seats_leave_spare (TlcSeats *seats, TlcHome *home)
{
  tlc_seats_release_as (seats, home, TLC_SEAT_SPARE);
  if (TLC_SEAT_STATE (home->word) != TLC_SEAT_SPARE)
    tlc_seats_forget_spare (seats);
}

void
tlc_seats_stock (TlcSeats *seats, TlcHome *home)
{
  /* ORDER(seats.spare): relaxed; a count. */
  atomic_fetch_add_explicit (&seats->n_spare, 1, memory_order_relaxed);
  tlc_seats_leave_spare (seats, home);
}

void
tlc_seats_donate (TlcSeats *seats, TlcHome *home, guint max_spare)
{
  if (home->seat->connection == NULL || !tlc_seats_may_be_spare (seats, max_spare))
    {
      tlc_seat_close_connection (home->seat);
      tlc_seats_release_as (seats, home, TLC_SEAT_FREE);
      return;
    }
  tlc_seats_leave_spare (seats, home);
}

/* How far the generation is to be raised. */
static guint64
tlc_seats_measure_raise_unlocked (TlcSeats *seats, const TlcSnapshot *next)
{
  return TLC_SEATS_STAMP (next) - TLC_SEATS_GENERATION (tlc_seats_look (seats));
}

void
tlc_seats_announce_unlocked (TlcSeats *seats, const TlcSnapshot *next)
{
  guint cap = next->settings->max_connections;

  /* ORDER(seats.cap): release; before the generation is raised. Pairs with tlc_seats_has(). */
  atomic_store_explicit (&seats->cap, cap, memory_order_release);
  /* ORDER(seats.cap): relaxed; who publishes follows his change. */
  if (cap != TLC_SEATS_UNLIMITED)
    atomic_store_explicit (&seats->has_strays, TRUE, memory_order_relaxed);
  /* ORDER(seats.max_age): relaxed; see tlc_seats_judge_age(). */
  atomic_store_explicit (&seats->max_age_us, next->settings->max_age_us, memory_order_relaxed);
  /* ORDER(seats.attention): seq_cst; pairs with tlc_seats_look(). Before the snapshots are published, so
   * that whoever has seen one of them takes no seat of another service for current that is not.
   * Without: a call goes to the new endpoint of one service, and the next one to the old endpoint of
   * another. Checked: tests/stress/stress-torn.c */
  atomic_fetch_add_explicit (&seats->attention, tlc_seats_measure_raise_unlocked (seats, next),
                             memory_order_seq_cst);
}

void
tlc_seats_publish_unlocked (TlcSeats *seats, TlcSnapshot *next)
{
  tlc_seats_announce_unlocked (seats, next);
  tlc_branch_publish_unlocked (seats->branch, next);
}

static gboolean
tlc_seats_is_in_force (TlcSeats *seats, const TlcEndpoint *endpoint)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (seats->branch);

  return tlc_snapshot_has_endpoint (current, endpoint);
}

gboolean
tlc_seats_reclaim (TlcSeats *seats, TlcSeat *seat, guint64 word, TlcReclaim why)
{
  TlcHome home = { seat, word };

  if (!tlc_seat_claim_home (&home))
    return FALSE;
  if (TLC_SEAT_STATE (word) == TLC_SEAT_SPARE)
    tlc_seats_forget_spare (seats);
  tlc_seats_close_for (seats, seat, why);
  tlc_seats_release (seats, &home);
  return TRUE;
}

void
tlc_seats_remind (TlcSeat *seat)
{
  /* ORDER(seat.stamp): seq_cst; pairs with tlc_seat_look_at_stamp(). Should the claimant's own come after
   * it, we come again. */
  atomic_store_explicit (&seat->stamp, 0, memory_order_seq_cst);
}

gboolean
tlc_seats_clean (TlcSeats *seats, TlcSeat *seat, const TlcSnapshot *current)
{
  /* ORDER(seat.word): seq_cst; after the raise, pairs with tlc_seat_leave(): what is left later
   * than this is looked after by whoever leaves it. */
  guint64 word = atomic_load_explicit (&seat->word, memory_order_seq_cst);
  const TlcEndpoint *endpoint;

  if (TLC_SEAT_IS_IN_CALL (word) || TLC_SEAT_STATE (word) == TLC_SEAT_EMPTY)
    return TLC_SEAT_STATE (word) == TLC_SEAT_EMPTY;
  endpoint = tlc_seat_get_endpoint (seat);
  /* A seat in order must not be claimed: its thread would not find home again, and nobody would
   * use the connection or close it. So a second look, at what is in force now that the word was
   * read; and should the endpoint come back after that, the connection is closed nevertheless. */
  if (tlc_seats_has (seats, seat)
      && (tlc_snapshot_has_endpoint (current, endpoint) || tlc_seats_is_in_force (seats, endpoint)))
    return TRUE;
  return tlc_seats_reclaim (seats, seat, word, TLC_RECLAIM_RETIRED);
}

static void
tlc_seats_sweep_retired (TlcSeats *seats)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (seats->branch);
  TlcSeat *seat;

  /* Seats that are claimed, now or before we get to them, are looked after by their claimants. */
  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    tlc_seats_clean (seats, seat, current);
}

/* Where the cap has risen there are seats that nobody claims, and nobody else would release one. */
static void
tlc_seats_serve_all (TlcSeats *seats)
{
  while ((tlc_seats_look (seats) & TLC_SEATS_WAIT) != 0 && tlc_seats_offer (seats))
    ;
}

/* Where the cap is gone nobody steals. A thread that stole, or was given a seat, left a FREE one behind that
 * is nobody's home; which of them that are nobody knows, so all are SPARE now. */
static void
tlc_seats_gather_strays (TlcSeats *seats)
{
  TlcSeat *seat;

  /* ORDER(seats.cap): acquire; as in tlc_seats_has(). */
  if (atomic_load_explicit (&seats->cap, memory_order_acquire) != TLC_SEATS_UNLIMITED
      /* ORDER(seats.cap): relaxed; as where it is set. */
      || !atomic_exchange_explicit (&seats->has_strays, FALSE, memory_order_relaxed))
    return;
  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    {
      /* ORDER(seat.word): acquire; what is claimed meanwhile has a thread. */
      TlcHome home = { seat, atomic_load_explicit (&seat->word, memory_order_acquire) };

      if (TLC_SEAT_STATE (home.word) == TLC_SEAT_FREE && tlc_seat_claim_home (&home))
        tlc_seats_stock (seats, &home);
    }
}

void
tlc_seats_follow_change (TlcSeats *seats)
{
  tlc_seats_sweep_retired (seats);
  tlc_seats_gather_strays (seats);
  tlc_seats_serve_all (seats);
}

void
tlc_seats_before_fork (TlcSeats *seats)
{
  pthread_mutex_lock (&seats->drain_lock);
  tlc_queue_before_fork (&seats->queue);
}

void
tlc_seats_after_fork_parent (TlcSeats *seats)
{
  tlc_queue_after_fork_parent (&seats->queue);
  pthread_mutex_unlock (&seats->drain_lock);
}

/* Whoever had claimed it is not here. */
static void
tlc_seats_empty (TlcSeat *seat)
{
  /* ORDER(seat.word): relaxed; there is one thread. */
  guint64 word = atomic_load_explicit (&seat->word, memory_order_relaxed);
  TlcHome home = { seat, word };

  tlc_seat_close_connection (seat);
  tlc_seat_leave (&home, TLC_SEAT_FREE);
}

void
tlc_seats_after_fork_child (TlcSeats *seats, const TlcSeat *own)
{
  TlcSeat *seat;

  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    {
      tlc_seat_disown (seat);
      if (seat != own)
        tlc_seats_empty (seat);
    }
  /* ORDER(seats.spare): relaxed; there is one thread. */
  atomic_store_explicit (&seats->n_spare, 0, memory_order_relaxed);
  /* ORDER(seats.drainers): relaxed; there is one thread. */
  atomic_store_explicit (&seats->n_drainers, 0, memory_order_relaxed);
  seats->drain_moved = (pthread_cond_t) PTHREAD_COND_INITIALIZER;
  tlc_queue_after_fork_child (seats);
  pthread_mutex_unlock (&seats->drain_lock);
}
