/* SPDX-License-Identifier: Apache-2.0 */

/* How the values to send are made. Nothing here has state. */
#include "conformance/tlc-specimen.h"

#include <stdint.h>
#include <string.h>

/* Odd factors, so that different numbers give different values. */
#define SPREAD_32 UINT32_C (0x9e3779b1)
#define SPREAD_64 UINT64_C (0x9e3779b97f4a7c15)

gint8
tlc_specimen_i8 (guint i)
{
  static const gint8 edges[TLC_SPECIMEN_I8_EDGES] = { G_MININT8, G_MAXINT8, 0, -1, 1 };

  return i < G_N_ELEMENTS (edges) ? edges[i] : (gint8) (i * SPREAD_32 >> 24);
}

gint16
tlc_specimen_i16 (guint i)
{
  static const gint16 edges[TLC_SPECIMEN_I16_EDGES] = { G_MININT16, G_MAXINT16, 0, -1, 1, 0x0102 };

  return i < G_N_ELEMENTS (edges) ? edges[i] : (gint16) (i * SPREAD_32 >> 16);
}

gint32
tlc_specimen_i32 (guint i)
{
  static const gint32 edges[TLC_SPECIMEN_I32_EDGES]
      = { G_MININT32, G_MAXINT32, 0, -1, 1, 0x01020304 };

  return i < G_N_ELEMENTS (edges) ? edges[i] : (gint32) (i * SPREAD_32);
}

gint64
tlc_specimen_i64 (guint i)
{
  static const gint64 edges[TLC_SPECIMEN_I64_EDGES] = {
    G_MININT64, G_MAXINT64, 0, -1, 1, G_MAXUINT32,
    -G_GINT64_CONSTANT (0x100000000), G_GINT64_CONSTANT (0x0102030405060708),
  };

  return i < G_N_ELEMENTS (edges) ? edges[i] : (gint64) (i * SPREAD_64);
}

double
tlc_specimen_double (guint i)
{
  static const guint64 edges[TLC_SPECIMEN_DOUBLE_EDGES] = {
    0,                             /* 0 */
    UINT64_C (0x8000000000000000), /* -0 */
    UINT64_C (0x7ff0000000000000), /* infinity */
    UINT64_C (0xfff0000000000000), /* -infinity */
    UINT64_C (0x7ff8000000000000), /* nan */
    UINT64_C (0xfff8000000000000), /* -nan */
    UINT64_C (0x7ff8123456789abc), /* nan that carries something */
    UINT64_C (0x7fefffffffffffff), /* DBL_MAX */
    UINT64_C (0xffefffffffffffff), /* -DBL_MAX */
    UINT64_C (0x0010000000000000), /* DBL_MIN */
    UINT64_C (0x000fffffffffffff), /* the largest denormal */
    1,                             /* the smallest */
    UINT64_C (0x8000000000000001), /* and its opposite */
    UINT64_C (0x3ff0000000000000), /* 1 */
    UINT64_C (0x3ff0000000000001), /* the next one up */
    UINT64_C (0x3fb999999999999a), /* 0.1 */
    UINT64_C (0x4340000000000001), /* an integer that no float holds */
    UINT64_C (0x0102030405060708),
  };
  double value;

  G_STATIC_ASSERT (sizeof value == sizeof edges[0]);
  if (i >= G_N_ELEMENTS (edges))
    return i * -0.1;
  memcpy (&value, &edges[i], sizeof value);
  return value;
}

Color
tlc_specimen_color (guint i)
{
  static const Color colors[] = { COLOR_RED, COLOR_GREEN, COLOR_BLUE };

  return colors[i % G_N_ELEMENTS (colors)];
}

char *
tlc_specimen_string (guint i)
{
  static const char *const edges[TLC_SPECIMEN_STRING_EDGES] = {
    "",
    "x",
    "\x01\t\r\n \"\\%s\x7f",
    "na\xc3\xafve \xe6\xb0\xb4 \xf0\x9f\x9c\x81",
    "\xef\xbb\xbf\xef\xbf\xbd\xf4\x8f\xbf\xbf",
  };

  return i < G_N_ELEMENTS (edges) ? g_strdup (edges[i]) : g_strdup_printf ("string-%u", i);
}

char *
tlc_specimen_long_string (gsize length)
{
  char *string = g_malloc (length + 1);

  for (gsize i = 0; i < length; i++)
    string[i] = (char) ('a' + i % 26);
  string[length] = '\0';
  return string;
}

GByteArray *
tlc_specimen_long_binary (guint length)
{
  GByteArray *binary = g_byte_array_sized_new (length);

  g_byte_array_set_size (binary, length);
  /* 257: the rows of 256 differ, so that one which is lost or twice there shows */
  for (guint i = 0; i < length; i++)
    binary->data[i] = (guint8) (i % 257);
  return binary;
}

GByteArray *
tlc_specimen_binary (guint i)
{
  static const guint lengths[TLC_SPECIMEN_BINARY_EDGES] = { 0, 1, 2, 300 };

  return tlc_specimen_long_binary (i < G_N_ELEMENTS (lengths) ? lengths[i] : i % 16);
}

static gint32 *
tlc_specimen_new_i32 (guint i)
{
  gint32 value = tlc_specimen_i32 (i);

  return g_memdup2 (&value, sizeof value);
}

