/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that are no answer to the call that waits, docs/faults.md, rows 12 and 13: whose number,
 * name, type or version is another's, which come twice, or behind the answer. A reply reaches
 * the call that asked for it, or nobody. */

#include "support/tlc-harness.h"

enum { EVENT_ANSWERED, EVENT_SENT };

#define STRICT_VERSION 0x8001

/* A reply to "add" but for what its header says; its sum is nobody's. */
static TlcWire *
new_reply (guint16 version, guint8 type, const char *name, TlcWireNumber base, gint32 offset)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_frame_begin (wire);
  tlc_wire_message_full (wire, version, type, name, base, offset);
  tlc_wire_field (wire, T_I32, 0);
  tlc_wire_i32 (wire, 4711);
  tlc_wire_reply_end (wire);
  return wire;
}

static TlcWire *
new_sum (TlcWireNumber base, gint32 offset)
{
  return new_reply (STRICT_VERSION, T_REPLY, "add", base, offset);
}

static const char mismatch[] = "is no reply to it";
static const char version[] = "another protocol or version";

static const struct {
  guint16 version;
  guint8 type;
  const char *name;
  TlcWireNumber base;
  gint32 offset;
  const char *text;
} wrong[] = {
  { STRICT_VERSION, T_REPLY, "add", TLC_WIRE_OWN, 1, mismatch },
  { STRICT_VERSION, T_REPLY, "add", TLC_WIRE_OWN, -1, mismatch },
  { STRICT_VERSION, T_REPLY, "add", TLC_WIRE_OWN, G_MININT32, mismatch },
  { STRICT_VERSION, T_REPLY, "add", TLC_WIRE_FIXED, 0, mismatch },
  { STRICT_VERSION, T_EXCEPTION, "add", TLC_WIRE_OWN, 1, mismatch },
  { STRICT_VERSION, T_EXCEPTION, "addx", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, T_REPLY, "addx", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, T_REPLY, "ad", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, T_REPLY, "adx", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, T_REPLY, "xadd", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, T_REPLY, "echo:add", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, T_REPLY, "ADD", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, T_REPLY, "ping", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, T_REPLY, "", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, 0, "add", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, T_CALL, "add", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, T_ONEWAY, "add", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, 5, "add", TLC_WIRE_OWN, 0, mismatch },
  { STRICT_VERSION, 0xff, "add", TLC_WIRE_OWN, 0, mismatch },
  { 0x8002, T_REPLY, "add", TLC_WIRE_OWN, 0, version },
  { 0x8000, T_REPLY, "add", TLC_WIRE_OWN, 0, version },
  { 0x0001, T_REPLY, "add", TLC_WIRE_OWN, 0, version },
  { 0xffff, T_REPLY, "add", TLC_WIRE_OWN, 0, version },
};

/* Law 3: number, whole name, type and version must all be right. */
START_TEST (test_faults_row_12_wrong_header)
{
  TlcWire *reply = new_reply (wrong[_i].version, wrong[_i].type, wrong[_i].name, wrong[_i].base,
                              wrong[_i].offset);

  tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN,
                       wrong[_i].text);
}
END_TEST

/* Law 3: the test above refuses for what it says: the same reply with everything right is taken. */
START_TEST (test_faults_row_12_right_header)
{
  tlc_harness_takes (new_sum (TLC_WIRE_OWN, 0), tlc_harness_add);
}
END_TEST

/* Law 3: a header of before there were versions, name first, is not guessed at. */
START_TEST (test_faults_row_12_header_without_version)
{
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_frame_begin (reply);
  tlc_wire_string (reply, "add");
  tlc_wire_byte (reply, T_REPLY);
  tlc_wire_i32 (reply, 0);
  tlc_wire_field (reply, T_I32, 0);
  tlc_wire_i32 (reply, 4711);
  tlc_wire_reply_end (reply);
  tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN, version);
}
END_TEST

/* Law 3: a name whose length is not that of any name: negative, or beyond the frame. */
START_TEST (test_faults_row_12_name_length)
{
  const gint32 lengths[] = { -1, 4711, G_MAXINT32, G_MININT32 };
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_frame_begin (reply);
  tlc_wire_i16 (reply, (gint16) STRICT_VERSION);
  tlc_wire_i16 (reply, T_REPLY);
  tlc_wire_claim (reply, lengths[_i]);
  tlc_wire_fill (reply, 'a', 100);
  tlc_wire_frame_end (reply);
  tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN,
                       "exceeds the bytes that are left");
}
END_TEST

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

/* Law 3: the same, but it comes while the connection is idle. */
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

/* Law 5: a server that repeats itself without end does not keep the call, though each message
 * alone would be waited past. */
START_TEST (test_faults_row_13_previous_reply_without_end)
{
  TlcWire *many = tlc_wire_new ();
  TlcHarness harness;

  for (guint i = 0; i < 10000; i++)
    {
      tlc_wire_frame_begin (many);
      tlc_wire_message_full (many, STRICT_VERSION, T_REPLY, "add", TLC_WIRE_PREVIOUS, 0);
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

/* Law 3: a message that nobody asked for comes while the connection is idle: it is nobody's
 * answer, not even the next call's, whose number it guesses. */
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

/* Law 3: bytes behind the answer belong to no call. The call fails, answered as it was, since
 * nobody knows which of the bytes were meant; the next one gets its own answer on another
 * connection. */
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

/* Law 3: the same behind a reply that is longer than what a receive is usually asked for. */
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
  TCase *tcase = tcase_create ("header");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_12_wrong_header, 0, G_N_ELEMENTS (wrong));
  tcase_add_test (tcase, test_faults_row_12_right_header);
  tcase_add_test (tcase, test_faults_row_12_header_without_version);
  tcase_add_loop_test (tcase, test_faults_row_12_name_length, 0, 4);
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
