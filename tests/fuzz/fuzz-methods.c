/* SPDX-License-Identifier: Apache-2.0 */

/* A call of each kind of method. What a call returned is read as its type says, so that a sanitizer
 * sees what is not as it should be: structs by having c_glib write them. */
#include "fuzz/fuzz-methods.h"

#include <string.h>
#include <thrift/c_glib/protocol/thrift_binary_protocol.h>
#include <thrift/c_glib/transport/thrift_memory_buffer.h>

#define FUZZ_SINK_MAX (16 * 1024 * 1024)

/* More objects of a kind than this take more memory than FUZZ_MAX_DECODED_SIZE, by far. */
#define FUZZ_MAX_STRUCTS (64 * 1024 / 128)
#define FUZZ_MAX_ELEMENTS (64 * 1024 / 4)

/* Seen by the linker, so that no compiler leaves the reading out. */
guint8 fuzz_methods_sum;

static void
fuzz_look_at (gconstpointer data, gsize length)
{
  for (gsize i = 0; i < length; i++)
    fuzz_methods_sum ^= ((const guint8 *) data)[i];
}

static void
fuzz_look_at_string (const char *string)
{
  if (string != NULL)
    fuzz_look_at (string, strlen (string));
}

static void
fuzz_look_at_numbers (const GArray *array)
{
  g_assert_cmpuint (array->len, <, FUZZ_MAX_ELEMENTS);
  fuzz_look_at (array->data, (gsize) array->len * sizeof (gint32));
}

static void
fuzz_look_at_struct (gpointer object)
{
  static ThriftMemoryBuffer *sink;
  static ThriftProtocol *protocol;

  if (sink == NULL)
    {
      sink = g_object_new (THRIFT_TYPE_MEMORY_BUFFER, "buf_size", FUZZ_SINK_MAX, NULL);
      protocol = g_object_new (THRIFT_TYPE_BINARY_PROTOCOL, "transport", sink, NULL);
    }
  thrift_struct_write (THRIFT_STRUCT (object), protocol, NULL);
  g_byte_array_set_size (sink->buf, 0);
}

static gboolean
fuzz_call_add (EchoIf *echo, GError **error)
{
  gint32 value = 0;

  return echo_if_add (echo, &value, 1, 2, error);
}

static gboolean
fuzz_call_ping (EchoIf *echo, GError **error)
{
  return echo_if_ping (echo, error);
}

static gboolean
fuzz_call_who (EchoIf *echo, GError **error)
{
  g_autofree char *value = NULL;
  gboolean is_done = identity_if_who (IDENTITY_IF (echo), &value, error);

  fuzz_look_at_string (value);
  return is_done;
}

static gboolean
fuzz_call_bool (EchoIf *echo, GError **error)
{
  gboolean value = FALSE, is_done = echo_if_echo_bool (echo, &value, TRUE, error);

  g_assert (value == FALSE || value == TRUE);
  return is_done;
}

static gboolean
fuzz_call_byte (EchoIf *echo, GError **error)
{
  gint8 value = 0;

  return echo_if_echo_byte (echo, &value, 1, error);
}

static gboolean
fuzz_call_i16 (EchoIf *echo, GError **error)
{
  gint16 value = 0;

  return echo_if_echo_i16 (echo, &value, 1, error);
}

static gboolean
fuzz_call_i64 (EchoIf *echo, GError **error)
{
  gint64 value = 0;

  return echo_if_echo_i64 (echo, &value, 1, error);
}

static gboolean
fuzz_call_double (EchoIf *echo, GError **error)
{
  double value = 0;

  return echo_if_echo_double (echo, &value, 1, error);
}

static gboolean
fuzz_call_string (EchoIf *echo, GError **error)
{
  g_autofree char *value = NULL;
  gboolean is_done = echo_if_echo_string (echo, &value, "x", error);

  fuzz_look_at_string (value);
  return is_done;
}

static gboolean
fuzz_call_binary (EchoIf *echo, GError **error)
{
  g_autoptr (GByteArray) argument = g_byte_array_new ();
  GByteArray *value = NULL;
  gboolean is_done = echo_if_echo_binary (echo, &value, argument, error);

  if (value != NULL)
    fuzz_look_at (value->data, value->len);
  g_clear_pointer (&value, g_byte_array_unref);
  return is_done;
}

static gboolean
fuzz_call_color (EchoIf *echo, GError **error)
{
  Color value = COLOR_RED;

  return echo_if_echo_color (echo, &value, COLOR_BLUE, error);
}

static gboolean
fuzz_call_point (EchoIf *echo, GError **error)
{
  g_autoptr (GObject) argument = g_object_new (TYPE_POINT, NULL);
  Point *value = g_object_new (TYPE_POINT, NULL);
  gboolean is_done = echo_if_echo_point (echo, &value, POINT (argument), error);

  if (is_done)
    fuzz_look_at_struct (value);
  g_clear_object (&value);
  return is_done;
}

static gboolean
fuzz_call_tree (EchoIf *echo, GError **error)
{
  g_autoptr (GObject) argument = g_object_new (TYPE_TREE, NULL);
  Tree *value = g_object_new (TYPE_TREE, NULL);
  gboolean is_done = echo_if_echo_tree (echo, &value, TREE (argument), error);

  if (is_done)
    fuzz_look_at_struct (value);
  g_clear_object (&value);
  return is_done;
}

static gboolean
fuzz_call_everything (EchoIf *echo, GError **error)
{
  g_autoptr (GObject) argument = g_object_new (TYPE_EVERYTHING, NULL);
  Everything *value = g_object_new (TYPE_EVERYTHING, NULL);
  gboolean is_done = echo_if_echo_everything (echo, &value, EVERYTHING (argument), error);

  if (is_done)
    fuzz_look_at_struct (value);
  g_clear_object (&value);
  return is_done;
}

