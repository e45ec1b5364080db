/* SPDX-License-Identifier: Apache-2.0 */

/* A service, its clients and their calls, as a program sees them, on a real server. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/tlc-echo.h"
#include "support/tlc-process.h"

/* A thread has one client of a service, the same each time, and another after it detached. */
START_TEST (test_service_one_client_a_thread)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "spare-connections", "0", NULL);
  gpointer client = tlc_echo_client (service);
  TlcStats stats;

  tlc_echo_must_add (service);
  ck_assert_ptr_eq (tlc_echo_client (service), client);
  tlc_thread_detach ();
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.threads, 0);
  ck_assert_uint_eq (stats.connections_open, 0);
  ck_assert_uint_eq (stats.calls, 1);
  tlc_echo_must_add (service);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.threads, 1);
  ck_assert_uint_eq (stats.connects, 2);
  tlc_thread_detach ();
}
END_TEST

/* Names, types and settings that cannot work are refused with TLC_ERROR_CONFIG. */
START_TEST (test_service_refuses_what_cannot_work)
{
  static const char *const bad_names[] = { "", "a b", "tab\there", "caf\xc3\xa9" };
  g_autofree char *long_name = g_strnfill (256, 'x');
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert_ptr_nonnull (strstr (error->message, "endpoints"));
  ck_assert (tlc_config_set (config, "endpoints", "tcp://127.0.0.1:1", NULL));
  for (guint i = 0; i <= G_N_ELEMENTS (bad_names); i++)
    {
      const char *name = i < G_N_ELEMENTS (bad_names) ? bad_names[i] : long_name;

      g_clear_error (&error);
      ck_assert_ptr_null (tlc_service_new (name, TYPE_ECHO_CLIENT, config, &error));
      ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
    }
  g_clear_error (&error);
  ck_assert_ptr_null (tlc_service_new ("echo", TYPE_SAMPLE, config, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert_ptr_nonnull (strstr (error->message, "Sample"));
  g_clear_error (&error);
  ck_assert_ptr_null (tlc_service_new ("echo", 0, config, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  tlc_service_unref (NULL);
}
END_TEST

/* Nothing listens: not sent, and the message names service, method, endpoint and reason. */
START_TEST (test_service_unavailable)
{
  g_autoptr (TlcService) service
      = tlc_echo_service ("unix:@tlc-test-nobody, unix:/nonexistent/socket", "balance", "ordered", NULL);
  TlcStats stats;

  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                      "echo.add: unix:@tlc-test-nobody: ");
  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                      "unix:/nonexistent/socket: No such file or directory (not sent)");
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.calls, 2);
  ck_assert_uint_eq (stats.failures, 2);
  ck_assert_uint_eq (stats.connect_failures, 4);
  ck_assert_uint_eq (stats.connections_busy, 0);
  tlc_thread_detach ();
}
END_TEST

/* A listener that never accepts, with its backlog full: later connections stay in SYN_SENT. */
static int
blackhole_new (char **ret_endpoint, int *ret_filler)
{
  struct sockaddr_in address
      = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  ck_assert_int_eq (bind (fd, (struct sockaddr *) &address, length), 0);
  ck_assert_int_eq (listen (fd, 0), 0);
  ck_assert_int_eq (getsockname (fd, (struct sockaddr *) &address, &length), 0);
  *ret_filler = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (connect (*ret_filler, (struct sockaddr *) &address, length), 0);
  *ret_endpoint = g_strdup_printf ("tcp://127.0.0.1:%d", ntohs (address.sin_port));
  return fd;
}

/* Law 5: a first endpoint that swallows packets leaves time for the second within
 * connect-timeout. */
START_TEST (test_service_dials_the_next_endpoint_in_time)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autofree char *blackhole = NULL;
  g_autofree char *both = NULL;
  int filler, fd = blackhole_new (&blackhole, &filler);
  TlcService *service;

  both = g_strconcat (blackhole, ", ", tlc_server_get_endpoint (server), NULL);
  service = tlc_echo_service (both, "connect-timeout", "400ms", "balance", "ordered", NULL);
  tlc_echo_must_add (service);
  tlc_thread_detach ();
  tlc_service_unref (service);
  service = tlc_echo_service (blackhole, "connect-timeout", "100ms", NULL);
  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                      "no connection within 1");
  tlc_thread_detach ();
  tlc_service_unref (service);
  service = tlc_echo_service (blackhole, "connect-timeout", "10s", "call-timeout", "100ms", NULL);
  tlc_echo_must_fail (service, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT, "(not sent)");
  tlc_thread_detach ();
  tlc_service_unref (service);
  close (filler);
  close (fd);
}
END_TEST

