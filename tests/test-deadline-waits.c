/* SPDX-License-Identifier: Apache-2.0 */

/* Each thing that a call may wait for is bounded by a pushed deadline; time-outs and deadlines are one
 * thread's; and the clock that they go by is the monotonic one alone. Law 5. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "support/tlc-harness.h"
#include "support/tlc-pair.h"

/* Law 5: a pushed deadline bounds a connect that hangs, however patient the settings are; what was not
 * connected was not sent. */
START_TEST (test_deadline_waits_connect)
{
  TlcFullListener listener;
  TlcService *service;
  gint64 begun_us;

  tlc_full_listener_init (&listener);
  service = tlc_echo_service (listener.endpoint, "connect-timeout", "20s", "call-timeout", "20s",
                              NULL);
  begun_us = g_get_monotonic_time ();
  tlc_deadline_push (100);
  tlc_echo_must_fail (service, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT, "(not sent)");
  tlc_deadline_pop ();
  tlc_harness_assert_took (begun_us, 100);
  tlc_service_unref (service);
  tlc_thread_detach ();
  tlc_full_listener_clear (&listener);
}
END_TEST

/* Law 5: and a send to a server that reads nothing; half the request may be there. */
START_TEST (test_deadline_waits_send)
{
  g_autofree char *text = g_strnfill (15 * 1024 * 1024, 'x');
  g_autofree char *back = NULL;
  GError *error = NULL;
  TlcHarness harness;
  gint64 begun_us;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_stall (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "20s", NULL);
  begun_us = g_get_monotonic_time ();
  tlc_deadline_push (200);
  ck_assert (!echo_if_echo_string (tlc_echo_client (harness.service), &back, text, &error));
  tlc_deadline_pop ();
  tlc_harness_assert_took (begun_us, 200);
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_UNKNOWN);
  ck_assert_ptr_nonnull (strstr (error->message, "by tlc_deadline_push(), "));
  ck_assert_ptr_nonnull (strstr (error->message, " bytes of the request sent"));
  g_clear_error (&error);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: all attempts of a call together: the second has what the first left of the time. */
START_TEST (test_deadline_waits_retry)
{
  TlcHarness harness;
  gint64 begun_us;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_close (harness.script);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_stall (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "20s", "retry", "idempotent", "idempotent-methods",
                     "*", "max-attempts", "5", NULL);
  begun_us = g_get_monotonic_time ();
  tlc_deadline_push (300);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN,
                         "(attempt 2 of 5; may have run)");
  tlc_harness_assert_took (begun_us, 300);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT,
                         "before it began");
  tlc_deadline_pop ();
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: each reply of a pipeline has the deadline that its request was sent with: what was pushed for
 * one is not that of the one before or behind it. */
START_TEST (test_deadline_waits_pipeline)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);
  g_autoptr (GError) error = NULL;
  gint64 begun_us;
  gint32 value = 0;

  begun_us = g_get_monotonic_time ();
  tlc_deadline_push (400);
  ck_assert (echo_client_send_take (echo, 0, 1, NULL));
  tlc_deadline_pop ();
  ck_assert (echo_client_send_take (echo, 500, 2, NULL));
  tlc_deadline_push (300);
  ck_assert (echo_client_send_take (echo, 60000, 3, NULL));
  tlc_deadline_pop ();
  ck_assert (echo_client_recv_take (echo, &value, NULL));
  ck_assert_int_eq (value, 1);
  ck_assert (echo_client_recv_take (echo, &value, NULL));
  ck_assert_int_eq (value, 2);
  ck_assert (!echo_client_recv_take (echo, &value, &error));
  tlc_harness_assert_took (begun_us, 500);
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
  ck_assert_ptr_nonnull (strstr (error->message, "by tlc_deadline_push()"));
  tlc_echo_must_add (service);
  tlc_thread_detach ();
}
END_TEST

/* Law 4: behind others too a deadline that has passed lets nothing begin; what is outstanding is
 * answered, and the next request follows it. */
START_TEST (test_deadline_waits_expired_behind)
{
  TlcHarness harness;
  GError *error = NULL;
  EchoIf *echo;
  gint32 sum = 0;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);
  echo = tlc_echo_client (harness.service);
  ck_assert (echo_client_send_add (echo, 1, 2, NULL));
  tlc_deadline_push (0);
  ck_assert (!echo_client_send_add (echo, 8, 8, &error));
  tlc_deadline_pop ();
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  g_clear_error (&error);
  ck_assert (echo_client_send_add (echo, 3, 4, NULL));
  ck_assert (echo_client_recv_add (echo, &sum, NULL));
  ck_assert_int_eq (sum, 3);
  ck_assert (echo_client_recv_add (echo, &sum, NULL));
  ck_assert_int_eq (sum, 7);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 2);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

static void *
call_unbounded (void *data)
{
  tlc_echo_must_add (data);
  return NULL;
}

/* Law 5: what a thread sets and pushes is its own. */
START_TEST (test_deadline_waits_of_one_thread)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);
  pthread_t thread;
  gint32 value;

  tlc_deadline_push (0);
  ck_assert_int_eq (pthread_create (&thread, NULL, call_unbounded, service), 0);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  tlc_deadline_pop ();
  tlc_client_set_timeout (echo, 1);
  ck_assert_int_eq (pthread_create (&thread, NULL, call_unbounded, service), 0);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  ck_assert (!echo_if_take (echo, &value, 60000, 1, NULL));
  /* It goes with the client. */
  tlc_thread_detach ();
  tlc_echo_must_add (service);
  tlc_thread_detach ();
}
END_TEST

