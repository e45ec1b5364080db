/* SPDX-License-Identifier: Apache-2.0 */

/* What is sent again and what never is. A real server counts how often it ran each request; the shim
 * breaks the connection under it, before, in the middle of and behind the request. */
#include <string.h>

#include "support/tlc-harness.h"
#include "support/tlc-shim.h"

#define ID "the-one-request"

/* What the library can be told about one request, and what then happens to it. */
typedef struct {
  const char *retry, *methods, *max_attempts;
  const char *faults; /* of the shim; the connection has carried one request before */
  enum { RUN, DECLARED_RUN, NOTE, DECLARED_NOTE } call;
  gboolean succeeds;
  TlcDelivery delivery; /* where it fails */
  guint retries;
  gint32 executions;
  const char *ending; /* of the error's message */
} Case;

#define LOST_UNSENT "send:1:EPIPE"
#define LOST_UNSENT_FOR_GOOD "send:1+:ECONNRESET"
#define LOST_PARTLY_SENT "send:1:BYTE,send:2:EPIPE"
#define LOST_SENT "recv:1:EOF"
#define RESET_SENT "recv:1:ECONNRESET"
#define LOST_ANSWERING "recv:1:BYTE,recv:2:EOF"
#define NO TLC_DELIVERY_NOT_SENT
#define MAYBE TLC_DELIVERY_UNKNOWN

static const Case cases[] = {
  /* Nothing was sent: any method, a oneway too, unless never. */
  { "never", "*", "9", LOST_UNSENT, DECLARED_RUN, FALSE, NO, 0, 0, ": Broken pipe (not sent)" },
  { "unsent", "none", "2", LOST_UNSENT, RUN, TRUE, NO, 1, 1, NULL },
  { "idempotent", "none", "2", LOST_UNSENT, RUN, TRUE, NO, 1, 1, NULL },
  { "unsent", "none", "2", LOST_UNSENT, NOTE, TRUE, NO, 1, 1, NULL },
  { "never", "none", "2", LOST_UNSENT, NOTE, FALSE, NO, 0, 0, "(not sent)" },
  { "unsent", "none", "1", LOST_UNSENT, RUN, FALSE, NO, 0, 0, ": Broken pipe (not sent)" },
  { "unsent", "none", "3", "send:1:EPIPE,send:2:EPIPE", RUN, TRUE, NO, 2, 1, NULL },
  { "unsent", "none", "2", LOST_UNSENT_FOR_GOOD, RUN, FALSE, NO, 1, 0,
    "(attempt 2 of 2; not sent)" },
  { "unsent", "none", "4", LOST_UNSENT_FOR_GOOD, NOTE, FALSE, NO, 3, 0,
    "(attempt 4 of 4; not sent)" },

  /* A part of it was sent: only of idempotent methods, and no oneway. */
  { "never", "*", "2", LOST_PARTLY_SENT, DECLARED_RUN, FALSE, MAYBE, 0, 0,
    "Broken pipe (may have run)" },
  { "unsent", "*", "2", LOST_PARTLY_SENT, DECLARED_RUN, FALSE, MAYBE, 0, 0, "(may have run)" },
  { "idempotent", "none", "2", LOST_PARTLY_SENT, RUN, FALSE, MAYBE, 0, 0, "(may have run)" },
  { "idempotent", "run", "2", LOST_PARTLY_SENT, RUN, TRUE, NO, 1, 1, NULL },
  { "idempotent", "none", "2", LOST_PARTLY_SENT, DECLARED_RUN, TRUE, NO, 1, 1, NULL },
  { "idempotent", "*", "2", LOST_PARTLY_SENT, DECLARED_NOTE, FALSE, MAYBE, 0, 0,
    "(may have run)" },

  /* All of it was sent, and may have run, as here it did. */
  { "never", "*", "2", LOST_SENT, DECLARED_RUN, FALSE, MAYBE, 0, 1, "(may have run)" },
  { "unsent", "*", "2", LOST_SENT, DECLARED_RUN, FALSE, MAYBE, 0, 1, "(may have run)" },
  { "idempotent", "none", "2", LOST_SENT, RUN, FALSE, MAYBE, 0, 1, "(may have run)" },
  { "idempotent", "run", "2", LOST_SENT, RUN, TRUE, NO, 1, 2, NULL },
  { "idempotent", "run", "2", RESET_SENT, RUN, TRUE, NO, 1, 2, NULL },
  { "idempotent", "none", "2", LOST_SENT, DECLARED_RUN, TRUE, NO, 1, 2, NULL },
  { "idempotent", "run", "1", LOST_SENT, RUN, FALSE, MAYBE, 0, 1, "(may have run)" },
  { "idempotent", "run", "3", "recv:1:EOF,recv:2:EOF", RUN, TRUE, NO, 2, 3, NULL },
  { "idempotent", "run", "2", "recv:1+:EOF", RUN, FALSE, MAYBE, 1, 2,
    "(attempt 2 of 2; may have run)" },
  { "idempotent", "run", "3", "recv:1+:EOF", RUN, FALSE, MAYBE, 2, 3,
    "(attempt 3 of 3; may have run)" },

  /* What one attempt did, the next does not make undone. */
  { "idempotent", "run", "2", "recv:1:EOF,send:2:EPIPE", RUN, FALSE, MAYBE, 1, 1,
    "(attempt 2 of 2; may have run)" },
  { "unsent", "run", "3", "send:1:EPIPE,recv:1:EOF", RUN, FALSE, MAYBE, 1, 1,
    "(attempt 2 of 3; may have run)" },
  { "idempotent", "none", "3", "send:1:EPIPE,send:2:BYTE,send:3:EPIPE", RUN, FALSE, MAYBE, 1, 0,
    "(attempt 2 of 3; may have run)" },

  /* The reply had begun. */
  { "idempotent", "run", "2", LOST_ANSWERING, RUN, FALSE, MAYBE, 0, 1, "(may have run)" },

  /* Names. */
  { "idempotent", "r*", "2", LOST_SENT, RUN, TRUE, NO, 1, 2, NULL },
  { "idempotent", "?un", "2", LOST_SENT, RUN, TRUE, NO, 1, 2, NULL },
  { "idempotent", "get_*, find, *u*", "2", LOST_SENT, RUN, TRUE, NO, 1, 2, NULL },
  { "idempotent", "ru, un, runs, run?, run_*, r?, Run", "2", LOST_SENT, RUN, FALSE, MAYBE, 0, 1,
    "(may have run)" },
};

