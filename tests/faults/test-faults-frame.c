/* SPDX-License-Identifier: Apache-2.0 */
/* Messages whose length is wrong, docs/faults.md, row 14: a frame's that is none, negative or too
 * long, and without frames that of messages that never end. No length is believed with memory
 * before the bytes are there. */

#include <string.h>

#include "support/tlc-harness.h"

#define DEFAULT_MAX (16 * 1024 * 1024)

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
  TlcWire *reply = new_sum_framed_as (lengths[_i].length);
  gsize before = tlc_harness_measure_space ();

  tlc_harness_refuses (reply, tlc_harness_add, lengths[_i].code, TLC_DELIVERY_UNKNOWN,
                       lengths[_i].text);
  tlc_harness_assert_space (before, 8 * 1024 * 1024);
}
END_TEST

/* The first 10,000 bytes of a reply that is nearly as long as it may be. */
static TlcWire *
new_beginning (void)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "echo_binary");
  tlc_wire_field (wire, T_STRING, 0);
  tlc_wire_claim (wire, DEFAULT_MAX - 1000);
  tlc_wire_fill (wire, 0, 10000 - tlc_wire_get_length (wire));
  if (tlc_wire_is_framed ())
    tlc_wire_frame_end_as (wire, DEFAULT_MAX);
  return wire;
}

/* Law 5: memory is taken for bytes that came, not for a length that is allowed. */
START_TEST (test_faults_row_14_length_alone)
{
  TlcWire *reply = new_beginning ();
  TlcHarness harness;
  gsize before;

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
  tlc_harness_must_fail (&harness, tlc_harness_binary, TLC_ERROR_CONNECTION_LOST,
                         TLC_DELIVERY_UNKNOWN,
                         tlc_harness_text ("after 10000 of 16777220 bytes",
                                           "after 10000 bytes of the reply"));
  if (!TLC_HARNESS_SANITIZED)
    ck_assert_uint_lt (tlc_harness_get_memory ("VmPeak") - before, 8 * 1024 * 1024);
  tlc_echo_must_add (harness.service);
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

static gboolean
send_bytes (TlcHarness *harness, guint n, GError **error)
{
  g_autoptr (GByteArray) value = g_byte_array_new ();
  g_autoptr (GByteArray) result = NULL;

  g_byte_array_set_size (value, n);
  memset (value->data, 'x', n);
  return echo_if_echo_binary (tlc_echo_client (harness->service), &result, value, error);
}

/* Of a request or reply: without its frame's length. */
static guint
get_message_length (gsize length)
{
  return (guint) length - (tlc_wire_is_framed () ? 4 : 0);
}

static guint
get_request_length (TlcHarness *harness, guint i)
{
  const TlcWireRequest *request = tlc_script_get_request (harness->script, i);

  return get_message_length (g_bytes_get_size (request->frame));
}

/* Law 5: a request of max-message-size is sent, one of a byte more does not leave. */
START_TEST (test_faults_row_14_largest_request)
{
  const guint max = 64 * 1024, n = 60000;
  g_autoptr (GError) error = NULL;
  TlcHarness harness;
  guint overhead;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, new_bytes (1));
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, new_bytes (1));
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, "max-message-size", "64KiB", NULL);

  ck_assert (send_bytes (&harness, n, &error));
  overhead = get_request_length (&harness, 0) - n;
  ck_assert (send_bytes (&harness, max - overhead, &error));
  ck_assert_uint_eq (get_request_length (&harness, 1), max);
  ck_assert (!send_bytes (&harness, max - overhead + 1, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_MESSAGE_TOO_LARGE));
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_msg (strstr (error->message, "max-message-size = 65536") != NULL, "%s", error->message);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 3);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: a reply of max-message-size is taken, one of a byte more is not, though all of it is
 * there. */
START_TEST (test_faults_row_14_largest_reply)
{
  const guint max = 64 * 1024, some = 60000;
  g_autoptr (TlcWire) sample = new_bytes (some);
  const guint n = max - (get_message_length (tlc_wire_get_length (sample)) - some);
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

/* @total bytes of strings, none of which says how long the message becomes. */
static TlcWire *
new_words (gint32 count, gsize total)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "words");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_list (wire, T_STRING, count);
  tlc_wire_fill (wire, 0, total - tlc_wire_get_length (wire));
  return wire;
}

