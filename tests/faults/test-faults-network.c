/* SPDX-License-Identifier: Apache-2.0 */

/* What networks and stopped peers do, through the public interface: rows 2, 5 to 8 and 10 of
 * docs/faults.md. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tlc-blackhole.h"
#include "support/tlc-harness.h"
#include "support/tlc-pair.h"
#include "support/tlc-process.h"

/* Law 4: a connection that its peer resets after it was looked at gives an error that is true: what was
 * not sent says so and is sent again, and no SIGPIPE comes. */
START_TEST (test_faults_row_02_reset_between_look_and_send)
{
  TlcHarness harness;
  int fd;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, 0);
  tlc_script_reset (harness.script);
  tlc_harness_then_serve (&harness);
  /* Not looked at: as if the look had come just before the reset. */
  tlc_harness_start (&harness, "check-after-idle", "1h", "retry", _i == 0 ? "never" : "unsent",
                     NULL);
  tlc_echo_must_add (harness.service);
  fd = tlc_harness_find_socket (&harness);
  tlc_script_signal (harness.script, 0);
  ck_assert (tlc_harness_wait_hung_up (fd));
  if (_i == 0)
    tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST,
                           TLC_DELIVERY_NOT_SENT, "after 0 of ");
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

static void
stop_and_wait (pid_t pid)
{
  siginfo_t info;

  ck_assert_int_eq (kill (pid, SIGSTOP), 0);
  ck_assert_int_eq (waitid (P_PID, (id_t) pid, &info, WSTOPPED), 0);
}

/* Law 5: a server that is stopped, with the connection in order, costs the deadline, whether the
 * connection was there or must be made; when it goes on so does everything. */
START_TEST (test_faults_row_05_server_is_stopped)
{
  TlcServer *server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", "200ms", NULL);
  gint64 begun_us;

  if (_i == 0)
    tlc_echo_must_add (service);
  stop_and_wait (tlc_server_get_pid (server));
  begun_us = g_get_monotonic_time ();
  tlc_echo_must_fail (service, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN,
                      "timed out after 200 ms, after 0 bytes of the reply");
  tlc_harness_assert_took (begun_us, 200);
  ck_assert_int_eq (kill (tlc_server_get_pid (server), SIGCONT), 0);
  tlc_echo_must_add (service);
  tlc_thread_detach ();
  tlc_server_stop (server);
}
END_TEST

/* Law 5: where packets are swallowed while connecting, connect-timeout, or the call's deadline if that is
 * earlier, ends the call, and nothing was sent. */
START_TEST (test_faults_row_06_connect_is_swallowed)
{
  Blackhole hole;
  g_autoptr (TlcService) service = NULL;
  gint64 begun_us;

  blackhole_init (&hole, AF_INET);
  service = tlc_echo_service (hole.endpoint, "connect-timeout", _i == 0 ? "150ms" : "10s",
                              "call-timeout", _i == 0 ? "10s" : "150ms", NULL);
  begun_us = g_get_monotonic_time ();
  tlc_echo_must_fail (service, _i == 0 ? TLC_ERROR_UNAVAILABLE : TLC_ERROR_TIMED_OUT,
                      TLC_DELIVERY_NOT_SENT, "no connection within ");
  tlc_harness_assert_took (begun_us, 149);
  tlc_thread_detach ();
  blackhole_clear (&hole);
}
END_TEST

/* Law 5: the next address is tried within the same time. */
START_TEST (test_faults_row_06_next_endpoint)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = NULL;
  g_autofree char *endpoints = NULL;
  Blackhole hole;
  TlcStats stats;

  blackhole_init (&hole, AF_INET);
  endpoints = g_strdup_printf ("%s %s", hole.endpoint, tlc_server_get_endpoint (server));
  service = tlc_echo_service (endpoints, "connect-timeout", "300ms", "balance", "ordered", NULL);
  tlc_echo_must_add (service);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connect_failures, 1);
  ck_assert_uint_eq (stats.failures, 0);
  tlc_thread_detach ();
  blackhole_clear (&hole);
}
END_TEST

/* Law 4: a refused connection is an error at once, not sent, which names each endpoint and its reason;
 * nothing is waited for, and it is not tried again. */
START_TEST (test_faults_row_07_refused)
{
  g_autoptr (TlcService) service = NULL;
  g_autofree char *endpoints = NULL;
  g_autofree char *text = NULL;
  TlcStats stats;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = { .sin_family = AF_INET };
  socklen_t length = sizeof address;

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  ck_assert_int_eq (bind (fd, (struct sockaddr *) &address, length), 0);
  ck_assert_int_eq (getsockname (fd, (struct sockaddr *) &address, &length), 0);
  endpoints = g_strdup_printf ("tcp://127.0.0.1:%u unix:@nobody-listens-here",
                               ntohs (address.sin_port));
  text = g_strdup_printf ("tcp://127.0.0.1:%u: Connection refused; unix:@nobody-listens-here: "
                          "Connection refused (not sent)",
                          ntohs (address.sin_port));
  service = tlc_echo_service (endpoints, "call-timeout", "20s", "connect-timeout", "20s", "balance",
                              "ordered", NULL);
  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT, text);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connect_failures, 2);
  ck_assert_uint_eq (stats.retries, 0);
  tlc_thread_detach ();
  close (fd);
}
END_TEST

/* Law 5: a UNIX socket whose backlog is full is asked again until the deadline, and not longer. */
START_TEST (test_faults_row_08_backlog_is_full)
{
  Blackhole hole;
  g_autoptr (TlcService) service = NULL;
  gint64 begun_us;

  blackhole_init (&hole, AF_UNIX);
  service = tlc_echo_service (hole.endpoint, "call-timeout", "150ms", NULL);
  begun_us = g_get_monotonic_time ();
  tlc_echo_must_fail (service, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT, "no connection within ");
  tlc_harness_assert_took (begun_us, 149);
  tlc_thread_detach ();
  blackhole_clear (&hole);
}
END_TEST

/* Law 3: a server that reads nothing costs the deadline; the half-written request is thrown away with its
 * connection, and the error says that it may have run. */
START_TEST (test_faults_row_10_server_reads_nothing)
{
  const gsize size = 8 * 1024 * 1024;
  g_autofree char *text = g_strnfill (size, 'x');
  g_autofree char *back = NULL;
  g_autoptr (GError) error = NULL;
  TlcHarness harness;
  gint64 begun_us;

  tlc_harness_begin (&harness, _i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_stall (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "200ms", NULL);
  begun_us = g_get_monotonic_time ();
  ck_assert (!echo_if_echo_string (tlc_echo_client (harness.service), &back, text, &error));
  tlc_harness_assert_took (begun_us, 200);
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_UNKNOWN);
  ck_assert_msg (strstr (error->message, " bytes of the request sent (may have run)") != NULL, "%s",
                 error->message);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("faults-network");
  TCase *tests = tcase_create ("network");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_faults_row_02_reset_between_look_and_send, 0, 2);
  tcase_add_loop_test (tests, test_faults_row_05_server_is_stopped, 0, 2);
  tcase_add_loop_test (tests, test_faults_row_06_connect_is_swallowed, 0, 2);
  tcase_add_test (tests, test_faults_row_06_next_endpoint);
  tcase_add_test (tests, test_faults_row_07_refused);
  tcase_add_test (tests, test_faults_row_08_backlog_is_full);
  tcase_add_loop_test (tests, test_faults_row_10_server_reads_nothing, 0, 2);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
