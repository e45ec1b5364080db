/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "connect/tlc-queue.h"
#include "connect/tlc-seat.h"
#include "keeper/tlc-notifier.h"
#include "model/tlc-branch.h"

/* A row that only grows: chunk k has TLC_SEATS_FIRST_CHUNK << k seats. */
#define TLC_SEATS_FIRST_CHUNK 32
#define TLC_SEATS_CHUNKS 20

/* In the attention word: threads wait in the queue. */
#define TLC_SEATS_WAIT 1u
/* The number of seats where the service has no cap. */
#define TLC_SEATS_UNLIMITED G_MAXUINT

struct _TlcSeats {
  /* generation << 1 | WAIT: read by every call; written when a change is announced, when the first thread
   * comes to wait and when the last has gone */
  _Alignas (TLC_CACHE_LINE) _Atomic guint64 attention;
  TlcBranch *branch;
  TlcNotifier *notifier; /* who is told what happens to them; NULL: nobody. A reference, immutable */
  _Atomic (TlcSeat *) chunks[TLC_SEATS_CHUNKS]; /* set once by compare-and-swap */
  /* announced with the root's lock held, any thread reads: */
  _Atomic guint cap;          /* so many seats are in use */
  _Atomic gint64 max_age_us;  /* of connections; 0: any */
  /* the root's lock to set, any thread takes it back: there was a cap, and seats may be FREE that are
   * nobody's home */
  _Atomic gboolean has_strays;
  /* how many drain: read when a seat is made current; written by drainers */
  _Atomic guint n_drainers;
  /* behind the seat that was claimed last while EMPTY: written by any thread that needs another */
  _Alignas (TLC_CACHE_LINE) _Atomic guint hint;
  _Atomic guint n_spare; /* any thread: seats that are SPARE, or about to be */
  _Atomic guint64 reclaimed_retired, reclaimed_idle; /* any thread: closed for these reasons */
  TlcQueue queue;
  /* seats are made current while somebody drains: how often, under the lock */
  pthread_mutex_t drain_lock;
  pthread_cond_t drain_moved;
  guint64 n_moved;
};

/* @first is what is in force. */
void tlc_seats_init (TlcSeats *seats, TlcBranch *branch, const TlcSnapshot *first);
/* Before another thread knows them. */
void tlc_seats_set_notifier (TlcSeats *seats, TlcNotifier *notifier);
/* No other thread is left. Closes what is open. */
void tlc_seats_clear (TlcSeats *seats);

/* The attention word. */
static inline guint64
tlc_seats_look (TlcSeats *seats)
{
  /* ORDER(seats.attention): seq_cst; pairs with the raise in tlc_seats_announce_unlocked() and with WAIT
   * in tlc_queue_join(). Read after the claim, and after the leaving store.
   * Orders:  claim or leaving store  ->  this look; against: raise, publish  ->  the sweeper's scan;
   * and: WAIT  ->  the waiter's scan.
   * Without: the generation moves between look and claim and nobody closes the old connection; or
   * somebody waits for a seat that is FREE. */
  return atomic_load_explicit (&seats->attention, memory_order_seq_cst);
}

/* The generation in it, still shifted: as in stamps. It has been announced, and is in force now or about to
 * be: what is in force says the root. */
#define TLC_SEATS_GENERATION(attention) ((attention) & ~(guint64) TLC_SEATS_WAIT)
#define TLC_SEATS_STAMP(snapshot) ((snapshot)->generation << 1)

/* Whether the seat is one of those that the cap leaves in use. */
static inline gboolean
tlc_seats_has (TlcSeats *seats, const TlcSeat *seat)
{
  /* ORDER(seats.cap): acquire; pairs with the store in tlc_seats_announce_unlocked(): with a generation,
   * its cap is seen, or that of a later one. */
  return seat->index < atomic_load_explicit (&seats->cap, memory_order_acquire);
}

static inline guint
tlc_seats_chunk_size (guint chunk)
{
  return (guint) TLC_SEATS_FIRST_CHUNK << chunk;
}

/* The first seat of chunk k has this number in the row. */
static inline guint
tlc_seats_chunk_start (guint chunk)
{
  return tlc_seats_chunk_size (chunk) - TLC_SEATS_FIRST_CHUNK;
}

static inline TlcSeat *
tlc_seats_get_chunk (TlcSeats *seats, guint chunk)
{
  /* ORDER(seats.grow): acquire; pairs with the compare-and-swap in tlc_seats_grow().
   * Orders:  the zeroing of the seats  ->  their being found. */
  return atomic_load_explicit (&seats->chunks[chunk], memory_order_acquire);
}

/* A seat is no longer SPARE, or will not be. */
static inline void
tlc_seats_forget_spare (TlcSeats *seats)
{
  /* ORDER(seats.spare): relaxed; a count. */
  atomic_fetch_sub_explicit (&seats->n_spare, 1, memory_order_relaxed);
}

/* What a claim of some seat has found. */
typedef enum {
  TLC_CLAIM_NONE,    /* the cap is reached and every seat claimed or held; or threads wait already */
  TLC_CLAIM_EMPTY,   /* a seat without a connection */
  TLC_CLAIM_ADOPTED, /* one that was SPARE */
  TLC_CLAIM_STOLEN,  /* under a cap: one that was FREE, another thread's home */
  TLC_CLAIM_FAILED   /* memory ran out, or the row is full */
} TlcClaim;

/* The way in for a thread that has no home, or has lost it: claims a seat, which becomes the home. Where
 * threads wait it finds none, so as not to go before them. */
TlcClaim tlc_seats_claim_any (TlcSeats *seats, TlcHome *home);
/* Finds a seat that nobody uses, as that does, whoever waits, and gives it to the thread that has waited
 * longest. FALSE: there is none. */
