/* SPDX-License-Identifier: Apache-2.0 */
/* Structs whose fields are not as they should be, docs/faults.md, row 19: twice, or missing. A
 * field that comes twice frees memory of another kind in generated code; what is missing is the
 * interface's business, and documented. */

#include "support/tlc-harness.h"

static const char twice[] = "a field stands twice in a struct";

/* -- twice -- */

/* An "echo_everything" whose struct has field @id twice, of a type of ours so that any id is
 * skipped. */
static TlcWire *
new_twice (int id)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "echo_everything");
  tlc_wire_field (wire, T_STRUCT, 0);
  tlc_wire_struct (wire);
  for (int i = 0; i < 2; i++)
    {
      tlc_wire_field (wire, T_BYTE, id);
      tlc_wire_byte (wire, 1);
      tlc_wire_field (wire, T_BYTE, (id ^ 0x1000) + i); /* others, to have something between */
      tlc_wire_byte (wire, 1);
    }
  tlc_wire_stop (wire);
  tlc_wire_reply_end (wire);
  return wire;
}

/* Law 3: each id from 0 to 65 and the extremes, known to the interface or not: twice is refused. */
START_TEST (test_faults_row_19_twice)
{
  const int far[] = { 127, 128, 255, 256, 300, G_MAXINT16, -1, -5, -64, -300, G_MININT16 };
  const guint n_near = 66;
  const guint n = n_near + G_N_ELEMENTS (far);
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  for (guint i = 0; i < n; i++)
    {
      tlc_script_accept (harness.script);
      tlc_script_read (harness.script);
      tlc_script_send (harness.script, new_twice (i < n_near ? (int) i : far[i - n_near]));
    }
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  for (guint i = 0; i < n; i++)
    {
      tlc_harness_must_fail (&harness, tlc_harness_everything, TLC_ERROR_PROTOCOL,
                             TLC_DELIVERY_ANSWERED, twice);
      ck_assert (tlc_script_wait_closed (harness.script, i));
    }
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), n + 1);
  tlc_harness_end (&harness);
}
END_TEST

static void
add_value (TlcWire *wire, int type, int id)
{
  tlc_wire_field (wire, type, id);
  switch (type)
    {
    case T_BOOL:
      tlc_wire_bool (wire, TRUE);
      break;
    case T_STRING:
      tlc_wire_string (wire, "something");
      break;
    case T_STRUCT:
      tlc_wire_struct (wire);
      tlc_wire_stop (wire);
      break;
    case T_MAP:
      tlc_wire_map (wire, T_STRING, T_I32, 0);
      break;
    case T_LIST:
      tlc_wire_list (wire, T_STRING, 0);
      break;
    default:
      tlc_wire_i32 (wire, 1);
    }
}

/* Law 7: twice is refused of the fields, too, that generated code would free in the wrong way, or
 * lose: a string, a binary, a struct, containers. */
START_TEST (test_faults_row_19_twice_as_declared)
{
  const struct { int type, id; } fields[] = {
    { T_I32, 4 }, { T_STRING, 7 }, { T_STRING, 8 }, { T_STRUCT, 11 },
    { T_LIST, 18 }, { T_MAP, 25 }, { T_I32, 300 }, { T_I32, 64 }, { T_BOOL, 1 },
  };
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "echo_everything");
  tlc_wire_field (wire, T_STRUCT, 0);
  tlc_wire_struct (wire);
  add_value (wire, fields[_i].type, fields[_i].id);
  add_value (wire, fields[_i].type, fields[_i].id);
  tlc_wire_stop (wire);
  tlc_wire_reply_end (wire);
  tlc_harness_refuses (wire, tlc_harness_everything, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED,
                       twice);
}
END_TEST

/* Law 3: twice is refused in the result, in an exception and in what is skipped, which are structs
 * too. */
START_TEST (test_faults_row_19_twice_elsewhere)
{
  TlcWire *wire = tlc_wire_new ();

  if (_i == 0)
    {
      tlc_wire_reply_begin (wire, "echo_string");
      add_value (wire, T_STRING, 0);
      add_value (wire, T_STRING, 0);
    }
  else if (_i == 1)
    {
      tlc_wire_frame_begin (wire);
      tlc_wire_message (wire, T_EXCEPTION, "echo_string");
      add_value (wire, T_STRING, 1);
      add_value (wire, T_STRING, 1);
    }
  else
    {
      tlc_wire_reply_begin (wire, "echo_string");
      tlc_wire_field (wire, T_STRUCT, 99);
      tlc_wire_struct (wire);
      add_value (wire, T_STRING, _i == 2 ? 7 : 700);
      add_value (wire, T_STRING, _i == 2 ? 7 : 700);
      tlc_wire_stop (wire);
    }
  tlc_wire_reply_end (wire);
  tlc_harness_refuses (wire, tlc_harness_string, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED, twice);
}
END_TEST

