/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of all kinds, each with its answer: see tlc-torture.h. */

#include <string.h>

#include <thrift/c_glib/thrift_application_exception.h>

#include "faults/tlc-torture.h"

/* Several buffers' worth of a socket. */
#define LARGE 100000

static gboolean
call_add (EchoIf *echo, GError **error)
{
  gint32 sum = 0;

  if (!echo_if_add (echo, &sum, 4000, 711, error))
    return FALSE;
  ck_assert_int_eq (sum, 4711);
  return TRUE;
}

static gboolean
call_ping (EchoIf *echo, GError **error)
{
  return echo_if_ping (echo, error);
}

/* The numbers one after the other, in one piece of the scenario. */
static gboolean
call_numbers (EchoIf *echo, GError **error)
{
  gboolean a_bool = FALSE;
  gint8 an_i8 = 0;
  gint16 an_i16 = 0;
  gint32 an_i32 = 0;
  gint64 an_i64 = 0;
  gdouble a_double = 0;
  Color color = COLOR_RED;

  if (!echo_if_echo_bool (echo, &a_bool, TRUE, error)
      || !echo_if_echo_byte (echo, &an_i8, -8, error)
      || !echo_if_echo_i16 (echo, &an_i16, -16, error)
      || !echo_if_echo_i32 (echo, &an_i32, -32, error)
      || !echo_if_echo_i64 (echo, &an_i64, -64, error)
      || !echo_if_echo_double (echo, &a_double, 0.5, error)
      || !echo_if_echo_color (echo, &color, COLOR_BLUE, error))
    return FALSE;
  ck_assert (a_bool && an_i8 == -8 && an_i16 == -16 && an_i32 == -32 && an_i64 == -64);
  ck_assert (a_double == 0.5 && color == COLOR_BLUE);
  return TRUE;
}

static gboolean
echo_text (EchoIf *echo, gsize length, GError **error)
{
  g_autofree char *value = g_malloc (length + 1);
  g_autofree char *result = NULL;

  for (gsize i = 0; i < length; i++)
    value[i] = (char) ('a' + i % 26);
  value[length] = '\0';
  if (!echo_if_echo_string (echo, &result, value, error))
    return FALSE;
  ck_assert_str_eq (result, value);
  return TRUE;
}

static gboolean
call_string (EchoIf *echo, GError **error)
{
  return echo_text (echo, 10, error);
}

static gboolean
call_large_both_ways (EchoIf *echo, GError **error)
{
  return echo_text (echo, LARGE, error);
}

static gboolean
call_binary (EchoIf *echo, GError **error)
{
  g_autoptr (GByteArray) value = g_byte_array_new ();
  g_autoptr (GByteArray) result = NULL;

  g_byte_array_append (value, (const guint8 *) "\0\xff\1", 3);
  if (!echo_if_echo_binary (echo, &result, value, error))
    return FALSE;
  ck_assert (result->len == 3 && memcmp (result->data, value->data, 3) == 0);
  return TRUE;
}

static gboolean
call_point (EchoIf *echo, GError **error)
{
  g_autoptr (GObject) value = g_object_new (TYPE_POINT, "x", 3, "y", -4, NULL);
  g_autoptr (GObject) result = g_object_new (TYPE_POINT, NULL);
  Point *point = POINT (result);

  if (!echo_if_echo_point (echo, &point, POINT (value), error))
    return FALSE;
  ck_assert (point->x == 3 && point->y == -4);
  return TRUE;
}

static gboolean
call_tree (EchoIf *echo, GError **error)
{
  g_autoptr (GObject) value = g_object_new (TYPE_TREE, "value", 1, NULL);
  g_autoptr (GObject) result = g_object_new (TYPE_TREE, NULL);
  Tree *tree = TREE (result);

  g_ptr_array_add (TREE (value)->children, g_object_new (TYPE_TREE, "value", 2, NULL));
  TREE (value)->__isset_children = TRUE;
  if (!echo_if_echo_tree (echo, &tree, TREE (value), error))
    return FALSE;
  ck_assert (tree->value == 1 && tree->children->len == 1);
  ck_assert_int_eq (TREE (tree->children->pdata[0])->value, 2);
  return TRUE;
}

static gboolean
call_strict (EchoIf *echo, GError **error)
{
  g_autoptr (GObject) value = g_object_new (TYPE_STRICT, "must", 5, NULL);
  g_autoptr (GObject) result = g_object_new (TYPE_STRICT, NULL);
  Strict *strict = STRICT (result);

  if (!echo_if_echo_strict (echo, &strict, STRICT (value), error))
    return FALSE;
  ck_assert (strict->must == 5 && !strict->__isset_may);
  return TRUE;
}

static gboolean
call_everything (EchoIf *echo, GError **error)
{
  g_autoptr (GObject) value
      = g_object_new (TYPE_EVERYTHING, "an_i64", G_MININT64, "a_string", "all", "edge", 64, NULL);
  g_autoptr (GObject) result = g_object_new (TYPE_EVERYTHING, NULL);
  Everything *everything = EVERYTHING (result);

  if (!echo_if_echo_everything (echo, &everything, EVERYTHING (value), error))
    return FALSE;
  ck_assert (everything->an_i64 == G_MININT64 && everything->edge == 64);
  ck_assert_str_eq (everything->a_string, "all");
  return TRUE;
}

