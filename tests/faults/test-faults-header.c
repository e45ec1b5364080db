/* SPDX-License-Identifier: Apache-2.0 */
/* Messages whose header is not that of an answer to the call that waits, docs/faults.md, row 12:
 * its number, name, type or version is another's. A reply reaches the call that asked for it, or
 * nobody. */

#include "support/tlc-harness.h"

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

static const char mismatch[] = "is no reply to it";
static const char of_another_version[] = "another protocol or version";

/* Compact protocol has three bits for the type: of the last one seven is left. */
static const struct {
  guint8 type;
  const char *name;
  TlcWireNumber base;
  gint32 offset;
} wrong[] = {
  { T_REPLY, "add", TLC_WIRE_OWN, 1 },
  { T_REPLY, "add", TLC_WIRE_OWN, -1 },
  { T_REPLY, "add", TLC_WIRE_OWN, G_MININT32 },
  { T_REPLY, "add", TLC_WIRE_FIXED, 0 },
  { T_EXCEPTION, "add", TLC_WIRE_OWN, 1 },
  { T_EXCEPTION, "addx", TLC_WIRE_OWN, 0 },
  { T_REPLY, "addx", TLC_WIRE_OWN, 0 },
  { T_REPLY, "ad", TLC_WIRE_OWN, 0 },
  { T_REPLY, "adx", TLC_WIRE_OWN, 0 },
  { T_REPLY, "xadd", TLC_WIRE_OWN, 0 },
  { T_REPLY, "echo:add", TLC_WIRE_OWN, 0 },
  { T_REPLY, "ADD", TLC_WIRE_OWN, 0 },
  { T_REPLY, "ping", TLC_WIRE_OWN, 0 },
  { T_REPLY, "", TLC_WIRE_OWN, 0 },
  { 0, "add", TLC_WIRE_OWN, 0 },
  { T_CALL, "add", TLC_WIRE_OWN, 0 },
  { T_ONEWAY, "add", TLC_WIRE_OWN, 0 },
  { 5, "add", TLC_WIRE_OWN, 0 },
  { 0xff, "add", TLC_WIRE_OWN, 0 },
};

/* Law 3: a reply is taken only if its number, its whole name and its type are right. */
START_TEST (test_faults_row_12_wrong_header)
{
  TlcWire *reply = new_reply (tlc_wire_get_version (), wrong[_i].type, wrong[_i].name,
                              wrong[_i].base, wrong[_i].offset);

  tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN, mismatch);
}
END_TEST

/* The other protocol's right version, and others of ours. */
static const guint16 binary_versions[] = { 0x8201, 0x8002, 0x8000, 0x0001, 0x7001, 0xffff };
static const guint16 compact_versions[]
    = { 0x8001, 0x8202, 0x8200, 0x821f, 0x0201, 0x8301, 0xffff };

/* Law 3: a message of another protocol, or of another version of ours, is no answer, whatever else
 * it says. */
START_TEST (test_faults_row_12_wrong_version)
{
  guint16 version = tlc_wire_is_compact () ? compact_versions[_i] : binary_versions[_i];

  tlc_harness_refuses (new_reply (version, T_REPLY, "add", TLC_WIRE_OWN, 0), tlc_harness_add,
                       TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN, of_another_version);
}
END_TEST

/* Law 3: a reply whose header is right in everything is taken. */
START_TEST (test_faults_row_12_right_header)
{
  tlc_harness_takes (new_reply (tlc_wire_get_version (), T_REPLY, "add", TLC_WIRE_OWN, 0),
                     tlc_harness_add);
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
  tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN,
                       of_another_version);
}
END_TEST

/* All of a header but the name, of which it has only the length. */
static TlcWire *
new_nameless (gint32 length)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_frame_begin (wire);
  tlc_wire_message (wire, T_REPLY, "");
  if (tlc_wire_is_compact ())
    tlc_wire_chop (wire, 1); /* the length of "" */
  else
    tlc_wire_chop (wire, 4 + 4); /* and the number, which comes behind */
  tlc_wire_claim (wire, length);
  tlc_wire_fill (wire, 'a', 100);
  tlc_wire_frame_end (wire);
  return wire;
}

/* Compact protocol's lengths have no sign. */
static const struct {
  gint32 length;
  TlcError binary_code, compact_code;
  const char *binary, *compact;
} name_lengths[] = {
  { -1, TLC_ERROR_PROTOCOL, TLC_ERROR_MESSAGE_TOO_LARGE, "a length is negative",
    "bytes exceeds max-message-size" },
  { G_MININT32, TLC_ERROR_PROTOCOL, TLC_ERROR_MESSAGE_TOO_LARGE, "a length is negative",
    "bytes exceeds max-message-size" },
  { G_MAXINT32, TLC_ERROR_MESSAGE_TOO_LARGE, TLC_ERROR_MESSAGE_TOO_LARGE,
    "bytes exceeds max-message-size", "bytes exceeds max-message-size" },
};

/* Law 3: a name whose length is not that of any name, negative or beyond the message, ends the call
 * at once. */
START_TEST (test_faults_row_12_name_length)
{
  TlcWire *reply = new_nameless (name_lengths[_i].length);
  const gboolean is_compact = tlc_wire_is_compact ();

  if (tlc_wire_is_framed ())
    tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN,
                         "exceeds the bytes that are left");
  else
    tlc_harness_refuses (
        reply, tlc_harness_add,
        is_compact ? name_lengths[_i].compact_code : name_lengths[_i].binary_code,
        TLC_DELIVERY_UNKNOWN, is_compact ? name_lengths[_i].compact : name_lengths[_i].binary);
}
END_TEST

/* Law 3: a name that reaches beyond its frame ends the call at once. */
START_TEST (test_faults_row_12_name_beyond_frame)
{
  tlc_harness_refuses (new_nameless (4711), tlc_harness_add, TLC_ERROR_PROTOCOL,
                       TLC_DELIVERY_UNKNOWN, "exceeds the bytes that are left");
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-header");
  TCase *tcase = tcase_create ("header");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_12_wrong_header, 0, G_N_ELEMENTS (wrong));
  tcase_add_loop_test (tcase, test_faults_row_12_wrong_version, 0,
                       tlc_wire_is_compact () ? G_N_ELEMENTS (compact_versions)
                                              : G_N_ELEMENTS (binary_versions));
  tcase_add_test (tcase, test_faults_row_12_right_header);
  if (!tlc_wire_is_compact ())
    tcase_add_test (tcase, test_faults_row_12_header_without_version);
  tcase_add_loop_test (tcase, test_faults_row_12_name_length, 0, G_N_ELEMENTS (name_lengths));
  if (tlc_wire_is_framed ())
    tcase_add_test (tcase, test_faults_row_12_name_beyond_frame);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
