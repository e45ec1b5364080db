/* SPDX-License-Identifier: Apache-2.0 */

/* Bytes that are no reply, and replies that lie about what they hold, on each of the four wires: refused
 * in time, without the memory that they ask for. */
#include <string.h>

#include "faults/tlc-raw-peer.h"
#include "support/tlc-harness.h"
#include "support/tlc-process.h"

#define MIB (1024 * 1024)
#define MAX_MESSAGE (4 * MIB)
#define MAX_DECODED (16 * MIB)

static GByteArray *
new_bytes (gconstpointer bytes, gsize length)
{
  return g_byte_array_append (g_byte_array_new (), bytes, (guint) length);
}

static GByteArray *
new_filled (guint8 byte, gsize length)
{
  GByteArray *bytes = g_byte_array_new ();

  g_byte_array_set_size (bytes, (guint) length);
  memset (bytes->data, byte, length);
  return bytes;
}

static TlcService *
new_service (const TlcRawWire *wire, const TlcRawPeer *peer)
{
  return tlc_echo_service (tlc_raw_peer_get_endpoint (peer), "protocol", wire->protocol,
                           "transport", wire->transport, "max-message-size", "4MiB",
                           "max-decoded-size", "16MiB", "call-timeout", "20s", NULL);
}

/* The call fails by what the peer says, not by its deadline, and the connection is closed; then the
 * process is as it was, and a service with a right server is served. */
static void
must_refuse (const TlcRawWire *wire, TlcRawPeer *peer, TlcHarnessCall call, const char *what)
{
  TlcService *service = new_service (wire, peer);
  g_autoptr (GError) error = NULL;
  gint64 begun_us = g_get_monotonic_time ();

  ck_assert_msg (!call (tlc_echo_client (service), &error), "%s: taken", what);
  ck_assert_int_lt (g_get_monotonic_time () - begun_us, 10 * G_USEC_PER_SEC);
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_PROTOCOL)
                     || g_error_matches (error, TLC_ERROR, TLC_ERROR_MESSAGE_TOO_LARGE)
                     || g_error_matches (error, TLC_ERROR, TLC_ERROR_CONNECTION_LOST),
                 "%s: %s", what, error->message);
  ck_assert_msg (tlc_error_get_delivery (error) != TLC_DELIVERY_NOT_SENT, "%s", error->message);
  ck_assert_msg (tlc_raw_peer_free (peer), "%s: not closed", what);
  tlc_thread_detach ();
  tlc_service_unref (service);
}

#define TEXT(text) text, sizeof text - 1

