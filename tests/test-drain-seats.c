/* SPDX-License-Identifier: Apache-2.0 */

/* Draining, at the seat: what is waited for, and who is named for it. Laws 2 and 5. */
#include "connect/tlc-drain.h"
#include "support/tlc-seats-fixture.h"

enum { N = 3 };

static gboolean
drain_at_once (Fixture *fixture, TlcDrainReport *ret_report)
{
  return tlc_drain (fixture->seats, NULL, 0, ret_report);
}

/* Claimed seats with connections, by threads 1, 2, 3. */
static void
fixture_occupy_all (Fixture *fixture, TlcHome *homes, int *peers)
{
  for (gint i = 0; i < N; i++)
    {
      homes[i].seat = NULL;
      fixture_settle (fixture, &homes[i], &peers[i]);
      ck_assert (tlc_seat_claim_home (&homes[i]));
      tlc_seat_sign (homes[i].seat, i + 1);
    }
}

static void
fixture_leave_all (Fixture *fixture, TlcHome *homes, int *peers)
{
  TlcDrainReport report;

  for (guint i = 0; i < N; i++)
    tlc_seats_release (fixture->seats, &homes[i]);
  ck_assert (drain_at_once (fixture, &report));
  for (guint i = 0; i < N; i++)
    close (peers[i]);
}

/* A call whose seat the cap has put out of use is waited for, though its endpoint stays; those within are
 * not. */
START_TEST (test_drain_seats_beyond_the_cap)
{
  Fixture fixture;
  TlcDrainReport report;
  TlcHome homes[N];
  int peers[N];

  fixture_init_by (&fixture, tlc_room_settings ("unix:@nobody-listens-here", "max-connections", "3",
                                                NULL));
  fixture_occupy_all (&fixture, homes, peers);
  fixture_change (&fixture, tlc_room_settings ("unix:@nobody-listens-here", "max-connections", "2", NULL));
  ck_assert (!drain_at_once (&fixture, &report));
  ck_assert_uint_eq (report.n_claimed, 1);
  ck_assert_int_eq (report.thread, 3);
  fixture_leave_all (&fixture, homes, peers);
  fixture_clear (&fixture);
}
END_TEST

/* The oldest is named, wherever in the row it sits. */
START_TEST (test_drain_seats_names_the_oldest)
{
  Fixture fixture;
  TlcDrainReport report;
  TlcHome homes[N];
  int peers[N];

  fixture_init (&fixture);
  fixture_occupy_all (&fixture, homes, peers);
  for (gint i = 0; i < N; i++)
    tlc_seat_date (homes[i].seat, i == _i ? 1000 : 2000 + i);
  fixture_change (&fixture, tlc_room_settings ("unix:@nobody-listens-there", NULL));
  ck_assert (!drain_at_once (&fixture, &report));
  ck_assert_uint_eq (report.n_claimed, N);
  ck_assert_int_eq (report.thread, _i + 1);
  ck_assert_int_eq (report.since_us, 1000);
  ck_assert_ptr_eq (report.endpoint, fixture.held->endpoints->pdata[0]);
  fixture_leave_all (&fixture, homes, peers);
  fixture_clear (&fixture);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("drain-seats");
  TCase *tests = tcase_create ("drain-seats");

  tcase_add_test (tests, test_drain_seats_beyond_the_cap);
  tcase_add_loop_test (tests, test_drain_seats_names_the_oldest, 0, N);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
