/* SPDX-License-Identifier: Apache-2.0 */

/* Seats: where connections sit between calls, and who may touch them.
 *
 * Every way in is a claim (compare-and-swap of a word that was read, to CLAIMED), every way out
 * is a release. A thread's next call claims its home by the exact word that it left there: one
 * compare-and-swap that meets nobody. A free connection is nobody's, so whoever wins the claim
 * may close it without asking its thread.
 *
 * A change of the service is published first and the generation raised after it. A claimant
 * looks at the generation only after its claim, and once more after it left: between them no
 * connection to a retired endpoint is used, or forgotten in a seat. */
#include "connect/tlc-seats.h"

#include <stdlib.h>

static guint
tlc_seats_chunk_size (guint chunk)
{
  return (guint) TLC_SEATS_FIRST_CHUNK << chunk;
}

void
tlc_seats_init (TlcSeats *seats, TlcRoot *root)
{
  TlcSnapshot *first = tlc_root_read (root);

  seats->root = root;
  atomic_init (&seats->attention, first->generation << 1);
  tlc_snapshot_unref (first);
}

static TlcSeat *
tlc_seats_get_chunk (TlcSeats *seats, guint chunk)
{
  /* ORDER(seats.grow): acquire; pairs with the compare-and-swap in tlc_seats_grow().
   * Orders:  the zeroing of the seats  ->  their being found. */
  return atomic_load_explicit (&seats->chunks[chunk], memory_order_acquire);
}

void
tlc_seats_clear (TlcSeats *seats)
{
  for (guint chunk = 0; chunk < TLC_SEATS_CHUNKS; chunk++)
    {
      TlcSeat *row = tlc_seats_get_chunk (seats, chunk);

      for (guint i = 0; row != NULL && i < tlc_seats_chunk_size (chunk); i++)
        tlc_seat_close_connection (&row[i]);
      free (row);
    }
}

static TlcSeat *
tlc_seats_grow (TlcSeats *seats, guint chunk)
{
  gsize size = tlc_seats_chunk_size (chunk) * sizeof (TlcSeat);
  TlcSeat *row = aligned_alloc (TLC_CACHE_LINE, size);
  TlcSeat *first = NULL;

  if (row == NULL)
    return NULL;
  memset (row, 0, size);
  /* ORDER(seats.grow): release on success; pairs with tlc_seats_get_chunk(). Acquire on
   * failure, for the chunk of the thread that was first. */
  if (atomic_compare_exchange_strong_explicit (&seats->chunks[chunk], &first, row,
                                               memory_order_release, memory_order_acquire))
    return row;
  free (row);
  return first;
}

/* Claims a seat of @row that is EMPTY, looking at each once, from @start on. */
static gboolean
tlc_seats_claim_empty (TlcSeat *row, guint size, guint start, TlcHome *home, guint *ret_index)
{
  for (guint n = 0; n < size; n++)
    {
      guint index = (start + n) % size;
      /* ORDER(seat.word): relaxed; only a hint, the claim decides. */
      guint64 word = atomic_load_explicit (&row[index].word, memory_order_relaxed);

      if (TLC_SEAT_STATE (word) == TLC_SEAT_EMPTY && tlc_seat_try_claim (&row[index], word))
        {
          home->seat = &row[index];
          home->word = TLC_SEAT_NEXT (word, TLC_SEAT_CLAIMED);
          *ret_index = index;
          return TRUE;
        }
    }
  return FALSE;
}

/* The hint counts over the whole row: chunk k begins at TLC_SEATS_FIRST_CHUNK * (2^k - 1). */
static guint
tlc_seats_chunk_start (guint chunk)
{
  return tlc_seats_chunk_size (chunk) - TLC_SEATS_FIRST_CHUNK;
}