static gint32
ask_executions (TlcService *service)
{
  g_autoptr (GError) error = NULL;
  gint32 n = -1;

  if (!echo_if_executions (tlc_echo_client (service), &n, ID, &error))
    ck_abort_msg ("%s", error->message);
  return n;
}

/* A request that was sent runs a little after its connection was closed. */
static void
assert_executions (TlcService *service, gint32 expected)
{
  gint64 deadline_us = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  while (ask_executions (service) < expected && g_get_monotonic_time () < deadline_us)
    g_usleep (1000);
  ck_assert_int_eq (ask_executions (service), expected);
}

static gboolean
make_call (const Case *row, TlcService *service, GError **error)
{
  EchoIf *echo = tlc_echo_client (service);
  gint32 n = 0;

  if (row->call == DECLARED_RUN || row->call == DECLARED_NOTE)
    tlc_client_set_idempotent (echo, TRUE);
  if (row->call == NOTE || row->call == DECLARED_NOTE)
    return echo_if_note (echo, ID, error);
  return echo_if_run (echo, &n, ID, error);
}

static void
assert_outcome (const Case *row, gboolean succeeded, const GError *error)
{
  ck_assert_msg (succeeded == row->succeeds, "%s", error != NULL ? error->message : "it succeeded");
  if (succeeded)
    return;
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONNECTION_LOST), "%s",
                 error->message);
  ck_assert_msg (tlc_error_get_delivery (error) == row->delivery, "%s", error->message);
  ck_assert_msg (g_str_has_suffix (error->message, row->ending), "%s", error->message);
  if (row->retries == 0)
    ck_assert_ptr_null (strstr (error->message, "attempt"));
}

/* Law 4: what was not sent is sent again, what may have run only where it is declared idempotent; and
 * every failure says which it is. */
START_TEST (test_retry_once)
{
  const Case *row = &cases[_i];
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  const char *endpoint = tlc_server_get_endpoint (server);
  g_autoptr (TlcService) direct = tlc_echo_service (endpoint, NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (endpoint, "retry", row->retry, "idempotent-methods", row->methods,
                          "max-attempts", row->max_attempts, NULL);
  g_autoptr (GError) error = NULL;
  gboolean succeeded;
  TlcStats stats;

  tlc_echo_must_add (service);
  ck_assert_int_eq (tlc_shim_set (row->faults), 0);
  succeeded = make_call (row, service, &error);
  ck_assert_int_eq (tlc_shim_set (NULL), 0);
  assert_outcome (row, succeeded, error);
  tlc_echo_must_add (service);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.retries, row->retries);
  ck_assert_uint_eq (stats.failures, row->succeeds ? 0 : 1);
  ck_assert_uint_eq (stats.calls, 3);
  tlc_service_unref (g_steal_pointer (&service));
  assert_executions (direct, row->executions);
  tlc_thread_detach ();
}
END_TEST

