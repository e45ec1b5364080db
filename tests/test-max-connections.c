/* SPDX-License-Identifier: Apache-2.0 */

/* The dial max-connections: threads that share so many connections; and min-connections, opened in
 * advance. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "support/tlc-blackhole.h"
#include "support/tlc-echo.h"
#include "support/tlc-holder.h"
#include "support/tlc-process.h"

typedef struct {
  TlcService *service;
  guint n_calls;
  gint32 milliseconds; /* that each takes; 0: an add() */
  atomic_uint n_good;
  atomic_int number; /* the thread's that came last */
} Work;

static void *
work_main (void *data)
{
  Work *work = data;
  gint32 value;

  atomic_store (&work->number, gettid ());
  for (guint i = 0; i < work->n_calls; i++)
    {
      g_autoptr (GError) error = NULL;
      EchoIf *echo = tlc_echo_client (work->service);
      gboolean is_good
          = work->milliseconds == 0
                ? echo_if_add (echo, &value, 1, 2, &error) && value == 3
                : echo_if_take (echo, &value, work->milliseconds, 7, &error) && value == 7;

      if (!is_good)
        ck_abort_msg ("%s", error != NULL ? error->message : "a wrong answer");
      atomic_fetch_add (&work->n_good, 1);
    }
  return NULL;
}

static void
start (Work *work, pthread_t *threads, guint n)
{
  for (guint i = 0; i < n; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, work_main, work), 0);
}

static void
join (pthread_t *threads, guint n)
{
  for (guint i = 0; i < n; i++)
    ck_assert_int_eq (pthread_join (threads[i], NULL), 0);
}

static TlcStats
get_stats (TlcService *service)
{
  TlcStats stats;

  tlc_service_get_stats (service, &stats);
  return stats;
}

/* However many threads call, no more connections are made. */
START_TEST (test_max_connections_are_not_exceeded)
{
  enum { N = 16 };
  const char *caps[] = { "1", "2", "4" };
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", caps[_i],
                          "claim-timeout", "50s", "call-timeout", "50s", NULL);
  Work work = { .service = service, .n_calls = 200 };
  pthread_t threads[N];
  TlcStats stats;

  start (&work, threads, N);
  join (threads, N);
  stats = get_stats (service);
  ck_assert_uint_eq (work.n_good, N * 200);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_le (stats.connects, g_ascii_strtoull (caps[_i], NULL, 10));
  ck_assert_uint_eq (stats.connections_busy, 0);
  ck_assert_uint_eq (stats.waiting, 0);
}
END_TEST

/* Law 5: who finds all taken waits for claim-timeout and no longer, and is told who has what. */
START_TEST (test_max_connections_claim_timeout)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1", "claim-timeout",
                          "50ms", "call-timeout", "50s", "max-waiting", "1", NULL);
  Work work = { .service = service, .n_calls = 1, .milliseconds = 2000 };
  g_autoptr (GError) error = NULL;
  g_autofree char *expected = NULL;
  pthread_t thread;
  gint32 sum;

  tlc_echo_must_add (service); /* that it was at an endpoint is not what the next one tells */
  start (&work, &thread, 1);
  while (get_stats (service).connections_busy == 0)
    g_usleep (1000);
  ck_assert (!echo_if_add (tlc_echo_client (service), &sum, 1, 2, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_EXHAUSTED), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  expected = g_strdup_printf ("echo.add: no connection within claim-timeout = 50 ms: 1 open, 1 busy, "
                              "0 waiting; the longest claim is thread %d (*)'s, for * ms (not sent)",
                              atomic_load (&work.number));
  ck_assert_msg (g_pattern_match_simple (expected, error->message), "%s", error->message);
  g_clear_error (&error);
  tlc_deadline_push (20);
  ck_assert (!echo_if_add (tlc_echo_client (service), &sum, 1, 2, &error));
  tlc_deadline_pop ();
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  g_clear_error (&error);
  join (&thread, 1);
  tlc_echo_must_add (service);
  tlc_deadline_push (0);
  ck_assert (!echo_if_add (tlc_echo_client (service), &sum, 1, 2, &error));
  tlc_deadline_pop ();
  ck_assert_msg (g_str_has_prefix (error->message, "echo.add: timed out after 0 ms"), "%s",
                 error->message);
  tlc_echo_must_add (service);
}
END_TEST

/* And no longer than its deadline. */
START_TEST (test_max_connections_call_timeout)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1", "claim-timeout",
                          "50s", "call-timeout", "50s", NULL);
  Work work = { .service = service, .n_calls = 1, .milliseconds = 3000 };
  pthread_t thread;

  start (&work, &thread, 1);
  while (get_stats (service).connections_busy == 0)
    g_usleep (1000);
  tlc_client_set_timeout (tlc_echo_client (service), 50);
  tlc_echo_must_fail (service, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_NOT_SENT,
                      "waiting for a connection: 1 open, 1 busy, 0 waiting");
  ck_assert_uint_eq (atomic_load (&work.n_good), 0);
  join (&thread, 1);
}
END_TEST