/* A struct with @id before and @last behind a struct that has @id, too. */
static TlcWire *
new_around (int id, int last)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "add");
  add_value (wire, T_STRING, id);
  for (int i = 0; i < 2; i++)
    {
      tlc_wire_field (wire, T_STRUCT, 50 + i);
      tlc_wire_struct (wire);
      add_value (wire, T_STRING, id);
      add_value (wire, T_STRING, last);
      tlc_wire_stop (wire);
    }
  add_value (wire, T_STRING, last);
  tlc_wire_reply_end (wire);
  return wire;
}

/* Law 3: ids are counted for each struct alone: those of one inside do not count outside, and do
 * not hide them. */
START_TEST (test_faults_row_19_twice_around_a_struct)
{
  const int ids[] = { 7, 300, -7 };
  TlcWire *wire;

  tlc_harness_takes (new_around (ids[_i], ids[_i] + 1), tlc_harness_add);
  wire = tlc_wire_new ();
  tlc_wire_reply_begin (wire, "add");
  add_value (wire, T_STRING, ids[_i]);
  tlc_wire_field (wire, T_STRUCT, 50);
  tlc_wire_struct (wire);
  add_value (wire, T_STRING, ids[_i]);
  tlc_wire_stop (wire);
  add_value (wire, T_STRING, ids[_i]);
  tlc_wire_reply_end (wire);
  tlc_harness_refuses (wire, tlc_harness_add, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED, twice);
}
END_TEST

static TlcWire *
new_far_fields (int n)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "add");
  for (int i = 0; i < n; i++)
    add_value (wire, T_I32, 1000 + i);
  tlc_wire_reply_end (wire);
  return wire;
}

/* Law 5: what is remembered of a struct has a bound, beyond what any interface needs. */
START_TEST (test_faults_row_19_many_fields)
{
  tlc_harness_takes (new_far_fields (512), tlc_harness_add);
  tlc_harness_refuses (new_far_fields (513), tlc_harness_add, TLC_ERROR_PROTOCOL,
                       TLC_DELIVERY_ANSWERED, "more than 512 fields");
  tlc_harness_refuses (new_far_fields (30000), tlc_harness_add, TLC_ERROR_PROTOCOL,
                       TLC_DELIVERY_ANSWERED, "more than 512 fields");
}
END_TEST

/* -- missing -- */

/* Law 3: a struct without its required field is generated code's error, the call is over all the
 * same, and the next one has its own answer. */
START_TEST (test_faults_row_19_missing_required)
{
  g_autoptr (GError) error = NULL;
  TlcWire *reply = tlc_wire_new ();
  TlcHarness harness;

  tlc_wire_reply_begin (reply, "echo_strict");
  tlc_wire_field (reply, T_STRUCT, 0);
  tlc_wire_struct (reply);
  add_value (reply, T_I32, 2);
  tlc_wire_stop (reply);
  tlc_wire_reply_end (reply);
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, reply);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  ck_assert (!tlc_harness_strict (tlc_echo_client (harness.service), &error));
  ck_assert (g_error_matches (error, THRIFT_PROTOCOL_ERROR, THRIFT_PROTOCOL_ERROR_INVALID_DATA));
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_ANSWERED);
  tlc_echo_must_add (harness.service);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: a struct with its required field is taken. */
START_TEST (test_faults_row_19_required)
{
  TlcWire *reply = tlc_wire_new ();

  tlc_wire_reply_begin (reply, "echo_strict");
  tlc_wire_field (reply, T_STRUCT, 0);
  tlc_wire_struct (reply);
  add_value (reply, T_I32, 1);
  tlc_wire_stop (reply);
  tlc_wire_reply_end (reply);
  tlc_harness_takes (reply, tlc_harness_strict);
}
END_TEST

/* Law 3: a reply without a result is a success that leaves the value as it was, as c_glib has it:
 * the protocol cannot know that the method is not void. The same for a result of another type. The
 * connection stays. */
START_TEST (test_faults_row_19_missing_result)
{
  g_autoptr (GError) error = NULL;
  TlcWire *reply = tlc_wire_new ();
  gint32 sum = 4711;
  TlcHarness harness;

  tlc_wire_reply_begin (reply, "add");
  if (_i == 1)
    add_value (reply, T_STRING, 0);
  tlc_wire_reply_end (reply);
  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, reply);
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, NULL);

  ck_assert (echo_if_add (tlc_echo_client (harness.service), &sum, 1, 2, &error));
  ck_assert_ptr_null (error);
  ck_assert_int_eq (sum, 4711);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-fields");
  TCase *tcase = tcase_create ("twice");

  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_faults_row_19_twice);
  tcase_add_loop_test (tcase, test_faults_row_19_twice_as_declared, 0, 9);
  tcase_add_loop_test (tcase, test_faults_row_19_twice_elsewhere, 0, 4);
  tcase_add_loop_test (tcase, test_faults_row_19_twice_around_a_struct, 0, 3);
  tcase_add_test (tcase, test_faults_row_19_many_fields);
  suite_add_tcase (suite, tcase);

  tcase = tcase_create ("missing");
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_faults_row_19_missing_required);
  tcase_add_test (tcase, test_faults_row_19_required);
  tcase_add_loop_test (tcase, test_faults_row_19_missing_result, 0, 2);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
