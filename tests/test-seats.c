/* SPDX-License-Identifier: Apache-2.0 */

/* Seats: who may claim what, and that nothing is forgotten when the service changes. */
#include "connect/tlc-seats.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "support/tlc-room.h"

typedef struct {
  TlcRoot *root;
  TlcSeats *seats;
  TlcSnapshot *held;
} Fixture;

static void
fixture_init (Fixture *fixture)
{
  fixture->root = tlc_room_root (tlc_room_settings ("unix:@nobody-listens-here", NULL));
  fixture->seats = g_aligned_alloc0 (1, sizeof (TlcSeats), TLC_CACHE_LINE);
  tlc_seats_init (fixture->seats, fixture->root);
  fixture->held = tlc_root_read (fixture->root);
}

static void
fixture_close (Fixture *fixture)
{
  tlc_root_lock ();
  tlc_seats_publish_unlocked (fixture->seats, tlc_snapshot_new_closed (fixture->held));
  tlc_root_unlock ();
}

static void
fixture_clear (Fixture *fixture)
{
  tlc_snapshot_unref (fixture->held);
  tlc_seats_clear (fixture->seats);
  g_aligned_free (fixture->seats);
  tlc_root_free (fixture->root);
}

/* A connection whose other end is *@ret_peer. */
static TlcConnection *
fixture_connection (Fixture *fixture, int *ret_peer)
{
  TlcConnection *connection;
  int fds[2];

  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  connection
      = tlc_connection_new (fds[0], fixture->held->endpoints->pdata[0], fixture->held->settings);
  ck_assert_ptr_nonnull (connection);
  *ret_peer = fds[1];
  return connection;
}

static gboolean
peer_is_closed (int peer)
{
  char byte;

  return recv (peer, &byte, 1, MSG_DONTWAIT) == 0;
}

static TlcSeatState
state_of (const TlcHome *home)
{
  return TLC_SEAT_STATE (atomic_load_explicit (&home->seat->word, memory_order_relaxed));
}

/* Claim and release: EMPTY without a connection, FREE with one, and the home is found again. */
START_TEST (test_seats_claim_and_release)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  TlcSeat *first;
  int peer;

  fixture_init (&fixture);
  ck_assert (tlc_seats_claim (fixture.seats, &home, 1, 0));
  first = home.seat;
  ck_assert_uint_eq (state_of (&home), TLC_SEAT_CLAIMED);
  tlc_seats_release (fixture.seats, &home);
  ck_assert_uint_eq (state_of (&home), TLC_SEAT_EMPTY);

  ck_assert (tlc_seats_claim (fixture.seats, &home, 1, 0));
  ck_assert_ptr_eq (home.seat, first);
  tlc_seat_put_connection (home.seat, fixture_connection (&fixture, &peer));
  tlc_seats_release (fixture.seats, &home);
  ck_assert_uint_eq (state_of (&home), TLC_SEAT_FREE);
  ck_assert (!peer_is_closed (peer));
  fixture_clear (&fixture);
  ck_assert (peer_is_closed (peer));
  close (peer);
}
END_TEST

/* Law 3: a seat that somebody had in the meantime is not ours by the word we left there. */
START_TEST (test_seats_home_by_the_exact_word_only)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 }, other;

  fixture_init (&fixture);
  ck_assert (tlc_seats_claim (fixture.seats, &home, 1, 0));
  tlc_seats_release (fixture.seats, &home);
  other = home;
  ck_assert (tlc_seat_claim_home (&other));
  ck_assert (!tlc_seat_claim_home (&home));
  tlc_seats_release (fixture.seats, &other);
  /* The same state again, but another word. */
  ck_assert_uint_eq (state_of (&home), TLC_SEAT_EMPTY);
  ck_assert (!tlc_seat_claim_home (&home));
  fixture_clear (&fixture);
}
END_TEST

