/* SPDX-License-Identifier: Apache-2.0 */

/* Connections in advance: where they are opened when endpoints fail, hang or go, and what replaces those
 * that calls, threads and holds have lost. No call helps, and the keeper's own look at calls, which comes
 * once in a call-timeout, is an hour away unless a test says otherwise. */
#include <pthread.h>
#include <string.h>

#include "support/tlc-blackhole.h"
#include "support/tlc-harness.h"
#include "support/tlc-holder.h"
#include "support/tlc-process.h"

#define NO_WATCH "call-timeout", "1h", "hold-timeout", "1h"

static TlcStats
get_stats (TlcService *service)
{
  TlcStats stats;

  tlc_service_get_stats (service, &stats);
  return stats;
}

/* So many connects have succeeded, now or within ten seconds, and no more. */
static void
must_connect (TlcService *service, guint64 n)
{
  for (guint i = 0; i < 10000 && get_stats (service).connects < n; i++)
    g_usleep (1000);
  ck_assert_uint_eq (get_stats (service).connects, n);
}

/* Law 5: where the first endpoint refuses, or hangs for longer than connect-timeout, the next one is
 * tried. */
START_TEST (test_in_advance_tries_the_next)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  g_autofree char *endpoints = NULL;
  TlcService *service;
  Blackhole hole;

  blackhole_init (&hole, AF_INET);
  endpoints = g_strdup_printf ("%s %s", _i == 0 ? "unix:@nobody-listens-here" : hole.endpoint, at);
  service = tlc_echo_service (endpoints, NO_WATCH, "min-connections", "1", "connect-timeout", "50ms", NULL);
  must_connect (service, 1);
  ck_assert_uint_eq (tlc_process_count_connections (at), 1);
  ck_assert_uint_eq (get_stats (service).connect_failures, 1);
  tlc_service_unref (service);
  blackhole_clear (&hole);
}
END_TEST

/* After a success it begins with the first one again. */
START_TEST (test_in_advance_comes_back_to_the_first)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  socklen_t length = sizeof address.sun_family;
  int first = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_autofree char *endpoints = NULL;
  TlcService *service;

  ck_assert_int_eq (bind (first, (struct sockaddr *) &address, length), 0); /* to a name of its choice */
  length = sizeof address;
  ck_assert_int_eq (getsockname (first, (struct sockaddr *) &address, &length), 0);
  endpoints = g_strdup_printf ("unix:@%.*s %s", (int) (length - sizeof address.sun_family - 1),
                               address.sun_path + 1, at);
  service = tlc_echo_service (endpoints, NO_WATCH, "min-connections", "1", NULL);
  must_connect (service, 1);
  ck_assert_int_eq (listen (first, 4), 0);
  tlc_echo_reconfigure (service, endpoints, NO_WATCH, "min-connections", "2", NULL);
  must_connect (service, 2);
  ck_assert_uint_eq (tlc_process_count_connections (at), 1);
  tlc_service_unref (service);
  close (first);
}
END_TEST

/* A dial that hangs where a change has removed the endpoint is given up at once, and not when its time is
 * over, be there others to open or none. */
START_TEST (test_in_advance_leaves_what_is_removed)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service;
  Blackhole hole;

  blackhole_init (&hole, AF_INET);
  service = tlc_echo_service (hole.endpoint, NO_WATCH, "min-connections", "1", "connect-timeout", "1h",
                              NULL);
  for (guint i = 0; i < 10000 && get_stats (service).connections_busy == 0; i++)
    g_usleep (1000);
  ck_assert_uint_eq (get_stats (service).connections_busy, 1);
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (server), NO_WATCH, "min-connections",
                        _i == 0 ? "1" : "0", "connect-timeout", "1h", NULL);
  if (_i == 0)
    must_connect (service, 1);
  ck_assert (tlc_service_drain (service, 20000, NULL));
  tlc_service_unref (service);
  blackhole_clear (&hole);
}
END_TEST

static void *
add_once (void *service)
{
  tlc_echo_must_add (service);
  return NULL;
}

/* What a call closes, or a thread that exits where nothing is kept for the next, is replaced then. */
START_TEST (test_in_advance_replaces_what_is_closed)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NO_WATCH, "min-connections",
                                          "2", "spare-connections", "0", NULL);

  must_connect (service, 2);
  if (_i == 0)
    {
      tlc_echo_must_send_add (tlc_echo_client (service), 1, 2);
      tlc_client_reset (tlc_echo_client (service));
    }
  else
    tlc_holder_elsewhere (add_once, service);
  must_connect (service, 3);
  ck_assert_uint_eq (get_stats (service).adopted, 1);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

#define HOLD_MS 100

/* Law 6: the holds that go over connections which were opened in advance, and no other, are looked after
 * like all: what is held for too long is closed, and replaced; also where, when the thread's client was
 * made and for long after that, nothing was open. */
START_TEST (test_in_advance_connections_are_watched)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  TlcService *service
      = tlc_echo_service (_i == 0 ? at : "unix:@nobody-listens-here", "min-connections", "1",
                          "hold-timeout", G_STRINGIFY (HOLD_MS) "ms", "call-timeout", "1h", NULL);

  if (_i == 1)
    {
      tlc_echo_client (service);
      g_usleep (3 * HOLD_MS * 1000); /* the time is what is tested */
      tlc_echo_reconfigure (service, at, "min-connections", "1", "hold-timeout",
                            G_STRINGIFY (HOLD_MS) "ms", "call-timeout", "1h", NULL);
    }
  must_connect (service, 1);
  tlc_holder_hold (service);
  ck_assert_uint_eq (get_stats (service).adopted, 1);
  must_connect (service, 2);
  tlc_holder_must_be_over (service, TLC_ERROR_TIMED_OUT,
                           "hold-timeout = " G_STRINGIFY (HOLD_MS) " ms");
  tlc_holder_release (service);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("in-advance");
  TCase *tests = tcase_create ("in-advance");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_in_advance_tries_the_next, 0, 2);
  tcase_add_test (tests, test_in_advance_comes_back_to_the_first);
  tcase_add_loop_test (tests, test_in_advance_leaves_what_is_removed, 0, 2);
  tcase_add_loop_test (tests, test_in_advance_replaces_what_is_closed, 0, 2);
  tcase_add_loop_test (tests, test_in_advance_connections_are_watched, 0, 2);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
