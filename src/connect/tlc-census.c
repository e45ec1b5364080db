/* SPDX-License-Identifier: Apache-2.0 */

/* Counting seats by what is in them, while they are used. Nothing is stopped for it: a seat that changes
 * meanwhile is counted as it was, or as it is. */
#include "connect/tlc-seats.h"

void
tlc_seats_count (TlcSeats *seats, TlcSeatsCensus *ret_census)
{
  TlcSeatsCensus *census = ret_census;
  TlcSeat *seat;

  *census = (TlcSeatsCensus) { .n_waiting = tlc_queue_count (&seats->queue) };
  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    {
      /* ORDER(counter): relaxed; statistics. */
      guint64 word = atomic_load_explicit (&seat->word, memory_order_relaxed);
      gint64 since_us = tlc_seat_get_since (seat);
      gboolean is_open = tlc_seat_get_endpoint (seat) != NULL;
      gboolean is_busy = TLC_SEAT_IS_IN_CALL (word) || TLC_SEAT_STATE (word) == TLC_SEAT_HELD;

      census->n_open += is_open ? 1 : 0;
      census->n_opening
          += TLC_SEAT_STATE (word) == TLC_SEAT_CLAIMED && !is_open && tlc_seats_has (seats, seat);
      census->n_busy += is_busy ? 1 : 0;
      /* 0: claimed for the first time, and not dated yet. */
      if (is_busy && since_us != 0
          && (census->longest == NULL || since_us < tlc_seat_get_since (census->longest)))
        census->longest = seat;
    }
}

/* The number of @endpoint among @n of them; @n: it is none. */
static guint
tlc_census_find (TlcEndpoint *const *endpoints, guint n, const TlcEndpoint *endpoint)
{
  guint i;

  for (i = 0; i < n && endpoints[i] != endpoint; i++)
    ;
  return i;
}

void
tlc_seats_survey (TlcSeats *seats, TlcEndpoint *const *endpoints, guint n_endpoints,
                  guint *n_connections, guint *n_in_flight)
{
  TlcSeat *seat;

  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (seats, &iter)) != NULL;)
    {
      const TlcEndpoint *endpoint = tlc_seat_get_endpoint (seat);
      guint at = endpoint != NULL ? tlc_census_find (endpoints, n_endpoints, endpoint) : n_endpoints;
      guint64 word;

      if (at == n_endpoints)
        continue;
      /* ORDER(counter): relaxed; statistics. */
      word = atomic_load_explicit (&seat->word, memory_order_relaxed);
      n_connections[at]++;
      n_in_flight[at] += TLC_SEAT_IS_IN_CALL (word);
    }
}