/* The row grows, and a claimed seat is nobody else's. */
START_TEST (test_seats_row_grows)
{
  enum { N = 1000 };
  Fixture fixture;
  TlcHome homes[N] = { { NULL, 0 } };
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  guint64 open, busy;

  fixture_init (&fixture);
  for (guint i = 0; i < N; i++)
    {
      ck_assert (tlc_seats_claim (fixture.seats, &homes[i], 1, 0));
      ck_assert (g_hash_table_add (seen, homes[i].seat));
    }
  tlc_seats_count (fixture.seats, &open, &busy);
  ck_assert_uint_eq (busy, N);
  for (guint i = 0; i < N; i++)
    tlc_seats_release (fixture.seats, &homes[i]);
  tlc_seats_count (fixture.seats, &open, &busy);
  ck_assert_uint_eq (open, 0);
  ck_assert_uint_eq (busy, 0);
  /* Seats that were left are taken again before the row grows: 32 + 64 + ... + 1024 hold them
   * all. */
  for (guint i = 0; i < N; i++)
    {
      TlcHome home = { NULL, 0 };

      ck_assert (tlc_seats_claim (fixture.seats, &home, 1, 0));
    }
  ck_assert_ptr_nonnull (atomic_load_explicit (&fixture.seats->chunks[4], memory_order_relaxed));
  ck_assert_ptr_nonnull (atomic_load_explicit (&fixture.seats->chunks[5], memory_order_relaxed));
  ck_assert_ptr_null (atomic_load_explicit (&fixture.seats->chunks[6], memory_order_relaxed));
  fixture_clear (&fixture);
}
END_TEST

/* Law 7: after a close, what is free is closed by the sweep, what is claimed by its claimant's
 * release. */
START_TEST (test_seats_close_reaches_free_and_claimed)
{
  Fixture fixture;
  TlcHome free_home = { NULL, 0 }, claimed_home = { NULL, 0 };
  int free_peer, claimed_peer;

  fixture_init (&fixture);
  ck_assert (tlc_seats_claim (fixture.seats, &free_home, 1, 0));
  tlc_seat_put_connection (free_home.seat, fixture_connection (&fixture, &free_peer));
  tlc_seats_refresh (fixture.seats, free_home.seat);
  tlc_seats_release (fixture.seats, &free_home);
  ck_assert (tlc_seats_claim (fixture.seats, &claimed_home, 1, 0));
  tlc_seat_put_connection (claimed_home.seat, fixture_connection (&fixture, &claimed_peer));
  tlc_seats_refresh (fixture.seats, claimed_home.seat);

  fixture_close (&fixture);
  tlc_seats_sweep_retired (fixture.seats);
  ck_assert (peer_is_closed (free_peer));
  ck_assert (!peer_is_closed (claimed_peer));
  ck_assert (!tlc_seat_claim_home (&free_home));

  tlc_seats_release (fixture.seats, &claimed_home);
  ck_assert (peer_is_closed (claimed_peer));
  ck_assert_uint_eq (state_of (&claimed_home), TLC_SEAT_EMPTY);
  ck_assert_uint_eq (tlc_seats_look (fixture.seats), 2);
  close (free_peer);
  close (claimed_peer);
  fixture_clear (&fixture);
}
END_TEST

/* All threads at one seat. */
typedef struct {
  Fixture *fixture;
  TlcSeat *seat;
  atomic_uint inside; /* claimants, as they count themselves */
  atomic_uint claims;
  guint64 plain; /* for thread sanitizer: whoever is inside adds to it */
} Contest;

static void *
claim_the_same_seat (void *data)
{
  Contest *contest = data;

  while (atomic_load_explicit (&contest->claims, memory_order_relaxed) < 200000)
    {
      guint64 word = atomic_load_explicit (&contest->seat->word, memory_order_relaxed);
      TlcHome home = { contest->seat, word };

      if (TLC_SEAT_STATE (word) != TLC_SEAT_EMPTY || !tlc_seat_claim_home (&home))
        continue;
      ck_assert_uint_eq (atomic_fetch_add_explicit (&contest->inside, 1, memory_order_relaxed), 0);
      contest->plain++;
      atomic_fetch_add_explicit (&contest->claims, 1, memory_order_relaxed);
      atomic_fetch_sub_explicit (&contest->inside, 1, memory_order_relaxed);
      tlc_seat_leave (&home);
    }
  return NULL;
}

