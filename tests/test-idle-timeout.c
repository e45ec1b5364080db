/* SPDX-License-Identifier: Apache-2.0 */

/* Law 6 as programs see it: threads that called and sleep keep no connection open, and call again as if
 * nothing had been. */
#include <pthread.h>
#include <stdatomic.h>

#include "support/tlc-echo.h"
#include "support/tlc-holder.h"
#include "support/tlc-process.h"
#include "support/tlc-sleepers.h"

#define WATCHDOG_MS 20000

/* Nothing but idle-timeout and max-age makes the keeper look. */
#define OTHERWISE_NEVER "call-timeout", "24h", "hold-timeout", "24h"

static TlcStats
get_stats (TlcService *service)
{
  TlcStats stats;

  tlc_service_get_stats (service, &stats);
  return stats;
}

/* The keeper closes the socket first, and leaves the seat after that. */
static void
await_open (TlcService *service, guint64 n)
{
  for (guint i = 0; i < WATCHDOG_MS && get_stats (service).connections_open != n; i++)
    g_usleep (1000);
  ck_assert_uint_eq (get_stats (service).connections_open, n);
}

#define N_SLEEPERS 200

/* None is closed before it was idle for so long, and then all are, while their threads sleep. */
START_TEST (test_idle_timeout_of_sleepers)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "idle-timeout", "300ms",
                          OTHERWISE_NEVER, NULL);
  gint64 before_us = g_get_monotonic_time ();
  TlcSleepers sleepers;

  tlc_sleepers_start (&sleepers, service, N_SLEEPERS);
  tlc_sleepers_call (&sleepers);
  tlc_holder_await_connections (tlc_server_get_endpoint (server), 0, WATCHDOG_MS);
  ck_assert_int_ge (g_get_monotonic_time () - before_us, 300 * 1000);
  await_open (service, 0);
  ck_assert_uint_ge (get_stats (service).reclaimed_idle, N_SLEEPERS);
  tlc_sleepers_call (&sleepers);
  ck_assert_uint_eq (get_stats (service).failures, 0);
  ck_assert_uint_eq (get_stats (service).calls, 2 * N_SLEEPERS);
  tlc_sleepers_end (&sleepers);
}
END_TEST

/* The process's one thread is no exception. */
START_TEST (test_idle_timeout_of_one_thread)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "idle-timeout", "50ms",
                          OTHERWISE_NEVER, NULL);

  for (guint i = 0; i < 3; i++)
    {
      tlc_echo_must_add (service);
      tlc_holder_await_connections (tlc_server_get_endpoint (server), 0, WATCHDOG_MS);
    }
  ck_assert_uint_eq (get_stats (service).reclaimed_idle, 3);
  ck_assert_uint_eq (get_stats (service).failures, 0);
}
END_TEST

/* What threads have left when they exited goes the same way; min-connections stay. */
START_TEST (test_idle_timeout_of_what_was_left)
{
  const char *min = _i == 0 ? "0" : "2";
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "idle-timeout", "200ms",
                          "min-connections", min, OTHERWISE_NEVER, NULL);
  TlcSleepers sleepers;

  tlc_sleepers_start (&sleepers, service, 6);
  tlc_sleepers_call (&sleepers);
  tlc_sleepers_end (&sleepers);
  tlc_holder_await_connections (tlc_server_get_endpoint (server), _i == 0 ? 0 : 2, WATCHDOG_MS);
  await_open (service, _i == 0 ? 0 : 2);
}
END_TEST

/* A shorter idle-timeout is in force at once, also for those that rest already. */
START_TEST (test_idle_timeout_gets_shorter)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "idle-timeout", "24h",
                          OTHERWISE_NEVER, NULL);

  tlc_echo_must_add (service);
  tlc_holder_await_connections (tlc_server_get_endpoint (server), 1, WATCHDOG_MS);
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (server), "idle-timeout", "1ms",
                        OTHERWISE_NEVER, NULL);
  tlc_holder_await_connections (tlc_server_get_endpoint (server), 0, WATCHDOG_MS);
}
END_TEST

static atomic_bool is_over;

static void *
call_on (void *service)
{
  while (!atomic_load (&is_over))
    tlc_echo_must_add (service);
  return NULL;
}

/* Connections that are never idle are replaced, too, when they are too old, between two calls: none
 * fails. */
START_TEST (test_idle_timeout_max_age_of_the_busy)
{
  enum { N = 4 };
  const char *caps[] = { "unlimited", "2", "1" };
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-age", "300ms", "max-connections",
                          caps[_i], "claim-timeout", "50s", OTHERWISE_NEVER, NULL);
  guint64 n_open = _i == 0 ? N : _i == 1 ? 2 : 1;
  pthread_t threads[N];
  TlcStats stats;

  atomic_store (&is_over, FALSE);
  for (guint i = 0; i < N; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_on, service), 0);
  for (guint i = 0; i < WATCHDOG_MS && get_stats (service).reclaimed_idle < 3 * n_open; i++)
    g_usleep (1000);
  atomic_store (&is_over, TRUE);
  for (guint i = 0; i < N; i++)
    ck_assert_int_eq (pthread_join (threads[i], NULL), 0);
  stats = get_stats (service);
  ck_assert_uint_ge (stats.reclaimed_idle, 3 * n_open);
  ck_assert_uint_ge (stats.connects, 3 * n_open);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.retries, 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("idle-timeout");
  TCase *tests = tcase_create ("idle-timeout");

  tcase_add_test (tests, test_idle_timeout_of_sleepers);
  tcase_add_test (tests, test_idle_timeout_of_one_thread);
  tcase_add_loop_test (tests, test_idle_timeout_of_what_was_left, 0, 2);
  tcase_add_test (tests, test_idle_timeout_gets_shorter);
  tcase_add_loop_test (tests, test_idle_timeout_max_age_of_the_busy, 0, 3);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