static gboolean
call_list (EchoIf *echo, GError **error)
{
  g_autoptr (GArray) value = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GArray) result = g_array_new (FALSE, FALSE, sizeof (gint32));

  for (gint32 i = 0; i < 5; i++)
    g_array_append_val (value, i);
  if (!echo_if_echo_list (echo, &result, value, error))
    return FALSE;
  ck_assert (result->len == 5 && memcmp (result->data, value->data, 5 * sizeof (gint32)) == 0);
  return TRUE;
}

static gboolean
call_set (EchoIf *echo, GError **error)
{
  g_autoptr (GHashTable) value = g_hash_table_new (g_int_hash, g_int_equal);
  g_autoptr (GHashTable) result = g_hash_table_new_full (g_int_hash, g_int_equal, g_free, NULL);
  gint32 elements[] = { 1, 22, 333 };

  for (guint i = 0; i < G_N_ELEMENTS (elements); i++)
    g_hash_table_add (value, &elements[i]);
  if (!echo_if_echo_set (echo, &result, value, error))
    return FALSE;
  ck_assert_uint_eq (g_hash_table_size (result), 3);
  ck_assert (g_hash_table_contains (result, &elements[2]));
  return TRUE;
}

static gboolean
call_map (EchoIf *echo, GError **error)
{
  g_autoptr (GHashTable) value = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) result = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  char key[] = "key";
  gint32 number = 9;

  g_hash_table_insert (value, key, &number);
  if (!echo_if_echo_map (echo, &result, value, error))
    return FALSE;
  ck_assert_uint_eq (g_hash_table_size (result), 1);
  ck_assert_int_eq (*(gint32 *) g_hash_table_lookup (result, key), 9);
  return TRUE;
}

static gboolean
call_samples (EchoIf *echo, GError **error)
{
  g_autoptr (GPtrArray) result = g_ptr_array_new_with_free_func (g_object_unref);

  if (!echo_if_samples (echo, &result, 50, error))
    return FALSE;
  ck_assert_uint_eq (result->len, 50);
  ck_assert_int_eq (SAMPLE (result->pdata[49])->id, 49);
  ck_assert_str_eq (SAMPLE (result->pdata[49])->name, "sample-49");
  return TRUE;
}

static gboolean
call_words (EchoIf *echo, GError **error)
{
  g_autoptr (GPtrArray) result = g_ptr_array_new_with_free_func (g_free);

  if (!echo_if_words (echo, &result, 30, error))
    return FALSE;
  ck_assert_uint_eq (result->len, 30);
  ck_assert_str_eq (result->pdata[29], "word-29");
  return TRUE;
}

static gboolean
call_blob (EchoIf *echo, GError **error)
{
  g_autoptr (GByteArray) result = NULL;

  if (!echo_if_blob (echo, &result, LARGE, error))
    return FALSE;
  ck_assert_uint_eq (result->len, LARGE);
  for (guint i = 0; i < LARGE; i++)
    if (result->data[i] != (guint8) i)
      ck_abort_msg ("blob: byte %u is %u", i, result->data[i]);
  return TRUE;
}

/* "fail", which does not succeed: TRUE when it failed as @code says, with @domain. */
static gboolean
call_fail (EchoIf *echo, gint32 code, GQuark domain, GError **error)
{
  Rejected *rejected = NULL;
  NotFound *not_found = NULL;
  GError *failure = NULL;
  gint32 result = 0;
  gboolean is_right;

  ck_assert (!echo_if_fail (echo, &result, code, &rejected, &not_found, &failure));
  ck_assert_ptr_nonnull (failure);
  is_right = failure->domain == domain;
  ck_assert_msg ((rejected != NULL) == (is_right && code == 1), "%s", failure->message);
  ck_assert_msg ((not_found != NULL) == (is_right && code == 2), "%s", failure->message);
  g_clear_object (&rejected);
  g_clear_object (&not_found);
  if (is_right)
    {
      ck_assert_int_eq (tlc_error_get_delivery (failure), TLC_DELIVERY_ANSWERED);
      g_error_free (failure);
    }
  else
    g_propagate_error (error, failure);
  return is_right;
}

static gboolean
call_rejected (EchoIf *echo, GError **error)
{
  return call_fail (echo, 1, REJECTED_ERROR, error);
}

static gboolean
call_not_found (EchoIf *echo, GError **error)
{
  return call_fail (echo, 2, NOT_FOUND_ERROR, error);
}

static gboolean
call_undeclared (EchoIf *echo, GError **error)
{
  return call_fail (echo, 9, THRIFT_APPLICATION_EXCEPTION_ERROR, error);
}

const TlcTortureCall tlc_torture_calls[] = {
  { "add", call_add },
  { "ping", call_ping },
  { "numbers", call_numbers },
  { "string", call_string },
  { "large", call_large_both_ways },
  { "binary", call_binary },
  { "point", call_point },
  { "tree", call_tree },
  { "strict", call_strict },
  { "everything", call_everything },
  { "rejected", call_rejected },
  { "list", call_list },
  { "set", call_set },
  { "map", call_map },
  { "samples", call_samples },
  { "not found", call_not_found },
  { "words", call_words },
  { "blob", call_blob },
  { "undeclared", call_undeclared },
  { "add again", call_add },
};

const guint tlc_torture_n_calls = G_N_ELEMENTS (tlc_torture_calls);
