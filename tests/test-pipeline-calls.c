/* SPDX-License-Identifier: Apache-2.0 */

/* What stands in a pipeline beside plain requests, on each wire: exceptions, oneways, replies of a
 * mebibyte, replies that come twice; and what its replies leave behind when nobody fetches them. */
#include <string.h>

#include "support/tlc-harness.h"
#include "support/tlc-process.h"

static const char *const wires[][2] = {
  { "binary", "framed" }, { "binary", "buffered" }, { "compact", "framed" }, { "compact", "buffered" },
};

#define N_WIRES ((int) G_N_ELEMENTS (wires))

static void
must_not_receive_sum (EchoIf *echo, TlcError code)
{
  g_autoptr (GError) error = NULL;
  gint32 value = 0;

  ck_assert (!echo_client_recv_add (echo, &value, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, (gint) code), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_UNKNOWN);
}

/* Of "fail" with that code: what its kind of failure looks like, and no other. */
static void
must_receive_failure (EchoIf *echo, gint32 code)
{
  Rejected *rejected = NULL;
  NotFound *not_found = NULL;
  GError *error = NULL;
  gint32 value = -1;

  ck_assert_int_eq (echo_client_recv_fail (echo, &value, &rejected, &not_found, &error), code == 0);
  ck_assert_int_eq (rejected != NULL, code == 1);
  ck_assert_int_eq (not_found != NULL, code == 2);
  ck_assert_int_eq (error != NULL, code != 0);
  if (error != NULL)
    ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_ANSWERED);
  if (code == 3)
    ck_assert_ptr_nonnull (strstr (error->message, "fail: code 3 (answered)"));
  g_clear_error (&error);
  g_clear_object (&rejected);
  g_clear_object (&not_found);
}

static void
assert_is_undisturbed (TlcService *service, guint64 calls)
{
  TlcStats stats;

  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.calls, calls);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.connections_open, 1);
  ck_assert_uint_eq (stats.connections_busy, 0);
  ck_assert_uint_eq (stats.desyncs_caught, 0);
}

static TlcService *
service_on_wire (TlcServer *server, int wire, const char *multiplexed)
{
  return tlc_echo_service (tlc_server_get_endpoint (server), "protocol", wires[wire][0],
                           "transport", wires[wire][1],
                           multiplexed != NULL ? "multiplexed-name" : NULL, multiplexed, NULL);
}

static TlcServer *
server_on_wire (int wire, const char *multiplexed)
{
  const char *const args[] = { "--protocol", wires[wire][0], "--transport", wires[wire][1],
                               multiplexed != NULL ? "--multiplexed" : NULL, multiplexed, NULL };

  return tlc_echo_server (args);
}

#define N_ROUNDS 13

/* Law 3: exceptions, declared ones and others, leave the replies before and behind them whole, with
 * names of a multiplexed service too; calls add up. */
START_TEST (test_pipeline_calls_exceptions)
{
  const char *multiplexed = _i < N_WIRES ? NULL : "Echo-1";
  g_autoptr (TlcServer) server = server_on_wire (_i % N_WIRES, multiplexed);
  g_autoptr (TlcService) service = service_on_wire (server, _i % N_WIRES, multiplexed);
  EchoIf *echo = tlc_echo_client (service);

  for (gint32 i = 0; i < N_ROUNDS; i++)
    {
      tlc_echo_must_send_add (echo, i, 1);
      ck_assert (echo_client_send_fail (echo, i % 4, NULL));
      ck_assert (echo_client_send_note (echo, "x", NULL));
      tlc_echo_must_send_add (echo, i, 2);
    }
  for (gint32 i = 0; i < N_ROUNDS; i++)
    {
      tlc_echo_must_receive_sum (echo, i + 1);
      must_receive_failure (echo, i % 4);
      tlc_echo_must_receive_sum (echo, i + 2);
    }
  tlc_echo_must_add (service);
  assert_is_undisturbed (service, N_ROUNDS * 4 + 1);
  tlc_thread_detach ();
}
END_TEST

#define MEBIBYTE (1024 * 1024)

