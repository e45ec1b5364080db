/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are not what they say, docs/faults.md, rows 16, 17 and 51: strings and containers that
 * claim more than there is, types that do not exist, elements of another type than the interface
 * has. Generated code believes them all; the protocol must not. Each is tried where generated
 * code reads it and where it is skipped. */

#include "support/tlc-harness.h"

/* -- strings -- */

static void
begin_string (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "echo_string");
  tlc_wire_field (wire, T_STRING, 0);
}

static void
begin_binary (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "echo_binary");
  tlc_wire_field (wire, T_STRING, 0);
}

static void
begin_word (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "words");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_list (wire, T_STRING, 2);
  tlc_wire_string (wire, "a right one");
}

static void
begin_key (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "echo_map");
  tlc_wire_field (wire, T_MAP, 0);
  tlc_wire_map (wire, T_STRING, T_I32, 1);
}

static void
begin_member (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "samples");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_list (wire, T_STRUCT, 1);
  tlc_wire_field (wire, T_STRING, 2);
}

static void
begin_unknown (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_STRING, 99);
}

static void
begin_unknown_key (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_MAP, 99);
  tlc_wire_map (wire, T_STRING, T_I32, 1);
}

static void
begin_reason (TlcWire *wire)
{
  tlc_wire_frame_begin (wire);
  tlc_wire_message (wire, T_EXCEPTION, "add");
  tlc_wire_field (wire, T_STRING, 1);
}

/* Where a string may stand, and how many bytes end the message behind it. */
static const struct {
  void (*begin) (TlcWire *wire);
  TlcHarnessCall call;
  guint n_behind;
} places[] = {
  { begin_string, tlc_harness_string, 1 },
  { begin_binary, tlc_harness_binary, 1 },
  { begin_word, tlc_harness_words, 1 },
  { begin_key, tlc_harness_map, 5 },
  { begin_member, tlc_harness_samples, 2 },
  { begin_unknown, tlc_harness_add, 1 },
  { begin_unknown_key, tlc_harness_add, 5 },
  { begin_reason, tlc_harness_add, 1 },
};

static TlcWire *
new_string (guint place, gint32 length)
{
  TlcWire *wire = tlc_wire_new ();

  places[place].begin (wire);
  tlc_wire_claim (wire, length);
  tlc_wire_raw (wire, "text", 4);
  tlc_wire_fill (wire, 0, places[place].n_behind);
  tlc_wire_frame_end (wire);
  return wire;
}

/* Law 5: a string that is negative, one byte longer than what is left, or as long as 31 bits
 * allow is refused, and not with memory. */
START_TEST (test_faults_row_16_string_length)
{
  const guint place = (guint) _i % G_N_ELEMENTS (places);
  const gint32 one_more = 4 + (gint32) places[place].n_behind + 1;
  const gint32 lengths[] = { -1, G_MININT32, one_more, G_MAXINT32 - 1, G_MAXINT32 };
  const gint32 length = lengths[(guint) _i / G_N_ELEMENTS (places)];
  const char *text = length < 0 ? "a length is negative" : "exceeds the bytes that are left";

  tlc_harness_refuses_within (new_string (place, length), places[place].call, TLC_ERROR_PROTOCOL,
                              TLC_DELIVERY_ANSWERED, text, 8 * 1024 * 1024);
}
END_TEST

/* Law 5: the strings above are refused for their length: with the right one they are taken. The
 * last place is in an exception, which is no success. */
START_TEST (test_faults_row_16_string_of_right_length)
{
  tlc_harness_takes (new_string ((guint) _i, 4), places[_i].call);
}
END_TEST

/* -- containers -- */

/* A container behind a field of @id, with @data zeros in it. */
static TlcWire *
new_container (const char *method, int id, int container, int first, int second, gint32 count,
               guint data)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, method);
  tlc_wire_field (wire, container, id);
  if (container == T_MAP)
    tlc_wire_map (wire, first, second, count);
  else
    tlc_wire_list (wire, first, count);
  tlc_wire_fill (wire, 0, data);
  tlc_wire_reply_end (wire);
  return wire;
}

static const char negative[] = "a length is negative";
static const char exceeds[] = "exceeds the bytes that are left";
static const char unknown[] = "unknown type";

