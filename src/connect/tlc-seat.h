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
  TLC_SEAT_SPARE,  /* a connection without a thread: left by an exit, or opened in advance */
  TLC_SEAT_HELD,   /* the connection of a thread that holds it, between two of its calls */
  TLC_SEAT_AWAITING, /* of a thread whose reply is due, between sending and receiving */
  TLC_SEAT_CLAIMED   /* somebody's, who is at it: only the claimant touches what is in it */
} TlcSeatState;

#define TLC_SEAT_STATE_MASK ((guint64) 7)
#define TLC_SEAT_STATE(word) ((TlcSeatState) ((word) & TLC_SEAT_STATE_MASK))
/* Whether a call is under way in a seat with that word: it ends as it would have, whatever changes. */
#define TLC_SEAT_IS_IN_CALL(word) (TLC_SEAT_STATE (word) >= TLC_SEAT_AWAITING)
/* The word after @word, in @state. */
#define TLC_SEAT_NEXT(word, state) (((word) | TLC_SEAT_STATE_MASK) + 1 + (guint64) (state))

#define TLC_CACHE_LINE 64

/* Ages of connections are counted in tenths of a second, so that they fit. */
#define TLC_SEAT_BORN_US (100 * 1000)

typedef struct {
  /* compare-and-swap by anyone; stored by the claimant */
  _Alignas (TLC_CACHE_LINE) _Atomic guint64 word;
  TlcConnection *connection; /* claimant */
  /* claimant writes, drainer reads: the generation that the seat was made current with, shifted as in
   * the attention word */
  _Atomic guint64 stamp;
  /* claimant writes, drainer and sweeper read: where the connection leads. They compare it with
   * endpoints that they hold, and never follow it: it may be gone. */
  _Atomic (const TlcEndpoint *) endpoint;
  /* claimant writes, anyone reads: since when it is claimed; or, where it is not, since when the
   * connection rests */
  _Atomic gint64 since_us;
  _Atomic gint32 thread; /* claimant writes, anyone reads, for messages: the one that claims */
  gint32 fd_plus_1; /* under the lock in tlc-seat.c: the connection's socket; 0: none */
  /* claimant writes, keeper reads: when the call that is AWAITING, or the hold, must be over. Where the
   * seat is CLAIMED it may be that of the call before */
  _Atomic gint64 deadline_us;
  guint32 index;        /* in the row; immutable */
  _Atomic guint32 born; /* claimant writes, sweeper reads: when it was dialled, in TLC_SEAT_BORN_US */
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

/* Whether nobody touched the seat since it was left. */
static inline gboolean
tlc_seat_is_ours (const TlcHome *home)
{
  /* ORDER(seat.word): relaxed; our own word, or another. */
  return atomic_load_explicit (&home->seat->word, memory_order_relaxed) == home->word;
}

/* Claims the home if nobody touched it since it was left there. */
static inline gboolean
tlc_seat_claim_home (TlcHome *home)
{
  guint64 word = home->word;

  if (G_UNLIKELY (home->seat == NULL || !tlc_seat_try_claim (home->seat, word)))
    return FALSE;
  home->word = TLC_SEAT_NEXT (word, TLC_SEAT_CLAIMED);
  return TRUE;
}

/* Stores the word that leaves the claimed seat to whoever comes next: @as says to whom, where it has a
 * connection. */
static inline void
tlc_seat_leave (TlcHome *home, TlcSeatState as)
{
  TlcSeat *seat = home->seat;

  home->word = TLC_SEAT_NEXT (home->word, seat->connection != NULL ? as : TLC_SEAT_EMPTY);
  /* ORDER(seat.word): seq_cst; pairs with the claim, which receives what we
   * wrote, and is before the look that follows.
   * Without: the store waits in the store buffer while we look: the sweeper finds the seat
   * CLAIMED, we find the generation old, and the connection to a removed endpoint stays open. */
  atomic_store_explicit (&seat->word, home->word, memory_order_seq_cst);
}

/* Leaves the claimed seat to its thread alone, which has gone back to the program and will come for the
 * reply; or, when that is overdue, to whoever closes it. */
static inline void
tlc_seat_await (TlcHome *home)
{
  home->word = TLC_SEAT_NEXT (home->word, TLC_SEAT_AWAITING);
  /* ORDER(seat.word): release; pairs with the claim, which receives what we wrote. No look follows: what
   * changes meanwhile is seen to when the call is over. */
  atomic_store_explicit (&home->seat->word, home->word, memory_order_release);
}

/* Makes the claimed seat another claimant's, who is told of it next: @home becomes his. */
static inline void
tlc_seat_hand_over (TlcHome *home)
{
  home->word = TLC_SEAT_NEXT (home->word, TLC_SEAT_CLAIMED);
  /* ORDER(seat.word): release; a keeper that looks finds that the word was another. */
  atomic_store_explicit (&home->seat->word, home->word, memory_order_release);
}

/* The claimant's own reading of the stamp that he, or the one before him, wrote. */
static inline guint64
tlc_seat_get_stamp (TlcSeat *seat)
{
  /* ORDER(seat.stamp): relaxed; the claim has brought it. */
  return atomic_load_explicit (&seat->stamp, memory_order_relaxed);
}

/* The same once it is left, and anybody's. */
static inline guint64
tlc_seat_look_at_stamp (TlcSeat *seat)
{
  /* ORDER(seat.stamp): seq_cst; after the leaving store. Pairs with tlc_seats_remind().
   * Without: a drainer has found the seat claimed, and its stamp old, since we were reminded; we leave
   * without a look at it, and nobody wakes him. */
  return atomic_load_explicit (&seat->stamp, memory_order_seq_cst);
}

/* Says who has claimed the seat, for those who wait for it. */
static inline void
tlc_seat_sign (TlcSeat *seat, gint32 thread)
{
  /* ORDER(seat.sign): relaxed; for messages. */
  atomic_store_explicit (&seat->thread, thread, memory_order_relaxed);
}

/* Says since when it is claimed; or, before it is left, since when its connection rests. */
static inline void
tlc_seat_date (TlcSeat *seat, gint64 since_us)
{
  /* ORDER(seat.sign): relaxed; a claim brings it to the next claimant, others read it for messages. */
  atomic_store_explicit (&seat->since_us, since_us, memory_order_relaxed);
}

static inline gint64
tlc_seat_get_since (TlcSeat *seat)
{
  /* ORDER(seat.sign): relaxed; see tlc_seat_date(). */
  return atomic_load_explicit (&seat->since_us, memory_order_relaxed);
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

/* When its connection was dialled, to TLC_SEAT_BORN_US; 0: there is none. */
static inline gint64
tlc_seat_get_born_us (TlcSeat *seat)
{
  /* ORDER(seat.born): relaxed; as in tlc_seat_get_expiry_us(). */
  return (gint64) atomic_load_explicit (&seat->born, memory_order_relaxed) * TLC_SEAT_BORN_US;
}

/* When the connection is too old; G_MAXINT64: never, or there is none. From nine tenths of @max_age_us
 * on, each at a moment of its own, so that what was dialled together is not dialled anew together. */
static inline gint64
tlc_seat_get_expiry_us (TlcSeat *seat, gint64 max_age_us)
{
  /* ORDER(seat.born): relaxed; a claim brings it to the claimant. The sweeper reads it after a word that
   * he must claim before he acts by it. */
  guint32 born = atomic_load_explicit (&seat->born, memory_order_relaxed);
  guint32 scatter = ((born ^ seat->index) * 2654435769u) >> 16;

  if (max_age_us == 0 || born == 0)
    return G_MAXINT64;
  return (gint64) born * TLC_SEAT_BORN_US + max_age_us - max_age_us / 10 * scatter / 65536;
}

/* A call, or a hold, is to be over by then. */
static inline void
tlc_seat_bound (TlcSeat *seat, gint64 deadline_us)
{
  /* ORDER(seat.deadline): relaxed; the store that leaves the seat AWAITING or HELD brings it to the keeper. */
  atomic_store_explicit (&seat->deadline_us, deadline_us, memory_order_relaxed);
}

/* Puts @connection, taken over, into the claimed seat, which has none. */
void tlc_seat_put_connection (TlcSeat *seat, TlcConnection *connection);
/* Closes the claimed seat's connection, if there is one. */
void tlc_seat_close_connection (TlcSeat *seat);
/* Ends the conversation on its socket, which stays open, unless the seat has been left since @word
 * was read, or made current by a stamp after @newest. Any thread. */
void tlc_seat_shut_down (TlcSeat *seat, guint64 word, guint64 newest);
/* Whether the peer has closed its socket, unless the seat has been claimed since @word was read. Any
 * thread. */
gboolean tlc_seat_is_hung_up (TlcSeat *seat, guint64 word);
/* The claimed seat, which has no connection, waits for @fd: it can be shut down. */
void tlc_seat_note_fd (TlcSeat *seat, int fd);
/* It cannot be shut down any more: it is closed next. */
void tlc_seat_forget_fd (TlcSeat *seat);
/* In the child of fork(): the socket, which is closed, and the conversation over it are the parent's. */
void tlc_seat_disown (TlcSeat *seat);

/* Around fork(): the lock of all seats. */
void tlc_seat_before_fork (void);
void tlc_seat_after_fork (void);