/* Law 4: a method is what its glob says also behind the name of a multiplexed service. */
START_TEST (test_retry_names_behind_a_multiplexer)
{
  TlcHarness harness;
  TlcStats stats;
  gint32 sum;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_harness_then_serve (&harness);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "retry", "idempotent", "multiplexed-name", "Echo-1",
                     "idempotent-methods", _i == 0 ? "add" : "Echo*", NULL);

  ck_assert_int_eq (tlc_shim_set (LOST_SENT), 0);
  ck_assert (!echo_if_add (tlc_echo_client (harness.service), &sum, 1, 2, NULL));
  ck_assert_int_eq (tlc_shim_set (NULL), 0);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.retries, _i == 0 ? 1 : 0);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: a request is repeated as it was, its number included, on another connection. */
START_TEST (test_retry_sends_the_same)
{
  const TlcWireRequest *first, *second;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_reset (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "echo_*", NULL);

  tlc_harness_must_echo (&harness, 300000);
  first = tlc_script_get_request (harness.script, 0);
  second = tlc_script_get_request (harness.script, 1);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 2);
  ck_assert_uint_eq (second->connection, 1);
  ck_assert (g_bytes_equal (first->frame, second->frame));
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: what ended by the deadline, by an exception or by a reply that is none is not sent again. */
START_TEST (test_retry_never_of_other_failures)
{
  TlcWire *reply = tlc_wire_new ();
  g_autoptr (GError) error = NULL;
  TlcHarness harness;
  TlcStats stats;

  if (_i == 1)
    tlc_wire_exception (reply, "add", "no", 6);
  else
    tlc_wire_exception (reply, "sub", "no", 6);
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  if (_i == 0)
    {
      tlc_wire_free (reply);
      tlc_script_stall (harness.script);
    }
  else
    tlc_script_send (harness.script, reply);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", "call-timeout",
                     "100ms", NULL);

  ck_assert (!tlc_harness_add (tlc_echo_client (harness.service), &error));
  ck_assert (tlc_error_get_delivery (error)
             == (_i == 1 ? TLC_DELIVERY_ANSWERED : TLC_DELIVERY_UNKNOWN));
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.retries, 0);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: of requests that were sent one behind the other none is sent again: neither when the first
 * reply does not come, nor when only the last does not. */
START_TEST (test_retry_never_of_a_pipeline)
{
  g_autoptr (GError) error = NULL;
  gint64 begun_us = g_get_monotonic_time ();
  TlcHarness harness;
  EchoClient *client;
  TlcStats stats;
  gint32 sum = 0;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  if (_i == 1)
    tlc_script_serve (harness.script, 1);
  else
    tlc_script_read (harness.script);
  tlc_script_read (harness.script);
  tlc_script_reset (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", NULL);

  client = ECHO_CLIENT (tlc_echo_client (harness.service));
  ck_assert (echo_client_send_add (ECHO_IF (client), 1, 2, NULL));
  ck_assert (echo_client_send_add (ECHO_IF (client), 3, 4, NULL));
  ck_assert (echo_client_recv_add (ECHO_IF (client), &sum, NULL) == (_i == 1));
  ck_assert (!echo_client_recv_add (ECHO_IF (client), &sum, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONNECTION_LOST), "%s",
                 error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_UNKNOWN);
  ck_assert_int_lt (g_get_monotonic_time () - begun_us, 4 * G_USEC_PER_SEC);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.retries, 0);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("retry-once");
  TCase *tests = tcase_create ("retry-once");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_retry_once, 0, G_N_ELEMENTS (cases));
  tcase_add_loop_test (tests, test_retry_names_behind_a_multiplexer, 0, 2);
  tcase_add_test (tests, test_retry_sends_the_same);
  tcase_add_loop_test (tests, test_retry_never_of_other_failures, 0, 3);
  tcase_add_loop_test (tests, test_retry_never_of_a_pipeline, 0, 2);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
