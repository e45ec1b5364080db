/* SPDX-License-Identifier: Apache-2.0 */
/* Frames whose length is wrong, docs/faults.md, rows 14 and 15: none, negative, too long, or another
 * than that of the message in them. No length is believed with memory before the bytes are
 * there. */

#include <string.h>

#include "support/tlc-harness.h"

#define DEFAULT_MAX (16 * 1024 * 1024)

/* What "echo_binary" adds to its argument, in the request's frame and in the reply's alike. */
#define BINARY_OVERHEAD (4 + 4 + 11 + 4 + 3 + 4 + 1)

static void
add_sum (TlcWire *wire, gint32 sum)
{
  tlc_wire_field (wire, T_I32, 0);
  tlc_wire_i32 (wire, sum);
}

static TlcWire *
new_sum_framed_as (gint32 length)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "add");
  add_sum (wire, 3);
  tlc_wire_stop (wire);
  tlc_wire_frame_end_as (wire, length);
  return wire;
}

static const struct {
  gint32 length;
  TlcError code;
  const char *text;
} lengths[] = {
  { 0, TLC_ERROR_PROTOCOL, "a frame of 0 bytes" },
  { -1, TLC_ERROR_PROTOCOL, "a frame of -1 bytes" },
  { G_MININT32, TLC_ERROR_PROTOCOL, "a frame of -2147483648 bytes" },
  { DEFAULT_MAX + 1, TLC_ERROR_MESSAGE_TOO_LARGE, "max-message-size = 16777216" },
  { G_MAXINT32, TLC_ERROR_MESSAGE_TOO_LARGE, "max-message-size = 16777216" },
};

/* Law 5: a frame's length is between 1 and max-message-size, and no more than that is allocated. */
START_TEST (test_faults_row_14_length)
{
  tlc_harness_refuses_within (new_sum_framed_as (lengths[_i].length), tlc_harness_add,
                              lengths[_i].code, TLC_DELIVERY_UNKNOWN, lengths[_i].text,
                              8 * 1024 * 1024);
}
END_TEST

/* Law 5: memory is taken for bytes that came, not for a length that is allowed. */
START_TEST (test_faults_row_14_length_alone)
{
  TlcWire *reply = tlc_wire_new ();
  TlcHarness harness;
  gsize before;

  tlc_wire_reply_begin (reply, "add");
  tlc_wire_fill (reply, 0, 10000 - tlc_wire_get_length (reply));
  tlc_wire_frame_end_as (reply, DEFAULT_MAX);
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, reply);
  tlc_script_close (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  tlc_echo_must_add (harness.service);
  before = tlc_harness_get_memory ("VmPeak");
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN,
                         "after 10000 of 16777220 bytes");
  if (!TLC_HARNESS_SANITIZED)
    ck_assert_uint_lt (tlc_harness_get_memory ("VmPeak") - before, 8 * 1024 * 1024);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

static gboolean
echo_bytes (TlcHarness *harness, guint n, GError **error)
{
  g_autoptr (GByteArray) value = g_byte_array_new ();
  g_autoptr (GByteArray) result = NULL;

  g_byte_array_set_size (value, n);
  memset (value->data, 'x', n);
  if (!echo_if_echo_binary (tlc_echo_client (harness->service), &result, value, error))
    return FALSE;
  ck_assert_uint_eq (result->len, n);
  ck_assert_int_eq (memcmp (result->data, value->data, n), 0);
  return TRUE;
}

/* Law 5: max-message-size itself is allowed, in both directions; a request beyond it does not
 * leave. */
START_TEST (test_faults_row_14_largest_request)
{
  const guint n = 64 * 1024 - BINARY_OVERHEAD;
  g_autoptr (GError) error = NULL;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "max-message-size", "64KiB", NULL);

  ck_assert (echo_bytes (&harness, n, &error));
  ck_assert_uint_eq (g_bytes_get_size (tlc_script_get_request (harness.script, 0)->frame),
                     4 + 64 * 1024);
  ck_assert (!echo_bytes (&harness, n + 1, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_MESSAGE_TOO_LARGE));
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_msg (strstr (error->message, "max-message-size = 65536") != NULL, "%s", error->message);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 2);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

static TlcWire *
new_bytes (guint n)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "echo_binary");
  tlc_wire_field (wire, T_STRING, 0);
  tlc_wire_claim (wire, (gint32) n);
  tlc_wire_fill (wire, 'x', n);
  tlc_wire_reply_end (wire);
  return wire;
}

