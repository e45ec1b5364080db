/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "connect/tlc-seat.h"
#include "model/tlc-root.h"

/* A row that only grows: chunk k has TLC_SEATS_FIRST_CHUNK << k seats. */
#define TLC_SEATS_FIRST_CHUNK 32
#define TLC_SEATS_CHUNKS 20

typedef struct {
  /* generation << 1, the low bit is kept for waiters: read by every call, written when the
   * generation moves */
  _Alignas (TLC_CACHE_LINE) _Atomic guint64 attention;
  TlcRoot *root;
  _Atomic (TlcSeat *) chunks[TLC_SEATS_CHUNKS]; /* set once by compare-and-swap */
  /* how many drain: read when a seat is made current; written by drainers */
  _Atomic guint n_drainers;
  /* behind the seat that was claimed last while EMPTY: written by any thread that needs another */
  _Alignas (TLC_CACHE_LINE) _Atomic guint hint;
  _Atomic guint64 reclaimed_retired; /* any thread */
  /* seats are made current while somebody drains: how often, under the lock */
  pthread_mutex_t drain_lock;
  pthread_cond_t drain_moved;
  guint64 n_moved;
} TlcSeats;

void tlc_seats_init (TlcSeats *seats, TlcRoot *root);
/* No other thread is left. Closes what is open. */
void tlc_seats_clear (TlcSeats *seats);

/* The slow parts of what follows. */
gboolean tlc_seats_claim_any (TlcSeats *seats, TlcHome *home);
void tlc_seats_make_current (TlcSeats *seats, TlcSeat *seat, guint64 generation);

/* The generation in force. */
static inline guint64
tlc_seats_look (TlcSeats *seats)
{
  /* ORDER(seats.attention): seq_cst; pairs with the raise in tlc_seats_publish_unlocked(). Read
   * after the claim, and after the leaving store.
   * Orders:  claim or leaving store  ->  this look; against: publish, raise  ->  the sweeper's
   * scan.
   * Without: the generation moves between look and claim and nobody closes the old connection. */
  return atomic_load_explicit (&seats->attention, memory_order_seq_cst) >> 1;
}

/* The one way in, for a call of @thread that began at @now_us: claims the home, or an EMPTY seat, which
 * becomes the home. FALSE: memory ran out, or the row is full. */
static inline gboolean
tlc_seats_claim (TlcSeats *seats, TlcHome *home, gint32 thread, gint64 now_us)
{
  if (G_UNLIKELY (!tlc_seat_claim_home (home)))
    {
      if (!tlc_seats_claim_any (seats, home))
        return FALSE;
      tlc_seat_sign (home->seat, thread);
    }
  tlc_seat_date (home->seat, now_us);
  return TRUE;
}

/* After a claim, and again after a dial: makes the seat current. Closes its connection when its
 * endpoint is retired; adjusts it when settings have changed. */
static inline void
tlc_seats_refresh (TlcSeats *seats, TlcSeat *seat)
{
  guint64 generation = tlc_seats_look (seats);

  if (G_UNLIKELY (tlc_seat_get_stamp (seat) != generation))
    tlc_seats_make_current (seats, seat, generation);
}

/* The only way out: leaves the home FREE, or EMPTY where it has no connection. */
static inline void
tlc_seats_release (TlcSeats *seats, TlcHome *home)
{
  guint64 generation;

  do
    {
      tlc_seats_refresh (seats, home->seat);
      generation = tlc_seat_get_stamp (home->seat);
      tlc_seat_leave (home);
      /* After the store; should the generation have moved in between, do it again unless
       * somebody else, who won the seat, does it in his turn. */
    }
  while (G_UNLIKELY (tlc_seats_look (seats) != generation) && tlc_seat_claim_home (home));
}

/* Publishes @next, taken over, and raises the generation. With the root's lock held. */
void tlc_seats_publish_unlocked (TlcSeats *seats, TlcSnapshot *next);
/* Closes the connections that no call uses and whose endpoints are retired. Any thread. */
void tlc_seats_sweep_retired (TlcSeats *seats);
void tlc_seats_count (TlcSeats *seats, guint64 *ret_open, guint64 *ret_busy);

/* Around fork(). In the child nobody drains. */
void tlc_seats_before_fork (TlcSeats *seats);
void tlc_seats_after_fork_parent (TlcSeats *seats);
void tlc_seats_after_fork_child (TlcSeats *seats);

/* Goes over all seats that were there when it began, and perhaps some more: NULL after the last.
 *   for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;) */
typedef struct {
  guint chunk, index;
} TlcSeatsIter;

TlcSeat *tlc_seats_next (TlcSeats *seats, TlcSeatsIter *iter);

/* What the sweeper and the drainer do with a seat that nobody claims: judge it by @current, and
 * close its connection if the endpoint is retired. FALSE: it was claimed, or somebody was faster. */
gboolean tlc_seats_clean (TlcSeats *seats, TlcSeat *seat, const TlcSnapshot *current);
