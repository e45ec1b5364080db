/* SPDX-License-Identifier: Apache-2.0 */

/* Sweeping, at the seat: what nobody uses for idle-timeout is closed, and what is older than max-age;
 * nothing else is, and nothing before its time. Law 6. */
#include "connect/tlc-sweep.h"
#include "support/tlc-seats-fixture.h"

#define IDLE_US (60 * G_USEC_PER_SEC)
#define AGE_US (100 * G_USEC_PER_SEC)

static gint64
sweep (Fixture *fixture, gint64 now_us)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (fixture->branch);

  return tlc_sweep (fixture->seats, current->settings, now_us);
}

/* A seat whose connection rests since @since_us. */
static void
fixture_rest (Fixture *fixture, TlcHome *home, int *ret_peer, gint64 since_us)
{
  fixture_settle (fixture, home, ret_peer);
  tlc_seat_date (home->seat, since_us);
}

static void
assert_reclaimed (Fixture *fixture, guint64 n)
{
  ck_assert_uint_eq (atomic_load (&fixture->seats->reclaimed_idle), n);
  ck_assert_uint_eq (atomic_load (&fixture->seats->reclaimed_retired), 0);
}

/* Not before its time, and when that has come; the thread that was at home there has none now. */
START_TEST (test_sweep_idle_what_rests)
{
  Fixture fixture;
  TlcHome early = { NULL, 0 }, late = { NULL, 0 };
  int peers[2];

  fixture_init (&fixture);
  fixture_rest (&fixture, &early, &peers[0], 1000);
  fixture_rest (&fixture, &late, &peers[1], G_USEC_PER_SEC);
  ck_assert_int_eq (sweep (&fixture, 2000), 1000 + IDLE_US);
  ck_assert_int_eq (sweep (&fixture, 1000 + IDLE_US - 1), 1000 + IDLE_US - 1 + TLC_SWEEP_SLACK_US);
  ck_assert (!peer_is_closed (peers[0]));
  assert_reclaimed (&fixture, 0);
  ck_assert_int_eq (sweep (&fixture, 1000 + IDLE_US), G_USEC_PER_SEC + IDLE_US);
  ck_assert (peer_is_closed (peers[0]));
  ck_assert (!peer_is_closed (peers[1]));
  ck_assert (!tlc_seat_claim_home (&early));
  ck_assert (tlc_seat_claim_home (&late));
  tlc_seats_release (fixture.seats, &late);
  ck_assert_int_eq (sweep (&fixture, 2 * IDLE_US), G_MAXINT64);
  ck_assert (peer_is_closed (peers[1]));
  assert_reclaimed (&fixture, 2);
  close (peers[0]);
  close (peers[1]);
  fixture_clear (&fixture);
}
END_TEST

/* What a thread has left is closed likewise, and is no longer there to be adopted. */
START_TEST (test_sweep_idle_what_an_exit_left)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  int peer;

  fixture_init (&fixture);
  fixture_rest (&fixture, &home, &peer, 1000);
  ck_assert (tlc_seat_claim_home (&home));
  tlc_seats_donate (fixture.seats, &home, 8);
  ck_assert_uint_eq (state_of (&home), TLC_SEAT_SPARE);
  sweep (&fixture, 1000 + IDLE_US);
  ck_assert (peer_is_closed (peer));
  ck_assert_uint_eq (fixture.seats->n_spare, 0);
  assert_reclaimed (&fixture, 1);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* What is in use, or held between two uses, is not idle, however long ago it was claimed. */
START_TEST (test_sweep_idle_nothing_in_use)
{
  Fixture fixture;
  TlcHome claimed = { NULL, 0 }, held = { NULL, 0 };
  int peers[2];

  fixture_init (&fixture);
  fixture_rest (&fixture, &claimed, &peers[0], 1000);
  fixture_rest (&fixture, &held, &peers[1], 1000);
  ck_assert (tlc_seat_claim_home (&claimed));
  ck_assert (tlc_seat_claim_home (&held));
  tlc_seats_release_as (fixture.seats, &held, TLC_SEAT_HELD);
  ck_assert_int_eq (sweep (&fixture, 10 * IDLE_US), G_MAXINT64);
  ck_assert (!peer_is_closed (peers[0]));
  ck_assert (!peer_is_closed (peers[1]));
  ck_assert (tlc_seat_claim_home (&held));
  close (peers[0]);
  close (peers[1]);
  fixture_clear (&fixture);
}
END_TEST

/* min-connections stay, and nobody comes back for them. */
START_TEST (test_sweep_idle_but_for_some)
{
  enum { N = 5 };
  Fixture fixture;
  TlcHome homes[N] = { { NULL, 0 } };
  int peers[N];
  guint n_closed = 0;

  fixture_init_by (&fixture, tlc_room_settings ("unix:@nobody-listens-here", "min-connections", "2",
                                                NULL));
  for (guint i = 0; i < N; i++)
    fixture_rest (&fixture, &homes[i], &peers[i], 1000);
  ck_assert_int_eq (sweep (&fixture, 1000 + IDLE_US), G_MAXINT64);
  for (guint i = 0; i < N; i++)
    {
      n_closed += peer_is_closed (peers[i]) ? 1 : 0;
      close (peers[i]);
    }
  ck_assert_uint_eq (n_closed, N - 2);
  fixture_clear (&fixture);
}
END_TEST

