/* SPDX-License-Identifier: Apache-2.0 */

/* Field by field: generated code has no comparison, and one by bytes would prove nothing about
 * how they are read. Nothing here has state. */
#include "conformance/tlc-compare.h"

#include <string.h>

#include "support/tlc-check.h"

/* Two values that a pointer leads to. */
typedef void (*TlcCompareFunc) (gpointer back, gpointer sent, const char *what);

void
tlc_compare_doubles (double back, double sent)
{
  ck_assert_msg (memcmp (&back, &sent, sizeof back) == 0, "%a, not %a", back, sent);
}

void
tlc_compare_strings (const char *back, const char *sent, const char *what)
{
  ck_assert_msg (back != NULL, "%s: NULL", what);
  ck_assert_msg (strcmp (back, sent) == 0, "%s: \"%.80s\", not \"%.80s\"", what, back, sent);
}

void
tlc_compare_binaries (const GByteArray *back, const GByteArray *sent, const char *what)
{
  ck_assert_msg (back != NULL, "%s: NULL", what);
  ck_assert_msg (back->len == sent->len, "%s: %u bytes, not %u", what, back->len, sent->len);
  ck_assert_msg (sent->len == 0 || memcmp (back->data, sent->data, sent->len) == 0,
                 "%s: %u other bytes", what, sent->len);
}

void
tlc_compare_arrays (GArray *back, GArray *sent, const char *what)
{
  const guint size = g_array_get_element_size (sent);

  ck_assert_msg (back->len == sent->len, "%s: %u elements, not %u", what, back->len, sent->len);
  ck_assert_uint_eq (g_array_get_element_size (back), size);
  for (gsize i = 0; i < sent->len; i++)
    ck_assert_msg (memcmp (back->data + i * size, sent->data + i * size, size) == 0,
                   "%s: element %" G_GSIZE_FORMAT " differs", what, i);
}

static void
tlc_compare_pointer_arrays (GPtrArray *back, GPtrArray *sent, TlcCompareFunc compare,
                            const char *what)
{
  ck_assert_msg (back->len == sent->len, "%s: %u elements, not %u", what, back->len, sent->len);
  for (guint i = 0; i < sent->len; i++)
    compare (g_ptr_array_index (back, i), g_ptr_array_index (sent, i), what);
}

/* @compare: (nullable): for the values; %NULL for those of a set */
static void
tlc_compare_tables (GHashTable *back, GHashTable *sent, TlcCompareFunc compare, const char *what)
{
  GHashTableIter iter;
  gpointer key, value, found;

  ck_assert_msg (g_hash_table_size (back) == g_hash_table_size (sent), "%s: %u entries, not %u",
                 what, g_hash_table_size (back), g_hash_table_size (sent));
  g_hash_table_iter_init (&iter, sent);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      ck_assert_msg (g_hash_table_lookup_extended (back, key, NULL, &found), "%s: a key is lost",
                     what);
      if (compare != NULL)
        compare (found, value, what);
    }
}

static void
tlc_compare_i32s (gpointer back, gpointer sent, const char *what)
{
  ck_assert_msg (*(gint32 *) back == *(gint32 *) sent, "%s: %d, not %d", what, *(gint32 *) back,
                 *(gint32 *) sent);
}

static void
tlc_compare_string_pointers (gpointer back, gpointer sent, const char *what)
{
  tlc_compare_strings (back, sent, what);
}

static void
tlc_compare_binary_pointers (gpointer back, gpointer sent, const char *what)
{
  tlc_compare_binaries (back, sent, what);
}

static void
tlc_compare_array_pointers (gpointer back, gpointer sent, const char *what)
{
  tlc_compare_arrays (back, sent, what);
}

static void
tlc_compare_point_pointers (gpointer back, gpointer sent, const char *what)
{
  tlc_compare_points (back, sent, what);
}

static void
tlc_compare_string_maps (gpointer back, gpointer sent, const char *what)
{
  tlc_compare_tables (back, sent, tlc_compare_string_pointers, what);
}

void
tlc_compare_sets (GHashTable *back, GHashTable *sent, const char *what)
{
  tlc_compare_tables (back, sent, NULL, what);
}

void
tlc_compare_i32_maps (GHashTable *back, GHashTable *sent, const char *what)
{
  tlc_compare_tables (back, sent, tlc_compare_i32s, what);
}

void
tlc_compare_points (const Point *back, const Point *sent, const char *what)
{
  ck_assert_msg (back->__isset_x && back->__isset_y, "%s: a field is not set", what);
  ck_assert_msg (back->x == sent->x && back->y == sent->y, "%s: (%d, %d), not (%d, %d)", what,
                 back->x, back->y, sent->x, sent->y);
}

