/* SPDX-License-Identifier: Apache-2.0 */

/* Finding a seat for a thread that has no home, or has lost it.
 *
 * A seat that is SPARE, EMPTY or, where a cap is reached, FREE is anybody's: the thread adopts it, dials
 * in it or steals it, in this order. When all are taken the row grows, or, under a cap, it waits in the
 * queue (tlc-queue.h). */
#include "connect/tlc-seats.h"

#include <stdlib.h>

static TlcSeat *
tlc_seats_grow (TlcSeats *seats, guint chunk)
{
  gsize size = tlc_seats_chunk_size (chunk) * sizeof (TlcSeat);
  TlcSeat *row = aligned_alloc (TLC_CACHE_LINE, size);
  TlcSeat *first = NULL;

  if (row == NULL)
    return NULL;
  memset (row, 0, size);
  for (guint i = 0; i < tlc_seats_chunk_size (chunk); i++)
    row[i].index = tlc_seats_chunk_start (chunk) + i;
  /* ORDER(seats.grow): release on success; pairs with tlc_seats_get_chunk(). Acquire on
   * failure, for the chunk of the thread that was first. */
  if (atomic_compare_exchange_strong_explicit (&seats->chunks[chunk], &first, row,
                                               memory_order_release, memory_order_acquire))
    return row;
  free (row);
  return first;
}

/* Claims @seat for a call if it is in @state. */
static gboolean
tlc_seats_claim_in_state (TlcSeat *seat, TlcSeatState state, TlcHome *home)
{
  /* ORDER(seat.word): seq_cst; a waiter's search comes after he has set WAIT. Pairs with the store in
   * tlc_seat_leave(). */
  guint64 word = atomic_load_explicit (&seat->word, memory_order_seq_cst);

  if (TLC_SEAT_STATE (word) != state || !tlc_seat_try_claim (seat, word))
    return FALSE;
  home->seat = seat;
  home->word = TLC_SEAT_NEXT (word, TLC_SEAT_CLAIMED);
  return TRUE;
}

static gboolean
tlc_seats_claim_first (TlcSeats *seats, TlcSeatState state, TlcHome *home)
{
  TlcSeat *seat;

  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    {
      if (!tlc_seats_has (seats, seat))
        return FALSE;
      if (tlc_seats_claim_in_state (seat, state, home))
        return TRUE;
    }
  return FALSE;
}

static guint
tlc_seats_get_cap (TlcSeats *seats)
{
  /* ORDER(seats.cap): acquire; as in tlc_seats_has(). */
  return atomic_load_explicit (&seats->cap, memory_order_acquire);
}

/* Claims a seat of @row that is EMPTY, looking at each once, from @start on. */
static gboolean
tlc_seats_claim_empty_of (TlcSeat *row, guint size, guint start, TlcHome *home)
{
  for (guint n = 0; n < size; n++)
    if (tlc_seats_claim_in_state (&row[(start + n) % size], TLC_SEAT_EMPTY, home))
      return TRUE;
  return FALSE;
}

/* From the hint's chunk on first; then, before the row grows, whatever lies before it. */
static TlcClaim
tlc_seats_claim_empty (TlcSeats *seats, TlcHome *home)
{
  /* ORDER(seats.hint): relaxed; a hint where to start. */
  guint hint = atomic_load_explicit (&seats->hint, memory_order_relaxed);
  guint cap = tlc_seats_get_cap (seats);

  for (guint pass = 0; pass < 2; pass++)
    for (guint chunk = 0; chunk < TLC_SEATS_CHUNKS && tlc_seats_chunk_start (chunk) < cap; chunk++)
      {
        guint start = tlc_seats_chunk_start (chunk);
        guint size = MIN (tlc_seats_chunk_size (chunk), cap - start);
        TlcSeat *row = tlc_seats_get_chunk (seats, chunk);

        if (pass == 0 && (row == NULL || start + size <= hint))
          continue;
        if (row == NULL && (row = tlc_seats_grow (seats, chunk)) == NULL)
          return TLC_CLAIM_FAILED;
        if (tlc_seats_claim_empty_of (row, size, hint > start ? hint - start : 0, home))
          {
            /* ORDER(seats.hint): relaxed; a hint where to start. */
            atomic_store_explicit (&seats->hint, home->seat->index + 1, memory_order_relaxed);
            return TLC_CLAIM_EMPTY;
          }
      }
  return cap == TLC_SEATS_UNLIMITED ? TLC_CLAIM_FAILED : TLC_CLAIM_NONE;
}

static gboolean
tlc_seats_has_spare (TlcSeats *seats)
{
  /* ORDER(seats.spare): relaxed; saves a search. Who waits searches in spite of it. */
  return atomic_load_explicit (&seats->n_spare, memory_order_relaxed) > 0;
}

static gboolean
tlc_seats_adopt (TlcSeats *seats, TlcHome *home)
{
  if (!tlc_seats_claim_first (seats, TLC_SEAT_SPARE, home))
    return FALSE;
  tlc_seats_forget_spare (seats);
  return TRUE;
}

/* Its own old seat first: the connection there may still be the one that it knows. */
static gboolean
tlc_seats_steal (TlcSeats *seats, TlcHome *home)
{
  if (home->seat != NULL && tlc_seats_has (seats, home->seat)
      && tlc_seats_claim_in_state (home->seat, TLC_SEAT_FREE, home))
    return TRUE;
  return tlc_seats_claim_first (seats, TLC_SEAT_FREE, home);
}

static TlcClaim
tlc_seats_search (TlcSeats *seats, TlcHome *home, gboolean may_adopt)
{
  TlcClaim claim;

  if (may_adopt && tlc_seats_adopt (seats, home))
    return TLC_CLAIM_ADOPTED;
  claim = tlc_seats_claim_empty (seats, home);
  if (claim == TLC_CLAIM_EMPTY || tlc_seats_get_cap (seats) == TLC_SEATS_UNLIMITED)
    return claim;
  return tlc_seats_steal (seats, home) ? TLC_CLAIM_STOLEN : claim;
}

TlcClaim
tlc_seats_claim_any (TlcSeats *seats, TlcHome *home)
{
  if ((tlc_seats_look (seats) & TLC_SEATS_WAIT) != 0)
    return TLC_CLAIM_NONE;
  return tlc_seats_search (seats, home, tlc_seats_has_spare (seats));
}

gboolean
tlc_seats_claim_vacant (TlcSeats *seats, TlcHome *home)
{
  return (tlc_seats_look (seats) & TLC_SEATS_WAIT) == 0
         && tlc_seats_claim_empty (seats, home) == TLC_CLAIM_EMPTY;
}

gboolean
tlc_seats_offer (TlcSeats *seats)
{
  TlcHome found = { NULL, 0 };
  TlcClaim claim = tlc_seats_search (seats, &found, TRUE);

  if (claim == TLC_CLAIM_NONE || claim == TLC_CLAIM_FAILED)
    return FALSE;
  /* If nobody takes it, it has no thread: one that was at home there finds another word. */
  tlc_seats_stock (seats, &found);
  return TRUE;
}