static const struct {
  const char *what, *bytes;
  gsize length;
} garbage[] = {
  { "HTTP", TEXT ("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n") },
  { "a TLS alert", TEXT ("\x15\x03\x01\x00\x02\x02\x46") },
  { "a TLS hello", TEXT ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03_______________________") },
  { "SSH", TEXT ("SSH-2.0-OpenSSH_9.2p1\r\n") },
  { "SMTP", TEXT ("220 mail.example ESMTP\r\n") },
  { "Redis", TEXT ("-ERR unknown command\r\n") },
  { "HTTP/2", TEXT ("\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\x04\x00\x01\x00") },
  { "JSON", TEXT ("[1,\"add\",2,0,{\"0\":{\"i32\":3}}]") },
};

/* Law 3: what is no Thrift at all, a proxy's page or another protocol's greeting, is refused as soon as it
 * can be told, on each wire. */
START_TEST (test_faults_row_20_garbage)
{
  const TlcRawWire *wire = &tlc_raw_wires[_i % TLC_RAW_WIRES];
  guint i = (guint) _i / TLC_RAW_WIRES;
  TlcRawPeer *peer = tlc_raw_peer_new (wire, FALSE, new_bytes (garbage[i].bytes, garbage[i].length));

  tlc_raw_peer_then_finish (peer);
  must_refuse (wire, peer, tlc_harness_add, garbage[i].what);
}
END_TEST

/* Law 3: the same of long runs of one byte, whichever it is. */
START_TEST (test_faults_row_20_one_byte)
{
  const TlcRawWire *wire = &tlc_raw_wires[_i % TLC_RAW_WIRES];
  guint8 byte = (guint8) (_i / TLC_RAW_WIRES * 15);
  TlcRawPeer *peer = tlc_raw_peer_new (wire, FALSE, new_filled (byte, 8192));

  tlc_raw_peer_then_finish (peer);
  must_refuse (wire, peer, tlc_harness_string, "one byte");
}
END_TEST

/* A result that claims more than there is: in the binary protocol, and in the compact one. */
static const struct {
  const char *what;
  TlcHarnessCall call;
  const char *binary;
  gsize binary_length;
  const char *compact;
  gsize compact_length;
} claims[] = {
  { "a string of 2 GiB", tlc_harness_string, TEXT ("\x0b\0\0\x7f\xff\xff\xff"),
    TEXT ("\x08\0\xff\xff\xff\xff\x07") },
  { "a string of 4 GiB", tlc_harness_string, TEXT ("\x0b\0\0\xff\xff\xff\xff"),
    TEXT ("\x08\0\xff\xff\xff\xff\x0f") },
  { "a string as long as a message may be", tlc_harness_string, TEXT ("\x0b\0\0\0\x3f\xff\x00"),
    TEXT ("\x08\0\x80\xfe\xff\x01") },
  { "a list of 2 billion", tlc_harness_list, TEXT ("\x0f\0\0\x08\x7f\xff\xff\xff"),
    TEXT ("\x09\0\xf5\xff\xff\xff\xff\x07") },
  { "a list of a million", tlc_harness_list, TEXT ("\x0f\0\0\x08\0\x0f\x42\x40"),
    TEXT ("\x09\0\xf5\xc0\x84\x3d") },
  { "a set of 2 billion", tlc_harness_set, TEXT ("\x0e\0\0\x08\x7f\xff\xff\xff"),
    TEXT ("\x0a\0\xf5\xff\xff\xff\xff\x07") },
  { "a map of 2 billion", tlc_harness_map, TEXT ("\x0d\0\0\x0b\x08\x7f\xff\xff\xff"),
    TEXT ("\x0b\0\xff\xff\xff\xff\x07\x85") },
};

static GByteArray *
new_claim (const TlcRawWire *wire, guint i)
{
  if (strcmp (wire->protocol, "binary") == 0)
    return new_bytes (claims[i].binary, claims[i].binary_length);
  return new_bytes (claims[i].compact, claims[i].compact_length);
}

/* Law 5: a length or count costs no memory by itself: the most that the process had resident grows by
 * max-message-size and a MiB at the most, whatever is claimed, on each wire. */
START_TEST (test_faults_row_16_hostile_length)
{
  const TlcRawWire *wire = &tlc_raw_wires[_i % TLC_RAW_WIRES];
  guint i = (guint) _i / TLC_RAW_WIRES;
  TlcRawPeer *peer = tlc_raw_peer_new (wire, TRUE, new_claim (wire, i));
  gsize before;

  tlc_raw_peer_then_finish (peer);
  tlc_harness_reset_peak ();
  before = tlc_harness_get_memory ("VmHWM");
  must_refuse (wire, peer, claims[i].call, claims[i].what);
  if (!TLC_HARNESS_SANITIZED)
    ck_assert_uint_le (tlc_harness_get_memory ("VmHWM"), before + MAX_MESSAGE + MIB);
}
END_TEST

/* Law 5: a name whose length is beyond any message is refused at once where nothing frames the reply,
 * without waiting for it, however large the number. */
START_TEST (test_faults_row_16_hostile_name)
{
  const TlcRawWire *wire = &tlc_raw_wires[_i == 0 ? 1 : 3];
  GByteArray *bytes
      = _i == 0 ? new_bytes (TEXT ("\x80\x01\0\x02\x7f\xff\xff\xff"))
        : _i == 1 ? new_bytes (TEXT ("\x82\x41\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
                  : new_bytes (TEXT ("\x82\x41\x01\xff\xff\xff\xff\x07"));

  must_refuse (wire, tlc_raw_peer_new (wire, FALSE, bytes), tlc_harness_add, "a name");
}
END_TEST

/* A list<Sample> of so many empty structs: a byte each on the wire, an object each in memory. */
static GByteArray *
new_empty_structs (const TlcRawWire *wire, guint n)
{
  GByteArray *bytes = strcmp (wire->protocol, "binary") == 0
                          ? new_bytes (TEXT ("\x0f\0\0\x0c\0\x0f\x42\x40"))
                          : new_bytes (TEXT ("\x09\0\xfc\xc0\x84\x3d"));
  g_autoptr (GByteArray) structs = new_filled (0, n + 1);

  return g_byte_array_append (bytes, structs->data, structs->len);
}

/* Law 5: structure that is small on the wire and large in memory is refused at the budget: the most that
 * the process had resident grows by max-decoded-size and the message at the most, on each wire. */
START_TEST (test_faults_row_52_hostile_structure)
{
  const guint n = 1000000;
  const TlcRawWire *wire = &tlc_raw_wires[_i];
  TlcRawPeer *peer = tlc_raw_peer_new (wire, TRUE, new_empty_structs (wire, n));
  gsize before;

  tlc_harness_reset_peak ();
  before = tlc_harness_get_memory ("VmHWM");
  must_refuse (wire, peer, tlc_harness_samples, "a million empty structs");
  if (!TLC_HARNESS_SANITIZED)
    ck_assert_uint_le (tlc_harness_get_memory ("VmHWM"), before + MAX_DECODED + 4 * n + MIB);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("faults-hostile");
  TCase *tests = tcase_create ("hostile");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_faults_row_20_garbage, 0,
                       TLC_RAW_WIRES * (int) G_N_ELEMENTS (garbage));
  tcase_add_loop_test (tests, test_faults_row_20_one_byte, 0, TLC_RAW_WIRES * 18);
  tcase_add_loop_test (tests, test_faults_row_16_hostile_length, 0,
                       TLC_RAW_WIRES * (int) G_N_ELEMENTS (claims));
  tcase_add_loop_test (tests, test_faults_row_16_hostile_name, 0, 3);
  tcase_add_loop_test (tests, test_faults_row_52_hostile_structure, 0, TLC_RAW_WIRES);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
