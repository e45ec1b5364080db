/* SPDX-License-Identifier: Apache-2.0 */

/* Connections in advance: where they are opened when endpoints fail, hang or go, and what replaces those
 * that calls, threads and holds have lost. No call helps, and the keeper's own look at calls, which comes
 * once in a call-timeout, is an hour away unless a test says otherwise. */
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "support/tlc-blackhole.h"
#include "support/tlc-harness.h"
#include "support/tlc-holder.h"
#include "support/tlc-process.h"

#define NO_WATCH "call-timeout", "1h", "hold-timeout", "1h", "balance", "ordered"

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

/* One that has failed does not for each connection. */
START_TEST (test_in_advance_stays_with_who_answers)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  g_autofree char *endpoints = g_strdup_printf ("unix:@nobody-listens-here %s", at);
  TlcService *service = tlc_echo_service (endpoints, NO_WATCH, "min-connections", "8", NULL);

  must_connect (service, 8);
  ck_assert_uint_eq (get_stats (service).connect_failures, 1);
  ck_assert_uint_eq (tlc_process_count_connections (at), 8);
  tlc_service_unref (service);
}
END_TEST

/* After a change it begins with the first one again. */
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

/* Law 5: who waits for the seat of a dial that hangs gets it long before that is over; and each of eleven
 * endpoints has a quarter of connect-timeout, two seconds. */
START_TEST (test_in_advance_gives_way)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  g_autofree char *endpoints = NULL;
  TlcService *service;
  Blackhole hole;

  blackhole_init (&hole, AF_INET);
  endpoints = g_strdup_printf ("%s unix:@no1 unix:@no2 unix:@no3 unix:@no4 unix:@no5 unix:@no6 unix:@no7 "
                               "unix:@no8 unix:@no9 %s",
                               hole.endpoint, tlc_server_get_endpoint (server));
  if (_i == 0)
    {
      service = tlc_echo_service (hole.endpoint, "min-connections", "1", "max-connections", "1",
                                  "connect-timeout", "1h", "claim-timeout", "10s", "call-timeout", "20s",
                                  NULL);
      for (guint i = 0; i < 10000 && get_stats (service).connections_busy == 0; i++)
        g_usleep (1000);
      ck_assert_uint_eq (get_stats (service).connections_busy, 1);
      tlc_deadline_push (5000);
      tlc_echo_must_fail (service, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT, "no connection within");
      tlc_deadline_pop ();
      tlc_thread_detach ();
    }
  else
    {
      service = tlc_echo_service (endpoints, NO_WATCH, "min-connections", "1", "connect-timeout", "8s",
                                  NULL);
      must_connect (service, 1);
      ck_assert_uint_eq (get_stats (service).connect_failures, 10);
    }
  tlc_service_unref (service);
  blackhole_clear (&hole);
}
END_TEST

static void
close_all (GArray *fds)
{
  for (guint i = 0; i < fds->len; i++)
    close (g_array_index (fds, int, i));
  g_array_set_size (fds, 0);
}

/* Accepts so many, now or within ten seconds each. */
static void
accept_all (int listener, GArray *fds, guint n)
{
  struct pollfd pollfd = { .fd = listener, .events = POLLIN };

  for (guint i = 0; i < n; i++)
    {
      int fd;

      ck_assert_int_eq (poll (&pollfd, 1, 10000), 1);
      fd = accept (listener, NULL, NULL);
      ck_assert_int_ge (fd, 0);
      g_array_append_val (fds, fd);
    }
}

static int
listen_anywhere (char **ret_endpoint)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  ck_assert_int_eq (bind (listener, (struct sockaddr *) &address, length), 0);
  ck_assert_int_eq (listen (listener, 16), 0);
  ck_assert_int_eq (getsockname (listener, (struct sockaddr *) &address, &length), 0);
  *ret_endpoint = g_strdup_printf ("tcp://127.0.0.1:%u", ntohs (address.sin_port));
  return listener;
}

/* What the peer has closed is closed, and opened anew, though no call comes: no dead socket counts as
 * one that is open. */
START_TEST (test_in_advance_replaces_what_hangs_up)
{
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_autofree char *endpoint = NULL;
  int listener = listen_anywhere (&endpoint);
  TlcService *service = tlc_echo_service (endpoint, NO_WATCH, "min-connections", "3", NULL);

  for (guint round = 1; round <= 2; round++)
    {
      accept_all (listener, fds, 3);
      must_connect (service, 3 * round);
      ck_assert_uint_eq (tlc_process_count_connections (endpoint), 3);
      ck_assert_uint_eq (get_stats (service).connections_open, 3);
      close_all (fds);
    }
  accept_all (listener, fds, 3);
  close (listener);
  close_all (fds);
  for (guint i = 0; i < 10000 && get_stats (service).connections_open > 0; i++)
    g_usleep (1000);
  ck_assert_uint_eq (get_stats (service).connections_open, 0);
  ck_assert_uint_eq (tlc_process_count_connections (endpoint), 0);
  tlc_service_unref (service);
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
  tcase_add_test (tests, test_in_advance_stays_with_who_answers);
  tcase_add_test (tests, test_in_advance_comes_back_to_the_first);
  tcase_add_loop_test (tests, test_in_advance_gives_way, 0, 2);
  tcase_add_test (tests, test_in_advance_replaces_what_hangs_up);
  tcase_add_loop_test (tests, test_in_advance_leaves_what_is_removed, 0, 2);
  tcase_add_loop_test (tests, test_in_advance_replaces_what_is_closed, 0, 2);
  tcase_add_loop_test (tests, test_in_advance_connections_are_watched, 0, 2);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