static const struct {
  const char *method;
  TlcHarnessCall call;
  int container, first, second;
  gint32 count;
  guint data;
  const char *text;
} counts[] = {
  { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, -1, 8, negative },
  { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, G_MININT32, 8, negative },
  { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, 3, 8, exceeds },
  { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, 1 << 30, 8, exceeds },
  { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, G_MAXINT32, 8, exceeds },
  { "echo_set", tlc_harness_set, T_SET, T_I32, 0, -1, 8, negative },
  { "echo_set", tlc_harness_set, T_SET, T_I32, 0, 3, 8, exceeds },
  { "echo_set", tlc_harness_set, T_SET, T_I32, 0, G_MAXINT32, 8, exceeds },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_I32, -1, 8, negative },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_I32, 2, 8, exceeds },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_I32, 1 << 29, 8, exceeds },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_I32, G_MAXINT32, 8, exceeds },
  { "samples", tlc_harness_samples, T_LIST, T_STRUCT, 0, 10, 8, exceeds },
  { "samples", tlc_harness_samples, T_LIST, T_STRUCT, 0, G_MAXINT32, 8, exceeds },
  { "words", tlc_harness_words, T_LIST, T_STRING, 0, 3, 8, exceeds },
  { "echo_list", tlc_harness_list, T_LIST, 0, 0, 1, 8, unknown },
  { "echo_list", tlc_harness_list, T_LIST, T_VOID, 0, 1, 8, unknown },
  { "echo_list", tlc_harness_list, T_LIST, 5, 0, 1, 8, unknown },
  { "echo_list", tlc_harness_list, T_LIST, 7, 0, 1, 8, unknown },
  { "echo_list", tlc_harness_list, T_LIST, T_U64, 0, 1, 8, unknown },
  { "echo_list", tlc_harness_list, T_LIST, T_UTF8, 0, 1, 8, unknown },
  { "echo_list", tlc_harness_list, T_LIST, T_UTF16, 0, 1, 8, unknown },
  { "echo_list", tlc_harness_list, T_LIST, 77, 0, 1, 8, unknown },
  { "echo_list", tlc_harness_list, T_LIST, 255, 0, 1, 8, unknown },
  { "echo_set", tlc_harness_set, T_SET, T_VOID, 0, 1, 8, unknown },
  { "echo_set", tlc_harness_set, T_SET, 77, 0, 1, 8, unknown },
  { "echo_map", tlc_harness_map, T_MAP, T_VOID, T_I32, 1, 8, unknown },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_VOID, 1, 8, unknown },
  { "echo_map", tlc_harness_map, T_MAP, 77, T_I32, 1, 8, unknown },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, 77, 1, 8, unknown },
};

/* Law 5: a container counts no more than there are bytes for, of types that there are. */
START_TEST (test_faults_row_17_container)
{
  TlcWire *reply = new_container (counts[_i].method, 0, counts[_i].container, counts[_i].first,
                                  counts[_i].second, counts[_i].count, counts[_i].data);

  tlc_harness_refuses (reply, counts[_i].call, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                       counts[_i].text);
}
END_TEST

/* Law 5: the same where nobody knows the field. */
START_TEST (test_faults_row_17_container_skipped)
{
  TlcWire *reply = new_container ("add", 99, counts[_i].container, counts[_i].first,
                                  counts[_i].second, counts[_i].count, counts[_i].data);

  tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                       counts[_i].text);
}
END_TEST

/* Law 5: a field's own type, too, must be one that there is. */
START_TEST (test_faults_row_17_field_type)
{
  const int types[] = { T_VOID, 5, 7, T_U64, T_UTF8, T_UTF16, 31, 32, 77, 255 };
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_reply_begin (reply, "add");
  tlc_wire_field (reply, types[_i % 10], _i < 10 ? 0 : 99);
  tlc_wire_i64 (reply, 0);
  tlc_wire_reply_end (reply);
  tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED, unknown);
}
END_TEST

/* Law 3: what is refused above is refused for its count: as many as there are bytes for are taken;
 * and an empty container may leave its types open, as some writers do. */
START_TEST (test_faults_row_17_right_container)
{
  switch (_i)
    {
    case 0:
      tlc_harness_takes (new_container ("echo_list", 0, T_LIST, T_I32, 0, 2, 8), tlc_harness_list);
      break;
    case 1:
      tlc_harness_takes (new_container ("echo_set", 0, T_SET, T_I32, 0, 1, 4), tlc_harness_set);
      break;
    case 2:
      tlc_harness_takes (new_container ("echo_map", 0, T_MAP, T_STRING, T_I32, 1, 8),
                         tlc_harness_map);
      break;
    case 3:
      tlc_harness_takes (new_container ("samples", 0, T_LIST, T_STRUCT, 0, 9, 9),
                         tlc_harness_samples);
      break;
    case 4:
      tlc_harness_takes (new_container ("words", 0, T_LIST, T_STRING, 0, 2, 8), tlc_harness_words);
      break;
    case 5:
      tlc_harness_takes (new_container ("echo_map", 0, T_MAP, 0, 0, 0, 0), tlc_harness_map);
      break;
    default:
      tlc_harness_takes (new_container ("echo_list", 0, T_LIST, 0, 0, 0, 0), tlc_harness_list);
    }
}
END_TEST

