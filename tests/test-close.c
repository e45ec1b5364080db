/* SPDX-License-Identifier: Apache-2.0 */

/* Closing: no new calls, those in flight end or are cut, and nothing is left. Law 7. */
#include <pthread.h>
#include <stdatomic.h>

#include "support/tlc-blackhole.h"
#include "support/tlc-echo.h"
#include "support/tlc-holder.h"
#include "support/tlc-pair.h"
#include "support/tlc-process.h"

#define WATCHDOG_MS 20000

/* No socket is open now; whoever has closed the last one may still be on his way out. */
static void
assert_all_closed (TlcService *service, TlcServer *server)
{
  TlcStats stats;

  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 0);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.waiting, 0);
  for (guint i = 0; i < WATCHDOG_MS && stats.connections_busy > 0; i++)
    {
      g_usleep (1000);
      tlc_service_get_stats (service, &stats);
    }
  ck_assert_uint_eq (stats.connections_open, 0);
  ck_assert_uint_eq (stats.connections_busy, 0);
}

/* Everything that comes is refused, and closing again changes nothing. */
START_TEST (test_close_refuses_what_comes)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  guint64 generation;

  tlc_echo_must_add (service);
  tlc_service_close (service);
  assert_all_closed (service, server);
  generation = tlc_service_get_generation (service);
  tlc_service_close (service);
  ck_assert_uint_eq (tlc_service_get_generation (service), generation);
  tlc_echo_must_fail (service, TLC_ERROR_CLOSED, TLC_DELIVERY_NOT_SENT, "the service is closed");
  tlc_holder_must_not_hold (service, TLC_ERROR_CLOSED, "the service is closed");
  ck_assert (tlc_config_set (config, "endpoints", tlc_server_get_endpoint (server), NULL));
  ck_assert (!tlc_service_reconfigure (service, config, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CLOSED), "%s", error->message);
  ck_assert_str_eq (error->message, "service echo: the service is closed");
  ck_assert (tlc_service_drain (service, 0, NULL));
  assert_all_closed (service, server);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

typedef struct {
  TlcService *service;
  gint32 milliseconds, value;
  GError *error;
  pthread_t thread;
} Take;

static void *
take_main (void *data)
{
  Take *take = data;

  echo_if_take (tlc_echo_client (take->service), &take->value, take->milliseconds, 7, &take->error);
  return NULL;
}

/* It has claimed a connection, or waits for one, when this returns. */
static void
take_start (Take *take, TlcService *service, gint32 milliseconds)
{
  TlcStats before, stats;

  *take = (Take){ .service = service, .milliseconds = milliseconds };
  tlc_service_get_stats (service, &before);
  ck_assert_int_eq (pthread_create (&take->thread, NULL, take_main, take), 0);
  do
    {
      g_usleep (1000);
      tlc_service_get_stats (service, &stats);
    }
  while (stats.connections_busy + stats.waiting == before.connections_busy + before.waiting);
}

/* It is sent when this returns. */
static void
take_send (Take *take, TlcService *service, gint32 milliseconds)
{
  TlcStats before, stats;

  tlc_service_get_stats (service, &before);
  take_start (take, service, milliseconds);
  do
    {
      g_usleep (1000);
      tlc_service_get_stats (service, &stats);
    }
  while (stats.bytes_sent == before.bytes_sent);
}

/* It was closed: with that @delivery, at the latest after so long. */
static void
take_must_be_closed (Take *take, TlcDelivery delivery)
{
  ck_assert_int_eq (pthread_join (take->thread, NULL), 0);
  ck_assert_ptr_nonnull (take->error);
  ck_assert_msg (g_error_matches (take->error, TLC_ERROR, TLC_ERROR_CLOSED), "%s",
                 take->error->message);
  ck_assert_msg (tlc_error_get_delivery (take->error) == delivery, "%s", take->error->message);
  g_clear_error (&take->error);
}

static void
take_must_be_good (Take *take)
{
  ck_assert_int_eq (pthread_join (take->thread, NULL), 0);
  ck_assert_msg (take->error == NULL, "%s", take->error != NULL ? take->error->message : "");
  ck_assert_int_eq (take->value, 7);
}

static void *
close_main (void *service)
{
  tlc_service_close (service);
  return NULL;
}

