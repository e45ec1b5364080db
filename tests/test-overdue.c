/* SPDX-License-Identifier: Apache-2.0 */

/* Condemning, at the seat: what is overdue is shut down, once its deadline and a grace have passed, and
 * nothing else is. Law 6. */
#include <string.h>

#include "connect/tlc-condemn.h"
#include "observe/tlc-thread-name.h"
#include "support/tlc-seats-fixture.h"

#define DEADLINE_US 1000000

/* Law 6: a claimed seat is looked after when its call must be over, and shut down then, not before; its
 * owner closes it. */
START_TEST (test_overdue_is_shut_down)
{
  TlcHome home = { NULL, 0 };
  Fixture fixture;
  guint n_open;
  int peer;

  fixture_init (&fixture);
  fixture_settle (&fixture, &home, &peer);
  ck_assert (seats_claim (fixture.seats, &home));
  tlc_seat_bound (home.seat, DEADLINE_US);
  ck_assert_int_eq (tlc_condemn_overdue (fixture.seats, "echo", DEADLINE_US, &n_open),
                    DEADLINE_US + TLC_CONDEMN_GRACE_US);
  ck_assert_uint_eq (n_open, 1);
  ck_assert (!peer_is_closed (peer));
  ck_assert_int_eq (
      tlc_condemn_overdue (fixture.seats, "echo", DEADLINE_US + TLC_CONDEMN_GRACE_US, &n_open), G_MAXINT64);
  ck_assert (peer_is_closed (peer));
  ck_assert_uint_eq (n_open, 1);
  tlc_seat_close_connection (home.seat);
  tlc_seats_release (fixture.seats, &home);
  tlc_condemn_overdue (fixture.seats, "echo", G_MAXINT64 / 2, &n_open);
  ck_assert_uint_eq (n_open, 0);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* Law 3: the deadline of the call before is not that of the next one, which has just claimed the seat and
 * not said its own; nor of whoever claims it for another reason. */
START_TEST (test_overdue_was_the_call_before)
{
  TlcHome home = { NULL, 0 };
  Fixture fixture;
  guint n_open;
  int peer;

  fixture_init (&fixture);
  fixture_settle (&fixture, &home, &peer);
  ck_assert (seats_claim (fixture.seats, &home));
  tlc_seat_bound (home.seat, DEADLINE_US);
  tlc_seats_release (fixture.seats, &home);
  tlc_condemn_overdue (fixture.seats, "echo", 10 * DEADLINE_US, &n_open); /* it is free */
  ck_assert (seats_claim (fixture.seats, &home));
  ck_assert_int_eq (tlc_condemn_overdue (fixture.seats, "echo", 10 * DEADLINE_US, &n_open), G_MAXINT64);
  ck_assert (!peer_is_closed (peer));
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
  tlc_seat_shut_down (home.seat, word);
  ck_assert (!peer_is_closed (peer));
  ck_assert (seats_claim (fixture.seats, &home));
  tlc_seat_forget_fd (home.seat);
  tlc_seat_shut_down (home.seat, home.word);
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
  g_autofree char *who = g_strdup_printf ("service echo: thread %s holds", thread);
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
  ck_assert_ptr_nonnull (strstr (messages->str, "for longer than hold-timeout"));
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

  tcase_add_test (tests, test_overdue_is_shut_down);
  tcase_add_test (tests, test_overdue_was_the_call_before);
  tcase_add_test (tests, test_overdue_is_left_alone);
  tcase_add_test (tests, test_overdue_hold_is_reported);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
