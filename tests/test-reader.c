/* SPDX-License-Identifier: Apache-2.0 */

/* What the reader of a reply lets through. */
#include "client/tlc-reader.h"

#include "support/tlc-check.h"

static const guint8 nothing[1];

static TlcReader *
reader_new (gsize budget)
{
  TlcReader *reader = g_new0 (TlcReader, 1);

  tlc_reader_start (reader, nothing, 0, budget);
  return reader;
}

static void
reader_free (TlcReader *reader)
{
  tlc_reader_clear (reader);
  g_free (reader);
}

/* A message holds one struct and nothing else. */
START_TEST (test_reader_message_is_one_struct)
{
  TlcReader *reader = reader_new (0);

  ck_assert (!tlc_reader_value (reader, T_I32));
  ck_assert (tlc_reader_value (reader, T_STRUCT));
  ck_assert (!tlc_reader_value (reader, T_STRUCT));
  reader_free (reader);
}
END_TEST

/* A map's values come in turn, a list's repeat, a field has one value. */
START_TEST (test_reader_expects_what_is_due)
{
  TlcReader *reader = reader_new (0);

  ck_assert_uint_eq (tlc_reader_push (reader, T_STRING, T_I32), TLC_REFUSE_NONE);
  for (int i = 0; i < 3; i++)
    {
      ck_assert (!tlc_reader_value (reader, T_I32));
      ck_assert (tlc_reader_value (reader, T_STRING));
      ck_assert (!tlc_reader_value (reader, T_STRING));
      ck_assert (tlc_reader_value (reader, T_I32));
    }
  ck_assert_uint_eq (tlc_reader_push (reader, T_I64, T_I64), TLC_REFUSE_NONE);
  ck_assert (tlc_reader_value (reader, T_I64));
  ck_assert (tlc_reader_value (reader, T_I64));
  ck_assert (!tlc_reader_value (reader, T_STRUCT));
  tlc_reader_pop (reader);
  ck_assert_uint_eq (tlc_reader_push (reader, T_STOP, T_STOP), TLC_REFUSE_NONE);
  ck_assert (!tlc_reader_value (reader, T_BOOL));
  ck_assert_uint_eq (tlc_reader_field (reader, T_BOOL, 1), TLC_REFUSE_NONE);
  ck_assert (tlc_reader_value (reader, T_BOOL));
  ck_assert (!tlc_reader_value (reader, T_BOOL));
  reader_free (reader);
}
END_TEST

/* Law 5: so deep and no deeper. */
START_TEST (test_reader_depth)
{
  TlcReader *reader = reader_new (0);

  for (int i = 0; i < TLC_READER_MAX_DEPTH; i++)
    ck_assert_uint_eq (tlc_reader_push (reader, T_STOP, T_STOP), TLC_REFUSE_NONE);
  ck_assert_uint_eq (tlc_reader_push (reader, T_STOP, T_STOP), TLC_REFUSE_DEPTH);
  for (int i = 0; i < 2 * TLC_READER_MAX_DEPTH; i++)
    tlc_reader_pop (reader);
  ck_assert_ptr_eq (reader->level, reader->levels);
  reader_free (reader);
}
END_TEST

/* A field id stands once in a struct, at whatever distance, and again in another struct. */
START_TEST (test_reader_duplicate_fields)
{
  static const gint16 ids[] = { 0, 1, 63, 64, 65, 300, -1, G_MININT16, G_MAXINT16, 128, 192, 2 };
  TlcReader *reader = reader_new (0);

  for (int level = 0; level < 3; level++)
    {
      ck_assert_uint_eq (tlc_reader_push (reader, T_STOP, T_STOP), TLC_REFUSE_NONE);
      for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
        ck_assert_uint_eq (tlc_reader_field (reader, T_I32, ids[i]), TLC_REFUSE_NONE);
      for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
        ck_assert_uint_eq (tlc_reader_field (reader, T_I32, ids[i]), TLC_REFUSE_DUPLICATE);
    }
  tlc_reader_pop (reader);
  ck_assert_uint_eq (tlc_reader_field (reader, T_I32, 300), TLC_REFUSE_DUPLICATE);
  ck_assert_uint_eq (tlc_reader_field (reader, T_I32, 301), TLC_REFUSE_NONE);
  ck_assert_uint_eq (tlc_reader_field (reader, T_I32, 301), TLC_REFUSE_DUPLICATE);
  reader_free (reader);
}
END_TEST

/* Law 5: ids beyond the bits are bounded, for each struct of its own. */
START_TEST (test_reader_far_fields_are_bounded)
{
  TlcReader *reader = reader_new (0);

  for (int level = 0; level < 2; level++)
    {
      ck_assert_uint_eq (tlc_reader_push (reader, T_STOP, T_STOP), TLC_REFUSE_NONE);
      for (gint16 i = 0; i < TLC_READER_MAX_FAR_IDS; i++)
        ck_assert_uint_eq (tlc_reader_field (reader, T_I32, (gint16) (1000 + i)), TLC_REFUSE_NONE);
      ck_assert_uint_eq (tlc_reader_field (reader, T_I32, 999), TLC_REFUSE_FAR_IDS);
    }
  reader_free (reader);
}
END_TEST

/* Only types of the wire are types. */
START_TEST (test_reader_types)
{
  static const guint8 known[]
      = { T_BOOL, T_BYTE, T_I16, T_I32, T_I64, T_DOUBLE, T_STRING, T_STRUCT, T_MAP, T_SET, T_LIST };
  guint n = 0;

  for (guint type = 0; type < 256; type++)
    n += tlc_reader_type_is_known ((guint8) type) ? 1 : 0;
  ck_assert_uint_eq (n, G_N_ELEMENTS (known));
  for (guint i = 0; i < n; i++)
    ck_assert (tlc_reader_type_is_known (known[i]));
}
END_TEST

/* Law 5: the budget is spent to the last byte and not beyond. */
START_TEST (test_reader_budget)
{
  TlcReader *reader = reader_new (100);

  ck_assert (tlc_reader_charge (reader, 60));
  ck_assert (!tlc_reader_charge (reader, 41));
  ck_assert (tlc_reader_charge (reader, 40));
  ck_assert (!tlc_reader_charge (reader, 1));
  reader_free (reader);
}
END_TEST

/* After a refusal nothing can be read any more. */
START_TEST (test_reader_stops)
{
  TlcReader *reader = g_new0 (TlcReader, 1);

  tlc_reader_start (reader, (const guint8 *) "12345678", 8, 1000);
  ck_assert_uint_eq (tlc_reader_left (reader), 8);
  tlc_reader_stop (reader);
  ck_assert_uint_eq (tlc_reader_left (reader), 0);
  ck_assert (!tlc_reader_value (reader, T_STRUCT));
  reader_free (reader);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("reader");
  TCase *tests = tcase_create ("reader");

  tcase_add_test (tests, test_reader_message_is_one_struct);
  tcase_add_test (tests, test_reader_expects_what_is_due);
  tcase_add_test (tests, test_reader_depth);
  tcase_add_test (tests, test_reader_duplicate_fields);
  tcase_add_test (tests, test_reader_far_fields_are_bounded);
  tcase_add_test (tests, test_reader_types);
  tcase_add_test (tests, test_reader_budget);
  tcase_add_test (tests, test_reader_stops);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
