/* SPDX-License-Identifier: Apache-2.0 */

/* Networks that go down, through the public interface; queues that drain, and what is left in them: of
 * rows 2, 5, 7, 8 and 10 what test-faults-network.c does not have. */
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/tlc-harness.h"
#include "support/tlc-pair.h"
#include "support/tlc-shim.h"

enum { EVENT_FAILED, EVENT_DRAINED, EVENT_CLOSE };

/* Takes this process, which has one thread, to a network of its own, with nothing but a loopback that is
 * down. FALSE, and says so: that is not allowed here. */
static gboolean
leave_network (void)
{
  if (unshare (CLONE_NEWUSER | CLONE_NEWNET) == 0)
    return TRUE;
  printf ("# SKIPPED, not proven here: no network namespaces: %s\n", strerror (errno));
  fflush (stdout);
  return FALSE;
}

static void
set_loopback (gboolean is_up)
{
  struct ifreq request = { .ifr_name = "lo" };
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (ioctl (fd, SIOCGIFFLAGS, &request), 0);
  request.ifr_flags = (short) (is_up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
  ck_assert_int_eq (ioctl (fd, SIOCSIFFLAGS, &request), 0);
  close (fd);
}

/* Law 5: a network that goes down under an open connection, and says nothing, costs the deadline; the
 * request may arrive yet, and is said to; when the network is back the next call has a connection of its
 * own, and its own answer. */
START_TEST (test_faults_row_05_network_goes_down)
{
  TlcHarness harness;
  gint64 begun_us;

  if (!leave_network ())
    return;
  set_loopback (TRUE);
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_harness_then_serve (&harness);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "300ms", "retry", "idempotent", "idempotent-methods",
                     "*", NULL);
  tlc_echo_must_add (harness.service);
  set_loopback (FALSE);
  begun_us = g_get_monotonic_time ();
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN,
                         "timed out after 300 ms, after 0 bytes of the reply (may have run)");
  tlc_harness_assert_took (begun_us, 300);
  set_loopback (TRUE);
  for (guint i = 0; i < 3; i++)
    tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: a network without a way to the server is an error at once, not sent, that names each endpoint;
 * and not tried again. */
START_TEST (test_faults_row_07_network_is_unreachable)
{
  g_autoptr (TlcService) service = NULL;
  gint64 begun_us;
  TlcStats stats;

  if (!leave_network ())
    return;
  service = tlc_echo_service ("tcp://10.1.2.3:4711 tcp://10.1.2.4:4711", "connect-timeout", "20s",
                              "call-timeout", "20s", "retry", "idempotent", "balance", "ordered", NULL);
  begun_us = g_get_monotonic_time ();
  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                      "echo.add: tcp://10.1.2.3:4711: Network is unreachable; "
                      "tcp://10.1.2.4:4711: Network is unreachable (not sent)");
  ck_assert_int_lt (g_get_monotonic_time () - begun_us, 10 * G_USEC_PER_SEC);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.retries, 0);
  ck_assert_uint_eq (stats.connect_failures, 2);
  tlc_thread_detach ();
}
END_TEST

