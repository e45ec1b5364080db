/* SPDX-License-Identifier: Apache-2.0 */

/* Deadlines that a thread sets and pushes: one over everything that a call waits for. Law 5. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/tlc-harness.h"
#include "support/tlc-pair.h"

/* A server that reads each request and does not answer. */
static void
script_silence (TlcHarness *harness, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      tlc_script_accept (harness->script);
      tlc_script_read (harness->script);
      tlc_script_stall (harness->script);
    }
}

static void
must_time_out (TlcHarness *harness, guint after_ms, const char *text)
{
  gint64 begun_us = g_get_monotonic_time ();

  tlc_harness_must_fail (harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN, text);
  tlc_harness_assert_took (begun_us, after_ms);
}

/* Law 5: a thread's time-out holds instead of call-timeout, shorter or longer, until it is 0 again,
 * whatever the service is reconfigured to. */
START_TEST (test_deadline_of_client)
{
  TlcHarness harness;
  EchoIf *echo;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  script_silence (&harness, 4);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "60ms", NULL);
  echo = tlc_echo_client (harness.service);

  tlc_client_set_timeout (echo, 20);
  must_time_out (&harness, 20, "timed out after 20 ms,");
  tlc_client_set_timeout (echo, 150);
  must_time_out (&harness, 150, "timed out after 150 ms,");
  tlc_echo_reconfigure (harness.service, tlc_script_get_endpoint (harness.script), "call-timeout",
                        "40ms", NULL);
  must_time_out (&harness, 150, "timed out after 150 ms,");
  tlc_client_set_timeout (echo, 0);
  must_time_out (&harness, 40, "timed out after 40 ms,");
  tlc_client_set_timeout (echo, 5000);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: what is pushed shortens, what is pushed inside it only shortens further, and what is popped is
 * given back. */
START_TEST (test_deadline_pushed)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  script_silence (&harness, 4);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "100ms", NULL);

  tlc_deadline_push (10000);
  must_time_out (&harness, 100, "timed out after 100 ms,");
  tlc_deadline_push (30);
  tlc_deadline_push (60000);
  must_time_out (&harness, 29, "by tlc_deadline_push(),");
  tlc_deadline_pop ();
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT,
                         "before it began");
  tlc_deadline_pop ();
  must_time_out (&harness, 100, "timed out after 100 ms,");
  tlc_deadline_pop ();
  must_time_out (&harness, 100, "timed out after 100 ms,");
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: a deadline that has passed lets nothing begin: no byte, not even a connection, reaches the
 * server; on any service. */
START_TEST (test_deadline_expired)
{
  TlcHarness harness;
  g_autoptr (TlcService) other = NULL;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);
  other = tlc_echo_service ("unix:@nobody-listens-here", NULL);

  tlc_deadline_push (0);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT,
                         "timed out after 0 ms by tlc_deadline_push(), before it began");
  tlc_echo_must_fail (other, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT, "before it began");
  tlc_deadline_pop ();
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 0);
  tlc_echo_must_add (harness.service);
  tlc_service_unref (g_steal_pointer (&other));
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: sixteen deep each deadline is given back; deeper ones shorten all the same, until the sixteenth
 * is popped. */
START_TEST (test_deadline_depth)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);

  for (guint i = 0; i < TLC_DEADLINE_DEPTH_MAX; i++)
    tlc_deadline_push (60000);
  tlc_echo_must_add (service);
  tlc_deadline_push (60000);
  tlc_deadline_push (0);
  tlc_echo_must_fail (service, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT, "before it began");
  tlc_deadline_pop ();
  tlc_deadline_pop ();
  tlc_echo_must_fail (service, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT, "before it began");
  tlc_deadline_pop ();
  tlc_echo_must_add (service);
  for (guint i = 1; i < TLC_DEADLINE_DEPTH_MAX; i++)
    tlc_deadline_pop ();
  tlc_echo_must_add (service);
  tlc_thread_detach ();
}
END_TEST

/* Law 5: a pushed deadline bounds a reply that drips and the time between send_x() and recv_x(). */
START_TEST (test_deadline_over_everything)
{
  TlcWire *reply = tlc_wire_new ();
  TlcHarness harness;
  GError *error = NULL;
  EchoIf *echo;
  gint32 sum;

  tlc_wire_reply_begin (reply, "add");
  tlc_wire_reply_end (reply);
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_drip (harness.script, reply, 1, 20);
  script_silence (&harness, 1);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);
  echo = tlc_echo_client (harness.service);

  tlc_deadline_push (100);
  must_time_out (&harness, 99, "by tlc_deadline_push(), after");
  tlc_deadline_pop ();
  tlc_deadline_push (50);
  ck_assert (echo_client_send_add (echo, 1, 2, NULL));
  tlc_deadline_pop ();
  g_usleep (60000); /* the time is what is tested */
  ck_assert (!echo_client_recv_add (echo, &sum, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
  g_clear_error (&error);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Stops @pid, and lets it go on a second later. */
static void
stop_for_a_second (pid_t pid)
{
  ck_assert_int_eq (kill (pid, SIGSTOP), 0);
  g_usleep (1000 * 1000);
  ck_assert_int_eq (kill (pid, SIGCONT), 0);
}

/* Law 5: a caller that was stopped for longer than its deadline times out when it goes on; the call
 * after that is as if nothing had been. */
START_TEST (test_deadline_row_46_caller_is_stopped)
{
  TlcHarness harness;
  pid_t parent = getpid (), child;
  int status;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  script_silence (&harness, 1);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "300ms", NULL);
  child = fork ();
  if (child == 0)
    {
      g_usleep (100 * 1000);
      stop_for_a_second (parent);
      _exit (0);
    }
  must_time_out (&harness, 300, "timed out after 300 ms,");
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* The wall clock of this process: it stands still. */
static guint n_wall_clock;

time_t
time (time_t *ret)
{
  n_wall_clock++;
  if (ret != NULL)
    *ret = 0;
  return 0;
}

int
gettimeofday (struct timeval *restrict ret, void *restrict zone)
{
  n_wall_clock++;
  *ret = (struct timeval){ 0 };
  return 0;
}

/* Law 5: deadlines do not follow the wall clock: here it stands still at 1970, and no call asks for it. */
START_TEST (test_deadline_row_46_wall_clock)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  script_silence (&harness, 1);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "100ms", NULL);
  tlc_deadline_push (60000);
  n_wall_clock = 0;
  must_time_out (&harness, 100, "timed out after 100 ms,");
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (n_wall_clock, 0);
  tlc_deadline_pop ();
  tlc_harness_end (&harness);
}
END_TEST