static void *
add_main (void *service)
{
  tlc_echo_must_add (service);
  return NULL;
}

/* One more than max-waiting is refused at once. */
START_TEST (test_max_connections_max_waiting)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1", "claim-timeout",
                          "50s", "call-timeout", "50s", "max-waiting", "1", NULL);
  Work work = { .service = service, .n_calls = 1, .milliseconds = 1000 };
  g_autoptr (GError) error = NULL;
  pthread_t busy, waiting;
  gint32 sum;

  start (&work, &busy, 1);
  while (get_stats (service).connections_busy == 0)
    g_usleep (1000);
  ck_assert_int_eq (pthread_create (&waiting, NULL, add_main, service), 0);
  tlc_holder_await_waiting (service, 1);
  ck_assert (!echo_if_add (tlc_echo_client (service), &sum, 1, 2, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_EXHAUSTED), "%s", error->message);
  ck_assert_msg (strstr (error->message, "as many calls wait for one as max-waiting = 1 allows") != NULL,
                 "%s", error->message);
  join (&busy, 1);
  join (&waiting, 1);
}
END_TEST

static void *
fail_main (void *service)
{
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GError) error = NULL;
      gint32 sum;

      ck_assert (!echo_if_add (tlc_echo_client (service), &sum, 1, 2, &error));
      ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE), "%s", error->message);
    }
  return NULL;
}

/* A dial that fails while others wait has failed: it is not the configuration that has changed. Each
 * dials once, and hands on its turn. */
START_TEST (test_max_connections_failed_dials_while_others_wait)
{
  enum { N = 8 };
  g_autoptr (TlcService) service = tlc_echo_service ("unix:@nobody-listens-here", "max-connections", "1",
                                                     "claim-timeout", "5s", "retry", "never", NULL);
  pthread_t threads[N];

  for (guint i = 0; i < N; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, fail_main, service), 0);
  join (threads, N);
  ck_assert_uint_eq (get_stats (service).connect_failures, N * 20);
}
END_TEST

/* Nobody listens: each fails by itself, in time, and hands on its turn. */
START_TEST (test_max_connections_failed_dials_hand_on)
{
  enum { N = 8 };
  g_autoptr (TlcService) service = tlc_echo_service ("unix:@nobody-listens-here", "max-connections",
                                                     "1", "claim-timeout", "50s", NULL);
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  Work work = { .service = service, .n_calls = 50 };
  pthread_t threads[N];
  gint32 sum;

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GError) error = NULL;

      ck_assert (!echo_if_add (tlc_echo_client (service), &sum, 1, 2, &error));
      ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE), "%s",
                     error->message);
    }
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (server), "max-connections", "1",
                        "claim-timeout", "50s", "call-timeout", "50s", NULL);
  start (&work, threads, N);
  join (threads, N);
  ck_assert_uint_eq (get_stats (service).connects, 1);
}
END_TEST

/* The cap moves while threads call, and no call fails by it. */
START_TEST (test_max_connections_change_under_load)
{
  enum { N = 8 };
  const char *caps[] = { "4", "1", "unlimited", "2", "1", "3" };
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (
      tlc_server_get_endpoint (server), "claim-timeout", "50s", "call-timeout", "50s", NULL);
  Work work = { .service = service, .n_calls = 2000 };
  g_autoptr (GError) error = NULL;
  pthread_t threads[N];

  start (&work, threads, N);
  for (guint i = 0; atomic_load (&work.n_good) < N * 1500; i++)
    {
      tlc_echo_reconfigure (service, tlc_server_get_endpoint (server), "max-connections",
                            caps[i % G_N_ELEMENTS (caps)], "claim-timeout", "50s", "call-timeout",
                            "50s", NULL);
      g_usleep (500);
    }
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (server), "max-connections", "1",
                        "claim-timeout", "50s", "call-timeout", "50s", NULL);
  ck_assert_msg (tlc_service_drain (service, 20000, &error), "%s",
                 error != NULL ? error->message : "");
  ck_assert_uint_le (get_stats (service).connections_open, 1);
  join (threads, N);
  ck_assert_uint_eq (work.n_good, N * 2000);
  ck_assert_uint_eq (get_stats (service).failures, 0);
}
END_TEST

/* Until so many are open. */
static gboolean
opens (TlcService *service, guint64 n)
{
  for (guint i = 0; i < 10000 && get_stats (service).connections_open != n; i++)
    g_usleep (1000);
  return get_stats (service).connections_open == n;
}

