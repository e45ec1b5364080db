/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "connect/tlc-connection.h"

/* A seat is a try-lock that may hold a connection. Its word is a state and a tag; the tag
 * changes on every transition, so that a decision taken on a stale reading cannot be carried
 * out. */
typedef enum {
  TLC_SEAT_EMPTY,  /* no connection */
  TLC_SEAT_FREE,   /* the connection of a living thread, which is at home here */
  TLC_SEAT_CLAIMED /* somebody's: only the claimant touches what is in it */
} TlcSeatState;

#define TLC_SEAT_STATE_BITS 3
#define TLC_SEAT_STATE(word) ((TlcSeatState) ((word) & ((1u << TLC_SEAT_STATE_BITS) - 1)))
/* The word after @word, in @state. */
#define TLC_SEAT_NEXT(word, state) \
  ((((word) >> TLC_SEAT_STATE_BITS) + 1) << TLC_SEAT_STATE_BITS | (guint64) (state))

#define TLC_CACHE_LINE 64

typedef struct {
  /* compare-and-swap by anyone; stored by the claimant */
  _Alignas (TLC_CACHE_LINE) _Atomic guint64 word;
  TlcConnection *connection; /* claimant */
  /* claimant writes, drainer and sweeper read: the generation that the seat was made current with */
  _Atomic guint64 stamp;
  /* claimant writes, drainer and sweeper read: where the connection leads. They compare it with
   * endpoints that they hold, and never follow it: it may be gone. */
  _Atomic (const TlcEndpoint *) endpoint;
  /* claimant writes, drainer reads, for messages: the thread that claims, and since when */
  _Atomic gint64 claimed_us;
  _Atomic gint32 thread;
} TlcSeat;

_Static_assert (sizeof (TlcSeat) == TLC_CACHE_LINE, "seats of two threads share no cache line");

/* The seat a thread left its connection in, and the exact word it left there. */
typedef struct {
  TlcSeat *seat; /* NULL: none yet */
  guint64 word;
} TlcHome;

static inline gboolean
tlc_seat_try_claim (TlcSeat *seat, guint64 word)
{
  /* ORDER(seat.word): seq_cst; pairs with the store in tlc_seat_leave(): what the last
   * claimant wrote is seen. And the generation is read after it, never before: see
   * tlc_seats_look().
   * Without: two threads write to one socket; or a request goes to an endpoint that was
   * removed. */
  return atomic_compare_exchange_strong_explicit (&seat->word, &word,
                                                  TLC_SEAT_NEXT (word, TLC_SEAT_CLAIMED),
                                                  memory_order_seq_cst, memory_order_relaxed);
}

/* Claims the home if nobody touched it since it was left there. */
static inline gboolean
tlc_seat_claim_home (TlcHome *home)
{
  if (G_UNLIKELY (home->seat == NULL || !tlc_seat_try_claim (home->seat, home->word)))
    return FALSE;
  home->word = TLC_SEAT_NEXT (home->word, TLC_SEAT_CLAIMED);
  return TRUE;
}

/* Stores the word that leaves the claimed seat to whoever comes next. */
static inline void
tlc_seat_leave (TlcHome *home)
{
  TlcSeat *seat = home->seat;

  home->word
      = TLC_SEAT_NEXT (home->word, seat->connection != NULL ? TLC_SEAT_FREE : TLC_SEAT_EMPTY);
  /* ORDER(seat.word): seq_cst; pairs with the claim, which receives what we
   * wrote, and is before the look that follows.
   * Without: the store waits in the store buffer while we look: the sweeper finds the seat
   * CLAIMED, we find the generation old, and the connection to a removed endpoint stays open. */
  atomic_store_explicit (&seat->word, home->word, memory_order_seq_cst);
}

/* The claimant's own reading of the stamp that he, or the one before him, wrote. */
static inline guint64
tlc_seat_get_stamp (TlcSeat *seat)
{
  /* ORDER(seat.stamp): relaxed; the claim has brought it. */
  return atomic_load_explicit (&seat->stamp, memory_order_relaxed);
}

/* Says who has claimed the seat and when, for those who wait for it. */
static inline void
tlc_seat_sign (TlcSeat *seat, gint32 thread)
{
  /* ORDER(seat.sign): relaxed; for messages. */
  atomic_store_explicit (&seat->thread, thread, memory_order_relaxed);
}

static inline void
tlc_seat_date (TlcSeat *seat, gint64 now_us)
{
  /* ORDER(seat.sign): relaxed; for messages. */
  atomic_store_explicit (&seat->claimed_us, now_us, memory_order_relaxed);
}

/* Where the connection of the seat leads, whoever has claimed it: for comparison only. */
static inline const TlcEndpoint *
tlc_seat_get_endpoint (TlcSeat *seat)
{
  /* ORDER(seat.endpoint): seq_cst; pairs with the store in tlc_seat_put_connection(). Read after a
   * word, it is of that word or newer, and if newer a claim of that word fails.
   * Without: a drainer takes the endpoint that a claimant had before for the one that he has now
   * dialled, by a snapshot that was replaced meanwhile. */
  return atomic_load_explicit (&seat->endpoint, memory_order_seq_cst);
}

/* Puts @connection, taken over, into the claimed seat, which has none. */
static inline void
tlc_seat_put_connection (TlcSeat *seat, TlcConnection *connection)
{
  seat->connection = connection;
  /* ORDER(seat.endpoint): seq_cst; pairs with the load in tlc_seat_get_endpoint().
   * Orders:  no connection to the old endpoint any more  ->  the snapshot that the next is dialled
   * by; against: publish  ->  the drainer's reading. */
  atomic_store_explicit (&seat->endpoint, connection != NULL ? connection->endpoint : NULL,
                         memory_order_seq_cst);
}

/* Closes the claimed seat's connection, if there is one. */
static inline void
tlc_seat_close_connection (TlcSeat *seat)
{
  TlcConnection *connection = seat->connection;

  if (connection == NULL)
    return;
  tlc_seat_put_connection (seat, NULL);
  tlc_connection_close (connection);
}
