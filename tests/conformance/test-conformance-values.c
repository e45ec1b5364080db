/* SPDX-License-Identifier: Apache-2.0 */

/* Every type of echo.thrift, sent to each server and back: what comes is what went, to the bit. */
#include <math.h>
#include <string.h>

#include <thrift/c_glib/thrift_application_exception.h>

#include "conformance/tlc-compare.h"
#include "conformance/tlc-conformance.h"
#include "conformance/tlc-differences.h"
#include "conformance/tlc-specimen.h"

/* Beyond its edges, so many values of a type. */
#define MORE 20

/* How deep a tree may be: a reply nests 64 levels at the most, its result is one, and each node is
 * two, itself and its list. */
#define DEEPEST_TREE 31

/* Results are born different from what is due: one that is not written shows. */

/* Bool. */
START_TEST (test_conformance_values_bool)
{
  EchoIf *echo = tlc_conformance_begin (_i);
  g_autoptr (GError) error = NULL;

  for (gboolean sent = FALSE; sent <= TRUE; sent++)
    {
      gboolean back = !sent;

      tlc_conformance_must (echo_if_echo_bool (echo, &back, sent, &error), &error, "echo_bool");
      ck_assert_int_eq (back, sent);
    }
  tlc_conformance_end ();
}
END_TEST

/* Each integer's least, greatest, 0, -1, 1, one that shows the order of its bytes, and more. */
START_TEST (test_conformance_values_integers)
{
  EchoIf *echo = tlc_conformance_begin (_i);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < TLC_SPECIMEN_I64_EDGES + MORE; i++)
    {
      gint8 a_byte = (gint8) ~tlc_specimen_i8 (i);
      gint16 an_i16 = (gint16) ~tlc_specimen_i16 (i);
      gint32 an_i32 = ~tlc_specimen_i32 (i);
      gint64 an_i64 = ~tlc_specimen_i64 (i);

      tlc_conformance_must (echo_if_echo_byte (echo, &a_byte, tlc_specimen_i8 (i), &error), &error,
                            "echo_byte");
      ck_assert_int_eq (a_byte, tlc_specimen_i8 (i));
      tlc_conformance_must (echo_if_echo_i16 (echo, &an_i16, tlc_specimen_i16 (i), &error), &error,
                            "echo_i16");
      ck_assert_int_eq (an_i16, tlc_specimen_i16 (i));
      tlc_conformance_must (echo_if_echo_i32 (echo, &an_i32, tlc_specimen_i32 (i), &error), &error,
                            "echo_i32");
      ck_assert_int_eq (an_i32, tlc_specimen_i32 (i));
      tlc_conformance_must (echo_if_echo_i64 (echo, &an_i64, tlc_specimen_i64 (i), &error), &error,
                            "echo_i64");
      ck_assert_int_eq (an_i64, tlc_specimen_i64 (i));
    }
  tlc_conformance_end ();
}
END_TEST

/* Doubles by their bits: signs of zero, infinities, nans with what they carry, denormals. Servers
 * that lose a nan as a result send it as a field of "echo_everything". */
START_TEST (test_conformance_values_double)
{
  EchoIf *echo = tlc_conformance_begin (_i);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < TLC_SPECIMEN_DOUBLE_EDGES + MORE; i++)
    {
      double sent = tlc_specimen_double (i), back = 4711;

      tlc_conformance_must (echo_if_echo_double (echo, &back, sent, &error), &error, "echo_double");
      if (isnan (sent) && tlc_differences_has (_i, TLC_DIFFERENCE_LOST_NAN))
        ck_assert (back == 4711);
      else
        tlc_compare_doubles (back, sent);
    }
  tlc_conformance_end ();
}
END_TEST

static gboolean
is_outside (int number)
{
  return number < COLOR_RED || number > COLOR_BLUE;
}

static gboolean
is_named (int number)
{
  return number == COLOR_RED || number == COLOR_GREEN || number == COLOR_BLUE;
}

/* @number must come back, but from servers that are known to do something else with it. */
static void
must_echo_color (int kind, EchoIf *echo, int number)
{
  Color back = (Color) (number + 1);
  g_autoptr (GError) error = NULL;
  gboolean ok = echo_if_echo_color (echo, &back, (Color) number, &error);

  if (!is_named (number) && tlc_differences_has (kind, TLC_DIFFERENCE_REFUSED_ENUM))
    {
      ck_assert (!ok);
      ck_assert_msg (g_error_matches (error, THRIFT_APPLICATION_EXCEPTION_ERROR,
                                      THRIFT_APPLICATION_EXCEPTION_ERROR_INTERNAL_ERROR),
                     "%s", error->message);
      return;
    }
  tlc_conformance_must (ok, &error, "echo_color");
  if (is_outside (number) && tlc_differences_has (kind, TLC_DIFFERENCE_LOST_ENUM))
    ck_assert_int_eq ((int) back, number + 1);
  else
    ck_assert_int_eq ((int) back, number);
}