enum { EVENT_INTERRUPTED };

static TlcService *nested_service;
static GError *nested_error;
static atomic_uint n_nested;

/* What no program should do, and some do by mistake: it can be tried here, since what is interrupted is
 * a system call and nothing else. */
static void
call_from_handler (int signal)
{
  gint32 sum = 0;

  if (atomic_fetch_add (&n_nested, 1) == 0)
    ck_assert (!echo_if_add (tlc_service_get_client (nested_service, NULL), &sum, 5, 6,
                             &nested_error));
}

static void *
interrupt (void *data)
{
  TlcHarness *harness = data;

  ck_assert (tlc_script_wait_requests (harness->script, 1));
  while (atomic_load (&n_nested) == 0)
    {
      g_usleep (20 * 1000);
      kill (getpid (), SIGUSR1);
    }
  tlc_script_signal (harness->script, EVENT_INTERRUPTED);
  return NULL;
}

/* Law 3: a call from a signal handler, inside a call of the same client, is refused and not sent; the
 * one that it interrupted gets its own answer. */
START_TEST (test_deadline_row_47_call_inside_a_call)
{
  struct sigaction action = { .sa_handler = call_from_handler };
  TlcHarness harness;
  pthread_t thread;
  sigset_t usr1;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_await (harness.script, EVENT_INTERRUPTED);
  tlc_script_answer (harness.script, NULL, NULL);
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, NULL);
  nested_service = harness.service;
  tlc_echo_client (harness.service);
  sigemptyset (&usr1);
  sigaddset (&usr1, SIGUSR1);
  ck_assert_int_eq (sigaction (SIGUSR1, &action, NULL), 0);
  ck_assert_int_eq (pthread_sigmask (SIG_BLOCK, &usr1, NULL), 0);
  ck_assert_int_eq (pthread_create (&thread, NULL, interrupt, &harness), 0);
  ck_assert_int_eq (pthread_sigmask (SIG_UNBLOCK, &usr1, NULL), 0);

  tlc_echo_must_add (harness.service);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  ck_assert_ptr_nonnull (nested_error);
  ck_assert_msg (g_error_matches (nested_error, TLC_ERROR, TLC_ERROR_BUSY), "%s",
                 nested_error->message);
  ck_assert_int_eq (tlc_error_get_delivery (nested_error), TLC_DELIVERY_NOT_SENT);
  g_clear_error (&nested_error);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* A pointer that is no client of this thread is the caller's mistake: said, and nothing done. */
START_TEST (test_deadline_no_client)
{
  int nobody = 0;

  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_test_expect_message ("tlc", G_LOG_LEVEL_CRITICAL, "*call != NULL*");
  tlc_client_set_timeout (&nobody, 5);
  g_test_assert_expected_messages ();
  g_test_expect_message ("tlc", G_LOG_LEVEL_CRITICAL, "*call != NULL*");
  tlc_client_set_idempotent (NULL, TRUE);
  g_test_assert_expected_messages ();
  g_test_expect_message ("tlc", G_LOG_LEVEL_CRITICAL, "*call != NULL*");
  tlc_client_reset (&nobody);
  g_test_assert_expected_messages ();
  g_test_expect_message ("tlc", G_LOG_LEVEL_CRITICAL, "*tlc_deadline_depth > 0*");
  tlc_deadline_pop ();
  g_test_assert_expected_messages ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("deadline");
  TCase *tests = tcase_create ("deadline");

  tcase_set_timeout (tests, 60);
  tcase_add_test (tests, test_deadline_of_client);
  tcase_add_test (tests, test_deadline_pushed);
  tcase_add_test (tests, test_deadline_expired);
  tcase_add_test (tests, test_deadline_depth);
  tcase_add_test (tests, test_deadline_over_everything);
  tcase_add_test (tests, test_deadline_row_46_caller_is_stopped);
  tcase_add_test (tests, test_deadline_row_46_wall_clock);
  tcase_add_test (tests, test_deadline_row_47_call_inside_a_call);
  tcase_add_test (tests, test_deadline_no_client);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
