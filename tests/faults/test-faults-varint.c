/* SPDX-License-Identifier: Apache-2.0 */
/* Compact protocol's numbers where they are not as they should be, docs/faults.md, rows 12, 16, 17
 * and 20: longer than their type allows, larger than it, or without end. Only over wires that have
 * them. */

#include "support/tlc-harness.h"

static const char too_large[] = "a number is larger than its type";
static const char negative[] = "a length is negative";

/* What is wrong with a number. */
typedef enum {
  PADDED,       /* six bytes long, and small */
  TOO_WIDE,     /* five bytes of 33 bits */
  SIXTY_FOUR,   /* ten bytes of 64 bits, all ones */
  SIXTY_FIVE,   /* ten bytes of more bits than any number has */
  WITHOUT_END,  /* twelve bytes, and none is the last */
  N_WRONG,
  PADDED_RIGHT, /* five bytes long, and small: allowed */
} Form;

static void
put_number (TlcWire *wire, Form form, guint8 small)
{
  const guint8 wide[] = { 0xff, 0xff, 0xff, 0xff, 0x1f };
  const guint n_padding = form == PADDED ? 4 : 3;

  switch (form)
    {
    case PADDED:
    case PADDED_RIGHT:
      tlc_wire_byte (wire, small | 0x80);
      tlc_wire_fill (wire, 0x80, n_padding);
      tlc_wire_byte (wire, 0);
      break;
    case TOO_WIDE:
      tlc_wire_raw (wire, wide, sizeof wide);
      break;
    case SIXTY_FOUR:
      tlc_wire_varint (wire, G_MAXUINT64);
      break;
    case SIXTY_FIVE:
      tlc_wire_fill (wire, 0xff, 9);
      tlc_wire_byte (wire, 0x7f);
      break;
    case WITHOUT_END:
    default:
      tlc_wire_fill (wire, 0x80, 12);
      break;
    }
}

/* First bytes, of types and a count that comes behind. */
enum { WIRE_I32 = 5, WIRE_LIST_OF_I32 = 0xf5, WIRE_STRING_TO_I32 = 0x85 };

/* -- places -- */

static void
put_string (TlcWire *wire, Form form)
{
  tlc_wire_reply_begin (wire, "echo_string");
  tlc_wire_field (wire, T_STRING, 0);
  put_number (wire, form, 4);
  tlc_wire_raw (wire, "text", 4);
}

static void
put_list (TlcWire *wire, Form form)
{
  tlc_wire_reply_begin (wire, "echo_list");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_byte (wire, WIRE_LIST_OF_I32);
  put_number (wire, form, 2);
  tlc_wire_fill (wire, 0, 2);
}

static void
put_map (TlcWire *wire, Form form)
{
  tlc_wire_reply_begin (wire, "echo_map");
  tlc_wire_field (wire, T_MAP, 0);
  put_number (wire, form, 1);
  tlc_wire_byte (wire, WIRE_STRING_TO_I32);
  tlc_wire_fill (wire, 0, 2);
}

static void
put_unknown_string (TlcWire *wire, Form form)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_STRING, 99);
  put_number (wire, form, 4);
  tlc_wire_raw (wire, "text", 4);
}

static void
put_i32 (TlcWire *wire, Form form)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_I32, 0);
  put_number (wire, form, 6);
}

static void
put_unknown_i32 (TlcWire *wire, Form form)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_I32, 99);
  put_number (wire, form, 6);
}

static void
put_unknown_i16 (TlcWire *wire, Form form)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_I16, 99);
  put_number (wire, form, 6);
}

static void
put_id (TlcWire *wire, Form form)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_byte (wire, WIRE_I32);
  put_number (wire, form, 100);
  tlc_wire_i32 (wire, 1);
}

/* A number that says how much follows is looked at where the reply's end is looked for, if that is
 * how it is found. */
static const struct {
  void (*put) (TlcWire *wire, Form form);
  TlcHarnessCall call;
  gboolean is_length, has_five; /* @has_five: five bytes are not too many */
} places[] = {
  { put_string, tlc_harness_string, TRUE, TRUE },
  { put_unknown_string, tlc_harness_add, TRUE, TRUE },
  { put_list, tlc_harness_list, TRUE, TRUE },
  { put_map, tlc_harness_map, TRUE, TRUE },
  { put_i32, tlc_harness_add, FALSE, TRUE },
  { put_unknown_i32, tlc_harness_add, FALSE, TRUE },
  { put_unknown_i16, tlc_harness_add, FALSE, FALSE },
  { put_id, tlc_harness_add, FALSE, FALSE },
};

static TlcWire *
new_reply (guint place, Form form)
{
  TlcWire *wire = tlc_wire_new ();

  places[place].put (wire, form);
  tlc_wire_reply_end (wire);
  return wire;
}

/* Law 3: a number that is longer or larger than its type, or has no end, is refused: as a length, a
 * count, a value, an id. */
START_TEST (test_faults_row_20_number)
{
  const guint place = (guint) _i % G_N_ELEMENTS (places);
  const Form form = (Form) ((guint) _i / G_N_ELEMENTS (places));
  const gboolean is_more_than_64_bits = form == SIXTY_FIVE || form == WITHOUT_END;
  const gboolean is_seen_as_negative = places[place].is_length && form != PADDED;
  TlcWire *reply = new_reply (place, form);

  if (is_more_than_64_bits)
    tlc_harness_refuses_structure (reply, places[place].call, too_large);
  else if (is_seen_as_negative)
    tlc_harness_refuses_structure (reply, places[place].call,
                                   tlc_harness_text (too_large, negative));
  else
    tlc_harness_refuses (reply, places[place].call, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                         too_large);
}
END_TEST