/* Law 3: replies of a mebibyte and small ones, in turn and fetched late, are taken apart. */
START_TEST (test_pipeline_calls_large_replies)
{
  g_autoptr (TlcServer) server = server_on_wire (_i, NULL);
  g_autoptr (TlcService) service = service_on_wire (server, _i, NULL);
  EchoIf *echo = tlc_echo_client (service);

  for (gint32 i = 0; i < 16; i += 2)
    {
      ck_assert (echo_client_send_blob (echo, MEBIBYTE - i, NULL));
      tlc_echo_must_send_add (echo, i, 3);
    }
  for (gint32 i = 0; i < 16; i += 2)
    {
      GByteArray *blob = NULL;

      ck_assert (echo_client_recv_blob (echo, &blob, NULL));
      ck_assert_uint_eq (blob->len, MEBIBYTE - (guint) i);
      g_byte_array_unref (blob);
      tlc_echo_must_receive_sum (echo, i + 3);
    }
  tlc_echo_must_add (service);
  assert_is_undisturbed (service, 17);
  tlc_thread_detach ();
}
END_TEST

/* The scripted server speaks that wire from now on, and so does the service. */
static void
harness_begin_on_wire (TlcHarness *harness, int wire)
{
  g_setenv ("TLC_PROTOCOL", wires[wire][0], TRUE);
  g_setenv ("TLC_TRANSPORT", wires[wire][1], TRUE);
  tlc_harness_begin (harness, TLC_SCRIPT_INET);
}

#define harness_start_on_wire(harness, wire, ...) \
  tlc_harness_start (harness, "protocol", wires[wire][0], "transport", wires[wire][1], __VA_ARGS__)

/* A reply to "add" that has the number of the latest request, or of the one before it. */
static void
add_sum (TlcWire *wire, TlcWireNumber number, gint32 sum)
{
  tlc_wire_frame_begin (wire);
  tlc_wire_message_full (wire, tlc_wire_get_version (), T_REPLY, "add", number, 0);
  tlc_wire_field (wire, T_I32, 0);
  tlc_wire_i32 (wire, sum);
  tlc_wire_reply_end (wire);
}

/* Law 3: replies find their requests in one segment, byte by byte, and in pieces that end nowhere in
 * particular. */
START_TEST (test_pipeline_calls_pieces)
{
  static const gsize sizes[] = { 4096, 1, 17 };
  int wire = _i % N_WIRES;
  TlcWire *replies = tlc_wire_new ();
  TlcHarness harness;
  EchoIf *echo;

  harness_begin_on_wire (&harness, wire);
  add_sum (replies, TLC_WIRE_PREVIOUS, 3);
  add_sum (replies, TLC_WIRE_OWN, 4);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_read (harness.script);
  tlc_script_drip (harness.script, replies, sizes[_i / N_WIRES], 1);
  tlc_script_serve (harness.script, 0);
  harness_start_on_wire (&harness, wire, NULL);
  echo = tlc_echo_client (harness.service);

  tlc_echo_must_send_add (echo, 1, 2);
  tlc_echo_must_send_add (echo, 2, 2);
  tlc_echo_must_receive_sum (echo, 3);
  tlc_echo_must_receive_sum (echo, 4);
  tlc_echo_must_add (harness.service);
  assert_is_undisturbed (harness.service, 3);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: a reply that comes twice is taken once; the second time it is thrown away, counted, and its
 * connection closed when the last reply is in. */
START_TEST (test_pipeline_calls_reply_twice)
{
  TlcWire *replies = tlc_wire_new ();
  TlcHarness harness;
  TlcStats stats;
  EchoIf *echo;

  harness_begin_on_wire (&harness, _i);
  add_sum (replies, TLC_WIRE_PREVIOUS, 3);
  add_sum (replies, TLC_WIRE_PREVIOUS, 5);
  add_sum (replies, TLC_WIRE_OWN, 4);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, replies);
  tlc_harness_then_serve (&harness);
  harness_start_on_wire (&harness, _i, NULL);
  echo = tlc_echo_client (harness.service);

  tlc_echo_must_send_add (echo, 1, 2);
  tlc_echo_must_send_add (echo, 2, 2);
  tlc_echo_must_receive_sum (echo, 3);
  tlc_echo_must_receive_sum (echo, 4);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.desyncs_caught, 1);
  ck_assert_uint_eq (stats.failures, 0);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: what comes behind the last reply fails the call, and its connection is closed; the replies
 * before it are whole. */