/* Law 5: a reply of max-message-size is taken, one of a byte more is not, though all of it is
 * there. */
START_TEST (test_faults_row_14_largest_reply)
{
  const guint n = 64 * 1024 - BINARY_OVERHEAD;
  g_autoptr (GError) error = NULL;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, new_bytes (n));
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, new_bytes (n + 1));
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "max-message-size", "64KiB", NULL);

  ck_assert_msg (tlc_harness_binary (tlc_echo_client (harness.service), &error), "%s",
                 error != NULL ? error->message : "no error");
  tlc_harness_must_fail (&harness, tlc_harness_binary, TLC_ERROR_MESSAGE_TOO_LARGE,
                         TLC_DELIVERY_UNKNOWN, "65537 bytes exceeds max-message-size = 65536");
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: a server of another kind is told apart, and the message says of which: that is how such
 * an endpoint is set right. */
START_TEST (test_faults_row_14_other_kinds_of_servers)
{
  const char http[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
  TlcWire *reply = tlc_wire_new ();

  if (_i == 0)
    {
      tlc_wire_raw (reply, http, strlen (http));
      tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_MESSAGE_TOO_LARGE,
                           TLC_DELIVERY_UNKNOWN, "the peer speaks HTTP");
      return;
    }
  tlc_wire_message (reply, T_REPLY, "add");
  add_sum (reply, 3);
  tlc_wire_stop (reply);
  tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN,
                       "the peer does not frame its messages");
}
END_TEST

/* Law 3: bytes of the frame that are left when the message has ended are not overlooked. */
START_TEST (test_faults_row_15_frame_longer_than_message)
{
  const guint surplus[] = { 1, 2, 3, 1000 };
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_reply_begin (reply, "add");
  add_sum (reply, 3);
  tlc_wire_stop (reply);
  tlc_wire_fill (reply, 0, surplus[_i]);
  tlc_wire_frame_end (reply);
  tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                       "bytes of the message are left over");
}
END_TEST

/* Law 3: the same behind an exception, and behind a result of nothing. */
START_TEST (test_faults_row_15_frame_longer_than_other_messages)
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
                       "bytes of the message are left over");
}
END_TEST

/* An "echo_everything" with something of each form. */
static TlcWire *
new_everything (void)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "echo_everything");
  tlc_wire_field (wire, T_STRUCT, 0);
  tlc_wire_field (wire, T_BOOL, 1);
  tlc_wire_byte (wire, 1);
  tlc_wire_field (wire, T_I64, 5);
  tlc_wire_i64 (wire, -1);
  tlc_wire_field (wire, T_DOUBLE, 6);
  tlc_wire_double (wire, 0.5);
  tlc_wire_field (wire, T_STRING, 7);
  tlc_wire_string (wire, "text");
  tlc_wire_field (wire, T_STRUCT, 11);
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

/* Law 3: a message that is cut by the end of its frame, anywhere, is refused whether its other
 * bytes come behind the frame or not at all; nothing is read beyond the frame. */
START_TEST (test_faults_row_15_frame_shorter_than_message)
{
  const guint header = 4 + 4 + 4 + (guint) strlen ("echo_everything") + 4;
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

/* Law 3: the message that the test above cuts is right when it is whole. */
START_TEST (test_faults_row_15_frame_of_the_message)
{
  tlc_harness_takes (new_everything (), tlc_harness_everything);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-frame");
  TCase *tcase = tcase_create ("length");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_14_length, 0, G_N_ELEMENTS (lengths));
  tcase_add_test (tcase, test_faults_row_14_length_alone);
  tcase_add_test (tcase, test_faults_row_14_largest_request);
  tcase_add_test (tcase, test_faults_row_14_largest_reply);
  tcase_add_loop_test (tcase, test_faults_row_14_other_kinds_of_servers, 0, 2);
  suite_add_tcase (suite, tcase);

  tcase = tcase_create ("message");
  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_15_frame_longer_than_message, 0, 4);
  tcase_add_loop_test (tcase, test_faults_row_15_frame_longer_than_other_messages, 0, 2);
  tcase_add_loop_test (tcase, test_faults_row_15_frame_shorter_than_message, 0, 2);
  tcase_add_test (tcase, test_faults_row_15_frame_of_the_message);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
