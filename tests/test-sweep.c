/* SPDX-License-Identifier: Apache-2.0 */

/* Sweeps: what is closed when a service changes, and that nothing is forgotten. */
#include "support/tlc-seats-fixture.h"

/* Law 7: after a close, what is free is closed by the sweep, what is claimed by its claimant's
 * release. */
START_TEST (test_sweep_after_a_close_reaches_free_and_claimed)
{
  Fixture fixture;
  TlcHome free_home = { NULL, 0 }, claimed_home = { NULL, 0 };
  int free_peer, claimed_peer;

  fixture_init (&fixture);
  ck_assert (seats_claim (fixture.seats, &free_home));
  tlc_seat_put_connection (free_home.seat, fixture_connection (&fixture, &free_peer));
  tlc_seats_refresh (fixture.seats, free_home.seat);
  tlc_seats_release (fixture.seats, &free_home);
  ck_assert (seats_claim (fixture.seats, &claimed_home));
  tlc_seat_put_connection (claimed_home.seat, fixture_connection (&fixture, &claimed_peer));
  tlc_seats_refresh (fixture.seats, claimed_home.seat);

  fixture_close (&fixture);
  tlc_seats_follow_change (fixture.seats);
  ck_assert (peer_is_closed (free_peer));
  ck_assert (!peer_is_closed (claimed_peer));
  ck_assert (!tlc_seat_claim_home (&free_home));

  tlc_seats_release (fixture.seats, &claimed_home);
  ck_assert (peer_is_closed (claimed_peer));
  ck_assert_uint_eq (state_of (&claimed_home), TLC_SEAT_EMPTY);
  ck_assert_uint_eq (tlc_branch_get_generation (fixture.branch), 2);
  close (free_peer);
  close (claimed_peer);
  fixture_clear (&fixture);
}
END_TEST

/* A sweep closes what leads where nothing is any more, and leaves seats in order alone: their
 * threads find home by the exact word that they left there. */
START_TEST (test_sweep_leaves_seats_in_order_alone)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  TlcSeatsCensus census;
  int peer;

  fixture_init (&fixture);
  fixture_settle (&fixture, &home, &peer);
  fixture_change (&fixture, tlc_room_settings ("unix:@another unix:@nobody-listens-here", NULL));
  tlc_seats_follow_change (fixture.seats);
  ck_assert (!peer_is_closed (peer));
  ck_assert (tlc_seat_claim_home (&home));
  tlc_seats_release (fixture.seats, &home);

  fixture_change (&fixture, tlc_room_settings ("unix:@another", NULL));
  tlc_seats_follow_change (fixture.seats);
  ck_assert (peer_is_closed (peer));
  ck_assert (!tlc_seat_claim_home (&home));
  tlc_seats_count (fixture.seats, &census);
  ck_assert_uint_eq (census.n_open, 0);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* A sweep that judges by a snapshot that was replaced meanwhile closes nothing that is in force. */
START_TEST (test_sweep_looks_twice)
{
  g_autoptr (TlcSnapshot) old = NULL;
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  int peer;

  fixture_init (&fixture);
  fixture_change (&fixture, tlc_room_settings ("unix:@another", NULL));
  old = tlc_branch_read (fixture.branch);
  fixture_change (&fixture, tlc_room_settings ("unix:@nobody-listens-here", NULL));
  fixture_settle (&fixture, &home, &peer);
  ck_assert (tlc_seats_clean (fixture.seats, home.seat, old));
  ck_assert (!peer_is_closed (peer));
  ck_assert (tlc_seat_claim_home (&home));
  tlc_seats_release (fixture.seats, &home);
  close (peer);
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
  g_autoptr (TlcSnapshot) current = tlc_branch_read (fixture->branch);

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
      ck_assert (seats_claim (seats, &home));
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
START_TEST (test_sweep_leaves_nothing_open_after_a_close)
{
  for (guint round = 0; round < 300; round++)
    {
      Fixture fixture;
      Closing closing = { .fixture = &fixture };
      pthread_t threads[3];
      TlcSeatsCensus census;

      fixture_init (&fixture);
      pthread_barrier_init (&closing.barrier, NULL, G_N_ELEMENTS (threads) + 1);
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        ck_assert_int_eq (pthread_create (&threads[i], NULL, call_until_closed, &closing), 0);
      pthread_barrier_wait (&closing.barrier);
      fixture_close (&fixture);
      tlc_seats_follow_change (fixture.seats);
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        pthread_join (threads[i], NULL);
      tlc_seats_count (fixture.seats, &census);
      ck_assert_uint_eq (census.n_open, 0);
      ck_assert_uint_eq (census.n_busy, 0);
      pthread_barrier_destroy (&closing.barrier);
      fixture_clear (&fixture);
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sweep");
  TCase *tests = tcase_create ("sweep");

  tcase_add_test (tests, test_sweep_after_a_close_reaches_free_and_claimed);
  tcase_add_test (tests, test_sweep_leaves_seats_in_order_alone);
  tcase_add_test (tests, test_sweep_looks_twice);
  tcase_add_test (tests, test_sweep_leaves_nothing_open_after_a_close);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