/* Enumerators, and numbers that have no name: they pass. */
START_TEST (test_conformance_values_enum)
{
  static const int numbers[] = { COLOR_RED, COLOR_GREEN, COLOR_BLUE, 0, 3, 77 };
  EchoIf *echo = tlc_conformance_begin (_i);

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    must_echo_color (_i, echo, numbers[i]);
  tlc_conformance_end ();
}
END_TEST

static void
must_echo_string (EchoIf *echo, const char *sent)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *back = NULL;

  tlc_conformance_must (echo_if_echo_string (echo, &back, sent, &error), &error, "echo_string");
  tlc_compare_strings (back, sent, "echo_string");
}

/* Strings: empty, with controls, UTF-8 to its last character, around each size that a length byte
 * or a buffer could have, and long. */
START_TEST (test_conformance_values_string)
{
  static const gsize lengths[] = { 127, 128, 255, 256, 4095, 4096, 65535, 65536, 65537, 3000000 };
  EchoIf *echo = tlc_conformance_begin (_i);

  for (guint i = 0; i < TLC_SPECIMEN_STRING_EDGES; i++)
    {
      g_autofree char *sent = tlc_specimen_string (i);

      must_echo_string (echo, sent);
    }
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autofree char *sent = tlc_specimen_long_string (lengths[i]);

      must_echo_string (echo, sent);
    }
  tlc_conformance_end ();
}
END_TEST

/* Binary: any byte, NUL too; none at all; and the same lengths. */
START_TEST (test_conformance_values_binary)
{
  static const guint lengths[]
      = { 0, 1, 2, 127, 128, 255, 256, 4095, 4096, 65535, 65536, 65537, 3000000 };
  EchoIf *echo = tlc_conformance_begin (_i);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autoptr (GByteArray) sent = tlc_specimen_long_binary (lengths[i]);
      g_autoptr (GByteArray) back = NULL;

      tlc_conformance_must (echo_if_echo_binary (echo, &back, sent, &error), &error, "echo_binary");
      tlc_compare_binaries (back, sent, "echo_binary");
    }
  tlc_conformance_end ();
}
END_TEST

/* Containers: empty, of one, of all edges, and of many; the empty string is a key like others. */
START_TEST (test_conformance_values_containers)
{
  static const guint sizes[] = { 0, 1, TLC_SPECIMEN_I32_EDGES, 127, 128, 2000 };
  EchoIf *echo = tlc_conformance_begin (_i);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GArray) list = tlc_specimen_list (5 * sizes[i]);
      g_autoptr (GHashTable) set = tlc_specimen_set (sizes[i]);
      g_autoptr (GHashTable) map = tlc_specimen_map (sizes[i]);
      g_autoptr (GArray) list_back = tlc_specimen_list (0);
      g_autoptr (GHashTable) set_back = tlc_specimen_set (0);
      g_autoptr (GHashTable) map_back = tlc_specimen_map (0);

      ck_assert_uint_eq (g_hash_table_size (set), sizes[i]);
      ck_assert_uint_eq (g_hash_table_size (map), sizes[i]);
      tlc_conformance_must (echo_if_echo_list (echo, &list_back, list, &error), &error,
                            "echo_list");
      tlc_compare_arrays (list_back, list, "echo_list");
      tlc_conformance_must (echo_if_echo_set (echo, &set_back, set, &error), &error, "echo_set");
      tlc_compare_sets (set_back, set, "echo_set");
      tlc_conformance_must (echo_if_echo_map (echo, &map_back, map, &error), &error, "echo_map");
      tlc_compare_i32_maps (map_back, map, "echo_map");
    }
  tlc_conformance_end ();
}
END_TEST

/* A struct; and one with a required field, its optional one set, unset, and set to 0. */
START_TEST (test_conformance_values_structs)
{
  EchoIf *echo = tlc_conformance_begin (_i);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < TLC_SPECIMEN_I32_EDGES + MORE; i++)
    {
      g_autoptr (GObject) sent = G_OBJECT (tlc_specimen_point (i));
      g_autoptr (GObject) strict = g_object_new (TYPE_STRICT, "must", tlc_specimen_i32 (i), NULL);
      Point *back = g_object_new (TYPE_POINT, NULL);
      Strict *strict_back = g_object_new (TYPE_STRICT, NULL);

      tlc_conformance_must (echo_if_echo_point (echo, &back, POINT (sent), &error), &error,
                            "echo_point");
      tlc_compare_points (back, POINT (sent), "echo_point");
      g_object_unref (back);

      if (i % 3 != 0)
        g_object_set (strict, "may", i % 3 == 1 ? 0 : tlc_specimen_i32 (i + 1), NULL);
      tlc_conformance_must (echo_if_echo_strict (echo, &strict_back, STRICT (strict), &error),
                            &error, "echo_strict");
      ck_assert_int_eq (strict_back->must, tlc_specimen_i32 (i));
      ck_assert_int_eq (strict_back->__isset_may, i % 3 != 0);
      ck_assert_int_eq (strict_back->may, STRICT (strict)->may);
      g_object_unref (strict_back);
    }
  tlc_conformance_end ();
}
END_TEST

