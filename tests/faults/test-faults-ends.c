/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that end too late or too early, docs/faults.md, rows 15 and 4: those that are longer or
 * shorter than their frame, and without frames those with something behind them, or cut by the end
 * of the connection. */

#include "support/tlc-harness.h"

static void
add_sum (TlcWire *wire, gint32 sum)
{
  tlc_wire_field (wire, T_I32, 0);
  tlc_wire_i32 (wire, sum);
}

static const char *
get_left_over (void)
{
  return tlc_harness_text ("bytes of the message are left over",
                           "bytes behind the reply belong to no call");
}

/* Law 3: bytes that are left when the message has ended, in its frame or behind a reply without
 * one, are not overlooked. */
START_TEST (test_faults_row_15_longer_than_message)
{
  const guint surplus[] = { 1, 2, 3, 1000 };
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_reply_begin (reply, "add");
  add_sum (reply, 3);
  tlc_wire_stop (reply);
  tlc_wire_fill (reply, 0, surplus[_i]);
  tlc_wire_frame_end (reply);
  tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                       get_left_over ());
}
END_TEST

/* Law 3: bytes that are left behind an exception, or behind a result of nothing, are not
 * overlooked. */
START_TEST (test_faults_row_15_longer_than_other_messages)
{
  TlcWire *reply = tlc_wire_new ();

  if (_i == 0)
    {
      tlc_wire_reply_begin (reply, "ping");
      tlc_wire_stop (reply);
    }
  else
    tlc_wire_exception (reply, "ping", "no", 6);
  tlc_wire_byte (reply, 0);
  tlc_wire_frame_end (reply);
  tlc_harness_refuses (reply, tlc_harness_ping, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                       get_left_over ());
}
END_TEST

/* An "echo_everything" with something of each form. */
static TlcWire *
new_everything (void)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "echo_everything");
  tlc_wire_field (wire, T_STRUCT, 0);
  tlc_wire_struct (wire);
  tlc_wire_field (wire, T_BOOL, 1);
  tlc_wire_bool (wire, TRUE);
  tlc_wire_field (wire, T_I64, 5);
  tlc_wire_i64 (wire, -1);
  tlc_wire_field (wire, T_DOUBLE, 6);
  tlc_wire_double (wire, 0.5);
  tlc_wire_field (wire, T_STRING, 7);
  tlc_wire_string (wire, "text");
  tlc_wire_field (wire, T_STRUCT, 11);
  tlc_wire_struct (wire);
  tlc_wire_field (wire, T_I32, 1);
  tlc_wire_i32 (wire, 7);
  tlc_wire_stop (wire);
  tlc_wire_field (wire, T_LIST, 18);
  tlc_wire_list (wire, T_STRING, 1);
  tlc_wire_string (wire, "one");
  tlc_wire_field (wire, T_LIST, 22);
  tlc_wire_list (wire, T_LIST, 1);
  tlc_wire_list (wire, T_I32, 1);
  tlc_wire_i32 (wire, 8);
  tlc_wire_field (wire, T_SET, 24);
  tlc_wire_list (wire, T_STRING, 1);
  tlc_wire_string (wire, "s");
  tlc_wire_field (wire, T_MAP, 25);
  tlc_wire_map (wire, T_STRING, T_I32, 1);
  tlc_wire_string (wire, "k");
  tlc_wire_i32 (wire, 9);
  tlc_wire_field (wire, T_I16, 4711); /* unknown: skipped */
  tlc_wire_i16 (wire, 1);
  tlc_wire_stop (wire);
  tlc_wire_reply_end (wire);
  return wire;
}

static guint
get_header_length (void)
{
  g_autoptr (TlcWire) wire = tlc_wire_new ();

  tlc_wire_frame_begin (wire);
  tlc_wire_message (wire, T_REPLY, "echo_everything");
  return (guint) tlc_wire_get_length (wire);
}

/* Law 3: a message that is cut by the end of its frame, anywhere, is refused whether its other
 * bytes come behind the frame or not at all; nothing is read beyond the frame. */
START_TEST (test_faults_row_15_frame_shorter_than_message)
{
  const guint header = get_header_length ();
  g_autoptr (TlcWire) whole = new_everything ();
  const guint total = (guint) tlc_wire_get_length (whole);
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  for (guint end = 5; end < total; end++)
    {
      TlcWire *reply = new_everything ();

      if (_i == 0)
        tlc_wire_chop (reply, total - end);
      tlc_wire_frame_end_as (reply, (gint32) end - 4);
      tlc_script_accept (harness.script);
      tlc_script_serve (harness.script, 1);
      tlc_script_read (harness.script);
      tlc_script_send (harness.script, reply);
    }
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  for (guint end = 5; end < total; end++)
    {
      tlc_echo_must_add (harness.service);
      tlc_harness_must_fail (&harness, tlc_harness_everything, TLC_ERROR_PROTOCOL,
                             end < header ? TLC_DELIVERY_UNKNOWN : TLC_DELIVERY_ANSWERED, "");
    }
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), total - 5 + 1);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: a message without frame that the end of its connection cuts, anywhere, is not taken. */
START_TEST (test_faults_row_04_cut_anywhere)
{
  g_autoptr (TlcWire) whole = new_everything ();
  const guint total = (guint) tlc_wire_get_length (whole);
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  for (guint end = 0; end < total; end++)
    {
      TlcWire *reply = new_everything ();

      tlc_wire_chop (reply, total - end);
      tlc_script_accept (harness.script);
      tlc_script_serve (harness.script, 1);
      tlc_script_read (harness.script);
      tlc_script_send (harness.script, reply);
      tlc_script_close (harness.script);
    }
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  for (guint end = 0; end < total; end++)
    {
      g_autofree char *loss = g_strdup_printf ("closed by peer after %u bytes of the reply", end);

      tlc_echo_must_add (harness.service);
      tlc_harness_must_fail (&harness, tlc_harness_everything, TLC_ERROR_CONNECTION_LOST,
                             TLC_DELIVERY_UNKNOWN, loss);
    }
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), total + 1);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: a message with values of each form, which is refused wherever it is cut, is taken when it
 * is whole. */
START_TEST (test_faults_row_15_whole_message)
{
  tlc_harness_takes (new_everything (), tlc_harness_everything);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-ends");
  TCase *tcase = tcase_create ("ends");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_15_longer_than_message, 0, 4);
  tcase_add_loop_test (tcase, test_faults_row_15_longer_than_other_messages, 0, 2);
  if (tlc_wire_is_framed ())
    tcase_add_loop_test (tcase, test_faults_row_15_frame_shorter_than_message, 0, 2);
  else
    tcase_add_test (tcase, test_faults_row_04_cut_anywhere);
  tcase_add_test (tcase, test_faults_row_15_whole_message);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
