/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are no Thrift at all, docs/faults.md, row 20: what web servers, TLS and broken
 * programs send. They are refused as soon as their first bytes tell, without waiting for more. */

#include <string.h>

#include "support/tlc-harness.h"

#define BLOCK 4096

static void
add_http (TlcWire *wire)
{
  const char text[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                      "Connection: close\r\n\r\n400 Bad Request";

  tlc_wire_raw (wire, text, strlen (text));
}

/* The beginning of a ClientHello; the peer thinks that it is the client. */
static void
add_tls_hello (TlcWire *wire)
{
  const guint8 hello[] = { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03 };

  tlc_wire_raw (wire, hello, sizeof hello);
  tlc_wire_fill (wire, 0x5a, 0x200 + 5 - sizeof hello);
}

/* A fatal alert, "protocol version", and another record behind it. */
static void
add_tls_alert (TlcWire *wire)
{
  const guint8 alert[] = { 0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46 };

  tlc_wire_raw (wire, alert, sizeof alert);
  tlc_wire_raw (wire, alert, sizeof alert);
}

static void
add_ssh (TlcWire *wire)
{
  const char text[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";

  tlc_wire_raw (wire, text, strlen (text));
}

static void
add_zeros (TlcWire *wire)
{
  tlc_wire_fill (wire, 0, BLOCK);
}

static void
add_ones (TlcWire *wire)
{
  tlc_wire_fill (wire, 0xff, BLOCK);
}

/* The same each time: a generator of Knuth's. */
static void
add_noise (TlcWire *wire, guint64 seed)
{
  for (guint i = 0; i < BLOCK; i++)
    {
      seed = seed * G_GUINT64_CONSTANT (6364136223846793005) + 1442695040888963407;
      tlc_wire_byte (wire, (guint8) (seed >> 56));
    }
}

static void
add_noise_below_zero (TlcWire *wire)
{
  add_noise (wire, 2);
}

static void
add_noise_above_zero (TlcWire *wire)
{
  add_noise (wire, 1);
}

/* What it is taken for: framed, its first four bytes are a length. */
static const struct {
  void (*add) (TlcWire *wire);
  TlcError framed_code;
  const char *framed, *buffered;
} garbage[] = {
  { add_http, TLC_ERROR_MESSAGE_TOO_LARGE, "the peer speaks HTTP", "the peer speaks HTTP" },
  { add_tls_hello, TLC_ERROR_MESSAGE_TOO_LARGE, "a frame of 369295618 bytes", "" },
  { add_tls_alert, TLC_ERROR_MESSAGE_TOO_LARGE, "a frame of 352518912 bytes", "" },
  { add_ssh, TLC_ERROR_MESSAGE_TOO_LARGE, "a frame of 1397966893 bytes", "" },
  { add_noise_below_zero, TLC_ERROR_PROTOCOL, "a frame of -", "" },
  { add_noise_above_zero, TLC_ERROR_MESSAGE_TOO_LARGE, "max-message-size = 16777216", "" },
  { add_zeros, TLC_ERROR_PROTOCOL, "a frame of 0 bytes", "the peer frames its messages" },
  { add_ones, TLC_ERROR_PROTOCOL, "a frame of -1 bytes", "" },
};

static const char version[] = "another protocol or version";

/* Law 3: an answer that is no Thrift is refused at once, named where it is known, its connection is
 * closed, and the next call gets its own answer. */
START_TEST (test_faults_row_20_garbage)
{
  TlcWire *reply = tlc_wire_new ();
  gint64 begun_us;

  garbage[_i].add (reply);
  begun_us = g_get_monotonic_time ();
  if (tlc_wire_is_framed ())
    tlc_harness_refuses (reply, tlc_harness_add, garbage[_i].framed_code, TLC_DELIVERY_UNKNOWN,
                         garbage[_i].framed);
  else
    tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN,
                         garbage[_i].buffered[0] != '\0' ? garbage[_i].buffered : version);
  /* a fraction of call-timeout: nothing was waited for */
  ck_assert_int_lt (g_get_monotonic_time () - begun_us, 4 * G_USEC_PER_SEC);
}
END_TEST

/* Law 3: garbage in a right frame is refused as of another protocol, and is nobody's answer. */
START_TEST (test_faults_row_20_garbage_in_a_frame)
{
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_frame_begin (reply);
  garbage[_i].add (reply);
  tlc_wire_frame_end (reply);
  tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN, version);
}
END_TEST

/* Law 3: garbage behind an answer is seen with it: the stream is broken, and no later call gets any
 * of it. */
START_TEST (test_faults_row_20_garbage_behind_reply)
{
  TlcWire *surplus = tlc_wire_new ();
  TlcHarness harness;

  garbage[_i].add (surplus);
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_answer (harness.script, NULL, surplus);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  tlc_echo_must_add (harness.service);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                         "bytes behind the reply belong to no call");
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* A TLS server that is spoken to in the clear sends an alert of seven bytes, and closes. */
static void
add_short_alert (TlcWire *wire)
{
  const guint8 alert[] = { 0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46 };

  tlc_wire_raw (wire, alert, sizeof alert);
}

/* Law 3: a TLS server's alert and close, in answer to a request in the clear, are an error that
 * nobody takes for an answer. */
START_TEST (test_faults_row_20_tls_alert_and_close)
{
  const gboolean is_framed = tlc_wire_is_framed ();
  TlcWire *reply = tlc_wire_new ();
  TlcHarness harness;

  add_short_alert (reply);
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, reply);
  tlc_script_half_close (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  if (is_framed)
    tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_MESSAGE_TOO_LARGE,
                           TLC_DELIVERY_UNKNOWN, "a frame of 352518912 bytes");
  else if (tlc_wire_is_compact ())
    tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN,
                           version);
  else /* binary protocol looks at eight bytes */
    tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST,
                           TLC_DELIVERY_UNKNOWN, "closed by peer after 7 bytes of the reply");
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-garbage");
  TCase *tcase = tcase_create ("garbage");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_20_garbage, 0, G_N_ELEMENTS (garbage));
  if (tlc_wire_is_framed ())
    tcase_add_loop_test (tcase, test_faults_row_20_garbage_in_a_frame, 0, G_N_ELEMENTS (garbage));
  tcase_add_loop_test (tcase, test_faults_row_20_garbage_behind_reply, 0, G_N_ELEMENTS (garbage));
  tcase_add_test (tcase, test_faults_row_20_tls_alert_and_close);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
