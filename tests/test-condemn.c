/* SPDX-License-Identifier: Apache-2.0 */

/* Calls that were begun by send_x() and forgotten: they give up their connections at their deadlines, and
 * nothing else is shut down. Law 6. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tlc-harness.h"
#include "support/tlc-holder.h"
#include "support/tlc-pair.h"
#include "support/tlc-process.h"

typedef struct {
  TlcService *service;
  guint timeout_ms;
  pthread_barrier_t sent, wake;
} Sleeper;

/* Sends, and sleeps with the reply outstanding. */
static void *
forget (void *data)
{
  Sleeper *sleeper = data;
  EchoIf *echo = tlc_echo_client (sleeper->service);
  GError *error = NULL;
  gint32 sum = 0;

  tlc_client_set_timeout (echo, sleeper->timeout_ms);
  ck_assert (echo_client_send_add (echo, 1, 2, NULL));
  pthread_barrier_wait (&sleeper->sent);
  pthread_barrier_wait (&sleeper->wake);
  ck_assert (!echo_client_recv_add (echo, &sum, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_UNKNOWN);
  g_clear_error (&error);
  tlc_client_set_timeout (echo, 0);
  tlc_echo_must_add (sleeper->service);
  return NULL;
}

static void
sleeper_start (Sleeper *sleeper, void *(*sleep) (void *), pthread_t *thread)
{
  pthread_barrier_init (&sleeper->sent, NULL, 2);
  pthread_barrier_init (&sleeper->wake, NULL, 2);
  ck_assert_int_eq (pthread_create (thread, NULL, sleep, sleeper), 0);
  pthread_barrier_wait (&sleeper->sent);
}

static void
sleeper_wake (Sleeper *sleeper, pthread_t thread)
{
  pthread_barrier_wait (&sleeper->wake);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  pthread_barrier_destroy (&sleeper->sent);
  pthread_barrier_destroy (&sleeper->wake);
}

/* Law 6: the connection of a thread that sends and then sleeps for ever is shut down after the call's
 * deadline, which may be shorter than call-timeout; when it wakes its call has timed out, and the next
 * is right. */
START_TEST (test_condemn_forgotten_call)
{
  Sleeper sleeper = { .timeout_ms = _i == 0 ? 0 : 50 };
  TlcHarness harness;
  pthread_t thread;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_stall (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "200ms", NULL);
  sleeper.service = harness.service;
  sleeper_start (&sleeper, forget, &thread);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  sleeper_wake (&sleeper, thread);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 1: under a cap others have the use of it then, without the owner's help. */
START_TEST (test_condemn_under_a_cap)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", "200ms", "claim-timeout", "50s",
                          "max-connections", "1", NULL);
  Sleeper sleeper = { .service = service };
  pthread_t thread;

  sleeper_start (&sleeper, forget, &thread);
  tlc_client_set_timeout (tlc_echo_client (service), 50000);
  tlc_echo_must_add (service);
  tlc_echo_must_add (service);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 1);
  sleeper_wake (&sleeper, thread);
  tlc_thread_detach ();
}
END_TEST

static void *
forget_and_reset (void *data)
{
  Sleeper *sleeper = data;
  EchoIf *echo = tlc_echo_client (sleeper->service);

  ck_assert (echo_client_send_add (echo, 1, 2, NULL));
  pthread_barrier_wait (&sleeper->sent);
  pthread_barrier_wait (&sleeper->wake);
  tlc_client_reset (echo);
  return NULL;
}

/* Law 3: who comes back and gives up what is no longer his closes nothing that is another's. */
START_TEST (test_condemn_then_reset)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", "200ms", "claim-timeout", "50s",
                          "max-connections", "1", NULL);
  Sleeper sleeper = { .service = service };
  pthread_t thread;

  sleeper_start (&sleeper, forget_and_reset, &thread);
  tlc_client_set_timeout (tlc_echo_client (service), 50000);
  tlc_holder_hold (service);
  tlc_holder_must_meet (service, "A#2");
  sleeper_wake (&sleeper, thread);
  tlc_holder_must_meet (service, "A#2");
  tlc_holder_release (service);
  tlc_thread_detach ();
}
END_TEST

/* Law 6: a request that fails behind others leaves the connection to their deadlines. */
START_TEST (test_condemn_after_a_failed_send)
{
  TlcPair pair;
  gint32 sum;

  tlc_pair_init (&pair);
  tlc_echo_reconfigure (pair.service, pair.at_a, "call-timeout", "300ms", NULL);
  tlc_echo_must_add (pair.service);
  ck_assert (echo_client_send_take (tlc_echo_client (pair.service), 60000, 1, NULL));
  tlc_echo_reconfigure (pair.service, pair.at_b, "call-timeout", "300ms", NULL);
  ck_assert (!echo_client_send_add (tlc_echo_client (pair.service), 1, 2, NULL)); /* its endpoint is gone */
  tlc_holder_await_connections (pair.at_a, 0, 5000);
  ck_assert (!echo_client_recv_take (tlc_echo_client (pair.service), &sum, NULL));
  tlc_pair_clear (&pair);
}
END_TEST