/* What is in flight ends well where it ends in time; who waits for his turn has lost it at once. */
START_TEST (test_close_waits_for_calls)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcService *service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1", "claim-timeout",
                          "50s", "call-timeout", "50s", NULL);
  Take busy, waiting;
  pthread_t closing;
  gint64 began_us;
  TlcStats stats;

  began_us = g_get_monotonic_time ();
  take_send (&busy, service, 2000);
  take_start (&waiting, service, 0);
  ck_assert_int_eq (pthread_create (&closing, NULL, close_main, service), 0);
  take_must_be_closed (&waiting, TLC_DELIVERY_NOT_SENT);
  tlc_service_get_stats (service, &stats);
  if (g_get_monotonic_time () - began_us < 2 * G_USEC_PER_SEC) /* not so on a slow machine */
    ck_assert_uint_eq (stats.connections_busy, 1);
  ck_assert_int_eq (pthread_join (closing, NULL), 0);
  assert_all_closed (service, server);
  take_must_be_good (&busy);
  tlc_service_unref (service);
}
END_TEST

/* Law 5: what does not end by close-timeout is cut; who was in it learns that it may have run. */
START_TEST (test_close_cuts)
{
  enum { N = 4 };
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "close-timeout", "50ms",
                                          "call-timeout", "50s", NULL);
  gint64 before_us = g_get_monotonic_time ();
  Take takes[N];

  for (guint i = 0; i < N; i++)
    take_send (&takes[i], service, 40000);
  if (_i == 0)
    tlc_service_close (service);
  else
    tlc_service_unref (service);
  ck_assert_int_lt (g_get_monotonic_time () - before_us, 20 * G_USEC_PER_SEC);
  if (_i == 0)
    assert_all_closed (service, server);
  for (guint i = 0; i < N; i++)
    take_must_be_closed (&takes[i], TLC_DELIVERY_UNKNOWN);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 0);
  if (_i == 0)
    tlc_service_unref (service);
}
END_TEST

/* A dial is cut as well, whatever it waits for. */
START_TEST (test_close_cuts_dials)
{
  g_autofree char *endpoints = NULL;
  TlcFullListener full;
  Blackhole vain;
  TlcService *service;
  gint64 before_us;
  Take take;

  tlc_full_listener_init (&full);
  blackhole_init (&vain, AF_INET);
  endpoints = g_strdup_printf ("%s unix:@nobody-listens-here", _i == 0 ? full.endpoint : vain.endpoint);
  service = tlc_echo_service (endpoints, "close-timeout", "50ms", "connect-timeout", "80s",
                              "call-timeout", "80s", "balance", "ordered", NULL);
  take_start (&take, service, 0);
  before_us = g_get_monotonic_time ();
  tlc_service_close (service);
  take_must_be_closed (&take, TLC_DELIVERY_NOT_SENT);
  ck_assert_int_lt (g_get_monotonic_time () - before_us, WATCHDOG_MS * 1000);
  tlc_service_unref (service);
  tlc_full_listener_clear (&full);
  blackhole_clear (&vain);
}
END_TEST

/* Threads that sleep keep nothing open, whatever they have there. */
typedef struct {
  TlcService *service;
  gboolean is_holding;
  pthread_barrier_t met;
  pthread_t thread;
} Sleeper;

static void *
sleeper_main (void *data)
{
  Sleeper *sleeper = data;

  tlc_echo_must_add (sleeper->service);
  if (sleeper->is_holding)
    tlc_holder_hold (sleeper->service);
  pthread_barrier_wait (&sleeper->met);
  pthread_barrier_wait (&sleeper->met);
  tlc_echo_must_fail (sleeper->service, TLC_ERROR_CLOSED, TLC_DELIVERY_NOT_SENT,
                      "the service is closed");
  return NULL;
}

START_TEST (test_close_while_others_sleep)
{
  enum { N = 8 };
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  Sleeper sleepers[N];

  for (guint i = 0; i < N; i++)
    {
      sleepers[i] = (Sleeper){ .service = service, .is_holding = i % 2 == 1 };
      pthread_barrier_init (&sleepers[i].met, NULL, 2);
      ck_assert_int_eq (pthread_create (&sleepers[i].thread, NULL, sleeper_main, &sleepers[i]), 0);
      pthread_barrier_wait (&sleepers[i].met);
    }
  tlc_service_close (service);
  assert_all_closed (service, server);
  for (guint i = 0; i < N; i++)
    {
      pthread_barrier_wait (&sleepers[i].met);
      ck_assert_int_eq (pthread_join (sleepers[i].thread, NULL), 0);
    }
  tlc_service_unref (service);
}
END_TEST