/* min-connections are there before the first call, which adopts one; those that are closed are
 * replaced; a change has its way at once. */
START_TEST (test_max_connections_in_advance)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL), other = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "min-connections", "3", NULL);

  ck_assert (opens (service, 3));
  tlc_holder_await_connections (tlc_server_get_endpoint (server), 3, 10000);
  tlc_echo_must_add (service);
  ck_assert_uint_eq (get_stats (service).adopted, 1);
  ck_assert_uint_eq (get_stats (service).connects, 3);
  ck_assert (echo_client_send_add (tlc_echo_client (service), 1, 2, NULL));
  tlc_client_reset (tlc_echo_client (service)); /* which closes it */
  ck_assert (opens (service, 3));
  tlc_holder_await_connections (tlc_server_get_endpoint (server), 3, 10000);
  while (get_stats (service).connections_busy > 0)
    g_usleep (1000);
  ck_assert_uint_eq (get_stats (service).connects, 4);
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (other), "min-connections", "5", NULL);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 0);
  ck_assert (opens (service, 5));
  tlc_holder_await_connections (tlc_server_get_endpoint (other), 5, 10000);
  tlc_thread_detach ();
}
END_TEST

/* Law 2: a connection that is being opened to an endpoint that is removed is given up at once. */
START_TEST (test_max_connections_in_advance_elsewhere)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  Blackhole listener;
  TlcService *service;

  blackhole_init (&listener, AF_INET);
  service = tlc_echo_service (listener.endpoint, "min-connections", "1", "connect-timeout", "60s", NULL);
  while (get_stats (service).connections_busy == 0)
    g_usleep (1000);
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (server), "min-connections",
                        _i == 0 ? "1" : "0", "connect-timeout", "60s", NULL);
  tlc_holder_await_connections (tlc_server_get_endpoint (server), _i == 0 ? 1 : 0, 10000);
  for (guint i = 0; i < 10000 && get_stats (service).connections_busy > 0; i++)
    g_usleep (1000);
  ck_assert_uint_eq (get_stats (service).connections_busy, 0);
  tlc_service_unref (service);
  blackhole_clear (&listener);
}
END_TEST

/* Where one endpoint refuses, the next one is tried. */
START_TEST (test_max_connections_in_advance_where_it_can)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autofree char *endpoints
      = g_strdup_printf ("unix:@nobody-listens-here %s", tlc_server_get_endpoint (server));
  g_autoptr (TlcService) service = tlc_echo_service (endpoints, "min-connections", "2",
                                                           "balance", "ordered", NULL);

  tlc_holder_await_connections (tlc_server_get_endpoint (server), 2, 10000);
  ck_assert_uint_ge (get_stats (service).connect_failures, 1);
}
END_TEST

/* Law 5: where nobody listens it goes on trying, after pauses; and when the service goes, at once.
 */
START_TEST (test_max_connections_in_advance_of_nobody)
{
  TlcService *service
      = tlc_echo_service ("unix:@nobody-listens-here", "min-connections", "1", NULL);

  for (guint i = 0; i < 10000 && get_stats (service).connect_failures < 2; i++)
    g_usleep (1000);
  ck_assert_uint_ge (get_stats (service).connect_failures, 2);
  ck_assert_uint_eq (get_stats (service).connections_open, 0);
  tlc_service_unref (service);
}
END_TEST

START_TEST (test_max_connections_min_is_not_more)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;

  ck_assert (tlc_config_set (config, "endpoints", "unix:@nobody-listens-here", NULL));
  ck_assert (tlc_config_set (config, "max-connections", "2", NULL));
  ck_assert (tlc_config_set (config, "min-connections", "3", NULL));
  ck_assert_ptr_null (tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, &error));
  ck_assert_str_eq (error->message,
                    "service echo: min-connections = \"3\": more than max-connections = "
                    "\"2\": make it 2 or less");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("max-connections");
  TCase *tests = tcase_create ("max-connections");

  tcase_add_loop_test (tests, test_max_connections_are_not_exceeded, 0, 3);
  tcase_add_test (tests, test_max_connections_claim_timeout);
  tcase_add_test (tests, test_max_connections_call_timeout);
  tcase_add_test (tests, test_max_connections_max_waiting);
  tcase_add_test (tests, test_max_connections_failed_dials_hand_on);
  tcase_add_test (tests, test_max_connections_failed_dials_while_others_wait);
  tcase_add_test (tests, test_max_connections_change_under_load);
  tcase_add_test (tests, test_max_connections_in_advance);
  tcase_add_loop_test (tests, test_max_connections_in_advance_elsewhere, 0, 2);
  tcase_add_test (tests, test_max_connections_in_advance_where_it_can);
  tcase_add_test (tests, test_max_connections_in_advance_of_nobody);
  tcase_add_test (tests, test_max_connections_min_is_not_more);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
