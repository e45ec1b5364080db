/* SPDX-License-Identifier: Apache-2.0 */

/* Waiting until a service can be reached, as programs do that start. */
#include <unistd.h>

#include "support/tlc-echo.h"
#include "support/tlc-holder.h"
#include "support/tlc-process.h"

static void
must_not_be_ready (TlcService *service, guint timeout_ms, TlcError code, const char *text)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!tlc_service_wait_ready (service, timeout_ms, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, (int) code), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_msg (strstr (error->message, text) != NULL, "no \"%s\" in: %s", text, error->message);
}

static void
must_be_ready (TlcService *service, guint timeout_ms)
{
  g_autoptr (GError) error = NULL;

  if (!tlc_service_wait_ready (service, timeout_ms, &error))
    ck_abort_msg ("%s", error->message);
}

/* It connects once, sends nothing, and the first call finds the connection. */
START_TEST (test_ready_at_once)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections",
                          _i == 0 ? "unlimited" : "1", NULL);
  TlcStats stats;

  must_be_ready (service, 20000);
  must_be_ready (service, 0);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.connections_open, 1);
  ck_assert_uint_eq (stats.connections_busy, 0);
  ck_assert_uint_eq (stats.calls, 0);
  ck_assert_uint_eq (stats.bytes_sent, 0);
  tlc_echo_must_add (service);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connects, 1);
  tlc_thread_detach ();
}
END_TEST

/* Whoever connects first makes it ready: here the keeper, or another thread. */
START_TEST (test_ready_by_others)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "min-connections", "2", NULL);
  TlcStats stats;

  tlc_holder_await_connections (tlc_server_get_endpoint (server), 2, 20000);
  must_be_ready (service, 20000);
  do /* they are counted when the keeper sees them */
    tlc_service_get_stats (service, &stats);
  while (stats.connects < 2);
  ck_assert_uint_eq (stats.connects, 2);
  ck_assert_uint_eq (stats.connections_open, 2);
}
END_TEST

static void *
take_for_long (void *service)
{
  gint32 value;

  ck_assert (echo_if_take (tlc_echo_client (service), &value, 2000, 7, NULL));
  return NULL;
}

/* Also where the only connection is in use. */
START_TEST (test_ready_while_in_use)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server),
                                                     "max-connections", "1", NULL);
  pthread_t thread;
  TlcStats stats;

  ck_assert_int_eq (pthread_create (&thread, NULL, take_for_long, service), 0);
  tlc_holder_await_connections (tlc_server_get_endpoint (server), 1, 20000);
  must_be_ready (service, 20000);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connections_busy, 1);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
}
END_TEST

/* Law 5: not for longer than that; and the error says what was wrong in the end. */
START_TEST (test_ready_never)
{
  g_autoptr (TlcService) service = tlc_echo_service ("unix:@nobody-listens-here", NULL);
  gint64 before_us = g_get_monotonic_time ();

  must_not_be_ready (service, 0, TLC_ERROR_TIMED_OUT, "service echo: not ready after ");
  must_not_be_ready (service, 100, TLC_ERROR_TIMED_OUT, ": echo: unix:@nobody-listens-here: Connection refused");
  ck_assert_int_ge (g_get_monotonic_time () - before_us, 100 * 1000);
  tlc_service_close (service);
  must_not_be_ready (service, 20000, TLC_ERROR_CLOSED, "the service is closed");
}
END_TEST

typedef struct {
  TlcServer *server;
  const char *const *arguments;
} Late;

static void *
start_late (void *data)
{
  Late *late = data;

  g_usleep (150 * 1000); /* it has tried in vain by then, most likely */
  late->server = tlc_echo_server (late->arguments);
  return NULL;
}

/* A server that starts after its client. */
START_TEST (test_ready_in_the_end)
{
  g_autofree char *endpoint = g_strdup_printf ("unix:/tmp/tlc-test-ready-%d.sock", (int) getpid ());
  Late late = { NULL, (const char *const[]){ "--listen", endpoint, NULL } };
  g_autoptr (TlcService) service = tlc_echo_service (endpoint, NULL);
  pthread_t thread;

  ck_assert_int_eq (pthread_create (&thread, NULL, start_late, &late), 0);
  must_be_ready (service, 20000);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  tlc_echo_must_add (service);
  tlc_server_stop (late.server);
  unlink (endpoint + strlen ("unix:"));
  tlc_thread_detach ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("ready");
  TCase *tests = tcase_create ("ready");

  tcase_add_loop_test (tests, test_ready_at_once, 0, 2);
  tcase_add_test (tests, test_ready_by_others);
  tcase_add_test (tests, test_ready_while_in_use);
  tcase_add_test (tests, test_ready_never);
  tcase_add_test (tests, test_ready_in_the_end);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