/* Law 3: at most one claimant a seat, however many try, and each sees what the last one wrote. */
START_TEST (test_seats_one_claimant_at_a_time)
{
  Fixture fixture;
  Contest contest = { .fixture = &fixture };
  TlcHome home = { NULL, 0 };
  pthread_t threads[4];

  fixture_init (&fixture);
  ck_assert (tlc_seats_claim (fixture.seats, &home, 1, 0));
  tlc_seats_release (fixture.seats, &home);
  contest.seat = home.seat;
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, claim_the_same_seat, &contest), 0);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    pthread_join (threads[i], NULL);
  ck_assert_uint_eq (contest.plain, contest.claims);
  fixture_clear (&fixture);
}
END_TEST

/* Threads that come and go while the service closes: whoever is late closes what is left. */
typedef struct {
  Fixture *fixture;
  pthread_barrier_t barrier;
} Closing;

static gboolean
is_closed (Fixture *fixture)
{
  g_autoptr (TlcSnapshot) current = tlc_root_read (fixture->root);

  return current->closed;
}

static TlcConnection *
connection_of_nothing (Fixture *fixture)
{
  TlcConnection *connection = g_new0 (TlcConnection, 1);

  connection->fd = -1;
  connection->endpoint = tlc_endpoint_ref (fixture->held->endpoints->pdata[0]);
  return connection;
}

static void *
call_until_closed (void *data)
{
  Closing *closing = data;
  TlcSeats *seats = closing->fixture->seats;
  TlcHome home = { NULL, 0 };
  gboolean closed = FALSE;

  pthread_barrier_wait (&closing->barrier);
  while (!closed)
    {
      ck_assert (tlc_seats_claim (seats, &home, 1, 0));
      tlc_seats_refresh (seats, home.seat);
      closed = is_closed (closing->fixture);
      if (!closed && home.seat->connection == NULL)
        tlc_seat_put_connection (home.seat, connection_of_nothing (closing->fixture));
      tlc_seats_release (seats, &home);
    }
  return NULL;
}

/* Law 7: after publish and sweep no connection is left, whichever way the threads' releases fall.
 */
START_TEST (test_seats_nothing_open_after_a_close)
{
  for (guint round = 0; round < 300; round++)
    {
      Fixture fixture;
      Closing closing = { .fixture = &fixture };
      pthread_t threads[3];
      guint64 open, busy;

      fixture_init (&fixture);
      pthread_barrier_init (&closing.barrier, NULL, G_N_ELEMENTS (threads) + 1);
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        ck_assert_int_eq (pthread_create (&threads[i], NULL, call_until_closed, &closing), 0);
      pthread_barrier_wait (&closing.barrier);
      fixture_close (&fixture);
      tlc_seats_sweep_retired (fixture.seats);
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        pthread_join (threads[i], NULL);
      tlc_seats_count (fixture.seats, &open, &busy);
      ck_assert_uint_eq (open, 0);
      ck_assert_uint_eq (busy, 0);
      pthread_barrier_destroy (&closing.barrier);
      fixture_clear (&fixture);
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("seats");
  TCase *tests = tcase_create ("seats");

  tcase_add_test (tests, test_seats_claim_and_release);
  tcase_add_test (tests, test_seats_home_by_the_exact_word_only);
  tcase_add_test (tests, test_seats_row_grows);
  tcase_add_test (tests, test_seats_close_reaches_free_and_claimed);
  tcase_add_test (tests, test_seats_one_claimant_at_a_time);
  tcase_add_test (tests, test_seats_nothing_open_after_a_close);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
