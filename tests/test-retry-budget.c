/* SPDX-License-Identifier: Apache-2.0 */

/* How often what may be sent again is, how long is waited before, and who pays. */
#include <pthread.h>

#include "support/tlc-harness.h"
#include "support/tlc-shim.h"

/* What budgets do not bound: a service has ten retries at once and ten a second, a thread saves ten. */
#define AT_ONCE 10
#define A_SECOND 10
#define SAVINGS 10
/* A pause is at least so long. */
#define PAUSE_US 5000

static void
script_breaks (TlcScript *script, guint n_connections)
{
  for (guint i = 0; i < n_connections; i++)
    {
      tlc_script_accept (script);
      tlc_script_read (script);
      tlc_script_reset (script);
    }
}

/* So many calls of which none can succeed; how many requests the server got, and in which time. */
static guint
call_in_vain (TlcScript *script, TlcService *service, guint n_calls, gint64 *ret_took_us)
{
  gint64 begun_us = g_get_monotonic_time ();
  guint n_before = tlc_script_count_requests (script);

  for (guint i = 0; i < n_calls; i++)
    {
      g_autoptr (GError) error = NULL;

      ck_assert (!tlc_harness_add (tlc_echo_client (service), &error));
      ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONNECTION_LOST), "%s",
                     error->message);
    }
  *ret_took_us = g_get_monotonic_time () - begun_us;
  return tlc_script_count_requests (script) - n_before;
}

/* Law 5: in an outage servers get a fifth more requests than there are calls, and ten a second;
 * at 0% not one. */
START_TEST (test_retry_budget_in_an_outage)
{
  enum { N_CALLS = 2000 };
  static const guint percents[] = { 0, 20, 5 };
  const guint percent = percents[_i], earned = N_CALLS * percent / 100;
  g_autoptr (TlcScript) script = tlc_script_new (TLC_SCRIPT_INET);
  g_autoptr (TlcService) service = NULL;
  g_autofree char *budget = g_strdup_printf ("%u%%", percent);
  guint n_requests;
  gint64 took_us;
  TlcStats stats;

  script_breaks (script, 2 * N_CALLS);
  tlc_script_start (script);
  service = tlc_echo_service (tlc_script_get_endpoint (script), "retry", "idempotent",
                              "idempotent-methods", "*", "retry-budget", budget, NULL);
  n_requests = call_in_vain (script, service, N_CALLS, &took_us);
  ck_assert_uint_ge (n_requests, N_CALLS + earned - MIN (earned, SAVINGS));
  if (percent == 0)
    ck_assert_uint_eq (n_requests, N_CALLS);
  else
    ck_assert_uint_le (n_requests, N_CALLS + earned + AT_ONCE
                                       + A_SECOND * (guint) (took_us / 1000) / 1000 + 1);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.retries, n_requests - N_CALLS);
  tlc_thread_detach ();
}
END_TEST

/* Law 5: a thousand good calls do not save up a thousand retries. */
START_TEST (test_retry_budget_saves_little)
{
  enum { N_GOOD = 1000, N_BAD = 200 };
  g_autoptr (TlcScript) script = tlc_script_new (TLC_SCRIPT_INET);
  g_autoptr (TlcService) service = NULL;
  guint n_requests;
  gint64 took_us;

  tlc_script_accept (script);
  tlc_script_serve (script, N_GOOD);
  tlc_script_read (script);
  tlc_script_reset (script);
  script_breaks (script, 2 * N_BAD);
  tlc_script_start (script);
  service = tlc_echo_service (tlc_script_get_endpoint (script), "retry", "idempotent",
                              "idempotent-methods", "*", NULL);
  for (guint i = 0; i < N_GOOD; i++)
    tlc_echo_must_add (service);
  n_requests = call_in_vain (script, service, N_BAD, &took_us);
  ck_assert_uint_ge (n_requests, N_BAD + N_BAD / 5);
  ck_assert_uint_le (n_requests, N_BAD + N_BAD / 5 + SAVINGS + AT_ONCE
                                     + A_SECOND * (guint) (took_us / 1000) / 1000 + 1);
  tlc_thread_detach ();
}
END_TEST

enum { N_THREADS = 8, N_CALLS_EACH = 50 };

static void *
call_in_vain_beside_others (void *service)
{
  for (guint i = 0; i < N_CALLS_EACH; i++)
    ck_assert (!tlc_harness_add (tlc_echo_client (service), NULL));
  return NULL;
}

/* Law 5: ten retries a second are what a service has besides, not each of its threads. */
START_TEST (test_retry_budget_is_of_all_threads)
{
  enum { N_CALLS = N_THREADS * N_CALLS_EACH, PERCENT = 5 };
  g_autoptr (TlcScript) script = tlc_script_new (TLC_SCRIPT_INET);
  TlcService *service;
  gint64 begun_us, took_us;
  pthread_t threads[N_THREADS];

  script_breaks (script, 2 * N_CALLS);
  tlc_script_start (script);
  service = tlc_echo_service (tlc_script_get_endpoint (script), "retry", "idempotent",
                              "idempotent-methods", "*", "retry-budget", "5%", NULL);
  begun_us = g_get_monotonic_time ();
  for (guint i = 0; i < N_THREADS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_in_vain_beside_others, service), 0);
  for (guint i = 0; i < N_THREADS; i++)
    ck_assert_int_eq (pthread_join (threads[i], NULL), 0);
  took_us = g_get_monotonic_time () - begun_us;
  ck_assert_uint_ge (tlc_script_count_requests (script), N_CALLS + AT_ONCE);
  ck_assert_uint_le (tlc_script_count_requests (script),
                     N_CALLS + N_CALLS * PERCENT / 100 + AT_ONCE
                         + A_SECOND * (guint) (took_us / 1000) / 1000 + 1);
  tlc_service_unref (service);
}
END_TEST

