/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that are no answer to the call that waits, docs/faults.md, rows 12 and 13: which answer
 * another call, come twice, or behind the answer. A reply reaches the call that asked for it, or
 * nobody. */

#include "support/tlc-harness.h"

enum { EVENT_ANSWERED, EVENT_SENT };

/* A reply to "add"; its sum is nobody's. */
static TlcWire *
new_sum (TlcWireNumber base, gint32 offset)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_frame_begin (wire);
  tlc_wire_message_full (wire, tlc_wire_get_version (), T_REPLY, "add", base, offset);
  tlc_wire_field (wire, T_I32, 0);
  tlc_wire_i32 (wire, 4711);
  tlc_wire_reply_end (wire);
  return wire;
}

static const char mismatch[] = "is no reply to it";

/* Law 3: a number is stale only where this very connection carried it; another's is wrong. */
START_TEST (test_faults_row_12_number_of_another_connection)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_close (harness.script);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_answer (harness.script, new_sum (TLC_WIRE_OWN, -2 + _i), NULL);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  tlc_echo_must_add (harness.service);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN,
                         "connection closed by peer");
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN,
                         mismatch);
  ck_assert_int_eq (tlc_script_get_request (harness.script, (guint) _i)->seqid,
                    tlc_script_get_request (harness.script, 2)->seqid - 2 + _i);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* After two calls, the second of which met @n_stale bytes of others: its own answer came, the
 * connection went. */
static void
check_stale (TlcHarness *harness, guint n_stale)
{
  TlcStats stats;

  tlc_echo_must_add (harness->service);
  ck_assert (tlc_script_wait_closed (harness->script, 0));
  tlc_echo_must_add (harness->service);
  ck_assert_uint_eq (tlc_script_count_connections (harness->script), 2);
  tlc_service_get_stats (harness->service, &stats);
  ck_assert_uint_eq (stats.desyncs_caught, n_stale);
  ck_assert_uint_eq (stats.failures, 0);
  tlc_harness_end (harness);
}

/* Law 3: the previous answer comes once more before ours, in a segment of its own or in front of
 * ours: thrown away, counted; ours is delivered, then the connection is closed. */
START_TEST (test_faults_row_13_previous_reply_again)
{
  const guint n = _i < 2 ? 1 : 3;
  TlcHarness harness;

  tlc_harness_begin (&harness, _i % 2 == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  for (guint i = 1; i < n; i++)
    tlc_script_send (harness.script, new_sum (TLC_WIRE_PREVIOUS, 0));
  if (_i < 2)
    tlc_script_send (harness.script, new_sum (TLC_WIRE_PREVIOUS, 0));
  tlc_script_answer (harness.script, _i < 2 ? NULL : new_sum (TLC_WIRE_PREVIOUS, 0), NULL);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  tlc_echo_must_add (harness.service);
  check_stale (&harness, n);
}
END_TEST

/* Law 3: the previous answer that comes once more while the connection is idle is thrown away by
 * the next call, which gets its own. */
START_TEST (test_faults_row_13_previous_reply_while_idle)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, _i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_ANSWERED);
  tlc_script_send (harness.script, new_sum (TLC_WIRE_OWN, 0));
  tlc_script_raise (harness.script, EVENT_SENT);
  tlc_script_serve (harness.script, 1);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  tlc_echo_must_add (harness.service);
  tlc_script_signal (harness.script, EVENT_ANSWERED);
  ck_assert (tlc_script_wait (harness.script, EVENT_SENT));
  check_stale (&harness, 1);
}
END_TEST

/* Law 5: a server that repeats itself without end does not keep the call, though each message alone
 * would be waited past. */