/* -- types -- */

static const struct {
  const char *method;
  TlcHarnessCall call;
  int container, first, second;
  guint data; /* of two elements, all zeros: right values of the wrong type */
} others[] = {
  { "echo_list", tlc_harness_list, T_LIST, T_STRING, 0, 8 },
  { "echo_list", tlc_harness_list, T_LIST, T_BOOL, 0, 2 },
  { "echo_list", tlc_harness_list, T_LIST, T_BYTE, 0, 2 },
  { "echo_list", tlc_harness_list, T_LIST, T_I16, 0, 4 },
  { "echo_list", tlc_harness_list, T_LIST, T_I64, 0, 16 },
  { "echo_list", tlc_harness_list, T_LIST, T_DOUBLE, 0, 16 },
  { "echo_list", tlc_harness_list, T_LIST, T_STRUCT, 0, 2 },
  { "echo_list", tlc_harness_list, T_LIST, T_LIST, 0, 10 },
  { "echo_list", tlc_harness_list, T_LIST, T_SET, 0, 10 },
  { "echo_list", tlc_harness_list, T_LIST, T_MAP, 0, 12 },
  { "echo_set", tlc_harness_set, T_SET, T_STRING, 0, 8 },
  { "echo_set", tlc_harness_set, T_SET, T_I64, 0, 16 },
  { "echo_map", tlc_harness_map, T_MAP, T_I32, T_I32, 16 },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_STRING, 16 },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_I64, 24 },
  { "echo_map", tlc_harness_map, T_MAP, T_I32, T_STRING, 16 },
  { "samples", tlc_harness_samples, T_LIST, T_I32, 0, 8 },
  { "samples", tlc_harness_samples, T_LIST, T_BYTE, 0, 2 },
  { "words", tlc_harness_words, T_LIST, T_I32, 0, 8 },
  { "words", tlc_harness_words, T_LIST, T_LIST, 0, 10 },
};

/* Law 3: elements of another type than the interface says are refused, though generated code does
 * not look: their bytes would be taken for something else. */
START_TEST (test_faults_row_51_element_type)
{
  TlcWire *reply = new_container (others[_i].method, 0, others[_i].container, others[_i].first,
                                  others[_i].second, 2, others[_i].data);

  tlc_harness_refuses (reply, others[_i].call, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                       "of another type than its place has");
}
END_TEST

/* Law 3: the same one level down: list<list<i32>> with strings in it, map<string, list<i64>> with
 * i32. */
START_TEST (test_faults_row_51_element_type_nested)
{
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_reply_begin (reply, "echo_everything");
  tlc_wire_field (reply, T_STRUCT, 0);
  if (_i == 0)
    {
      tlc_wire_field (reply, T_LIST, 22);
      tlc_wire_list (reply, T_LIST, 1);
      tlc_wire_list (reply, T_STRING, 2);
    }
  else
    {
      tlc_wire_field (reply, T_MAP, 27);
      tlc_wire_map (reply, T_STRING, T_LIST, 1);
      tlc_wire_string (reply, "key");
      tlc_wire_list (reply, T_I32, 2);
    }
  tlc_wire_fill (reply, 0, 8);
  tlc_wire_stop (reply);
  tlc_wire_reply_end (reply);
  tlc_harness_refuses (reply, tlc_harness_everything, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                       "of another type than its place has");
}
END_TEST

static void
add_loop (Suite *suite, const char *name, const TTest *test, int n)
{
  TCase *tcase = tcase_create (name);

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test, 0, n);
  suite_add_tcase (suite, tcase);
}

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-decode");

  add_loop (suite, "strings", test_faults_row_16_string_length, 5 * G_N_ELEMENTS (places));
  add_loop (suite, "strings", test_faults_row_16_string_of_right_length, G_N_ELEMENTS (places) - 1);
  add_loop (suite, "containers", test_faults_row_17_container, G_N_ELEMENTS (counts));
  add_loop (suite, "containers", test_faults_row_17_container_skipped, G_N_ELEMENTS (counts));
  add_loop (suite, "containers", test_faults_row_17_field_type, 20);
  add_loop (suite, "containers", test_faults_row_17_right_container, 7);
  add_loop (suite, "types", test_faults_row_51_element_type, G_N_ELEMENTS (others));
  add_loop (suite, "types", test_faults_row_51_element_type_nested, 2);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