/* Goes by a connection that was another thread's, since that has taken the one that it had. */
static void *
forget_elsewhere (void *data)
{
  Sleeper *sleeper = data;

  tlc_echo_must_add (sleeper->service);
  pthread_barrier_wait (&sleeper->sent);
  pthread_barrier_wait (&sleeper->wake);
  return forget (sleeper);
}

/* Law 6: so does one that goes over a connection that its thread has stolen, or was given when it had
 * waited. */
START_TEST (test_condemn_forgotten_call_elsewhere)
{
  Sleeper sleeper = { .timeout_ms = 0 };
  TlcHarness harness;
  pthread_t thread;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 2);
  tlc_script_read (harness.script);
  tlc_script_stall (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "2s", "claim-timeout", "20s", "max-connections", "1", NULL);
  sleeper.service = harness.service;
  sleeper_start (&sleeper, forget_elsewhere, &thread);
  if (_i == 1)
    tlc_holder_hold (harness.service);
  tlc_echo_must_add (harness.service);
  pthread_barrier_wait (&sleeper.wake);
  if (_i == 1)
    {
      tlc_holder_await_waiting (harness.service, 1);
      tlc_holder_release (harness.service);
    }
  pthread_barrier_wait (&sleeper.sent);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  sleeper_wake (&sleeper, thread);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: a reply that came before the deadline is not delivered after the connection was shut down for
 * good, and not reused: the next call has another connection. */
START_TEST (test_condemn_late_receiver)
{
  TlcHarness harness;
  pthread_t thread;
  Sleeper other = { .timeout_ms = 0 };
  EchoIf *echo;
  gint32 sum = 0;
  guint connections;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_stall (harness.script);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_harness_then_serve (&harness);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "200ms", NULL);
  other.service = harness.service;
  sleeper_start (&other, forget, &thread); /* so that there is more than one thread, and a keeper */
  echo = tlc_echo_client (harness.service);
  ck_assert (echo_client_send_add (echo, 1, 2, NULL));
  ck_assert (tlc_script_wait_closed (harness.script, 1));
  if (echo_client_recv_add (echo, &sum, NULL))
    ck_assert_int_eq (sum, 3); /* it was there, and is no other's */
  connections = tlc_script_count_connections (harness.script);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), connections + 1);
  sleeper_wake (&other, thread);
  tlc_harness_end (&harness);
}
END_TEST

#ifndef TLC_TEST_SANITIZER /* which do not bear threads in a child */

/* Is there, so that the process has more threads than one. */
static void *
do_nothing (void *data)
{
  Sleeper *sleeper = data;

  pthread_barrier_wait (&sleeper->sent);
  pthread_barrier_wait (&sleeper->wake);
  return NULL;
}

/* In the child: a service of its own, and threads, for as long as the keeper there needs to find the
 * parent's call overdue if it looked at it; the hold that nobody has makes it look often. */
static void
live_as_a_child (const char *endpoint)
{
  Sleeper other = { .service = tlc_echo_service (endpoint, "hold-timeout", "50ms", NULL) };
  pthread_t thread;

  sleeper_start (&other, do_nothing, &thread);
  for (guint i = 0; i < 50; i++)
    {
      tlc_echo_must_add (other.service);
      g_usleep (60 * 1000);
    }
  sleeper_wake (&other, thread);
}

/* Law 7: a child that is forked while a call is outstanding, and calls on its own, does not shut down the
 * connection, which its parent goes on using. */
START_TEST (test_condemn_not_by_child)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcService *service
      = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", "2s", NULL);
  EchoIf *echo = tlc_echo_client (service);
  Sleeper other = { .service = service };
  pthread_t thread;
  gint32 value = 0;
  TlcStats stats;
  int status;
  pid_t child;

  sleeper_start (&other, do_nothing, &thread);
  ck_assert (echo_client_send_take (echo, 200, 7, NULL));
  child = fork ();
  if (child == 0)
    {
      live_as_a_child (tlc_server_get_endpoint (server));
      _exit (0);
    }
  ck_assert (echo_client_recv_take (echo, &value, NULL));
  ck_assert_int_eq (value, 7);
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  tlc_echo_must_add (service);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connects, 1);
  sleeper_wake (&other, thread);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST
#endif

int
main (void)
{
  Suite *suite = suite_create ("condemn");
  TCase *tests = tcase_create ("condemn");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_condemn_forgotten_call, 0, 2);
  tcase_add_test (tests, test_condemn_under_a_cap);
  tcase_add_test (tests, test_condemn_then_reset);
  tcase_add_test (tests, test_condemn_after_a_failed_send);
  tcase_add_loop_test (tests, test_condemn_forgotten_call_elsewhere, 0, 2);
  tcase_add_test (tests, test_condemn_late_receiver);
#ifndef TLC_TEST_SANITIZER
  tcase_add_test (tests, test_condemn_not_by_child);
#endif
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