/* Law 3: a number of more bytes than it needs, but no more than its type may have, is taken. */
START_TEST (test_faults_row_20_right_number)
{
  TlcWire *reply = new_reply ((guint) _i, PADDED_RIGHT);

  if (places[_i].has_five)
    tlc_harness_takes (reply, places[_i].call);
  else
    tlc_harness_refuses (reply, places[_i].call, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                         too_large);
}
END_TEST

/* Law 3: an i64 has ten bytes and 64 bits, and no more. */
START_TEST (test_faults_row_20_long_number)
{
  const Form form = (Form) _i;
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_reply_begin (reply, "add");
  tlc_wire_field (reply, T_I64, 99);
  put_number (reply, form, 6);
  tlc_wire_reply_end (reply);
  if (form == SIXTY_FIVE || form == WITHOUT_END)
    tlc_harness_refuses_structure (reply, tlc_harness_add, too_large);
  else
    tlc_harness_takes (reply, tlc_harness_add);
}
END_TEST

/* A header but for its number, or the length of its name. */
static TlcWire *
new_header (Form number, Form name_length)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_frame_begin (wire);
  tlc_wire_message_full (wire, tlc_wire_get_version (), T_REPLY, "", TLC_WIRE_FIXED, 0);
  tlc_wire_chop (wire, 1 + 1);
  put_number (wire, number, 1);
  put_number (wire, name_length, 3);
  tlc_wire_raw (wire, "add", 3);
  tlc_wire_reply_end (wire);
  return wire;
}

/* Law 3: a message's own number is of 32 bits. */
START_TEST (test_faults_row_12_long_number)
{
  tlc_harness_refuses (new_header ((Form) _i, PADDED_RIGHT), tlc_harness_add, TLC_ERROR_PROTOCOL,
                       TLC_DELIVERY_UNKNOWN, too_large);
}
END_TEST

/* Law 3: the length of a message's name is of 32 bits. */
START_TEST (test_faults_row_12_long_name_length)
{
  tlc_harness_refuses (new_header (PADDED_RIGHT, (Form) _i), tlc_harness_add, TLC_ERROR_PROTOCOL,
                       TLC_DELIVERY_UNKNOWN, too_large);
}
END_TEST

/* Law 3: a header of such numbers, each as long as it may be, is wrong only for its number. */
START_TEST (test_faults_row_12_long_header)
{
  tlc_harness_refuses (new_header (PADDED_RIGHT, PADDED_RIGHT), tlc_harness_add,
                       TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN, "\"add\", type 2, number 1 ");
}
END_TEST

/* -- bools -- */

/* Law 3: an element that is a bool is true where its byte says true, under either of the two types
 * that a list of bools may have; and a bool field where its type does. */
START_TEST (test_faults_row_17_bools)
{
  const guint8 list[] = { (guint8) (4 << 4 | (_i + 1)), 1, 2, 0, 3 };
  g_autoptr (GObject) value = g_object_new (TYPE_EVERYTHING, NULL);
  g_autoptr (GObject) result = g_object_new (TYPE_EVERYTHING, NULL);
  Everything *everything = EVERYTHING (result);
  g_autoptr (GError) error = NULL;
  TlcWire *reply = tlc_wire_new ();
  TlcHarness harness;

  tlc_wire_reply_begin (reply, "echo_everything");
  tlc_wire_field (reply, T_STRUCT, 0);
  tlc_wire_struct (reply);
  tlc_wire_field (reply, T_BOOL, 1);
  tlc_wire_bool (reply, _i == 0);
  tlc_wire_field (reply, T_LIST, 12);
  tlc_wire_raw (reply, list, sizeof list);
  tlc_wire_stop (reply);
  tlc_wire_reply_end (reply);
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, reply);
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, NULL);

  ck_assert_msg (echo_if_echo_everything (tlc_echo_client (harness.service), &everything,
                                          EVERYTHING (value), &error),
                 "%s", error != NULL ? error->message : "no error");
  ck_assert_int_eq (everything->a_bool, _i == 0);
  ck_assert_uint_eq (everything->bools->len, 4);
  for (guint i = 0; i < 4; i++)
    ck_assert_int_eq (g_array_index (everything->bools, gboolean, i), i == 0);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-varint");
  TCase *tcase = tcase_create ("varint");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_20_number, 0, N_WRONG * G_N_ELEMENTS (places));
  tcase_add_loop_test (tcase, test_faults_row_20_right_number, 0, G_N_ELEMENTS (places));
  tcase_add_loop_test (tcase, test_faults_row_20_long_number, 0, N_WRONG);
  tcase_add_loop_test (tcase, test_faults_row_12_long_number, 0, N_WRONG);
  tcase_add_loop_test (tcase, test_faults_row_12_long_name_length, 0, N_WRONG);
  tcase_add_test (tcase, test_faults_row_12_long_header);
  tcase_add_loop_test (tcase, test_faults_row_17_bools, 0, 2);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
