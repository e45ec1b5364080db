/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that are interrupted a thousand times a second, docs/faults.md, row 24: calls
 * succeed all the same, and deadlines are what they are. */

#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "support/tlc-harness.h"

enum { EVENT_TIMED_OUT };

#define STORM_INTERVAL_US 1000

/* volatile: a signal handler and the thread it interrupts */
static volatile sig_atomic_t n_signals;

static void
count_signal (int signal_number)
{
  n_signals++;
}

/* From now on each blocking system call of this thread is interrupted, and not restarted; the
 * server's thread blocks all signals. */
static void
begin_storm (void)
{
  const struct itimerval every = { { 0, STORM_INTERVAL_US }, { 0, STORM_INTERVAL_US } };
  struct sigaction action = { .sa_handler = count_signal };

  ck_assert_int_eq (sigaction (SIGALRM, &action, NULL), 0);
  ck_assert_int_eq (setitimer (ITIMER_REAL, &every, NULL), 0);
}

static void
end_storm (void)
{
  const struct itimerval never = { 0 };

  ck_assert_int_eq (setitimer (ITIMER_REAL, &never, NULL), 0);
}

/* Law 5: 2,000 calls of every length, with a connect now and then, succeed whatever interrupts
 * them; none is sent again. */
START_TEST (test_faults_row_24_calls_in_a_storm)
{
  const gsize lengths[] = { 0, 10, 1000, 30000, 300000 };
  const guint n_connections = 20, n_calls = 100;
  TlcHarness harness;
  TlcStats stats;

  tlc_harness_begin (&harness, _i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  for (guint i = 0; i < n_connections; i++)
    tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "30s", "spare-connections", "0", NULL);

  begin_storm ();
  for (guint i = 0; i < n_connections; i++)
    {
      for (guint n = 0; n < n_calls; n++)
        if (n % 2 == 0)
          tlc_echo_must_add (harness.service);
        else
          tlc_harness_must_echo (&harness, lengths[n / 2 % G_N_ELEMENTS (lengths)]);
      tlc_thread_detach ();
    }
  end_storm ();

  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.calls, n_connections * n_calls);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.retries, 0);
  ck_assert_uint_eq (stats.connects, n_connections);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), n_connections * n_calls);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: calls that wait for long, and are interrupted over and over while they do, get their
 * answers. */
START_TEST (test_faults_row_24_waiting_in_a_storm)
{
  const guint n_calls = 20;
  TlcHarness harness;

  tlc_harness_begin (&harness, _i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  for (guint n = 0; n < n_calls; n++)
    {
      TlcWire *reply = tlc_wire_new ();

      tlc_wire_reply_begin (reply, "ping");
      tlc_wire_reply_end (reply);
      tlc_script_read (harness.script);
      tlc_script_drip (harness.script, reply, 5, 10);
    }
  tlc_harness_start (&harness, "call-timeout", "30s", NULL);

  begin_storm ();
  for (guint n = 0; n < n_calls; n++)
    {
      g_autoptr (GError) error = NULL;

      if (!tlc_harness_ping (tlc_echo_client (harness.service), &error))
        ck_abort_msg ("%s", error->message);
    }
  end_storm ();
  /* 13 bytes or more, 5 at a time: 20 ms and so about 20 signals a call */
  ck_assert_int_gt (n_signals, (int) n_calls);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: an interruption does not begin the deadline anew, neither while the reply is waited for
 * nor while the request is on its way to a server that does not read. */
START_TEST (test_faults_row_24_deadline_in_a_storm)
{
  const guint timeout_ms = 300;
  g_autofree char *text = g_malloc0 (8 * 1024 * 1024 + 1);
  g_autofree char *result = NULL;
  g_autoptr (GError) error = NULL;
  TlcHarness harness;
  gint64 begun_us;

  memset (text, 'x', 8 * 1024 * 1024);
  tlc_harness_begin (&harness, _i % 2 == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_TIMED_OUT);
  tlc_script_read (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "300ms", NULL);

  tlc_echo_must_add (harness.service);
  begin_storm ();
  begun_us = g_get_monotonic_time ();
  if (_i < 2)
    tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN,
                           "timed out after 300 ms");
  else
    ck_assert (!echo_if_echo_string (tlc_echo_client (harness.service), &result, text, &error));
  tlc_harness_assert_took (begun_us, timeout_ms);
  end_storm ();

  if (_i >= 2)
    {
      ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT));
      ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_UNKNOWN);
    }
  tlc_script_signal (harness.script, EVENT_TIMED_OUT);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  /* the request that did not fit never became whole */
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), _i < 2 ? 3 : 2);
  tlc_harness_end (&harness);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-storm");
  TCase *tcase = tcase_create ("storm");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_24_calls_in_a_storm, 0, 2);
  tcase_add_loop_test (tcase, test_faults_row_24_waiting_in_a_storm, 0, 2);
  tcase_add_loop_test (tcase, test_faults_row_24_deadline_in_a_storm, 0, 4);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