/* Every field at once: empty, at the edges, and many of each; optional ones set and not; ids out
 * of order, far apart, and beyond 64. */
START_TEST (test_conformance_values_everything)
{
  static const guint more[] = { 18, 19, 400 };
  EchoIf *echo = tlc_conformance_begin (_i);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 9 + G_N_ELEMENTS (more); i++)
    {
      Everything *sent = tlc_specimen_everything (i < 9 ? i : more[i - 9]);
      Everything *back = g_object_new (TYPE_EVERYTHING, NULL);

      tlc_conformance_must (echo_if_echo_everything (echo, &back, sent, &error), &error,
                            "echo_everything");
      tlc_compare_everything (back, sent);
      g_object_unref (back);
      g_object_unref (sent);
    }
  tlc_conformance_end ();
}
END_TEST

/* A struct of which nothing was set: strings that were NULL come back empty, the default as it
 * is in the interface, optional fields unset. An enum is 0, which may have to be a name's. */
START_TEST (test_conformance_values_everything_untouched)
{
  EchoIf *echo = tlc_conformance_begin (_i);
  Everything *sent = g_object_new (TYPE_EVERYTHING, NULL);
  Everything *back = g_object_new (TYPE_EVERYTHING, NULL);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (sent->a_string);
  back->with_default = 0;
  if (tlc_differences_has (_i, TLC_DIFFERENCE_REFUSED_ENUM))
    sent->a_color = COLOR_RED;
  tlc_conformance_must (echo_if_echo_everything (echo, &back, sent, &error), &error,
                        "echo_everything");
  sent->a_string = g_strdup ("");
  sent->a_binary = g_byte_array_new ();
  tlc_compare_everything (back, sent);
  ck_assert_int_eq (back->with_default, 42);
  g_object_unref (back);
  g_object_unref (sent);
  tlc_conformance_end ();
}
END_TEST

static void
must_echo_tree (EchoIf *echo, guint depth, guint width)
{
  Tree *sent = tlc_specimen_tree (depth, width);
  Tree *back = g_object_new (TYPE_TREE, NULL);
  g_autoptr (GError) error = NULL;

  tlc_conformance_must (echo_if_echo_tree (echo, &back, sent, &error), &error, "echo_tree");
  tlc_compare_trees (back, sent);
  g_object_unref (back);
  g_object_unref (sent);
}

/* Trees: a leaf, wide ones, both, and the deepest. */
START_TEST (test_conformance_values_tree)
{
  EchoIf *echo = tlc_conformance_begin (_i);

  must_echo_tree (echo, 1, 0);
  must_echo_tree (echo, 2, 1000);
  must_echo_tree (echo, 20, 20);
  for (guint depth = 2; depth <= DEEPEST_TREE; depth++)
    must_echo_tree (echo, depth, 1);
  tlc_conformance_end ();
}
END_TEST

/* One node deeper the reply is refused, and so is one of 40 nodes, which every server sends: 64
 * levels is a limit of ours. What follows gets its own answer. */
START_TEST (test_conformance_values_tree_too_deep)
{
  static const guint depths[] = { DEEPEST_TREE + 1, 40 };
  EchoIf *echo = tlc_conformance_begin (_i);

  for (guint i = 0; i < G_N_ELEMENTS (depths); i++)
    {
      Tree *sent = tlc_specimen_tree (depths[i], 1);
      Tree *back = g_object_new (TYPE_TREE, NULL);
      g_autoptr (GError) error = NULL;

      ck_assert (!echo_if_echo_tree (echo, &back, sent, &error));
      ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_PROTOCOL), "%s", error->message);
      ck_assert_msg (strstr (error->message, "nested more than 64 deep") != NULL, "%s",
                     error->message);
      g_object_unref (back);
      g_object_unref (sent);
      must_echo_tree (echo, DEEPEST_TREE, 1);
    }
  tlc_conformance_end_after (G_N_ELEMENTS (depths));
}
END_TEST

int
main (void)
{
  const TTest *const tests[] = {
    test_conformance_values_bool,
    test_conformance_values_integers,
    test_conformance_values_double,
    test_conformance_values_enum,
    test_conformance_values_string,
    test_conformance_values_binary,
    test_conformance_values_containers,
    test_conformance_values_structs,
    test_conformance_values_everything,
    test_conformance_values_everything_untouched,
    test_conformance_values_tree,
    test_conformance_values_tree_too_deep,
  };

  return tlc_conformance_run ("conformance-values", tests, G_N_ELEMENTS (tests));
}
