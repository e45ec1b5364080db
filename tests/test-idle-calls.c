/* SPDX-License-Identifier: Apache-2.0 */

/* What looking before reuse costs, and what one close, a UNIX socket or a server that changes its mind
 * teach: test-idle.c has the rest. */
#include <poll.h>
#include <sys/socket.h>

#include "support/tlc-harness.h"
#include "support/tlc-shim.h"

/* The system calls of a call that must succeed: the least of some. The keeper's thread may make one
 * beside, and a call that was interrupted for long looks first and then waits. */
static void
assert_calls (TlcService *service, glong sends, glong receives)
{
  glong least_sends = G_MAXLONG, least_receives = G_MAXLONG, least = G_MAXLONG;

  for (guint i = 0; i < 10; i++)
    {
      g_usleep (100); /* the time is what is tested */
      ck_assert_int_eq (tlc_shim_set (NULL), 0);
      tlc_echo_must_add (service);
      least_sends = MIN (least_sends, tlc_shim_count ("send"));
      least_receives = MIN (least_receives, tlc_shim_count ("recv"));
      least = MIN (least, tlc_shim_count ("any"));
    }
  ck_assert_int_eq (least_sends, sends);
  ck_assert_int_eq (least_receives, receives);
  ck_assert_int_eq (least, sends + receives);
}

/* Law 1: a look is one system call, after the idle time; a call before it has a send and a receive and no
 * more. */
START_TEST (test_idle_calls_of_a_look)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, _i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "check-after-idle", "1h", NULL);
  tlc_echo_must_add (harness.service);
  assert_calls (harness.service, 1, 1);
  tlc_echo_reconfigure (harness.service, tlc_script_get_endpoint (harness.script),
                        "check-after-idle", "1us", NULL);
  tlc_echo_must_add (harness.service);
  assert_calls (harness.service, 1, 2);
  tlc_echo_reconfigure (harness.service, tlc_script_get_endpoint (harness.script),
                        "check-after-idle", "1h", NULL);
  tlc_echo_must_add (harness.service);
  assert_calls (harness.service, 1, 1);
  tlc_harness_end (&harness);
}
END_TEST

#define LIMIT_MS 400

/* Step of a script: closes a connection that says nothing for LIMIT_MS, as servers do. */
static gboolean
close_when_idle (int fd, gpointer user_data)
{
  ck_assert_int_eq (poll (&(struct pollfd){ fd, POLLIN, 0 }, 1, LIMIT_MS), 0);
  shutdown (fd, SHUT_RDWR);
  return TRUE;
}

/* A server that closes so many connections when they were idle, and none after them. Returns, in
 * microseconds, the least time after which the library can have found one closed. */
static gint64
start_closing (TlcHarness *harness, TlcScriptFamily family, guint n_closes)
{
  gint64 least_us = G_MAXINT64;

  tlc_harness_begin (harness, family);
  for (guint i = 0; i < n_closes; i++)
    {
      tlc_script_accept (harness->script);
      tlc_script_serve (harness->script, 1);
      tlc_script_call (harness->script, close_when_idle, NULL);
    }
  tlc_harness_then_serve (harness);
  tlc_harness_then_serve (harness);
  tlc_harness_start (harness, "check-after-idle", "100ms", NULL);
  tlc_echo_must_add (harness->service);
  for (guint i = 0; i < n_closes; i++)
    {
      gint64 begun_us = g_get_monotonic_time ();

      ck_assert (tlc_harness_wait_hung_up (tlc_harness_find_socket (harness)));
      tlc_echo_must_add (harness->service);
      least_us = MIN (least_us, g_get_monotonic_time () - begun_us);
    }
  return least_us;
}

static void
assert_connects (TlcHarness *harness, guint64 connects)
{
  TlcStats stats;

  tlc_service_get_stats (harness->service, &stats);
  ck_assert_uint_eq (stats.connects, connects);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.retries, 0);
}

/* FALSE: the machine was too busy for the times to say anything. */
static gboolean
is_replaced_in_time (TlcScriptFamily family)
{
  TlcHarness harness;
  gint64 limit_us = start_closing (&harness, family, 2), begun_us;
  gboolean is_in_time;

  assert_connects (&harness, 3);
  begun_us = g_get_monotonic_time ();
  g_usleep (LIMIT_MS * 1000); /* the time is what is tested */
  tlc_echo_must_add (harness.service);
  is_in_time = limit_us - limit_us / 10 < LIMIT_MS * 1000
               && g_get_monotonic_time () - begun_us < LIMIT_MS * 1000 * 11 / 10 - 2000;
  if (is_in_time)
    assert_connects (&harness, 4);
  tlc_harness_end (&harness);
  return is_in_time;
}

/* Law 4: of a limit that was learnt, over TCP or UNIX sockets, a connection is replaced when it was idle
 * for about as long. */
START_TEST (test_idle_calls_after_two_closes)
{
  guint n_tries = 1;

  while (!is_replaced_in_time (_i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX))
    ck_assert_uint_lt (n_tries++, 10);
}
END_TEST

/* Law 1: one close, as of a server that is started again, teaches nothing: the next connection is used for
 * as long as it lives. */
START_TEST (test_idle_calls_after_one_close)
{
  TlcHarness harness;

  start_closing (&harness, _i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX, 1);
  g_usleep (LIMIT_MS * 1000 * 99 / 100); /* the time is what is tested */
  tlc_echo_must_add (harness.service);
  assert_connects (&harness, 2);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 1: a connection that is found open well beyond the limit is used, and the limit forgotten. */
START_TEST (test_idle_calls_beyond_the_limit)
{
  TlcHarness harness;

  start_closing (&harness, _i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX, 2);
  g_usleep (LIMIT_MS * 1000 * 3 / 2); /* the time is what is tested */
  tlc_echo_must_add (harness.service);
  assert_connects (&harness, 3);
  g_usleep (LIMIT_MS * 1000 * 99 / 100);
  tlc_echo_must_add (harness.service);
  assert_connects (&harness, 3);
  tlc_harness_end (&harness);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("idle-calls");
  TCase *tests = tcase_create ("idle-calls");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_idle_calls_of_a_look, 0, 2);
  tcase_add_loop_test (tests, test_idle_calls_after_two_closes, 0, 2);
  tcase_add_loop_test (tests, test_idle_calls_after_one_close, 0, 2);
  tcase_add_loop_test (tests, test_idle_calls_beyond_the_limit, 0, 2);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
