/* SPDX-License-Identifier: Apache-2.0 */
/* Types that are not as they should be, docs/faults.md, rows 17 and 51: those that do not exist,
 * and elements of another type than the interface has. Generated code looks at neither; the
 * protocol must. Each is tried where generated code reads it and where it is skipped. */

#include "support/tlc-harness.h"

/* -- that there are not -- */

static const char unknown[] = "unknown type";

static const struct {
  const char *method;
  TlcHarnessCall call;
  int container, first, second;
} unknowns[] = {
  { "echo_list", tlc_harness_list, T_LIST, T_STOP, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_VOID, 0 },
  { "echo_list", tlc_harness_list, T_LIST, 5, 0 },
  { "echo_list", tlc_harness_list, T_LIST, 7, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_U64, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_UTF8, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_UTF16, 0 },
  { "echo_list", tlc_harness_list, T_LIST, 77, 0 },
  { "echo_list", tlc_harness_list, T_LIST, 255, 0 },
  { "echo_set", tlc_harness_set, T_SET, T_VOID, 0 },
  { "echo_set", tlc_harness_set, T_SET, 77, 0 },
  { "echo_map", tlc_harness_map, T_MAP, T_VOID, T_I32 },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_VOID },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_STOP },
  { "echo_map", tlc_harness_map, T_MAP, 77, T_I32 },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, 77 },
};

static TlcWire *
new_unknown (const char *method, int id, int i)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, method);
  tlc_wire_field (wire, unknowns[i].container, id);
  if (unknowns[i].container == T_MAP)
    tlc_wire_map (wire, unknowns[i].first, unknowns[i].second, 1);
  else
    tlc_wire_list (wire, unknowns[i].first, 1);
  tlc_wire_fill (wire, 0, 8);
  tlc_wire_reply_end (wire);
  return wire;
}

/* Law 5: a container's elements are of types that there are. */
START_TEST (test_faults_row_17_unknown_type)
{
  tlc_harness_refuses_structure (new_unknown (unknowns[_i].method, 0, _i), unknowns[_i].call,
                                 unknown);
}
END_TEST

/* Law 5: the elements of a container in a field that nobody knows are of types that there are. */
START_TEST (test_faults_row_17_unknown_type_skipped)
{
  tlc_harness_refuses_structure (new_unknown ("add", 99, _i), tlc_harness_add, unknown);
}
END_TEST

static const int no_types[] = { T_VOID, 5, 7, T_U64, T_UTF8, T_UTF16, 31, 32, 77, 255 };

/* Law 5: a field's own type, too, must be one that there is, on a field that is known, on one that
 * is near to it, and on one that is not. */
START_TEST (test_faults_row_17_field_type)
{
  const int ids[] = { 0, 5, 99 };
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_reply_begin (reply, "add");
  tlc_wire_field (reply, no_types[(guint) _i % G_N_ELEMENTS (no_types)],
                  ids[(guint) _i / G_N_ELEMENTS (no_types)]);
  tlc_wire_fill (reply, 0, 8);
  tlc_wire_reply_end (reply);
  tlc_harness_refuses_structure (reply, tlc_harness_add, unknown);
}
END_TEST

/* -- of others -- */

static const struct {
  const char *method;
  TlcHarnessCall call;
  int container, first, second;
} others[] = {
  { "echo_list", tlc_harness_list, T_LIST, T_STRING, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_BOOL, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_BYTE, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_I16, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_I64, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_DOUBLE, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_STRUCT, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_LIST, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_SET, 0 },
  { "echo_list", tlc_harness_list, T_LIST, T_MAP, 0 },
  { "echo_set", tlc_harness_set, T_SET, T_STRING, 0 },
  { "echo_set", tlc_harness_set, T_SET, T_I64, 0 },
  { "echo_map", tlc_harness_map, T_MAP, T_I32, T_I32 },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_STRING },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_I64 },
  { "echo_map", tlc_harness_map, T_MAP, T_I32, T_STRING },
  { "samples", tlc_harness_samples, T_LIST, T_I32, 0 },
  { "samples", tlc_harness_samples, T_LIST, T_BYTE, 0 },
  { "words", tlc_harness_words, T_LIST, T_I32, 0 },
  { "words", tlc_harness_words, T_LIST, T_LIST, 0 },
};

/* Law 3: elements of another type than the interface says are refused, though generated code does
 * not look: their bytes would be taken for something else. */
START_TEST (test_faults_row_51_element_type)
{
  const int first = others[_i].first, second = others[_i].second;
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_reply_begin (reply, others[_i].method);
  tlc_wire_field (reply, others[_i].container, 0);
  if (second != 0)
    tlc_wire_map (reply, first, second, 2);
  else
    tlc_wire_list (reply, first, 2);
  tlc_wire_fill (reply, 0, 2 * tlc_wire_get_zero_size (first));
  if (second != 0)
    tlc_wire_fill (reply, 0, 2 * tlc_wire_get_zero_size (second));
  tlc_wire_reply_end (reply);

  tlc_harness_refuses (reply, others[_i].call, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                       "of another type than its place has");
}
END_TEST

/* Law 3: elements of another type are refused one level down, too: list<list<i32>> with strings in
 * it, map<string, list<i64>> with i32. */
START_TEST (test_faults_row_51_element_type_nested)
{
  const int element_type = _i == 0 ? T_STRING : T_I32;
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_reply_begin (reply, "echo_everything");
  tlc_wire_field (reply, T_STRUCT, 0);
  tlc_wire_struct (reply);
  if (_i == 0)
    {
      tlc_wire_field (reply, T_LIST, 22);
      tlc_wire_list (reply, T_LIST, 1);
    }
  else
    {
      tlc_wire_field (reply, T_MAP, 27);
      tlc_wire_map (reply, T_STRING, T_LIST, 1);
      tlc_wire_string (reply, "key");
    }
  tlc_wire_list (reply, element_type, 2);
  tlc_wire_fill (reply, 0, 2 * tlc_wire_get_zero_size (element_type));
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
  Suite *suite = suite_create ("faults-types");

  add_loop (suite, "unknown", test_faults_row_17_unknown_type, G_N_ELEMENTS (unknowns));
  add_loop (suite, "unknown", test_faults_row_17_unknown_type_skipped, G_N_ELEMENTS (unknowns));
  add_loop (suite, "unknown", test_faults_row_17_field_type, 3 * G_N_ELEMENTS (no_types));
  add_loop (suite, "others", test_faults_row_51_element_type, G_N_ELEMENTS (others));
  add_loop (suite, "others", test_faults_row_51_element_type_nested, 2);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