/* Replies that the closing thread has not fetched are not waited for. */
START_TEST (test_close_by_who_has_replies_due)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "close-timeout", "24h",
                                          "call-timeout", "24h", NULL);

  for (gint32 i = 0; i < (_i == 0 ? 1 : 3); i++)
    ck_assert (echo_client_send_take (tlc_echo_client (service), 60000, i, NULL));
  tlc_service_close (service);
  assert_all_closed (service, server);
  tlc_echo_must_fail (service, TLC_ERROR_CLOSED, TLC_DELIVERY_NOT_SENT, "the service is closed");
  tlc_service_unref (service);
}
END_TEST

static void *
forget_main (void *data)
{
  Sleeper *sleeper = data;
  GError *error = NULL;
  gint32 value;

  ck_assert (echo_client_send_take (tlc_echo_client (sleeper->service), 60000, 1, NULL));
  pthread_barrier_wait (&sleeper->met);
  pthread_barrier_wait (&sleeper->met);
  ck_assert (!echo_client_recv_take (tlc_echo_client (sleeper->service), &value, &error));
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_UNKNOWN);
  g_error_free (error);
  return NULL;
}

/* Those of a thread that went elsewhere are closed when they are overdue, or at close-timeout, and close()
 * does not wait for that thread. */
START_TEST (test_close_while_another_forgets)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "close-timeout",
                                          _i == 0 ? "24h" : "100ms", "call-timeout",
                                          _i == 0 ? "100ms" : "24h", NULL);
  Sleeper sleeper = { .service = service };
  gint64 before_us = g_get_monotonic_time ();

  pthread_barrier_init (&sleeper.met, NULL, 2);
  ck_assert_int_eq (pthread_create (&sleeper.thread, NULL, forget_main, &sleeper), 0);
  pthread_barrier_wait (&sleeper.met);
  tlc_service_close (service);
  ck_assert_int_lt (g_get_monotonic_time () - before_us, WATCHDOG_MS * 1000);
  assert_all_closed (service, server);
  pthread_barrier_wait (&sleeper.met);
  ck_assert_int_eq (pthread_join (sleeper.thread, NULL), 0);
  tlc_service_unref (service);
}
END_TEST

static pthread_key_t at_exit;

static void
unref_at_exit (void *service)
{
  tlc_service_unref (service);
}

static void *
call_and_exit (void *service)
{
  ck_assert_int_eq (pthread_setspecific (at_exit, service), 0);
  tlc_echo_must_add (service);
  return NULL;
}

/* The last reference may go with a thread, before or after our own destructor; nothing is left then. */
START_TEST (test_close_at_a_threads_exit)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  guint fds = tlc_process_count_fds ();

  ck_assert_int_eq (pthread_key_create (&at_exit, unref_at_exit), 0);
  for (guint i = 0; i < 50; i++)
    {
      TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);

      if (i % 2 == 0)
        tlc_echo_must_add (service);
      tlc_holder_elsewhere (call_and_exit, service);
      tlc_thread_detach ();
    }
  ck_assert (tlc_process_settles (tlc_process_count_library_threads, 0));
  ck_assert_uint_eq (tlc_process_count_fds (), fds);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("close");
  TCase *tests = tcase_create ("close");

  tcase_add_test (tests, test_close_refuses_what_comes);
  tcase_add_test (tests, test_close_waits_for_calls);
  tcase_add_loop_test (tests, test_close_cuts, 0, 2);
  tcase_add_loop_test (tests, test_close_cuts_dials, 0, 2);
  tcase_add_test (tests, test_close_while_others_sleep);
  tcase_add_loop_test (tests, test_close_by_who_has_replies_due, 0, 2);
  tcase_add_loop_test (tests, test_close_while_another_forgets, 0, 2);
  tcase_add_test (tests, test_close_at_a_threads_exit);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
