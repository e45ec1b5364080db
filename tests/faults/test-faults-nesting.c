/* SPDX-License-Identifier: Apache-2.0 */
/* Values that nest too deep, docs/faults.md, row 18, whether generated code reads them or skips them:
 * structs and containers count alike, the result itself is the first level, and 64 are allowed.
 * Deeper ones cost neither stack nor memory. */

#include "support/tlc-harness.h"

#define MAX_LEVELS 64
#define MARGIN (64 * 1024 * 1024)

static const char too_deep[] = "nested more than 64 deep";

/* An "echo_tree" of so many levels: the result, a tree, its list of children, a tree, ... */
static TlcWire *
new_tree (guint levels)
{
  const guint8 child[] = { T_LIST, 0, 2, T_STRUCT, 0, 0, 0, 1 };
  const guint n_children = (levels - 2) / 2;
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "echo_tree");
  tlc_wire_field (wire, T_STRUCT, 0);
  tlc_wire_repeat (wire, child, sizeof child, n_children);
  if (levels % 2 == 1)
    {
      tlc_wire_field (wire, T_LIST, 2);
      tlc_wire_list (wire, T_STRUCT, 0);
    }
  tlc_wire_fill (wire, T_STOP, n_children + 1);
  tlc_wire_reply_end (wire);
  return wire;
}

/* A right "add" behind which a field that nobody knows nests so deep, the result counted. */
typedef TlcWire *(*NewSkipped) (guint levels);

static TlcWire *
begin_skipped (int type)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_I32, 0);
  tlc_wire_i32 (wire, 3);
  tlc_wire_field (wire, type, 99);
  return wire;
}

static TlcWire *
new_structs (guint levels)
{
  const guint8 level[] = { T_STRUCT, 0, 1 };
  TlcWire *wire = begin_skipped (T_STRUCT);

  tlc_wire_repeat (wire, level, sizeof level, levels - 2);
  tlc_wire_fill (wire, T_STOP, levels - 1);
  tlc_wire_reply_end (wire);
  return wire;
}

static TlcWire *
new_lists (guint levels)
{
  const guint8 level[] = { T_LIST, 0, 0, 0, 1 };
  TlcWire *wire = begin_skipped (T_LIST);

  tlc_wire_repeat (wire, level, sizeof level, levels - 2);
  tlc_wire_list (wire, T_I32, 0);
  tlc_wire_reply_end (wire);
  return wire;
}

static TlcWire *
new_sets (guint levels)
{
  const guint8 level[] = { T_SET, 0, 0, 0, 1 };
  TlcWire *wire = begin_skipped (T_SET);

  tlc_wire_repeat (wire, level, sizeof level, levels - 2);
  tlc_wire_list (wire, T_I32, 0);
  tlc_wire_reply_end (wire);
  return wire;
}

static TlcWire *
new_maps (guint levels)
{
  const guint8 level[] = { T_BYTE, T_MAP, 0, 0, 0, 1, 'k' };
  TlcWire *wire = begin_skipped (T_MAP);

  tlc_wire_repeat (wire, level, sizeof level, levels - 2);
  tlc_wire_map (wire, T_BYTE, T_BYTE, 0);
  tlc_wire_reply_end (wire);
  return wire;
}

/* Maps that nest in their keys. */
static TlcWire *
new_keys (guint levels)
{
  const guint8 level[] = { T_MAP, T_BYTE, 0, 0, 0, 1 };
  TlcWire *wire = begin_skipped (T_MAP);

  tlc_wire_repeat (wire, level, sizeof level, levels - 2);
  tlc_wire_map (wire, T_BYTE, T_BYTE, 0);
  tlc_wire_fill (wire, 'v', levels - 2);
  tlc_wire_reply_end (wire);
  return wire;
}

static const NewSkipped skipped[] = { new_structs, new_lists, new_sets, new_maps, new_keys };

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
  tlc_harness_refuses_within (new_tree (1000000), tlc_harness_tree, TLC_ERROR_PROTOCOL,
                              TLC_DELIVERY_ANSWERED, too_deep, MARGIN);
}
END_TEST

/* Law 5: the bound holds for each form of nesting where nobody knows the field. */
START_TEST (test_faults_row_18_skipped)
{
  tlc_harness_takes (skipped[_i] (MAX_LEVELS), tlc_harness_add);
  tlc_harness_refuses (skipped[_i] (MAX_LEVELS + 1), tlc_harness_add, TLC_ERROR_PROTOCOL,
                       TLC_DELIVERY_ANSWERED, too_deep);
}
END_TEST

/* Law 5: a million levels of it do no harm either. */
START_TEST (test_faults_row_18_endless_skipped)
{
  tlc_harness_refuses_within (skipped[_i] (1000000), tlc_harness_add, TLC_ERROR_PROTOCOL,
                              TLC_DELIVERY_ANSWERED, too_deep, MARGIN);
}
END_TEST

/* Law 5: levels end with what opened them: four hundred values in a row, each nested as deep as
 * allowed, are not deep. */
START_TEST (test_faults_row_18_side_by_side)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "add");
  for (int id = 1; id <= 400; id++)
    {
      const guint8 level[] = { T_LIST, 0, 0, 0, 1 };

      tlc_wire_field (wire, T_LIST, id);
      tlc_wire_repeat (wire, level, sizeof level, MAX_LEVELS - 2);
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