static GArray *
tlc_specimen_i64s (guint n)
{
  GArray *list = g_array_new (FALSE, TRUE, sizeof (gint64));

  for (guint i = 0; i < n; i++)
    {
      gint64 value = tlc_specimen_i64 (i);

      g_array_append_val (list, value);
    }
  return list;
}

static GHashTable *
tlc_specimen_texts (guint n)
{
  GHashTable *map = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (guint i = 0; i < n; i++)
    g_hash_table_insert (map, tlc_specimen_string (i), tlc_specimen_string (i + 1));
  return map;
}

GArray *
tlc_specimen_list (guint n)
{
  GArray *list = g_array_new (FALSE, TRUE, sizeof (gint32));

  for (guint i = 0; i < n; i++)
    {
      gint32 value = tlc_specimen_i32 (i);

      g_array_append_val (list, value);
    }
  return list;
}

GHashTable *
tlc_specimen_set (guint n)
{
  GHashTable *set = g_hash_table_new_full (g_int_hash, g_int_equal, g_free, NULL);

  for (guint i = 0; i < n; i++)
    g_hash_table_add (set, tlc_specimen_new_i32 (i));
  return set;
}

GHashTable *
tlc_specimen_map (guint n)
{
  GHashTable *map = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (guint i = 0; i < n; i++)
    g_hash_table_insert (map, tlc_specimen_string (i), tlc_specimen_new_i32 (i));
  return map;
}

Point *
tlc_specimen_point (guint i)
{
  return g_object_new (TYPE_POINT, "x", tlc_specimen_i32 (i), "y", tlc_specimen_i32 (i + 1), NULL);
}

Tree *
tlc_specimen_tree (guint depth, guint width)
{
  Tree *tree = g_object_new (TYPE_TREE, "value", tlc_specimen_i32 (depth), NULL);

  for (guint i = 0; depth > 1 && i < width; i++)
    g_ptr_array_add (tree->children, tlc_specimen_tree (i == 0 ? depth - 1 : 1, width));
  return tree;
}

static void
tlc_specimen_set_scalars (Everything *everything, guint n)
{
  everything->a_bool = n % 2 == 1;
  everything->a_byte = tlc_specimen_i8 (n);
  everything->an_i16 = tlc_specimen_i16 (n);
  everything->an_i32 = tlc_specimen_i32 (n);
  everything->an_i64 = tlc_specimen_i64 (n);
  everything->a_double = tlc_specimen_double (n);
  everything->a_string = tlc_specimen_string (n);
  everything->a_binary = tlc_specimen_binary (n);
  everything->a_color = tlc_specimen_color (n);
  everything->a_timestamp = tlc_specimen_i64 (n + 1);
  everything->a_point->x = tlc_specimen_i32 (n + 2);
  everything->a_point->y = tlc_specimen_i32 (n + 3);
  everything->far = tlc_specimen_i32 (n + 1);
  everything->edge = tlc_specimen_i32 (n + 2);
  everything->beyond = tlc_specimen_i32 (n + 3);
  if (n % 2 == 1)
    g_object_set (everything, "maybe_i32", tlc_specimen_i32 (n), "maybe_string", "", "with_default",
                  tlc_specimen_i32 (n), NULL);
}

static void
tlc_specimen_fill_lists (Everything *everything, guint i)
{
  gboolean a_bool = i % 3 == 0;
  gint8 a_byte = tlc_specimen_i8 (i);
  gint16 an_i16 = tlc_specimen_i16 (i);
  gint32 an_i32 = tlc_specimen_i32 (i);
  gint64 an_i64 = tlc_specimen_i64 (i);
  double a_double = tlc_specimen_double (i);
  Color a_color = tlc_specimen_color (i);

  g_array_append_val (everything->bools, a_bool);
  g_array_append_val (everything->bytes, a_byte);
  g_array_append_val (everything->i16s, an_i16);
  g_array_append_val (everything->i32s, an_i32);
  g_array_append_val (everything->i64s, an_i64);
  g_array_append_val (everything->doubles, a_double);
  g_array_append_val (everything->colors, a_color);
  g_ptr_array_add (everything->strings, tlc_specimen_string (i));
  g_ptr_array_add (everything->binaries, tlc_specimen_binary (i));
  g_ptr_array_add (everything->points, tlc_specimen_point (i));
  g_ptr_array_add (everything->rows, tlc_specimen_list (i % 9));
}

static void
tlc_specimen_fill_tables (Everything *everything, guint i)
{
  g_hash_table_add (everything->i32_set, tlc_specimen_new_i32 (i));
  g_hash_table_add (everything->string_set, tlc_specimen_string (i));
  g_hash_table_insert (everything->counts, tlc_specimen_string (i), tlc_specimen_new_i32 (i));
  g_hash_table_insert (everything->places, tlc_specimen_new_i32 (i), tlc_specimen_point (i));
  g_hash_table_insert (everything->series, tlc_specimen_string (i), tlc_specimen_i64s (i % 11));
  g_hash_table_insert (everything->tables, tlc_specimen_new_i32 (i), tlc_specimen_texts (i % 7));
}

Everything *
tlc_specimen_everything (guint n)
{
  Everything *everything = g_object_new (TYPE_EVERYTHING, NULL);

  tlc_specimen_set_scalars (everything, n);
  for (guint i = 0; i < n; i++)
    {
      tlc_specimen_fill_lists (everything, i);
      tlc_specimen_fill_tables (everything, i);
    }
  return everything;
}