void
tlc_compare_trees (const Tree *back, const Tree *sent)
{
  ck_assert (back->__isset_value && back->__isset_children);
  ck_assert_int_eq (back->value, sent->value);
  ck_assert_uint_eq (back->children->len, sent->children->len);
  for (guint i = 0; i < sent->children->len; i++)
    tlc_compare_trees (g_ptr_array_index (back->children, i),
                       g_ptr_array_index (sent->children, i));
}

/* Fields that are always sent: that one came is asserted too, since many are born equal to what
 * is expected of them. */
#define COMPARE_NUMBERS(field) \
  G_STMT_START \
    { \
      ck_assert_msg (back->__isset_##field, #field ": not set"); \
      ck_assert_msg (back->field == sent->field, #field ": %" G_GINT64_FORMAT, \
                     (gint64) back->field); \
    } \
  G_STMT_END

#define COMPARE_BY(compare, field) \
  G_STMT_START \
    { \
      ck_assert_msg (back->__isset_##field, #field ": not set"); \
      compare (back->field, sent->field, #field); \
    } \
  G_STMT_END

#define COMPARE_ELEMENTS(containers, compare, field) \
  G_STMT_START \
    { \
      ck_assert_msg (back->__isset_##field, #field ": not set"); \
      containers (back->field, sent->field, compare, #field); \
    } \
  G_STMT_END

static void
tlc_compare_scalar_fields (const Everything *back, const Everything *sent)
{
  COMPARE_NUMBERS (a_bool);
  COMPARE_NUMBERS (a_byte);
  COMPARE_NUMBERS (an_i16);
  COMPARE_NUMBERS (an_i32);
  COMPARE_NUMBERS (an_i64);
  ck_assert (back->__isset_a_double);
  tlc_compare_doubles (back->a_double, sent->a_double);
  COMPARE_BY (tlc_compare_strings, a_string);
  COMPARE_BY (tlc_compare_binaries, a_binary);
  COMPARE_NUMBERS (a_color);
  COMPARE_NUMBERS (a_timestamp);
  COMPARE_BY (tlc_compare_points, a_point);
  COMPARE_NUMBERS (with_default);
  COMPARE_NUMBERS (far);
  COMPARE_NUMBERS (edge);
  COMPARE_NUMBERS (beyond);
}

static void
tlc_compare_optional_fields (const Everything *back, const Everything *sent)
{
  ck_assert_int_eq (back->__isset_maybe_i32, sent->__isset_maybe_i32);
  ck_assert_int_eq (back->maybe_i32, sent->maybe_i32);
  ck_assert_int_eq (back->__isset_maybe_string, sent->__isset_maybe_string);
  if (sent->__isset_maybe_string)
    tlc_compare_strings (back->maybe_string, sent->maybe_string, "maybe_string");
  else
    ck_assert_ptr_null (back->maybe_string);
}

void
tlc_compare_everything (const Everything *back, const Everything *sent)
{
  tlc_compare_scalar_fields (back, sent);
  tlc_compare_optional_fields (back, sent);
  COMPARE_BY (tlc_compare_arrays, bools);
  COMPARE_BY (tlc_compare_arrays, bytes);
  COMPARE_BY (tlc_compare_arrays, i16s);
  COMPARE_BY (tlc_compare_arrays, i32s);
  COMPARE_BY (tlc_compare_arrays, i64s);
  COMPARE_BY (tlc_compare_arrays, doubles);
  COMPARE_BY (tlc_compare_arrays, colors);
  COMPARE_ELEMENTS (tlc_compare_pointer_arrays, tlc_compare_string_pointers, strings);
  COMPARE_ELEMENTS (tlc_compare_pointer_arrays, tlc_compare_binary_pointers, binaries);
  COMPARE_ELEMENTS (tlc_compare_pointer_arrays, tlc_compare_point_pointers, points);
  COMPARE_ELEMENTS (tlc_compare_pointer_arrays, tlc_compare_array_pointers, rows);
  COMPARE_BY (tlc_compare_sets, i32_set);
  COMPARE_BY (tlc_compare_sets, string_set);
  COMPARE_BY (tlc_compare_i32_maps, counts);
  COMPARE_ELEMENTS (tlc_compare_tables, tlc_compare_point_pointers, places);
  COMPARE_ELEMENTS (tlc_compare_tables, tlc_compare_array_pointers, series);
  COMPARE_ELEMENTS (tlc_compare_tables, tlc_compare_string_maps, tables);
}
