/* SPDX-License-Identifier: Apache-2.0 */

/* What is sent again when a connection breaks, what is not, and who pays for it. Law 4. */
#include <string.h>

#include "support/tlc-harness.h"
#include "support/tlc-process.h"

enum { EVENT_READY };

static TlcStats
get_stats (const TlcHarness *harness)
{
  TlcStats stats;

  tlc_service_get_stats (harness->service, &stats);
  return stats;
}

/* So many connections of the script take a request each and break without a byte of an answer. */
static void
script_breaks (TlcHarness *harness, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      tlc_script_accept (harness->script);
      tlc_script_read (harness->script);
      i % 2 == 0 ? tlc_script_close (harness->script) : tlc_script_reset (harness->script);
    }
}

static const struct {
  const char *retry, *methods;
  gboolean by_thread;
  gboolean is_repeated;
} rules[] = {
  { "never", "*", TRUE, FALSE },           { "unsent", "*", TRUE, FALSE },
  { "idempotent", "none", FALSE, FALSE },  { "idempotent", "none", TRUE, TRUE },
  { "idempotent", "add", FALSE, TRUE },    { "idempotent", "a*", FALSE, TRUE },
  { "idempotent", "get_*, ?dd", FALSE, TRUE }, { "idempotent", "ad, dd, add_, a??d", FALSE, FALSE },
  { "idempotent", "ADD", FALSE, FALSE },   { "idempotent", "*", FALSE, TRUE },
};

/* Law 4: what may have run is sent again only where its method is declared idempotent, by settings or by
 * the thread, and retry says so. */
START_TEST (test_retry_rules)
{
  TlcHarness harness;
  TlcStats stats;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  script_breaks (&harness, 1);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "retry", rules[_i].retry, "idempotent-methods", rules[_i].methods,
                     NULL);
  tlc_client_set_idempotent (tlc_echo_client (harness.service), rules[_i].by_thread);
  if (!rules[_i].is_repeated)
    tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST,
                           TLC_DELIVERY_UNKNOWN, "after 0 bytes of the reply (may have run)");
  tlc_echo_must_add (harness.service);
  stats = get_stats (&harness);
  ck_assert_uint_eq (stats.retries, rules[_i].is_repeated ? 1 : 0);
  ck_assert_uint_eq (stats.failures, rules[_i].is_repeated ? 0 : 1);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: an idempotent request is sent max-attempts times, no more, each time the same bytes; the error
 * says so. */
START_TEST (test_retry_max_attempts)
{
  g_autofree char *attempts = g_strdup_printf ("%d", _i);
  g_autofree char *text = g_strdup_printf ("(attempt %d of %d; may have run)", _i, _i);
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  script_breaks (&harness, (guint) _i);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", "max-attempts",
                     attempts, NULL);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST,
                         TLC_DELIVERY_UNKNOWN, _i > 1 ? text : "(may have run)");
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), (guint) _i);
  for (guint i = 1; i < (guint) _i; i++)
    ck_assert (g_bytes_equal (tlc_script_get_request (harness.script, 0)->frame,
                              tlc_script_get_request (harness.script, i)->frame));
  ck_assert_uint_eq (get_stats (&harness).retries, (guint64) _i - 1);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: once a byte of a reply has come nothing is sent again, however idempotent; nor after a timeout,
 * a wrong reply or an exception. */
START_TEST (test_retry_not_after)
{
  TlcWire *part = tlc_wire_new ();
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  if (_i == 0)
    tlc_wire_byte (part, 0);
  else if (_i == 1)
    tlc_wire_reply_begin (part, "ping"), tlc_wire_reply_end (part);
  else if (_i == 2)
    tlc_wire_exception (part, "add", "no", 1);
  if (_i < 3)
    tlc_script_send (harness.script, part);
  else
    tlc_wire_free (part);
  if (_i == 0)
    tlc_script_close (harness.script);
  else if (_i == 2)
    tlc_script_serve (harness.script, 0);
  else if (_i == 3)
    tlc_script_stall (harness.script);
  if (_i != 2)
    tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", "call-timeout",
                     _i == 3 ? "50ms" : "5s", NULL);
  ck_assert (!tlc_harness_add (tlc_echo_client (harness.service), NULL));
  ck_assert_uint_eq (get_stats (&harness).retries, 0);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 1);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Calls once, and waits until the kernel knows that the server has reset the connection. */
static void
break_while_idle (TlcHarness *harness)
{
  int fd;

  tlc_echo_must_add (harness->service);
  fd = tlc_harness_find_socket (harness);
  tlc_script_signal (harness->script, EVENT_READY);
  ck_assert (tlc_harness_wait_hung_up (fd));
}