/* A call that a busy machine may delay beyond its short deadline, but not a hundred times. */
static void
add_in_the_end (TlcService *service)
{
  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (GError) error = NULL;
      gint32 sum = 0;

      if (echo_if_add (tlc_echo_client (service), &sum, 20, 3, &error))
        {
          ck_assert_int_eq (sum, 23);
          return;
        }
      ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
    }
  ck_abort_msg ("no call came through");
}

/* Law 5: a server that takes too long: timed out at the deadline, not before; the next call has
 * its own answer. */
START_TEST (test_service_times_out)
{
  static const char *const timeouts[] = { "20ms", "50ms", "200ms" };
  static const gint64 timeouts_us[] = { 20000, 50000, 200000 };
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (timeouts); i++)
    {
      g_autoptr (TlcService) service
          = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", timeouts[i], NULL);
      g_autoptr (GError) error = NULL;
      gint64 began_us, took_us;
      gint32 value = 0;

      add_in_the_end (service);
      began_us = g_get_monotonic_time ();
      ck_assert (!echo_if_take (tlc_echo_client (service), &value, 1000, 7, &error));
      took_us = g_get_monotonic_time () - began_us;
      ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
      ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_UNKNOWN);
      ck_assert_int_ge (took_us, timeouts_us[i]);
      ck_assert_int_lt (took_us, 10 * timeouts_us[i] + 200000);
      add_in_the_end (service);
      tlc_thread_detach ();
    }
}
END_TEST

/* Law 5: the deadline runs from the request on, also while the caller does something else before it
 * fetches the reply. */
START_TEST (test_service_deadline_of_a_split_call)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", "2s", NULL);
  EchoIf *echo = tlc_echo_client (service);
  g_autoptr (GError) error = NULL;
  gint64 began_us = g_get_monotonic_time (), took_us;
  gint32 value = 0;

  ck_assert (echo_client_send_take (echo, 60000, 7, &error));
  poll (NULL, 0, 1800);
  ck_assert (!echo_client_recv_take (echo, &value, &error));
  took_us = g_get_monotonic_time () - began_us;
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
  ck_assert_int_ge (took_us, 2000000);
  ck_assert_int_lt (took_us, 3000000);
  tlc_thread_detach ();
}
END_TEST

/* Law 7: whoever holds the protocol beyond the client may do so. */
START_TEST (test_service_protocol_outlives_its_client)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  GObject *protocol = NULL;

  tlc_echo_must_add (service);
  g_object_get (tlc_echo_client (service), "output_protocol", &protocol, NULL);
  tlc_thread_detach ();
  tlc_service_unref (service);
  g_object_unref (protocol);
}
END_TEST

/* A request too large is refused before anything is sent, and costs no connection. */
START_TEST (test_service_refuses_a_large_request)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-message-size", "64KiB", NULL);
  g_autofree char *large = g_strnfill (64 * 1024, 'x');
  g_autoptr (GError) error = NULL;
  g_autofree char *back = NULL;
  TlcStats stats;

  tlc_echo_must_add (service);
  ck_assert (!echo_if_echo_string (tlc_echo_client (service), &back, large, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_MESSAGE_TOO_LARGE), "%s",
                 error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_ptr_nonnull (strstr (error->message, "echo.echo_string"));
  large[60 * 1024] = '\0';
  g_clear_error (&error);
  ck_assert (echo_if_echo_string (tlc_echo_client (service), &back, large, &error));
  ck_assert_str_eq (back, large);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connects, 1);
  tlc_thread_detach ();
}
END_TEST

/* A reply is received once: after it none is due. */
START_TEST (test_service_no_reply_is_due)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  g_autoptr (GError) error = NULL;
  EchoIf *echo = tlc_echo_client (service);
  gint32 sum = 0;

  ck_assert (echo_client_send_add (echo, 1, 2, &error));
  ck_assert (echo_client_recv_add (echo, &sum, &error));
  ck_assert_int_eq (sum, 3);
  ck_assert (!echo_client_recv_add (echo, &sum, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_PROTOCOL), "%s", error->message);
  tlc_echo_must_add (service);
  tlc_thread_detach ();
}
END_TEST

/* Errors are optional: callers that pass none get FALSE, and the client goes on working. */
START_TEST (test_service_without_error_arguments)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", "50ms", NULL);
  g_autoptr (TlcService) nobody = tlc_echo_service ("unix:@tlc-test-nobody", NULL);
  gint32 value = 0;

  ck_assert (!echo_if_take (tlc_echo_client (service), &value, 1000, 7, NULL));
  ck_assert (!echo_if_add (tlc_echo_client (nobody), &value, 1, 2, NULL));
  ck_assert (!echo_if_fail (tlc_echo_client (service), &value, 9, NULL, NULL, NULL));
  add_in_the_end (service);
  tlc_thread_detach ();
}
END_TEST

