/* SPDX-License-Identifier: Apache-2.0
 *
 * The C echo server's handler: echo_* returns its argument, samples, numbers, words and blob make
 * large replies. Nothing here has state, so all of it may run beside anything.
 *
 * An argument that the request leaves out arrives as NULL where it is a string or binary: that is
 * answered as an empty one.
 */
#include "echo-handler.h"

#include <thrift/c_glib/thrift_application_exception.h>

#define COUNT_MAX 5000000

static gboolean
echo_server_handler_echo_bool (EchoIf *iface, gboolean *ret, const gboolean value, GError **error)
{
  *ret = value;
  return TRUE;
}

static gboolean
echo_server_handler_echo_byte (EchoIf *iface, gint8 *ret, const gint8 value, GError **error)
{
  *ret = value;
  return TRUE;
}

static gboolean
echo_server_handler_echo_i16 (EchoIf *iface, gint16 *ret, const gint16 value, GError **error)
{
  *ret = value;
  return TRUE;
}

static gboolean
echo_server_handler_echo_i32 (EchoIf *iface, gint32 *ret, const gint32 value, GError **error)
{
  *ret = value;
  return TRUE;
}

static gboolean
echo_server_handler_echo_i64 (EchoIf *iface, gint64 *ret, const gint64 value, GError **error)
{
  *ret = value;
  return TRUE;
}

static gboolean
echo_server_handler_echo_double (EchoIf *iface, gdouble *ret, const gdouble value, GError **error)
{
  *ret = value;
  return TRUE;
}

static gboolean
echo_server_handler_echo_string (EchoIf *iface, gchar **ret, const gchar *value, GError **error)
{
  g_free (*ret);
  *ret = g_strdup (value != NULL ? value : "");
  return TRUE;
}

static gboolean
echo_server_handler_echo_binary (EchoIf *iface, GByteArray **ret, const GByteArray *value,
                                 GError **error)
{
  g_clear_pointer (ret, g_byte_array_unref);
  *ret = value != NULL ? g_byte_array_ref ((GByteArray *) value) : g_byte_array_new ();
  return TRUE;
}

static gboolean
echo_server_handler_echo_color (EchoIf *iface, Color *ret, const Color value, GError **error)
{
  *ret = value;
  return TRUE;
}

static gboolean
echo_server_handler_echo_point (EchoIf *iface, Point **ret, const Point *value, GError **error)
{
  g_set_object (ret, (Point *) value);
  return TRUE;
}

static gboolean
echo_server_handler_echo_tree (EchoIf *iface, Tree **ret, const Tree *value, GError **error)
{
  g_set_object (ret, (Tree *) value);
  return TRUE;
}

static gboolean
echo_server_handler_echo_everything (EchoIf *iface, Everything **ret, const Everything *value,
                                     GError **error)
{
  g_set_object (ret, (Everything *) value);
  return TRUE;
}

static gboolean
echo_server_handler_echo_strict (EchoIf *iface, Strict **ret, const Strict *value, GError **error)
{
  g_set_object (ret, (Strict *) value);
  return TRUE;
}

static gboolean
echo_server_handler_echo_list (EchoIf *iface, GArray **ret, const GArray *value, GError **error)
{
  g_clear_pointer (ret, g_array_unref);
  *ret = g_array_ref ((GArray *) value);
  return TRUE;
}

static gboolean
echo_server_handler_echo_set (EchoIf *iface, GHashTable **ret, const GHashTable *value,
                              GError **error)
{
  g_clear_pointer (ret, g_hash_table_unref);
  *ret = g_hash_table_ref ((GHashTable *) value);
  return TRUE;
}

static gboolean
echo_server_handler_echo_map (EchoIf *iface, GHashTable **ret, const GHashTable *value,
                              GError **error)
{
  g_clear_pointer (ret, g_hash_table_unref);
  *ret = g_hash_table_ref ((GHashTable *) value);
  return TRUE;
}

static gboolean
echo_server_handler_check_count (gint32 count, GError **error)
{
  if (count >= 0 && count <= COUNT_MAX)
    return TRUE;
  g_set_error (error, THRIFT_APPLICATION_EXCEPTION_ERROR,
               THRIFT_APPLICATION_EXCEPTION_ERROR_INTERNAL_ERROR, "count %d is out of range",
               count);
  return FALSE;
}

static gboolean
echo_server_handler_samples (EchoIf *iface, GPtrArray **ret, const gint32 count, GError **error)
{
  if (!echo_server_handler_check_count (count, error))
    return FALSE;
  for (gint32 i = 0; i < count; i++)
    {
      Sample *sample = g_object_new (TYPE_SAMPLE, NULL);

      /* the fields are public, and properties cost ten times as much */
      sample->id = i;
      sample->__isset_id = TRUE;
      sample->name = g_strdup_printf ("sample-%d", i);
      sample->__isset_name = TRUE;
      sample->value = i * 0.5;
      sample->__isset_value = TRUE;
      g_ptr_array_add (*ret, sample);
    }
  return TRUE;
}

static gboolean
echo_server_handler_numbers (EchoIf *iface, GArray **ret, const gint32 count, GError **error)
{
  if (!echo_server_handler_check_count (count, error))
    return FALSE;
  for (gint32 i = 0; i < count; i++)
    g_array_append_val (*ret, i);
  return TRUE;
}

static gboolean
echo_server_handler_words (EchoIf *iface, GPtrArray **ret, const gint32 count, GError **error)
{
  if (!echo_server_handler_check_count (count, error))
    return FALSE;
  for (gint32 i = 0; i < count; i++)
    g_ptr_array_add (*ret, g_strdup_printf ("word-%d", i));
  return TRUE;
}

static gboolean
echo_server_handler_blob (EchoIf *iface, GByteArray **ret, const gint32 size, GError **error)
{
  if (!echo_server_handler_check_count (size, error))
    return FALSE;
  g_clear_pointer (ret, g_byte_array_unref);
  *ret = g_byte_array_sized_new ((guint) size);
  g_byte_array_set_size (*ret, (guint) size);
  for (gint32 i = 0; i < size; i++)
    (*ret)->data[i] = (guint8) (i & 0xff);
  return TRUE;
}

void
echo_server_handler_install_values (EchoHandlerClass *klass)
{
  klass->echo_bool = echo_server_handler_echo_bool;
  klass->echo_byte = echo_server_handler_echo_byte;
  klass->echo_i16 = echo_server_handler_echo_i16;
  klass->echo_i32 = echo_server_handler_echo_i32;
  klass->echo_i64 = echo_server_handler_echo_i64;
  klass->echo_double = echo_server_handler_echo_double;
  klass->echo_string = echo_server_handler_echo_string;
  klass->echo_binary = echo_server_handler_echo_binary;
  klass->echo_color = echo_server_handler_echo_color;
  klass->echo_point = echo_server_handler_echo_point;
  klass->echo_tree = echo_server_handler_echo_tree;
  klass->echo_everything = echo_server_handler_echo_everything;
  klass->echo_strict = echo_server_handler_echo_strict;
  klass->echo_list = echo_server_handler_echo_list;
  klass->echo_set = echo_server_handler_echo_set;
  klass->echo_map = echo_server_handler_echo_map;
  klass->samples = echo_server_handler_samples;
  klass->numbers = echo_server_handler_numbers;
  klass->words = echo_server_handler_words;
  klass->blob = echo_server_handler_blob;
}
