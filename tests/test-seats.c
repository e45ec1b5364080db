/* SPDX-License-Identifier: Apache-2.0 */

/* Seats: who may claim what, and what a claim brings up to date. */
#include "support/tlc-seats-fixture.h"

/* Claim and release: EMPTY without a connection, FREE with one, and the home is found again. */
START_TEST (test_seats_claim_and_release)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  TlcSeat *first;
  int peer;

  fixture_init (&fixture);
  ck_assert (seats_claim (fixture.seats, &home));
  first = home.seat;
  ck_assert_uint_eq (state_of (&home), TLC_SEAT_CLAIMED);
  tlc_seats_release (fixture.seats, &home);
  ck_assert_uint_eq (state_of (&home), TLC_SEAT_EMPTY);

  ck_assert (seats_claim (fixture.seats, &home));
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
  ck_assert (seats_claim (fixture.seats, &home));
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
  TlcSeatsCensus census;

  fixture_init (&fixture);
  for (guint i = 0; i < N; i++)
    {
      ck_assert (seats_claim (fixture.seats, &homes[i]));
      ck_assert (g_hash_table_add (seen, homes[i].seat));
    }
  tlc_seats_count (fixture.seats, &census);
  ck_assert_uint_eq (census.n_busy, N);
  for (guint i = 0; i < N; i++)
    tlc_seats_release (fixture.seats, &homes[i]);
  tlc_seats_count (fixture.seats, &census);
  ck_assert_uint_eq (census.n_open, 0);
  ck_assert_uint_eq (census.n_busy, 0);
  /* Seats that were left are taken again before the row grows: 32 + 64 + ... + 1024 hold them
   * all. */
  for (guint i = 0; i < N; i++)
    {
      TlcHome home = { NULL, 0 };

      ck_assert (seats_claim (fixture.seats, &home));
    }
  ck_assert_ptr_nonnull (atomic_load_explicit (&fixture.seats->chunks[4], memory_order_relaxed));
  ck_assert_ptr_nonnull (atomic_load_explicit (&fixture.seats->chunks[5], memory_order_relaxed));
  ck_assert_ptr_null (atomic_load_explicit (&fixture.seats->chunks[6], memory_order_relaxed));
  fixture_clear (&fixture);
}
END_TEST

static gint64
receive_timer_us (const TlcConnection *connection)
{
  struct timeval timer = { 0, 0 };
  socklen_t length = sizeof timer;

  ck_assert_int_eq (getsockopt (connection->fd, SOL_SOCKET, SO_RCVTIMEO, &timer, &length), 0);
  return timer.tv_sec * G_USEC_PER_SEC + timer.tv_usec;
}

/* The socket's timer follows call-timeout without a reconnect, so that a call takes two system calls
 * again. Law 1. */
START_TEST (test_seats_timer_follows_the_settings)
{
  static const char *const timeouts[] = { "2s", "20s", "10ms", "5s" };
  static const gint64 timeouts_us[] = { 2000000, 20000000, 10000, 5000000 };
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  int peer;

  fixture_init (&fixture);
  fixture_settle (&fixture, &home, &peer);
  for (guint i = 0; i < G_N_ELEMENTS (timeouts); i++)
    {
      TlcConnection *connection;

      fixture_change (&fixture, tlc_room_settings ("unix:@nobody-listens-here", "call-timeout",
                                                   timeouts[i], NULL));
      ck_assert (seats_claim (fixture.seats, &home));
      tlc_seats_refresh (fixture.seats, home.seat);
      connection = home.seat->connection;
      ck_assert_int_eq (connection->call_timeout_us, timeouts_us[i]);
      if (timeouts_us[i] < 30000) /* shorter than the timer is exact: not used */
        ck_assert_int_eq (connection->receive_timer_us, G_MAXINT64);
      else
        {
          ck_assert_int_lt (connection->receive_timer_us, timeouts_us[i]);
          ck_assert_int_lt (receive_timer_us (connection), timeouts_us[i]);
          ck_assert_int_gt (receive_timer_us (connection), timeouts_us[i] / 2);
        }
      tlc_seats_release (fixture.seats, &home);
    }
  ck_assert (!peer_is_closed (peer));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* Who has lost its home under a cap steals that one first, where its connection may still be, though
 * another comes before it in the row. */
START_TEST (test_seats_steals_its_own_first)
{
  Fixture fixture;
  TlcHome first = { NULL, 0 }, own = { NULL, 0 }, thief;
  int peers[2];

  fixture_init_by (&fixture, tlc_room_settings ("unix:@nobody-listens-here", "max-connections", "2",
                                                NULL));
  fixture_settle (&fixture, &first, &peers[0]);
  fixture_settle (&fixture, &own, &peers[1]);
  thief = own;
  ck_assert (tlc_seat_claim_home (&thief));
  tlc_seats_release (fixture.seats, &thief);
  ck_assert (!tlc_seat_claim_home (&own));
  ck_assert_int_eq (tlc_seats_claim_any (fixture.seats, &own), TLC_CLAIM_STOLEN);
  ck_assert_ptr_eq (own.seat, thief.seat);
  ck_assert_uint_lt (first.seat->index, own.seat->index);
  for (guint i = 0; i < 2; i++)
    close (peers[i]);
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
      tlc_seat_leave (&home, TLC_SEAT_FREE);
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
  ck_assert (seats_claim (fixture.seats, &home));
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

int
main (void)
{
  Suite *suite = suite_create ("seats");
  TCase *tests = tcase_create ("seats");

  tcase_add_test (tests, test_seats_claim_and_release);
  tcase_add_test (tests, test_seats_home_by_the_exact_word_only);
  tcase_add_test (tests, test_seats_row_grows);
  tcase_add_test (tests, test_seats_timer_follows_the_settings);
  tcase_add_test (tests, test_seats_steals_its_own_first);
  tcase_add_test (tests, test_seats_one_claimant_at_a_time);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