/* What a service did, counted. */
START_TEST (test_service_stats)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  g_autoptr (GError) error = NULL;
  TlcStats stats;
  gint32 value = 0;

  for (guint i = 0; i < 100; i++)
    tlc_echo_must_add (service);
  ck_assert (!echo_if_fail (tlc_echo_client (service), &value, 9, NULL, NULL, &error));
  ck_assert (error->domain != TLC_ERROR);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_ANSWERED);
  ck_assert (echo_if_note (tlc_echo_client (service), "x", NULL));
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.calls, 102);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.connections_open, 1);
  ck_assert_uint_eq (stats.connections_busy, 0);
  ck_assert_uint_eq (stats.generation, 1);
  ck_assert_uint_eq (tlc_service_get_generation (service), 1);
  ck_assert_uint_ge (stats.bytes_sent, 100 * 34);
  ck_assert_uint_ge (stats.bytes_received, 100 * 27);
  ck_assert_uint_ge (stats.latency_max_us, stats.latency_p999_us);
  ck_assert_uint_ge (stats.latency_p999_us, stats.latency_p50_us);
  ck_assert_str_eq (tlc_service_get_name (service), "echo");
  tlc_thread_detach ();
}
END_TEST

/* Law 10: no thread before the first connection, and the keeper's alone then; no handler is installed, no
 * signal blocked. And sockets close on exec. */
START_TEST (test_service_leaves_the_process_alone)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  sigset_t before, after;
  struct sigaction action;

  ck_assert_int_eq (pthread_sigmask (SIG_SETMASK, NULL, &before), 0);
  tlc_echo_client (service);
  ck_assert_uint_eq (tlc_process_count_library_threads (), 0);
  tlc_echo_must_add (service);
  ck_assert (tlc_process_settles (tlc_process_count_library_threads, 1));
  ck_assert_int_eq (pthread_sigmask (SIG_SETMASK, NULL, &after), 0);
  for (int signal = 1; signal < NSIG; signal++)
    ck_assert_int_eq (sigismember (&before, signal), sigismember (&after, signal));
  ck_assert_int_eq (sigaction (SIGPIPE, NULL, &action), 0);
  ck_assert (action.sa_handler == SIG_DFL);
  for (int fd = 3; fd < 64; fd++)
    {
      int type, flags = fcntl (fd, F_GETFD);
      socklen_t length = sizeof type;

      if (flags != -1 && getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0)
        ck_assert_msg (flags & FD_CLOEXEC, "fd %d", fd);
    }
  tlc_thread_detach ();
}
END_TEST

/* A server that restarts: at most the call that met it fails; the next dials again. SIGPIPE is
 * nobody's. */
START_TEST (test_service_server_goes_and_comes)
{
  g_autofree char *endpoint
      = g_strdup_printf ("unix:/tmp/tlc-test-service-%d.sock", (int) getpid ());
  const char *const args[] = { "--listen", endpoint, NULL };
  TlcServer *server = tlc_echo_server (args);
  g_autoptr (TlcService) service = tlc_echo_service (endpoint, NULL);

  tlc_echo_must_add (service);
  tlc_server_stop (server);
  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                      "No such file or directory");
  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT, "(not sent)");
  unlink (endpoint + strlen ("unix:"));
  server = tlc_echo_server (args);
  tlc_echo_must_add (service);
  tlc_thread_detach ();
  tlc_server_stop (server);
  unlink (endpoint + strlen ("unix:"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("service");
  TCase *tests = tcase_create ("service");

  tcase_add_test (tests, test_service_one_client_a_thread);
  tcase_add_test (tests, test_service_refuses_what_cannot_work);
  tcase_add_test (tests, test_service_unavailable);
  tcase_add_test (tests, test_service_dials_the_next_endpoint_in_time);
  tcase_add_test (tests, test_service_times_out);
  tcase_add_test (tests, test_service_deadline_of_a_split_call);
  tcase_add_test (tests, test_service_protocol_outlives_its_client);
  tcase_add_test (tests, test_service_refuses_a_large_request);
  tcase_add_test (tests, test_service_no_reply_is_due);
  tcase_add_test (tests, test_service_without_error_arguments);
  tcase_add_test (tests, test_service_stats);
  tcase_add_test (tests, test_service_leaves_the_process_alone);
  tcase_add_test (tests, test_service_server_goes_and_comes);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
