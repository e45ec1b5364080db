/* SPDX-License-Identifier: Apache-2.0 */

/* The connection in a seat, as far as others than its claimant are concerned: where it leads, and the
 * number of its socket.
 *
 * Nobody may close a socket, whose number the next file would get, between the keeper's last look at
 * the seat and the shutdown. So there is a lock, around the one and around forgetting the number
 * before a close. Calls take it only where they connect or close; nothing is waited for under it. */
#include "connect/tlc-seat.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

static pthread_mutex_t tlc_seat_fd_lock = PTHREAD_MUTEX_INITIALIZER;

void
tlc_seat_forget_fd (TlcSeat *seat)
{
  pthread_mutex_lock (&tlc_seat_fd_lock);
  seat->fd_plus_1 = 0;
  pthread_mutex_unlock (&tlc_seat_fd_lock);
}

void
tlc_seat_note_fd (TlcSeat *seat, int fd)
{
  pthread_mutex_lock (&tlc_seat_fd_lock);
  seat->fd_plus_1 = fd + 1;
  pthread_mutex_unlock (&tlc_seat_fd_lock);
}

static void
tlc_seat_set_endpoint (TlcSeat *seat, const TlcEndpoint *endpoint)
{
  /* ORDER(seat.endpoint): seq_cst; pairs with the load in tlc_seat_get_endpoint().
   * Orders:  no connection to the old endpoint any more  ->  the snapshot that the next is dialled
   * by; against: publish  ->  the drainer's reading. */
  atomic_store_explicit (&seat->endpoint, endpoint, memory_order_seq_cst);
}

static void
tlc_seat_set_born (TlcSeat *seat, gint64 born_us)
{
  /* ORDER(seat.born): relaxed; the leaving store brings it to whoever claims. */
  atomic_store_explicit (&seat->born, (guint32) (born_us / TLC_SEAT_BORN_US), memory_order_relaxed);
}

void
tlc_seat_put_connection (TlcSeat *seat, TlcConnection *connection)
{
  seat->connection = connection;
  tlc_seat_set_born (seat, tlc_clock_last_tick_us ());
  tlc_seat_note_fd (seat, connection->fd);
  tlc_seat_set_endpoint (seat, connection->endpoint);
}

void
tlc_seat_close_connection (TlcSeat *seat)
{
  TlcConnection *connection = seat->connection;

  if (connection == NULL)
    return;
  seat->connection = NULL;
  tlc_seat_set_born (seat, 0);
  tlc_seat_forget_fd (seat);
  tlc_seat_set_endpoint (seat, NULL);
  tlc_connection_close (connection);
}

void
tlc_seat_disown (TlcSeat *seat)
{
  tlc_seat_forget_fd (seat);
  if (seat->connection != NULL)
    tlc_connection_disown (seat->connection);
}

void
tlc_seat_shut_down (TlcSeat *seat, guint64 word, guint64 newest)
{
  pthread_mutex_lock (&tlc_seat_fd_lock);
  /* ORDER(seat.word): relaxed; the number of the socket is under the lock. Whoever has noted one there has
   * made the seat current before. */
  if (seat->fd_plus_1 != 0 && atomic_load_explicit (&seat->word, memory_order_relaxed) == word
      && tlc_seat_get_stamp (seat) <= newest)
    shutdown (seat->fd_plus_1 - 1, SHUT_RDWR);
  pthread_mutex_unlock (&tlc_seat_fd_lock);
}

gboolean
tlc_seat_is_hung_up (TlcSeat *seat, guint64 word)
{
  struct pollfd pollfd = { .fd = -1, .events = POLLRDHUP };

  pthread_mutex_lock (&tlc_seat_fd_lock);
  /* ORDER(seat.word): relaxed; as in tlc_seat_shut_down(). */
  if (atomic_load_explicit (&seat->word, memory_order_relaxed) == word)
    pollfd.fd = seat->fd_plus_1 - 1;
  poll (&pollfd, 1, 0);
  pthread_mutex_unlock (&tlc_seat_fd_lock);
  return pollfd.revents != 0;
}

void
tlc_seat_before_fork (void)
{
  pthread_mutex_lock (&tlc_seat_fd_lock);
}

void
tlc_seat_after_fork (void)
{
  pthread_mutex_unlock (&tlc_seat_fd_lock);
}
