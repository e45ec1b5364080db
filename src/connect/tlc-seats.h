/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-seat.h"
#include "model/tlc-snapshot.h"

/* A row that only grows: chunk k has TLC_SEATS_FIRST_CHUNK << k seats. */
#define TLC_SEATS_FIRST_CHUNK 32
#define TLC_SEATS_CHUNKS 20

typedef struct {
  /* generation << 1, the low bit is kept for waiters: read by every call, written when the
   * generation moves */
  _Alignas (TLC_CACHE_LINE) _Atomic guint64 attention;
  TlcRoot *root;
  _Atomic (TlcSeat *) chunks[TLC_SEATS_CHUNKS]; /* set once by compare-and-swap */
  /* where an EMPTY seat was last seen: written by any thread, when connections come and go */
  _Alignas (TLC_CACHE_LINE) _Atomic guint hint;
  _Atomic guint64 reclaimed_retired; /* any thread */
} TlcSeats;

void tlc_seats_init (TlcSeats *seats, TlcRoot *root);
/* No other thread is left. Closes what is open. */
void tlc_seats_clear (TlcSeats *seats);

/* The slow parts of what follows. */
gboolean tlc_seats_claim_any (TlcSeats *seats, TlcHome *home);
void tlc_seats_make_current (TlcSeats *seats, TlcSeat *seat, guint64 generation,
                             TlcSnapshot **held);

/* The generation in force. */
static inline guint64
tlc_seats_look (TlcSeats *seats)
{
  /* ORDER(seats.attention): seq_cst; pairs with the raise in tlc_seats_publish(). Read after
   * the claim, and after the leaving store.
   * Orders:  claim or leaving store  ->  this look; against: publish, raise  ->  the sweeper's
   * scan.
   * Without: the generation moves between look and claim and nobody closes the old connection. */
  return atomic_load_explicit (&seats->attention, memory_order_seq_cst) >> 1;
}

/* Claims the home, or an EMPTY seat, which becomes the home. FALSE: memory ran out, or the row
 * is full. */
static inline gboolean
tlc_seats_claim (TlcSeats *seats, TlcHome *home)
{
  return G_LIKELY (tlc_seat_claim_home (home)) || tlc_seats_claim_any (seats, home);
}

/* After a claim, and again after a dial: makes the seat current. Closes its connection when its
 * endpoint is retired, and brings *@held, the claimant's reference to a snapshot, up to date. */
static inline void
tlc_seats_refresh (TlcSeats *seats, TlcSeat *seat, TlcSnapshot **held)
{
  guint64 generation = tlc_seats_look (seats);

  if (G_UNLIKELY (seat->stamp != generation || (*held)->generation < generation))
    tlc_seats_make_current (seats, seat, generation, held);
}

/* The only way out: leaves the home FREE, or EMPTY where it has no connection. */
static inline void
tlc_seats_release (TlcSeats *seats, TlcHome *home, TlcSnapshot **held)
{
  guint64 generation;

  do
    {
      tlc_seats_refresh (seats, home->seat, held);
      generation = home->seat->stamp;
      tlc_seat_leave (home);
      /* After the store; should the generation have moved in between, do it again unless
       * somebody else, who won the seat, does it in his turn. */
    }
  while (G_UNLIKELY (tlc_seats_look (seats) != generation) && tlc_seat_claim_home (home));
}

/* Publishes @next, taken over, and raises the generation. One thread at a time. */
void tlc_seats_publish (TlcSeats *seats, TlcSnapshot *next);
/* Closes the connections that no call uses and whose endpoints are retired. */
void tlc_seats_sweep_retired (TlcSeats *seats);
void tlc_seats_count (TlcSeats *seats, guint64 *ret_open, guint64 *ret_busy);