/* A connection carries one request, and breaks under the next. */
static gboolean
call_after_rest (const char *budget, const char *faults, guint64 *ret_retries, gint64 *ret_took_us)
{
  gint64 begun_us;
  TlcHarness harness;
  gboolean succeeded;
  TlcStats stats;

  tlc_harness_begin (&harness, TLC_SCRIPT_UNIX);
  tlc_harness_then_serve (&harness);
  tlc_harness_then_serve (&harness);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", "retry-budget",
                     budget, "max-attempts", "3", NULL);
  tlc_echo_must_add (harness.service);
  ck_assert_int_eq (tlc_shim_set (faults), 0);
  begun_us = g_get_monotonic_time ();
  succeeded = tlc_harness_add (tlc_echo_client (harness.service), NULL);
  *ret_took_us = g_get_monotonic_time () - begun_us;
  ck_assert_int_eq (tlc_shim_set (NULL), 0);
  tlc_service_get_stats (harness.service, &stats);
  *ret_retries = stats.retries;
  tlc_harness_end (&harness);
  return succeeded;
}

/* Law 5: the first step off a connection that had been used is not waited for, and is free where nothing
 * was sent; what was sent is paid for; each further step is both waited for and paid for. */
START_TEST (test_retry_budget_of_the_first_step)
{
  static const struct {
    const char *budget, *faults;
    gboolean succeeds;
    guint64 retries;
    gboolean is_waited_for;
  } steps[] = {
    { "0%", "send:1:EPIPE", TRUE, 1, FALSE },
    { "0%", "recv:1:EOF", FALSE, 0, FALSE },
    { "20%", "send:1:EPIPE", TRUE, 1, FALSE },
    { "20%", "recv:1:EOF", TRUE, 1, FALSE },
    { "0%", "send:1:EPIPE,send:2:EPIPE", FALSE, 1, FALSE },
    { "20%", "send:1:EPIPE,send:2:EPIPE", TRUE, 2, TRUE },
    { "20%", "recv:1:EOF,recv:2:EOF", TRUE, 2, TRUE },
  };
  const gint64 least_us = steps[_i].is_waited_for ? PAUSE_US : 0;
  gint64 took_us = 0, best_us = G_MAXINT64;
  guint64 retries;

  /* Of a machine that is busy the best time counts. */
  for (guint i = 0; i < 20 && best_us >= PAUSE_US; i++)
    {
      ck_assert (call_after_rest (steps[_i].budget, steps[_i].faults, &retries, &took_us)
                 == steps[_i].succeeds);
      ck_assert_uint_eq (retries, steps[_i].retries);
      ck_assert_int_ge (took_us, least_us);
      best_us = MIN (best_us, took_us);
    }
  ck_assert (steps[_i].is_waited_for || best_us < PAUSE_US);
}
END_TEST

/* Law 5: off a connection that was new, too, is waited, twice as long each time. */
START_TEST (test_retry_budget_pauses)
{
  const guint n_attempts = 5;
  gint64 begun_us;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  script_breaks (harness.script, n_attempts);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", "max-attempts", "5",
                     NULL);
  begun_us = g_get_monotonic_time ();
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN,
                         "(attempt 5 of 5; may have run)");
  tlc_harness_assert_took (begun_us, 5 + 10 + 20 + 40);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), n_attempts);
  tlc_harness_end (&harness);
}
END_TEST

/* Step of a script: so long the server thinks before it breaks the connection. */
static gboolean
think (int fd, gpointer milliseconds)
{
  g_usleep (GPOINTER_TO_UINT (milliseconds) * 1000);
  return TRUE;
}

/* Law 5: the deadline is the whole call's: what the first attempt took, the second has not. */
START_TEST (test_retry_budget_of_time)
{
  const guint timeout_ms = 600, first_ms = 400;
  gint64 begun_us;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_call (harness.script, think, GUINT_TO_POINTER (first_ms));
  tlc_script_reset (harness.script);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_stall (harness.script);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", "call-timeout",
                     "600ms", NULL);
  begun_us = g_get_monotonic_time ();
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN,
                         "timed out after 600 ms, after 0 bytes of the reply (attempt 2 of 2; may "
                         "have run)");
  tlc_harness_assert_took (begun_us, timeout_ms);
  ck_assert_int_lt (g_get_monotonic_time () - begun_us,
                    (gint64) (timeout_ms + first_ms - 50) * 1000);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: where no server is left for the second attempt, the call ends at once, and says of the first that
 * it may have run. */
START_TEST (test_retry_budget_is_not_for_dialling)
{
  TlcHarness harness;
  TlcStats stats;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_unlisten (harness.script);
  tlc_script_reset (harness.script);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", "max-attempts", "9",
                     NULL);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_UNKNOWN,
                         "Connection refused (attempt 2 of 9; may have run)");
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.retries, 1);
  ck_assert_uint_eq (stats.connect_failures, 1);
  tlc_harness_end (&harness);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("retry-budget");
  TCase *tests = tcase_create ("retry-budget");

  tcase_set_timeout (tests, 120);
  tcase_add_loop_test (tests, test_retry_budget_in_an_outage, 0, 3);
  tcase_add_test (tests, test_retry_budget_saves_little);
  tcase_add_test (tests, test_retry_budget_is_of_all_threads);
  tcase_add_loop_test (tests, test_retry_budget_of_the_first_step, 0, 7);
  tcase_add_test (tests, test_retry_budget_pauses);
  tcase_add_test (tests, test_retry_budget_of_time);
  tcase_add_test (tests, test_retry_budget_is_not_for_dialling);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