START_TEST (test_faults_row_13_previous_reply_without_end)
{
  TlcWire *many = tlc_wire_new ();
  TlcHarness harness;

  for (guint i = 0; i < 10000; i++)
    {
      tlc_wire_frame_begin (many);
      tlc_wire_message_full (many, tlc_wire_get_version (), T_REPLY, "add", TLC_WIRE_PREVIOUS, 0);
      tlc_wire_reply_end (many);
    }
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_answer (harness.script, many, NULL);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  tlc_echo_must_add (harness.service);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN,
                         mismatch);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: waiting past a stale message does not move the deadline. */
START_TEST (test_faults_row_13_previous_reply_alone)
{
  TlcHarness harness;
  gint64 begun_us;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, new_sum (TLC_WIRE_PREVIOUS, 0));
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "200ms", NULL);

  tlc_echo_must_add (harness.service);
  begun_us = g_get_monotonic_time ();
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN,
                         "timed out after 200 ms");
  tlc_harness_assert_took (begun_us, 200);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: a message that nobody asked for comes while the connection is idle: it is nobody's answer,
 * not even the next call's, whose number it guesses. */
START_TEST (test_faults_row_13_unsolicited_while_idle)
{
  const gint32 ahead[] = { 1000, -1000 };
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_ANSWERED);
  tlc_script_send (harness.script, new_sum (TLC_WIRE_OWN, ahead[_i]));
  tlc_script_raise (harness.script, EVENT_SENT);
  tlc_script_serve (harness.script, 1);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  tlc_echo_must_add (harness.service);
  tlc_script_signal (harness.script, EVENT_ANSWERED);
  ck_assert (tlc_script_wait (harness.script, EVENT_SENT));
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN,
                         mismatch);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* What comes behind the answer: one byte, the answer again, a guess of the next call's. */
static TlcWire *
new_surplus (int i)
{
  TlcWire *wire;

  if (i > 0)
    return new_sum (TLC_WIRE_OWN, i - 1);
  wire = tlc_wire_new ();
  tlc_wire_byte (wire, 0);
  return wire;
}

/* Law 3: bytes behind the answer belong to no call, and the call fails. The call fails, answered as
 * it was, since nobody knows which of the bytes were meant; the next one gets its own answer on
 * another connection. */
START_TEST (test_faults_row_13_surplus_behind_reply)
{
  TlcHarness harness;
  TlcStats stats;

  tlc_harness_begin (&harness, _i < 3 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_answer (harness.script, NULL, new_surplus (_i % 3));
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  tlc_echo_must_add (harness.service);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                         "bytes behind the reply");
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.desyncs_caught, 1);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: bytes behind a reply that is longer than what a receive is usually asked for are seen as
 * well. */
START_TEST (test_faults_row_13_surplus_behind_long_reply)
{
  const gsize lengths[] = { 4000, 6000, 30000 };
  g_autofree char *text = g_strnfill (lengths[_i], 'x');
  g_autofree char *result = NULL;
  g_autoptr (GError) error = NULL;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_answer (harness.script, NULL, new_surplus (0));
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  tlc_echo_must_add (harness.service);
  ck_assert (!echo_if_echo_string (tlc_echo_client (harness.service), &result, text, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_PROTOCOL), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_ANSWERED);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-identity");
  TCase *tcase = tcase_create ("number");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_12_number_of_another_connection, 0, 2);
  suite_add_tcase (suite, tcase);

  tcase = tcase_create ("stale");
  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_13_previous_reply_again, 0, 4);
  tcase_add_loop_test (tcase, test_faults_row_13_previous_reply_while_idle, 0, 2);
  tcase_add_test (tcase, test_faults_row_13_previous_reply_without_end);
  tcase_add_test (tcase, test_faults_row_13_previous_reply_alone);
  tcase_add_loop_test (tcase, test_faults_row_13_unsolicited_while_idle, 0, 2);
  tcase_add_loop_test (tcase, test_faults_row_13_surplus_behind_reply, 0, 6);
  tcase_add_loop_test (tcase, test_faults_row_13_surplus_behind_long_reply, 0, 3);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