/* Law 4: a request of which nothing was sent goes to another connection, whatever its method, oneways
 * included, and even where the budget is 0%; unless retry says never. */
START_TEST (test_retry_unsent)
{
  const char *const retry[] = { "unsent", "idempotent", "never" };
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_READY);
  tlc_script_reset (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "retry", retry[_i], "retry-budget", "0%", NULL);
  break_while_idle (&harness);
  if (_i == 2)
    tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST,
                           TLC_DELIVERY_NOT_SENT, "after 0 of ");
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (get_stats (&harness).retries, _i != 2 ? 1 : 0);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: the other server answers when one breaks, and a connection to it is what stays. */
START_TEST (test_retry_another_endpoint)
{
  g_autoptr (TlcServer) server = tlc_echo_server ((const char *const[]){ "--name", "b", NULL });
  g_autofree char *endpoints = NULL;
  g_autofree char *who = NULL;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  script_breaks (&harness, 1);
  tlc_script_start (harness.script);
  endpoints = g_strdup_printf ("%s %s", tlc_script_get_endpoint (harness.script),
                               tlc_server_get_endpoint (server));
  harness.service = tlc_echo_service (endpoints, "retry", "idempotent", "idempotent-methods",
                                      "add, who", "balance", "ordered", NULL);
  tlc_echo_must_add (harness.service);
  who = tlc_echo_who (harness.service);
  ck_assert_str_eq (who, "b");
  ck_assert_uint_eq (get_stats (&harness).connects, 2);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: retries and the pauses before them end with the call's deadline. */
START_TEST (test_retry_within_deadline)
{
  g_autoptr (GError) error = NULL;
  gint64 begun_us;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  script_breaks (&harness, 10);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", "max-attempts",
                     "10", "call-timeout", "200ms", NULL);
  begun_us = g_get_monotonic_time ();
  ck_assert (!tlc_harness_add (tlc_echo_client (harness.service), &error));
  /* The loss that it did not wait to repeat, not a deadline that passed in a pause. */
  ck_assert_msg (strstr (error->message, " bytes of the re") != NULL, "%s", error->message);
  ck_assert_int_le (g_get_monotonic_time () - begun_us, 2000 * 1000);
  ck_assert_uint_lt (tlc_script_count_requests (harness.script), 10);
  tlc_service_unref (g_steal_pointer (&harness.service));
  tlc_thread_detach ();
  tlc_script_free (harness.script); /* which has connections left */
}
END_TEST

/* A server that takes each request and hangs up, until it has no more connections. */
static guint
count_requests_of_outage (const char *budget, guint n_calls, gint64 *ret_took_us)
{
  g_autoptr (TlcScript) script = tlc_script_new (TLC_SCRIPT_INET);
  g_autoptr (TlcService) service = NULL;
  gint64 begun_us;
  guint n_requests;

  for (guint i = 0; i < 2 * n_calls; i++)
    {
      tlc_script_accept (script);
      tlc_script_read (script);
      tlc_script_close (script);
    }
  tlc_script_start (script);
  service = tlc_echo_service (tlc_script_get_endpoint (script), "retry", "idempotent",
                              "idempotent-methods", "*", "retry-budget", budget, NULL);
  begun_us = g_get_monotonic_time ();
  for (guint i = 0; i < n_calls; i++)
    ck_assert (!tlc_harness_add (tlc_echo_client (service), NULL));
  *ret_took_us = g_get_monotonic_time () - begun_us;
  n_requests = tlc_script_count_requests (script);
  tlc_thread_detach ();
  return n_requests;
}

/* Law 5: in an outage there are no more retries than the budget has, and what the service has besides. */
START_TEST (test_retry_budget)
{
  enum { N = 400 };
  gint64 took_us;
  guint n_requests = count_requests_of_outage ("20%", N, &took_us);

  ck_assert_uint_ge (n_requests, N + N / 5 - 10);
  ck_assert_uint_le (n_requests, N + N / 5 + 10 + 10 + (guint) (took_us / 100000) + 1);
  ck_assert_uint_eq (count_requests_of_outage ("0%", N, &took_us), N);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("retry");
  TCase *tests = tcase_create ("retry");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_retry_rules, 0, G_N_ELEMENTS (rules));
  tcase_add_loop_test (tests, test_retry_max_attempts, 1, 6);
  tcase_add_loop_test (tests, test_retry_not_after, 0, 4);
  tcase_add_loop_test (tests, test_retry_unsent, 0, 3);
  tcase_add_test (tests, test_retry_another_endpoint);
  tcase_add_test (tests, test_retry_within_deadline);
  tcase_add_test (tests, test_retry_budget);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