static gboolean
fuzz_call_strict (EchoIf *echo, GError **error)
{
  g_autoptr (GObject) argument = g_object_new (TYPE_STRICT, "must", 1, NULL);
  Strict *value = g_object_new (TYPE_STRICT, NULL);
  gboolean is_done = echo_if_echo_strict (echo, &value, STRICT (argument), error);

  if (is_done)
    fuzz_look_at_struct (value);
  g_clear_object (&value);
  return is_done;
}

static gboolean
fuzz_call_list (EchoIf *echo, GError **error)
{
  g_autoptr (GArray) argument = g_array_new (FALSE, TRUE, sizeof (gint32));
  GArray *value = g_array_new (FALSE, TRUE, sizeof (gint32));
  gboolean is_done = echo_if_echo_list (echo, &value, argument, error);

  fuzz_look_at_numbers (value);
  g_array_unref (value);
  return is_done;
}

static void
fuzz_look_at_i32 (gpointer key, gpointer value, gpointer data)
{
  fuzz_look_at (key, sizeof (gint32));
}

static gboolean
fuzz_call_set (EchoIf *echo, GError **error)
{
  g_autoptr (GHashTable) argument = g_hash_table_new (g_int_hash, g_int_equal);
  GHashTable *value = g_hash_table_new_full (g_int_hash, g_int_equal, g_free, NULL);
  gboolean is_done = echo_if_echo_set (echo, &value, argument, error);

  g_hash_table_foreach (value, fuzz_look_at_i32, NULL);
  g_hash_table_unref (value);
  return is_done;
}

static void
fuzz_look_at_entry (gpointer key, gpointer value, gpointer data)
{
  fuzz_look_at_string (key);
  fuzz_look_at (value, sizeof (gint32));
}

static gboolean
fuzz_call_map (EchoIf *echo, GError **error)
{
  g_autoptr (GHashTable) argument = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTable *value = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  gboolean is_done = echo_if_echo_map (echo, &value, argument, error);

  g_hash_table_foreach (value, fuzz_look_at_entry, NULL);
  g_hash_table_unref (value);
  return is_done;
}

static gboolean
fuzz_call_samples (EchoIf *echo, GError **error)
{
  GPtrArray *value = g_ptr_array_new_with_free_func (g_object_unref);
  gboolean is_done = echo_if_samples (echo, &value, 1, error);

  g_assert_cmpuint (value->len, <, FUZZ_MAX_STRUCTS);
  for (guint i = 0; i < value->len; i++)
    fuzz_look_at_struct (value->pdata[i]);
  g_ptr_array_unref (value);
  return is_done;
}

static gboolean
fuzz_call_numbers (EchoIf *echo, GError **error)
{
  GArray *value = g_array_new (FALSE, TRUE, sizeof (gint32));
  gboolean is_done = echo_if_numbers (echo, &value, 1, error);

  fuzz_look_at_numbers (value);
  g_array_unref (value);
  return is_done;
}

static gboolean
fuzz_call_words (EchoIf *echo, GError **error)
{
  GPtrArray *value = g_ptr_array_new_with_free_func (g_free);
  gboolean is_done = echo_if_words (echo, &value, 1, error);

  for (guint i = 0; i < value->len; i++)
    fuzz_look_at_string (value->pdata[i]);
  g_ptr_array_unref (value);
  return is_done;
}

static gboolean
fuzz_call_fail (EchoIf *echo, GError **error)
{
  Rejected *rejected = NULL;
  NotFound *not_found = NULL;
  gint32 value = 0;
  gboolean is_done = echo_if_fail (echo, &value, 1, &rejected, &not_found, error);

  g_assert (!is_done || (rejected == NULL && not_found == NULL));
  if (rejected != NULL)
    fuzz_look_at_struct (rejected);
  if (not_found != NULL)
    fuzz_look_at_struct (not_found);
  g_clear_object (&rejected);
  g_clear_object (&not_found);
  return is_done;
}

static gboolean
fuzz_call_run (EchoIf *echo, GError **error)
{
  gint32 value = 0;

  return echo_if_run (echo, &value, "x", error);
}

/* Inputs of the corpus know them by their place: new ones go to the end. */
const FuzzMethod fuzz_methods[] = {
  { "add", fuzz_call_add },
  { "echo_everything", fuzz_call_everything },
  { "echo_tree", fuzz_call_tree },
  { "samples", fuzz_call_samples },
  { "echo_string", fuzz_call_string },
  { "fail", fuzz_call_fail },
  { "ping", fuzz_call_ping },
  { "who", fuzz_call_who },
  { "echo_bool", fuzz_call_bool },
  { "echo_byte", fuzz_call_byte },
  { "echo_i16", fuzz_call_i16 },
  { "echo_i64", fuzz_call_i64 },
  { "echo_double", fuzz_call_double },
  { "echo_binary", fuzz_call_binary },
  { "echo_color", fuzz_call_color },
  { "echo_point", fuzz_call_point },
  { "echo_strict", fuzz_call_strict },
  { "echo_list", fuzz_call_list },
  { "echo_set", fuzz_call_set },
  { "echo_map", fuzz_call_map },
  { "numbers", fuzz_call_numbers },
  { "words", fuzz_call_words },
  { "run", fuzz_call_run },
};
const guint fuzz_n_methods = G_N_ELEMENTS (fuzz_methods);

const FuzzMethod *
fuzz_method_find (const char *name)
{
  for (guint i = 0; i < fuzz_n_methods; i++)
    if (strcmp (fuzz_methods[i].name, name) == 0)
      return &fuzz_methods[i];
  g_error ("no such method: %s", name);
}
