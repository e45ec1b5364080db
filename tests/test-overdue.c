/* SPDX-License-Identifier: Apache-2.0 */

/* Condemning, at the seat: what its thread has left AWAITING is closed, once its deadline and a grace have
 * passed, and nothing else is. Law 6. */
#include <string.h>

#include "connect/tlc-condemn.h"
#include "observe/tlc-thread-name.h"
#include "support/tlc-seats-fixture.h"

#define DEADLINE_US 1000000
#define OVERDUE_US (DEADLINE_US + TLC_CONDEMN_GRACE_US)

static gint64
look (Fixture *fixture, gint64 now_us, guint n_open)
{
  guint n;
  gint64 due_us = tlc_condemn_overdue (fixture->seats, "echo", now_us, &n);

  ck_assert_uint_eq (n, n_open);
  return due_us;
}

/* Law 6: a seat that is AWAITING is looked after when its call must be over, and closed then, not before. Who
 * has left it does not find it again; it is anybody's. */
START_TEST (test_overdue_is_closed)
{
  TlcHome home = { NULL, 0 }, other = { NULL, 0 };
  Fixture fixture;
  int peer;

  fixture_init_by (&fixture, tlc_room_settings ("unix:@nobody-listens-here", "max-connections", "1", NULL));
  fixture_settle (&fixture, &home, &peer);
  ck_assert (seats_claim (fixture.seats, &home));
  tlc_seat_bound (home.seat, DEADLINE_US);
  tlc_seat_await (&home);
  ck_assert (!seats_claim (fixture.seats, &other));
  ck_assert_int_eq (look (&fixture, OVERDUE_US - 1, 1), OVERDUE_US);
  ck_assert (!peer_is_closed (peer));
  ck_assert (tlc_seat_is_ours (&home));
  ck_assert_int_eq (look (&fixture, OVERDUE_US, 0), G_MAXINT64);
  ck_assert (peer_is_closed (peer));
  ck_assert (!tlc_seat_is_ours (&home));
  ck_assert (!tlc_seat_claim_home (&home));
  ck_assert (seats_claim (fixture.seats, &other));
  tlc_seats_release (fixture.seats, &other);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* Law 3: whoever is at it, sending or receiving, goes by his own clock; whether he has come back for a reply
 * that is overdue, or has just begun. */
START_TEST (test_overdue_is_somebody_at_it)
{
  TlcHome home = { NULL, 0 };
  Fixture fixture;
  int peer;

  fixture_init (&fixture);
  fixture_settle (&fixture, &home, &peer);
  ck_assert (seats_claim (fixture.seats, &home));
  tlc_seat_bound (home.seat, DEADLINE_US);
  if (_i == 1)
    {
      tlc_seat_await (&home);
      ck_assert (tlc_seat_claim_home (&home));
    }
  ck_assert_int_eq (look (&fixture, OVERDUE_US - 1, 1), OVERDUE_US);
  ck_assert_int_eq (look (&fixture, 10 * DEADLINE_US, 1), G_MAXINT64);
  ck_assert (!peer_is_closed (peer));
  ck_assert (tlc_seat_is_ours (&home));
  tlc_seats_release (fixture.seats, &home);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* Laws 2 and 5: a call whose thread is away is in flight all the same: a change closes nothing under it, and
 * who drains waits for it. */
START_TEST (test_overdue_is_in_flight)
{
  TlcHome home = { NULL, 0 };
  Fixture fixture;
  int peer;

  fixture_init (&fixture);
  fixture_settle (&fixture, &home, &peer);
  ck_assert (seats_claim (fixture.seats, &home));
  tlc_seat_bound (home.seat, DEADLINE_US);
  tlc_seat_await (&home);
  fixture_change (&fixture, tlc_room_settings ("unix:@nobody-there-either", NULL));
  tlc_seats_follow_change (fixture.seats);
  ck_assert (!peer_is_closed (peer));
  ck_assert (tlc_seat_claim_home (&home));
  tlc_seats_release (fixture.seats, &home);
  ck_assert (peer_is_closed (peer));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* A call that began after what is cut is not: a service that was closed, and cut late, may be open again. The
 * thread is at it, or has left it. */
START_TEST (test_overdue_began_after)
{
  TlcHome home = { NULL, 0 };
  Fixture fixture;
  guint64 stamp;
  int peer;

  fixture_init (&fixture);
  fixture_settle (&fixture, &home, &peer);
  ck_assert (seats_claim (fixture.seats, &home));
  stamp = tlc_seat_get_stamp (home.seat);
  if (_i == 1)
    tlc_seat_await (&home);
  tlc_condemn_all (fixture.seats, stamp - 1);
  ck_assert (!peer_is_closed (peer));
  tlc_condemn_all (fixture.seats, stamp);
  ck_assert (peer_is_closed (peer));
  if (_i == 0)
    tlc_seats_release (fixture.seats, &home);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* Law 3: a seat that was left since it was looked at is not shut down; nor, in the child of a fork, one
 * whose socket is the parent's. */
START_TEST (test_overdue_is_left_alone)
{
  TlcHome home = { NULL, 0 };
  Fixture fixture;
  guint64 word;
  int peer;

  fixture_init (&fixture);
  fixture_settle (&fixture, &home, &peer);
  ck_assert (seats_claim (fixture.seats, &home));
  word = home.word;
  tlc_seats_release (fixture.seats, &home);
  tlc_seat_shut_down (home.seat, word, G_MAXUINT64);
  ck_assert (!peer_is_closed (peer));
  ck_assert (seats_claim (fixture.seats, &home));
  tlc_seat_forget_fd (home.seat);
  tlc_seat_shut_down (home.seat, home.word, G_MAXUINT64);
  ck_assert (!peer_is_closed (peer));
  tlc_seats_release (fixture.seats, &home);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

static void
note_message (const char *domain, GLogLevelFlags level, const char *message, gpointer messages)
{
  g_string_append (messages, message);
}

/* A hold that is ended is reported, once, by the service's name, the thread's and how long it has not
 * called; and not above the level of debugging. */
START_TEST (test_overdue_hold_is_reported)
{
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autofree char *thread = tlc_thread_describe (gettid ());
  g_autofree char *who = g_strdup_printf ("service echo: thread %s has held", thread);
  TlcHome home = { NULL, 0 };
  Fixture fixture;
  guint n_open;
  int peer;

  fixture_init (&fixture);
  g_log_set_handler ("tlc", G_LOG_LEVEL_DEBUG, note_message, messages);
  fixture_settle (&fixture, &home, &peer);
  ck_assert (seats_claim (fixture.seats, &home));
  tlc_seat_sign (home.seat, gettid ());
  tlc_seat_date (home.seat, DEADLINE_US - 7000);
  tlc_seat_bound (home.seat, DEADLINE_US);
  tlc_seats_release_as (fixture.seats, &home, TLC_SEAT_HELD);
  tlc_condemn_overdue (fixture.seats, "echo", DEADLINE_US, &n_open);
  ck_assert_str_eq (messages->str, "");
  tlc_condemn_overdue (fixture.seats, "echo", DEADLINE_US + TLC_CONDEMN_GRACE_US, &n_open);
  ck_assert_msg (g_str_has_prefix (messages->str, who), "%s", messages->str);
  ck_assert_ptr_nonnull (strstr (messages->str, "longer than hold-timeout"));
  ck_assert_ptr_nonnull (strstr (messages->str, " 57 ms"));
  g_string_truncate (messages, 0);
  tlc_condemn_overdue (fixture.seats, "echo", 10 * DEADLINE_US, &n_open);
  ck_assert_str_eq (messages->str, "");
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("overdue");
  TCase *tests = tcase_create ("overdue");

  tcase_add_test (tests, test_overdue_is_closed);
  tcase_add_loop_test (tests, test_overdue_is_somebody_at_it, 0, 2);
  tcase_add_test (tests, test_overdue_is_in_flight);
  tcase_add_loop_test (tests, test_overdue_began_after, 0, 2);
  tcase_add_test (tests, test_overdue_is_left_alone);
  tcase_add_test (tests, test_overdue_hold_is_reported);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
