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
  pthread_mutex_init (&seats->drain_lock, NULL);
  pthread_cond_init (&seats->drain_moved, NULL);
  tlc_snapshot_unref (first);
}

static TlcSeat *
tlc_seats_get_chunk (TlcSeats *seats, guint chunk)
{
  /* ORDER(seats.grow): acquire; pairs with the compare-and-swap in tlc_seats_grow().
   * Orders:  the zeroing of the seats  ->  their being found. */
  return atomic_load_explicit (&seats->chunks[chunk], memory_order_acquire);
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

static void
tlc_seats_close_retired (TlcSeats *seats, TlcSeat *seat)
{
  tlc_seat_close_connection (seat);
  /* ORDER(counter): relaxed; statistics. */
  atomic_fetch_add_explicit (&seats->reclaimed_retired, 1, memory_order_relaxed);
}

/* Closes the connection if its endpoint is retired, or if it cannot be brought up to date. */
static void
tlc_seats_judge_connection (TlcSeats *seats, TlcSeat *seat, const TlcSnapshot *current)
{
  if (seat->connection == NULL)
    return;
  if (!tlc_snapshot_has_endpoint (current, seat->connection->endpoint))
    tlc_seats_close_retired (seats, seat);
  else if (!tlc_connection_adjust (seat->connection, current->settings))
    tlc_seat_close_connection (seat);
}

void
tlc_seats_make_current (TlcSeats *seats, TlcSeat *seat, guint64 generation)
{
  g_autoptr (TlcSnapshot) current = tlc_root_read (seats->root);

  tlc_seats_judge_connection (seats, seat, current);
  /* ORDER(seat.stamp): seq_cst; pairs with the load in the drainer's scan.
   * Orders:  the old connection is closed  ->  the stamp is current  ->  the look for drainers.
   * Without: a drainer takes a current stamp for a closed connection; or he goes to sleep on the
   * old stamp while we find no drainer to wake. */
  atomic_store_explicit (&seat->stamp, generation, memory_order_seq_cst);
  /* ORDER(seats.drainers): seq_cst; pairs with the drainer's entry, which is before his scan. */
  if (atomic_load_explicit (&seats->n_drainers, memory_order_seq_cst) == 0)
    return;
  pthread_mutex_lock (&seats->drain_lock);
  seats->n_moved++;
  pthread_cond_broadcast (&seats->drain_moved);
  pthread_mutex_unlock (&seats->drain_lock);
}

void
tlc_seats_publish_unlocked (TlcSeats *seats, TlcSnapshot *next)
{
  tlc_root_publish_unlocked (seats->root, next);
  /* ORDER(seats.attention): seq_cst; pairs with tlc_seats_look(). After the snapshot is
   * published, so that whoever sees the new generation finds its snapshot; before the sweep.
   * Without: a call is made current by the old snapshot, and stays on a removed endpoint. */
  atomic_fetch_add_explicit (&seats->attention, 2, memory_order_seq_cst);
}

static gboolean
tlc_seats_is_in_force (TlcSeats *seats, const TlcEndpoint *endpoint)
{
  g_autoptr (TlcSnapshot) current = tlc_root_read (seats->root);

  return tlc_snapshot_has_endpoint (current, endpoint);
}

gboolean
tlc_seats_clean (TlcSeats *seats, TlcSeat *seat, const TlcSnapshot *current)
{
  /* ORDER(seat.word): seq_cst; after the raise, pairs with tlc_seat_leave(): what is left later
   * than this is looked after by whoever leaves it. */
  guint64 word = atomic_load_explicit (&seat->word, memory_order_seq_cst);
  TlcHome home = { seat, word };
  const TlcEndpoint *endpoint;

  if (TLC_SEAT_STATE (word) != TLC_SEAT_FREE)
    return TLC_SEAT_STATE (word) == TLC_SEAT_EMPTY;
  endpoint = tlc_seat_get_endpoint (seat);
  /* A seat in order must not be claimed: its thread would not find home again, and nobody would
   * use the connection or close it. So a second look, at what is in force now that the word was
   * read; and should the endpoint come back after that, the connection is closed nevertheless. */
  if (tlc_snapshot_has_endpoint (current, endpoint) || tlc_seats_is_in_force (seats, endpoint))
    return TRUE;
  if (!tlc_seat_claim_home (&home))
    return FALSE;
  tlc_seats_close_retired (seats, seat);
  tlc_seats_release (seats, &home);
  return TRUE;
}

void
tlc_seats_sweep_retired (TlcSeats *seats)
{
  g_autoptr (TlcSnapshot) current = tlc_root_read (seats->root);
  TlcSeat *seat;

  /* Seats that are claimed, now or before we get to them, are looked after by their claimants. */
  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    tlc_seats_clean (seats, seat, current);
}

void
tlc_seats_count (TlcSeats *seats, guint64 *ret_open, guint64 *ret_busy)
{
  TlcSeat *seat;

  *ret_open = *ret_busy = 0;
  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    {
      /* ORDER(counter): relaxed; statistics. */
      guint64 word = atomic_load_explicit (&seat->word, memory_order_relaxed);

      *ret_open += TLC_SEAT_STATE (word) != TLC_SEAT_EMPTY;
      *ret_busy += TLC_SEAT_STATE (word) == TLC_SEAT_CLAIMED;
    }
}

void
tlc_seats_before_fork (TlcSeats *seats)
{
  pthread_mutex_lock (&seats->drain_lock);
}

void
tlc_seats_after_fork_parent (TlcSeats *seats)
{
  pthread_mutex_unlock (&seats->drain_lock);
}

void
tlc_seats_after_fork_child (TlcSeats *seats)
{
  TlcSeat *seat;

  /* The sockets are the parent's, too: shut down here, they would end its conversations. */
  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    tlc_seat_forget_fd (seat);
  /* ORDER(seats.drainers): relaxed; there is one thread. */
  atomic_store_explicit (&seats->n_drainers, 0, memory_order_relaxed);
  seats->drain_moved = (pthread_cond_t) PTHREAD_COND_INITIALIZER;
  pthread_mutex_unlock (&seats->drain_lock);
}