/* Step of a script: reads some of what comes. */
static gboolean
read_some (int fd, gpointer user_data)
{
  char bytes[4096];

  return recv (fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0;
}

/* Law 10: a connection that is closed before a request, or in the middle of it, is an error and no
 * SIGPIPE. */
START_TEST (test_faults_row_02_no_sigpipe)
{
  g_autofree char *text = g_strnfill (8 * 1024 * 1024, 'x');
  g_autofree char *back = NULL;
  g_autoptr (GError) error = NULL;
  const gboolean is_before = _i == 0;
  TlcHarness harness;
  int fd;

  signal (SIGPIPE, SIG_DFL);
  tlc_harness_begin (&harness, _i < 2 ? TLC_SCRIPT_UNIX : TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_CLOSE);
  if (!is_before)
    tlc_script_call (harness.script, read_some, NULL);
  tlc_script_close (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "check-after-idle", "1h", "retry", "never", NULL);
  tlc_echo_must_add (harness.service);
  fd = tlc_harness_find_socket (&harness);
  tlc_script_signal (harness.script, EVENT_CLOSE);
  if (is_before)
    ck_assert (tlc_harness_wait_hung_up (fd));
  ck_assert (!echo_if_echo_string (tlc_echo_client (harness.service), &back, text, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONNECTION_LOST), "%s",
                 error->message);
  ck_assert_msg (tlc_error_get_delivery (error)
                     == (is_before ? TLC_DELIVERY_NOT_SENT : TLC_DELIVERY_UNKNOWN),
                 "%s", error->message);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

static void *
send_note (void *service)
{
  g_autoptr (GError) error = NULL;

  if (!echo_if_note (tlc_echo_client (service), "id", &error))
    ck_abort_msg ("%s", error->message);
  return NULL;
}

/* Law 5: a call that found the backlog of a UNIX socket full succeeds when there is room again. */
START_TEST (test_faults_row_08_backlog_drains)
{
  TlcFullListener listener;
  TlcService *service;
  pthread_t thread;
  char bytes[256];
  int fd;

  tlc_full_listener_init (&listener);
  service = tlc_echo_service (listener.endpoint, "connect-timeout", "30s", "call-timeout", "30s",
                              NULL);
  ck_assert_int_eq (tlc_shim_set (NULL), 0);
  ck_assert_int_eq (pthread_create (&thread, NULL, send_note, service), 0);
  while (tlc_shim_count ("connect") < 3)
    g_usleep (1000);
  fd = tlc_full_listener_accept (&listener);
  ck_assert_int_ge (fd, 0);
  ck_assert_int_gt (recv (fd, bytes, sizeof bytes, 0), 0);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  tlc_service_unref (service);
  close (fd);
  tlc_full_listener_clear (&listener);
}
END_TEST

/* Step of a script: reads what is there to its end, and tells which end that is. */
static gboolean
drain (int fd, gpointer ret_errno)
{
  static char bytes[65536];
  gssize n;

  while ((n = recv (fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
    ;
  if (n < 0 && errno == EAGAIN)
    return FALSE;
  *(int *) ret_errno = n < 0 ? errno : 0;
  return TRUE;
}

/* Law 7: of a request that was sent in part, the kernel keeps nothing to send when the call has failed:
 * the server is told by a reset. */
START_TEST (test_faults_row_10_half_a_request_is_thrown_away)
{
  g_autofree char *text = g_strnfill (8 * 1024 * 1024, 'x');
  g_autofree char *back = NULL;
  g_autoptr (GError) error = NULL;
  TlcHarness harness;
  int end = -1;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_await (harness.script, EVENT_FAILED);
  tlc_script_call (harness.script, drain, &end);
  tlc_script_raise (harness.script, EVENT_DRAINED);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "200ms", "retry", "idempotent", "idempotent-methods",
                     "*", NULL);
  ck_assert (!echo_if_echo_string (tlc_echo_client (harness.service), &back, text, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_UNKNOWN);
  tlc_script_signal (harness.script, EVENT_FAILED);
  ck_assert (tlc_script_wait (harness.script, EVENT_DRAINED));
  ck_assert_int_eq (end, ECONNRESET);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: a request of which the kernel takes nothing until the deadline was not sent, and says so. */
START_TEST (test_faults_row_10_nothing_is_taken)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_harness_then_serve (&harness);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "100ms", NULL);
  tlc_echo_must_add (harness.service);
  ck_assert_int_eq (tlc_shim_set ("send:1+:EAGAIN"), 0);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT,
                         ", 0 of ");
  ck_assert_int_eq (tlc_shim_set (NULL), 0);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("faults-unreachable");
  TCase *tests = tcase_create ("unreachable");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_faults_row_02_no_sigpipe, 0, 3);
  tcase_add_test (tests, test_faults_row_05_network_goes_down);
  tcase_add_test (tests, test_faults_row_07_network_is_unreachable);
  tcase_add_test (tests, test_faults_row_08_backlog_drains);
  tcase_add_test (tests, test_faults_row_10_half_a_request_is_thrown_away);
  tcase_add_test (tests, test_faults_row_10_nothing_is_taken);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