gboolean tlc_seats_offer (TlcSeats *seats);

/* The slow parts of what follows. */
void tlc_seats_make_current (TlcSeats *seats, TlcSeat *seat);
void tlc_seats_release_as (TlcSeats *seats, TlcHome *home, TlcSeatState as);

/* Whether the claimed seat is of the generation in force, and no other is announced, whoever waits. */
static inline gboolean
tlc_seats_is_current (TlcSeats *seats, TlcSeat *seat)
{
  return tlc_seat_get_stamp (seat) == TLC_SEATS_GENERATION (tlc_seats_look (seats));
}

/* Whether the claimed seat is of another generation than the one in force: not so between the announcement
 * of a change and its publication, however long the writer takes. */
gboolean tlc_seats_is_outdated (TlcSeats *seats, TlcSeat *seat);

/* After a claim, and again after a dial: makes the seat current. Closes its connection when its
 * endpoint is retired or the seat beyond the cap; adjusts it when settings have changed. */
static inline void
tlc_seats_refresh (TlcSeats *seats, TlcSeat *seat)
{
  if (G_UNLIKELY (!tlc_seats_is_current (seats, seat)))
    tlc_seats_make_current (seats, seat);
}

/* The way out of a call, as is tlc_seats_release_as(), which can leave it HELD, too: gives the seat to the
 * thread that has waited longest, or leaves it FREE; EMPTY where it has no connection. */
static inline void
tlc_seats_release (TlcSeats *seats, TlcHome *home)
{
  guint64 stamp = tlc_seat_get_stamp (home->seat);

  /* With its stamp for an attention word, nothing has changed and nobody waits. */
  if (G_LIKELY (tlc_seats_look (seats) == stamp))
    {
      tlc_seat_leave (home, TLC_SEAT_FREE);
      /* Once more, after the store: what comes between is ours to see to, unless somebody else, who won
       * the seat, does it in his turn. */
      if (G_LIKELY (tlc_seats_look (seats) == stamp && tlc_seat_look_at_stamp (home->seat) == stamp)
          || !tlc_seat_claim_home (home))
        return;
    }
  tlc_seats_release_as (seats, home, TLC_SEAT_FREE);
}

/* The way out of a thread that exits: leaves the connection SPARE, for whoever has none, unless there
 * are @max_spare such already; then it is closed. */
void tlc_seats_donate (TlcSeats *seats, TlcHome *home, guint max_spare);
/* The way out of who has opened a connection in advance: SPARE, however many there are. */
void tlc_seats_stock (TlcSeats *seats, TlcHome *home);
/* The way in for that: a seat that is EMPTY, and where nobody waits. FALSE: there is none. */
gboolean tlc_seats_claim_vacant (TlcSeats *seats, TlcHome *home);

/* Before @next is published: from now on calls look what is in force. With the root's lock held. */
void tlc_seats_announce_unlocked (TlcSeats *seats, const TlcSnapshot *next);
/* Announces and publishes @next, taken over. With the root's lock held, and to be followed
 * by tlc_seats_follow_change() without it. */
void tlc_seats_publish_unlocked (TlcSeats *seats, TlcSnapshot *next);
/* Closes the connections that no call uses and whose endpoints are retired, or whose seats are beyond
 * the cap; and gives those who wait what the change has made free. Any thread. */
void tlc_seats_follow_change (TlcSeats *seats);

/* Why a connection is closed that nobody uses. */
typedef enum {
  TLC_RECLAIM_RETIRED, /* its endpoint was removed, or there are too many */
  TLC_RECLAIM_IDLE     /* unused for too long, or too old */
} TlcReclaim;

/* Closes the connection of @seat, which was seen FREE, SPARE or HELD by @word. FALSE: it was claimed
 * meanwhile. */
gboolean tlc_seats_reclaim (TlcSeats *seats, TlcSeat *seat, guint64 word, TlcReclaim why);
/* Has whoever has claimed @seat see to it, when he releases it, that its connection is not too old. The
 * stamp is his, but what we write there he takes for an old one, and so does a drainer, who waits. */
void tlc_seats_remind (TlcSeat *seat);

/* For statistics and messages. */
typedef struct {
  guint64 n_open, n_busy, n_waiting;
  guint64 n_opening; /* claimed without a connection, where the cap lets them have one */
  TlcSeat *longest; /* of those that are claimed or held; NULL: none is */
} TlcSeatsCensus;

void tlc_seats_count (TlcSeats *seats, TlcSeatsCensus *ret_census);
/* Adds up, for each of @endpoints, its connections and those that are in a call. */
void tlc_seats_survey (TlcSeats *seats, TlcEndpoint *const *endpoints, guint n_endpoints,
                       guint *n_connections, guint *n_in_flight);

/* Around fork(). In the child nobody drains or waits, and no seat has a connection, which would be the
 * parent's, but @own, nullable: the one that the forking thread has claimed. */
void tlc_seats_before_fork (TlcSeats *seats);
void tlc_seats_after_fork_parent (TlcSeats *seats);
void tlc_seats_after_fork_child (TlcSeats *seats, const TlcSeat *own);

/* Goes over all seats that were there when it began, and perhaps some more: NULL after the last.
 *   for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;) */
typedef struct {
  guint chunk, index;
} TlcSeatsIter;

TlcSeat *tlc_seats_next (TlcSeats *seats, TlcSeatsIter *iter);

/* What the sweeper and the drainer do with a seat that nobody claims: judge it by @current, and close
 * its connection if the endpoint is retired or the seat beyond the cap. FALSE: it was claimed, or
 * somebody was faster. */
gboolean tlc_seats_clean (TlcSeats *seats, TlcSeat *seat, const TlcSnapshot *current);