/* Law 5: a reply without frame that goes on and on is given up at max-message-size, whatever size
 * that is. */
START_TEST (test_faults_row_14_without_end)
{
  const struct {
    const char *setting, *text;
    gsize max;
  } sizes[] = {
    { "64KiB", "max-message-size = 65536", 65536 },
    { "1MiB", "max-message-size = 1048576", 1048576 },
    { "16MiB", "max-message-size = 16777216", 16777216 },
  };
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, new_words (G_MAXINT32, sizes[_i].max + 4 * 1024 * 1024));
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "max-message-size", sizes[_i].setting, "call-timeout", "30s", NULL);

  tlc_harness_must_fail (&harness, tlc_harness_words, TLC_ERROR_MESSAGE_TOO_LARGE,
                         TLC_DELIVERY_UNKNOWN, sizes[_i].text);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: nor is a reply without frame taken that is whole, but larger than max-message-size. */
START_TEST (test_faults_row_14_whole_but_too_large)
{
  const struct {
    const char *setting, *text;
    gsize max;
  } sizes[] = {
    { "1KiB", "max-message-size = 1024", 1024 },
    { "5000", "max-message-size = 5000", 5000 },
    { "64KiB", "max-message-size = 65536", 65536 },
    { "100000", "max-message-size = 100000", 100000 },
  };
  const guint n = (guint) (sizes[_i].max / tlc_wire_get_zero_size (T_STRING));
  TlcWire *reply = tlc_wire_new ();
  TlcHarness harness;

  tlc_wire_reply_begin (reply, "words");
  tlc_wire_field (reply, T_LIST, 0);
  tlc_wire_list (reply, T_STRING, (gint32) n);
  tlc_wire_fill (reply, 0, n * tlc_wire_get_zero_size (T_STRING));
  tlc_wire_reply_end (reply);
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, reply);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "max-message-size", sizes[_i].setting, "call-timeout", "30s", NULL);

  tlc_harness_must_fail (&harness, tlc_harness_words, TLC_ERROR_MESSAGE_TOO_LARGE,
                         TLC_DELIVERY_UNKNOWN, sizes[_i].text);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* A right answer in the other transport. */
static TlcWire *
new_sum_of_other_transport (void)
{
  const guint8 length[] = { 0, 0, 0, 30 };
  TlcWire *wire = tlc_wire_new ();

  if (!tlc_wire_is_framed ())
    tlc_wire_raw (wire, length, sizeof length);
  tlc_wire_message (wire, T_REPLY, "add");
  add_sum (wire, 3);
  tlc_wire_stop (wire);
  return wire;
}

/* Law 3: a server of the other transport is told apart, and the message says so where it can: that
 * is how such an endpoint is set right. */
START_TEST (test_faults_row_14_server_of_other_transport)
{
  const char *framed = tlc_wire_is_compact () ? "a frame of -"
                                              : "the peer does not frame its messages, it seems";

  tlc_harness_refuses (new_sum_of_other_transport (), tlc_harness_add, TLC_ERROR_PROTOCOL,
                       TLC_DELIVERY_UNKNOWN,
                       tlc_harness_text (framed, "the peer frames its messages, it seems"));
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-frame");
  TCase *tcase = tcase_create ("length");

  tcase_set_timeout (tcase, 60);
  if (tlc_wire_is_framed ())
    tcase_add_loop_test (tcase, test_faults_row_14_length, 0, G_N_ELEMENTS (lengths));
  else
    {
      tcase_add_loop_test (tcase, test_faults_row_14_without_end, 0, 3);
      tcase_add_loop_test (tcase, test_faults_row_14_whole_but_too_large, 0, 4);
    }
  tcase_add_test (tcase, test_faults_row_14_length_alone);
  tcase_add_test (tcase, test_faults_row_14_largest_request);
  tcase_add_test (tcase, test_faults_row_14_largest_reply);
  tcase_add_test (tcase, test_faults_row_14_server_of_other_transport);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
