/* SPDX-License-Identifier: Apache-2.0 */
/* Values that nest too deep, docs/faults.md, row 18, whether generated code reads them or skips
 * them: structs and containers count alike, the result itself is the first level, and 64 are
 * allowed. Deeper ones cost neither stack nor memory. */

#include "support/tlc-harness.h"

#define MAX_LEVELS 64
#define MARGIN (64 * 1024 * 1024)

static const char too_deep[] = "nested more than 64 deep";

/* An "echo_tree" of so many levels: the result, a tree, its list of children, a tree, ... */
static TlcWire *
new_tree (guint levels)
{
  g_autoptr (TlcWire) child = tlc_wire_new ();
  const guint n_children = (levels - 2) / 2;
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_field (child, T_LIST, 2);
  tlc_wire_list (child, T_STRUCT, 1);
  tlc_wire_reply_begin (wire, "echo_tree");
  tlc_wire_field (wire, T_STRUCT, 0);
  tlc_wire_repeat (wire, child, n_children);
  tlc_wire_struct (wire);
  if (levels % 2 == 1)
    {
      tlc_wire_field (wire, T_LIST, 2);
      tlc_wire_list (wire, T_STRUCT, 0);
    }
  tlc_wire_fill (wire, T_STOP, n_children);
  tlc_wire_stop (wire);
  tlc_wire_reply_end (wire);
  return wire;
}

/* A right "add" behind which a field that nobody knows nests so deep, the result counted: @level as
 * often as it takes, then @end, then @behind for each. */
static TlcWire *
new_skipped (int type, guint levels, const TlcWire *level, const TlcWire *end, int behind)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_I32, 0);
  tlc_wire_i32 (wire, 3);
  tlc_wire_field (wire, type, 99);
  tlc_wire_repeat (wire, level, levels - 2);
  tlc_wire_repeat (wire, end, 1);
  if (behind >= 0)
    tlc_wire_fill (wire, (guint8) behind, levels - 2);
  tlc_wire_reply_end (wire);
  return wire;
}

static TlcWire *
new_structs (guint levels)
{
  g_autoptr (TlcWire) level = tlc_wire_new ();
  g_autoptr (TlcWire) end = tlc_wire_new ();

  tlc_wire_field (level, T_STRUCT, 1);
  tlc_wire_stop (end);
  return new_skipped (T_STRUCT, levels, level, end, T_STOP);
}

static TlcWire *
new_lists (guint levels)
{
  g_autoptr (TlcWire) level = tlc_wire_new ();
  g_autoptr (TlcWire) end = tlc_wire_new ();

  tlc_wire_list (level, T_LIST, 1);
  tlc_wire_list (end, T_I32, 0);
  return new_skipped (T_LIST, levels, level, end, -1);
}

static TlcWire *
new_sets (guint levels)
{
  g_autoptr (TlcWire) level = tlc_wire_new ();
  g_autoptr (TlcWire) end = tlc_wire_new ();

  tlc_wire_list (level, T_SET, 1);
  tlc_wire_list (end, T_I32, 0);
  return new_skipped (T_SET, levels, level, end, -1);
}

static TlcWire *
new_maps (guint levels)
{
  g_autoptr (TlcWire) level = tlc_wire_new ();
  g_autoptr (TlcWire) end = tlc_wire_new ();

  tlc_wire_map (level, T_BYTE, T_MAP, 1);
  tlc_wire_byte (level, 'k');
  tlc_wire_map (end, T_BYTE, T_BYTE, 0);
  return new_skipped (T_MAP, levels, level, end, -1);
}

/* Maps that nest in their keys. */
static TlcWire *
new_keys (guint levels)
{
  g_autoptr (TlcWire) level = tlc_wire_new ();
  g_autoptr (TlcWire) end = tlc_wire_new ();

  tlc_wire_map (level, T_MAP, T_BYTE, 1);
  tlc_wire_map (end, T_BYTE, T_BYTE, 0);
  return new_skipped (T_MAP, levels, level, end, 'v');
}

/* @has_empty: the innermost is an empty container, into which the walk that looks for an unframed
 * message's end does not go: it is refused when it is read. */
static const struct {
  TlcWire *(*build) (guint levels);
  gboolean has_empty;
} skipped[] = {
  { new_structs, FALSE }, { new_lists, TRUE }, { new_sets, TRUE }, { new_maps, TRUE },
  { new_keys, TRUE },
};

/* Law 5: a tree of 64 levels is taken, one of 65 not. */
START_TEST (test_faults_row_18_tree)
{
  tlc_harness_takes (new_tree (MAX_LEVELS - 1), tlc_harness_tree);
  tlc_harness_takes (new_tree (MAX_LEVELS), tlc_harness_tree);
  tlc_harness_refuses (new_tree (MAX_LEVELS + 1), tlc_harness_tree, TLC_ERROR_PROTOCOL,
                       TLC_DELIVERY_ANSWERED, too_deep);
}
END_TEST

/* Law 5: a tree of a million levels takes no more than the bytes it came in. */
START_TEST (test_faults_row_18_endless_tree)
{
  gsize before = tlc_harness_measure_space ();

  tlc_harness_refuses_structure (new_tree (1000000), tlc_harness_tree, too_deep);
  tlc_harness_assert_space (before, MARGIN);
}
END_TEST

/* Law 5: the bound holds for each form of nesting where nobody knows the field. */
START_TEST (test_faults_row_18_skipped)
{
  TlcWire *reply = skipped[_i].build (MAX_LEVELS + 1);

  tlc_harness_takes (skipped[_i].build (MAX_LEVELS), tlc_harness_add);
  if (skipped[_i].has_empty)
    tlc_harness_refuses (reply, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                         too_deep);
  else
    tlc_harness_refuses_structure (reply, tlc_harness_add, too_deep);
}
END_TEST

/* Law 5: a million levels of any form where nobody knows the field are refused without memory or
 * stack for them. */
START_TEST (test_faults_row_18_endless_skipped)
{
  gsize before = tlc_harness_measure_space ();

  tlc_harness_refuses_structure (skipped[_i].build (1000000), tlc_harness_add, too_deep);
  tlc_harness_assert_space (before, MARGIN);
}
END_TEST

/* Law 5: levels end with what opened them: four hundred values in a row, each nested as deep as
 * allowed, are not deep. */
START_TEST (test_faults_row_18_side_by_side)
{
  g_autoptr (TlcWire) level = tlc_wire_new ();
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_list (level, T_LIST, 1);
  tlc_wire_reply_begin (wire, "add");
  for (int id = 1; id <= 400; id++)
    {
      tlc_wire_field (wire, T_LIST, id);
      tlc_wire_repeat (wire, level, MAX_LEVELS - 2);
      tlc_wire_list (wire, T_I32, 0);
    }
  tlc_wire_reply_end (wire);
  tlc_harness_takes (wire, tlc_harness_add);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-nesting");
  TCase *tcase = tcase_create ("nesting");

  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_faults_row_18_tree);
  tcase_add_test (tcase, test_faults_row_18_endless_tree);
  tcase_add_loop_test (tcase, test_faults_row_18_skipped, 0, G_N_ELEMENTS (skipped));
  tcase_add_loop_test (tcase, test_faults_row_18_endless_skipped, 0, G_N_ELEMENTS (skipped));
  tcase_add_test (tcase, test_faults_row_18_side_by_side);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