gboolean
tlc_seats_claim_any (TlcSeats *seats, TlcHome *home)
{
  /* ORDER(seats.hint): relaxed; a hint where to start. */
  guint hint = atomic_load_explicit (&seats->hint, memory_order_relaxed);

  /* From the hint's chunk on first; then, before the row grows, whatever lies before it. */
  for (guint pass = 0; pass < 2; pass++)
    for (guint chunk = 0; chunk < TLC_SEATS_CHUNKS; chunk++)
      {
        guint start = tlc_seats_chunk_start (chunk);
        guint size = tlc_seats_chunk_size (chunk);
        TlcSeat *row = tlc_seats_get_chunk (seats, chunk);
        guint index;

        if (pass == 0 && (row == NULL || start + size <= hint))
          continue;
        if (row == NULL && (row = tlc_seats_grow (seats, chunk)) == NULL)
          return FALSE;
        if (tlc_seats_claim_empty (row, size, hint > start ? hint - start : 0, home, &index))
          {
            /* ORDER(seats.hint): relaxed; a hint where to start. */
            atomic_store_explicit (&seats->hint, start + index + 1, memory_order_relaxed);
            return TRUE;
          }
      }
  return FALSE;
}

void
tlc_seats_make_current (TlcSeats *seats, TlcSeat *seat, guint64 generation, TlcSnapshot **held)
{
  if ((*held)->generation < generation)
    {
      tlc_snapshot_unref (*held);
      *held = tlc_root_read (seats->root);
    }
  if (seat->stamp == generation)
    return;
  if (seat->connection != NULL && !tlc_snapshot_has_endpoint (*held, seat->connection->endpoint))
    {
      tlc_seat_close_connection (seat);
      /* ORDER(counter): relaxed; statistics. */
      atomic_fetch_add_explicit (&seats->reclaimed_retired, 1, memory_order_relaxed);
    }
  seat->stamp = generation;
}

void
tlc_seats_publish (TlcSeats *seats, TlcSnapshot *next)
{
  tlc_root_publish (seats->root, next);
  /* ORDER(seats.attention): seq_cst; pairs with tlc_seats_look(). After the snapshot is
   * published, so that whoever sees the new generation finds its snapshot; before the sweep. */
  atomic_fetch_add_explicit (&seats->attention, 2, memory_order_seq_cst);
}

void
tlc_seats_sweep_retired (TlcSeats *seats)
{
  TlcSnapshot *held = tlc_root_read (seats->root);

  for (guint chunk = 0; chunk < TLC_SEATS_CHUNKS; chunk++)
    {
      TlcSeat *row = tlc_seats_get_chunk (seats, chunk);

      for (guint i = 0; row != NULL && i < tlc_seats_chunk_size (chunk); i++)
        {
          /* ORDER(seat.word): seq_cst; after the raise, pairs with tlc_seat_leave(): what is
           * left later than this is looked after by whoever leaves it. */
          guint64 word = atomic_load_explicit (&row[i].word, memory_order_seq_cst);
          TlcHome home = { &row[i], word };

          if (TLC_SEAT_STATE (word) == TLC_SEAT_FREE && tlc_seat_claim_home (&home))
            tlc_seats_release (seats, &home, &held);
        }
    }
  tlc_snapshot_unref (held);
}

void
tlc_seats_count (TlcSeats *seats, guint64 *ret_open, guint64 *ret_busy)
{
  *ret_open = *ret_busy = 0;
  for (guint chunk = 0; chunk < TLC_SEATS_CHUNKS; chunk++)
    {
      TlcSeat *row = tlc_seats_get_chunk (seats, chunk);

      for (guint i = 0; row != NULL && i < tlc_seats_chunk_size (chunk); i++)
        {
          /* ORDER(counter): relaxed; statistics. */
          guint64 word = atomic_load_explicit (&row[i].word, memory_order_relaxed);

          *ret_open += TLC_SEAT_STATE (word) != TLC_SEAT_EMPTY;
          *ret_busy += TLC_SEAT_STATE (word) == TLC_SEAT_CLAIMED;
        }
    }
}