static void
fixture_age (Fixture *fixture, const char *max_age)
{
  fixture_change (fixture, tlc_room_settings ("unix:@nobody-listens-here", "max-age", max_age,
                                              "idle-timeout", "24h", NULL));
  tlc_seats_follow_change (fixture->seats);
}

/* Each at a time of its own between nine tenths of max-age and all, which counts for those, too, that
 * were there when it was set; and for min-connections. */
START_TEST (test_sweep_idle_what_is_too_old)
{
  enum { N = 32 };
  Fixture fixture;
  TlcHome homes[N] = { { NULL, 0 } };
  gint64 now_us = tlc_clock_now_us (), born_us, due_us;
  int peers[N];
  guint n_closed = 0;

  fixture_init (&fixture);
  for (guint i = 0; i < N; i++)
    fixture_rest (&fixture, &homes[i], &peers[i], now_us);
  fixture_age (&fixture, "100s");
  born_us = (now_us / TLC_SEAT_BORN_US - 1) * TLC_SEAT_BORN_US; /* by the latest tick */
  due_us = sweep (&fixture, now_us);
  ck_assert_int_ge (due_us, born_us + AGE_US / 10 * 9);
  sweep (&fixture, due_us - TLC_SEAT_BORN_US);
  assert_reclaimed (&fixture, 0);
  sweep (&fixture, born_us + AGE_US / 100 * 95);
  for (guint i = 0; i < N; i++)
    n_closed += peer_is_closed (peers[i]) ? 1 : 0;
  ck_assert_uint_ge (n_closed, N / 4);
  ck_assert_uint_le (n_closed, N * 3 / 4);
  ck_assert_int_eq (sweep (&fixture, born_us + AGE_US + 2 * TLC_SEAT_BORN_US), G_MAXINT64);
  assert_reclaimed (&fixture, N);
  for (guint i = 0; i < N; i++)
    close (peers[i]);
  fixture_clear (&fixture);
}
END_TEST

/* What is in use then is closed by its claimant, between two calls: he is reminded, and the sweeper comes
 * again; whether he is at it, or away while a reply is due. */
START_TEST (test_sweep_idle_what_is_too_old_in_use)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  gint64 old_us;
  int peer;

  fixture_init (&fixture);
  fixture_age (&fixture, "1ms");
  fixture_settle (&fixture, &home, &peer);
  while (tlc_clock_last_tick_us ()
         < tlc_seat_get_expiry_us (home.seat, 1000) + 2 * TLC_SEAT_BORN_US)
    g_usleep (1000);
  ck_assert (tlc_seat_claim_home (&home));
  tlc_seats_refresh (fixture.seats, home.seat);
  tlc_seats_release (fixture.seats, &home);
  ck_assert (!peer_is_closed (peer)); /* calls do not look */
  ck_assert (tlc_seat_claim_home (&home));
  tlc_seats_refresh (fixture.seats, home.seat);
  if (_i == 1)
    tlc_seat_await (&home);
  old_us = tlc_clock_now_us ();
  ck_assert_int_eq (sweep (&fixture, old_us), old_us + TLC_SWEEP_REMIND_US);
  ck_assert (!peer_is_closed (peer));
  ck_assert (_i == 0 || tlc_seat_claim_home (&home));
  tlc_seats_release (fixture.seats, &home);
  ck_assert (peer_is_closed (peer));
  assert_reclaimed (&fixture, 1);
  ck_assert (tlc_seat_claim_home (&home));
  ck_assert_int_eq (sweep (&fixture, old_us), G_MAXINT64); /* where none is, none is old */
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* What is held is one conversation: it ends when it is released. */
START_TEST (test_sweep_idle_what_is_too_old_held)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  int peer;

  fixture_init (&fixture);
  fixture_age (&fixture, "1ms");
  fixture_settle (&fixture, &home, &peer);
  while (tlc_clock_last_tick_us ()
         < tlc_seat_get_expiry_us (home.seat, 1000) + 2 * TLC_SEAT_BORN_US)
    g_usleep (1000);
  ck_assert (tlc_seat_claim_home (&home));
  sweep (&fixture, tlc_clock_now_us ());
  tlc_seats_release_as (fixture.seats, &home, TLC_SEAT_HELD);
  sweep (&fixture, tlc_clock_now_us ());
  ck_assert (!peer_is_closed (peer));
  ck_assert (tlc_seat_claim_home (&home));
  sweep (&fixture, tlc_clock_now_us ());
  tlc_seats_release (fixture.seats, &home);
  ck_assert (peer_is_closed (peer));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sweep-idle");
  TCase *tests = tcase_create ("sweep-idle");

  tcase_add_test (tests, test_sweep_idle_what_rests);
  tcase_add_test (tests, test_sweep_idle_what_an_exit_left);
  tcase_add_test (tests, test_sweep_idle_nothing_in_use);
  tcase_add_test (tests, test_sweep_idle_but_for_some);
  tcase_add_test (tests, test_sweep_idle_what_is_too_old);
  tcase_add_loop_test (tests, test_sweep_idle_what_is_too_old_in_use, 0, 2);
  tcase_add_test (tests, test_sweep_idle_what_is_too_old_held);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
