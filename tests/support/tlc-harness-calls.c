/* SPDX-License-Identifier: Apache-2.0 */
/* One call of each kind, with some argument. */

#include "support/tlc-harness-calls.h"

gboolean
tlc_harness_add (EchoIf *echo, GError **error)
{
  gint32 sum = 0;

  return echo_if_add (echo, &sum, 1, 2, error);
}

gboolean
tlc_harness_ping (EchoIf *echo, GError **error)
{
  return echo_if_ping (echo, error);
}

gboolean
tlc_harness_string (EchoIf *echo, GError **error)
{
  g_autofree char *value = NULL;

  return echo_if_echo_string (echo, &value, "text", error);
}

gboolean
tlc_harness_binary (EchoIf *echo, GError **error)
{
  g_autoptr (GByteArray) value = g_byte_array_new ();
  g_autoptr (GByteArray) result = NULL;

  return echo_if_echo_binary (echo, &result, value, error);
}

gboolean
tlc_harness_list (EchoIf *echo, GError **error)
{
  g_autoptr (GArray) value = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GArray) result = g_array_new (FALSE, FALSE, sizeof (gint32));

  return echo_if_echo_list (echo, &result, value, error);
}

gboolean
tlc_harness_set (EchoIf *echo, GError **error)
{
  g_autoptr (GHashTable) value = g_hash_table_new (g_int_hash, g_int_equal);
  g_autoptr (GHashTable) result = g_hash_table_new_full (g_int_hash, g_int_equal, g_free, NULL);

  return echo_if_echo_set (echo, &result, value, error);
}

gboolean
tlc_harness_map (EchoIf *echo, GError **error)
{
  g_autoptr (GHashTable) value = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) result = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  return echo_if_echo_map (echo, &result, value, error);
}

gboolean
tlc_harness_tree (EchoIf *echo, GError **error)
{
  g_autoptr (GObject) value = g_object_new (TYPE_TREE, NULL);
  g_autoptr (GObject) result = g_object_new (TYPE_TREE, NULL);
  Tree *tree = TREE (result);

  return echo_if_echo_tree (echo, &tree, TREE (value), error);
}

gboolean
tlc_harness_strict (EchoIf *echo, GError **error)
{
  g_autoptr (GObject) value = g_object_new (TYPE_STRICT, "must", 1, NULL);
  g_autoptr (GObject) result = g_object_new (TYPE_STRICT, NULL);
  Strict *strict = STRICT (result);

  return echo_if_echo_strict (echo, &strict, STRICT (value), error);
}

gboolean
tlc_harness_everything (EchoIf *echo, GError **error)
{
  g_autoptr (GObject) value = g_object_new (TYPE_EVERYTHING, NULL);
  g_autoptr (GObject) result = g_object_new (TYPE_EVERYTHING, NULL);
  Everything *everything = EVERYTHING (result);

  return echo_if_echo_everything (echo, &everything, EVERYTHING (value), error);
}

gboolean
tlc_harness_samples (EchoIf *echo, GError **error)
{
  g_autoptr (GPtrArray) result = g_ptr_array_new_with_free_func (g_object_unref);

  return echo_if_samples (echo, &result, 1, error);
}

gboolean
tlc_harness_words (EchoIf *echo, GError **error)
{
  g_autoptr (GPtrArray) result = g_ptr_array_new_with_free_func (g_free);

  return echo_if_words (echo, &result, 1, error);
}

gboolean
tlc_harness_numbers (EchoIf *echo, GError **error)
{
  g_autoptr (GArray) result = g_array_new (FALSE, FALSE, sizeof (gint32));

  return echo_if_numbers (echo, &result, 1, error);
}