static void *
misuse (void *echo)
{
  static const char *const pattern = "*call != NULL*";

  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_test_expect_message ("tlc", G_LOG_LEVEL_CRITICAL, pattern);
  tlc_client_set_timeout (echo, 1);
  g_test_assert_expected_messages ();
  g_test_expect_message ("tlc", G_LOG_LEVEL_CRITICAL, pattern);
  tlc_client_set_idempotent (echo, TRUE);
  g_test_assert_expected_messages ();
  g_test_expect_message ("tlc", G_LOG_LEVEL_CRITICAL, pattern);
  tlc_client_reset (echo);
  g_test_assert_expected_messages ();
  return NULL;
}

/* Another thread's client is the caller's mistake: said, and the client is as it was, with the reply
 * that is outstanding on it. */
START_TEST (test_deadline_waits_client_of_another)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);
  pthread_t thread;
  gint32 value = 0;

  ck_assert (echo_client_send_take (echo, 100, 7, NULL));
  ck_assert_int_eq (pthread_create (&thread, NULL, misuse, echo), 0);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  ck_assert (echo_client_recv_take (echo, &value, NULL));
  ck_assert_int_eq (value, 7);
  tlc_thread_detach ();
  misuse (echo); /* no client any more, not even a pointer to one */
}
END_TEST

/* The clock of all clocks, which counts who asks for the time of day: a day later each time. */
static guint n_time_of_day;

int
clock_gettime (clockid_t clock, struct timespec *ret)
{
  int status = (int) syscall (SYS_clock_gettime, clock, ret);

  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE && clock != CLOCK_TAI)
    return status;
  n_time_of_day++;
  ret->tv_sec += 24 * 60 * 60 * (time_t) n_time_of_day;
  return status;
}

/* Law 5: calls, their time-outs and deadlines ask for no time of day, which jumps a day at a time. */
START_TEST (test_deadline_waits_row_46_time_of_day)
{
  TlcHarness harness;
  struct timespec now;
  gint64 begun_us;

  clock_gettime (CLOCK_REALTIME, &now);
  ck_assert_uint_eq (n_time_of_day, 1); /* ours is asked */
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_stall (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "2s", NULL);
  n_time_of_day = 0;
  tlc_echo_must_add (harness.service);
  begun_us = g_get_monotonic_time ();
  tlc_deadline_push (100);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN,
                         "by tlc_deadline_push(), after 0 bytes of the reply");
  tlc_deadline_pop ();
  tlc_harness_assert_took (begun_us, 100);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (n_time_of_day, 0);
  tlc_harness_end (&harness);
}
END_TEST

/* Our own recv(), in which the signal comes that the next one of this thread is to meet. */
static _Thread_local int recv_signal;

ssize_t
recv (int fd, void *data, size_t length, int flags)
{
  int signal = recv_signal;

  recv_signal = 0;
  if (signal != 0)
    raise (signal);
  return recvfrom (fd, data, length, flags, NULL, NULL);
}

static EchoIf *nested_echo;
static GError *nested_error;
static guint n_nested;

static void
receive_from_handler (int signal)
{
  gint32 sum = 0;

  n_nested++;
  ck_assert (!echo_client_recv_add (nested_echo, &sum, &nested_error));
}

/* Law 3: recv_x() from a signal handler, inside a receive of the same client, is refused; both replies
 * reach the calls that they answer. */
START_TEST (test_deadline_waits_row_47_receive_inside_a_receive)
{
  struct sigaction action = { .sa_handler = receive_from_handler };
  TlcHarness harness;
  gint32 sum = 0;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);
  ck_assert_int_eq (sigaction (SIGUSR1, &action, NULL), 0);
  nested_echo = tlc_echo_client (harness.service);
  ck_assert (echo_client_send_add (nested_echo, 1, 2, NULL));
  ck_assert (echo_client_send_add (nested_echo, 3, 4, NULL));
  recv_signal = SIGUSR1;
  ck_assert (echo_client_recv_add (nested_echo, &sum, NULL));
  ck_assert_int_eq (sum, 3);
  ck_assert_uint_eq (n_nested, 1);
  ck_assert_msg (g_error_matches (nested_error, TLC_ERROR, TLC_ERROR_BUSY), "%s",
                 nested_error->message);
  ck_assert_int_eq (tlc_error_get_delivery (nested_error), TLC_DELIVERY_NOT_SENT);
  g_clear_error (&nested_error);
  ck_assert (echo_client_recv_add (nested_echo, &sum, NULL));
  ck_assert_int_eq (sum, 7);
  tlc_harness_end (&harness);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("deadline-waits");
  TCase *tests = tcase_create ("deadline-waits");

  tcase_set_timeout (tests, 60);
  tcase_add_test (tests, test_deadline_waits_connect);
  tcase_add_test (tests, test_deadline_waits_send);
  tcase_add_test (tests, test_deadline_waits_retry);
  tcase_add_test (tests, test_deadline_waits_pipeline);
  tcase_add_test (tests, test_deadline_waits_expired_behind);
  tcase_add_test (tests, test_deadline_waits_of_one_thread);
  tcase_add_test (tests, test_deadline_waits_client_of_another);
  tcase_add_test (tests, test_deadline_waits_row_46_time_of_day);
  tcase_add_test (tests, test_deadline_waits_row_47_receive_inside_a_receive);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