START_TEST (test_pipeline_calls_surplus)
{
  TlcWire *replies = tlc_wire_new ();
  TlcHarness harness;
  EchoIf *echo;
  gint32 sum;

  harness_begin_on_wire (&harness, _i);
  add_sum (replies, TLC_WIRE_PREVIOUS, 3);
  add_sum (replies, TLC_WIRE_OWN, 4);
  tlc_wire_raw (replies, "\x80", 1);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, replies);
  tlc_harness_then_serve (&harness);
  harness_start_on_wire (&harness, _i, NULL);
  echo = tlc_echo_client (harness.service);

  tlc_echo_must_send_add (echo, 1, 2);
  tlc_echo_must_send_add (echo, 2, 2);
  tlc_echo_must_receive_sum (echo, 3);
  ck_assert (!echo_client_recv_add (echo, &sum, NULL));
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 6: the connection of replies that nobody fetches is shut down after the last deadline, not the
 * first; each of them is an error, and then all is well. */
START_TEST (test_pipeline_calls_condemned)
{
  gint64 begun_us;
  TlcHarness harness;
  TlcStats stats;
  EchoIf *echo;

  harness_begin_on_wire (&harness, 0);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_stall (harness.script);
  tlc_harness_then_serve (&harness);
  harness_start_on_wire (&harness, 0, "call-timeout", "200ms", NULL);
  echo = tlc_echo_client (harness.service);

  begun_us = g_get_monotonic_time ();
  tlc_echo_must_send_add (echo, 1, 2);
  tlc_client_set_timeout (echo, 600);
  tlc_echo_must_send_add (echo, 1, 2);
  tlc_client_set_timeout (echo, 0);
  tlc_echo_must_send_add (echo, 1, 2);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_harness_assert_took (begun_us, 600);
  must_not_receive_sum (echo, TLC_ERROR_TIMED_OUT);
  must_not_receive_sum (echo, TLC_ERROR_CONNECTION_LOST);
  must_not_receive_sum (echo, TLC_ERROR_CONNECTION_LOST);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.failures, 3);
  ck_assert_uint_eq (stats.timeouts, 1);
  tlc_client_set_timeout (echo, 5000);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 7: the last reference to a service goes while this thread's replies are outstanding: they are given
 * up, their connection is closed, and no request follows. */
START_TEST (test_pipeline_calls_last_reference)
{
  g_autoptr (GError) error = NULL;
  TlcHarness harness;
  gint32 sum = 0;
  TlcStats stats;
  EchoIf *echo;

  harness_begin_on_wire (&harness, 0);
  tlc_harness_then_serve (&harness);
  harness_start_on_wire (&harness, 0, NULL);
  echo = tlc_echo_client (harness.service);

  for (gint32 i = 0; i < 5; i++)
    tlc_echo_must_send_add (echo, i, i);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.calls, 5);
  ck_assert_uint_eq (stats.connections_busy, 1);
  tlc_service_unref (g_steal_pointer (&harness.service));
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  ck_assert (!echo_client_recv_add (echo, &sum, NULL));
  ck_assert (!echo_client_send_add (echo, 1, 1, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CLOSED), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  tlc_harness_end (&harness);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("pipeline-calls");
  TCase *tests = tcase_create ("pipeline-calls");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_pipeline_calls_exceptions, 0, 2 * N_WIRES);
  tcase_add_loop_test (tests, test_pipeline_calls_large_replies, 0, N_WIRES);
  tcase_add_loop_test (tests, test_pipeline_calls_pieces, 0, 3 * N_WIRES);
  tcase_add_loop_test (tests, test_pipeline_calls_reply_twice, 0, N_WIRES);
  tcase_add_loop_test (tests, test_pipeline_calls_surplus, 0, N_WIRES);
  tcase_add_test (tests, test_pipeline_calls_condemned);
  tcase_add_test (tests, test_pipeline_calls_last_reference);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
