/* SPDX-License-Identifier: Apache-2.0 */

/* The valid replies, written by the stock protocols. */
#include "fuzz/fuzz-replies.h"

#include <thrift/c_glib/protocol/thrift_binary_protocol.h>
#include <thrift/c_glib/protocol/thrift_compact_protocol.h>
#include <thrift/c_glib/thrift_application_exception.h>
#include <thrift/c_glib/transport/thrift_memory_buffer.h>

#include "conformance/tlc-specimen.h"

#define FUZZ_BODY_MAX (1024 * 1024)

static gpointer
fuzz_make_add (guint n)
{
  return g_object_new (TYPE_ECHO_ADD_RESULT, "success", tlc_specimen_i32 (n), NULL);
}

static gpointer
fuzz_make_ping (guint n)
{
  return g_object_new (TYPE_ECHO_PING_RESULT, NULL);
}

static gpointer
fuzz_make_who (guint n)
{
  g_autofree char *value = tlc_specimen_string (n);

  return g_object_new (TYPE_IDENTITY_WHO_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_bool (guint n)
{
  return g_object_new (TYPE_ECHO_ECHO_BOOL_RESULT, "success", n, NULL);
}

static gpointer
fuzz_make_byte (guint n)
{
  return g_object_new (TYPE_ECHO_ECHO_BYTE_RESULT, "success", tlc_specimen_i8 (n), NULL);
}

static gpointer
fuzz_make_i16 (guint n)
{
  return g_object_new (TYPE_ECHO_ECHO_I16_RESULT, "success", tlc_specimen_i16 (n), NULL);
}

static gpointer
fuzz_make_i64 (guint n)
{
  return g_object_new (TYPE_ECHO_ECHO_I64_RESULT, "success", tlc_specimen_i64 (n), NULL);
}

static gpointer
fuzz_make_double (guint n)
{
  return g_object_new (TYPE_ECHO_ECHO_DOUBLE_RESULT, "success", tlc_specimen_double (n), NULL);
}

static gpointer
fuzz_make_string (guint n)
{
  g_autofree char *value = tlc_specimen_string (n);

  return g_object_new (TYPE_ECHO_ECHO_STRING_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_binary (guint n)
{
  g_autoptr (GByteArray) value = tlc_specimen_long_binary (n);

  return g_object_new (TYPE_ECHO_ECHO_BINARY_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_color (guint n)
{
  return g_object_new (TYPE_ECHO_ECHO_COLOR_RESULT, "success", tlc_specimen_color (n), NULL);
}

static gpointer
fuzz_make_point (guint n)
{
  g_autoptr (GObject) value = G_OBJECT (tlc_specimen_point (n));

  return g_object_new (TYPE_ECHO_ECHO_POINT_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_tree (guint n)
{
  g_autoptr (GObject) value = G_OBJECT (tlc_specimen_tree (n, 2));

  return g_object_new (TYPE_ECHO_ECHO_TREE_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_everything (guint n)
{
  g_autoptr (GObject) value = G_OBJECT (tlc_specimen_everything (n));

  return g_object_new (TYPE_ECHO_ECHO_EVERYTHING_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_strict (guint n)
{
  g_autoptr (GObject) value = g_object_new (TYPE_STRICT, "must", tlc_specimen_i32 (n), NULL);

  if (n > 0)
    g_object_set (value, "may", tlc_specimen_i32 (n + 1), NULL);
  return g_object_new (TYPE_ECHO_ECHO_STRICT_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_list (guint n)
{
  g_autoptr (GArray) value = tlc_specimen_list (n);

  return g_object_new (TYPE_ECHO_ECHO_LIST_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_set (guint n)
{
  g_autoptr (GHashTable) value = tlc_specimen_set (n);

  return g_object_new (TYPE_ECHO_ECHO_SET_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_map (guint n)
{
  g_autoptr (GHashTable) value = tlc_specimen_map (n);

  return g_object_new (TYPE_ECHO_ECHO_MAP_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_samples (guint n)
{
  g_autoptr (GPtrArray) value = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *name = tlc_specimen_string (i);

      g_ptr_array_add (value, g_object_new (TYPE_SAMPLE, "id", tlc_specimen_i32 (i), "name", name,
                                            "value", tlc_specimen_double (i), NULL));
    }
  return g_object_new (TYPE_ECHO_SAMPLES_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_numbers (guint n)
{
  g_autoptr (GArray) value = tlc_specimen_list (n);

  return g_object_new (TYPE_ECHO_NUMBERS_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_words (guint n)
{
  g_autoptr (GPtrArray) value = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (value, tlc_specimen_string (i));
  return g_object_new (TYPE_ECHO_WORDS_RESULT, "success", value, NULL);
}

static gpointer
fuzz_make_fail (guint n)
{
  return g_object_new (TYPE_ECHO_FAIL_RESULT, "success", tlc_specimen_i32 (n), NULL);
}

static gpointer
fuzz_make_rejected (guint n)
{
  g_autoptr (GObject) value
      = g_object_new (TYPE_REJECTED, "reason", "why", "code", tlc_specimen_i32 (n), NULL);

  return g_object_new (TYPE_ECHO_FAIL_RESULT, "rejected", value, NULL);
}

static gpointer
fuzz_make_not_found (guint n)
{
  g_autoptr (GObject) value = g_object_new (TYPE_NOT_FOUND, "key", "what", NULL);

  return g_object_new (TYPE_ECHO_FAIL_RESULT, "not_found", value, NULL);
}

static gpointer
fuzz_make_run (guint n)
{
  return g_object_new (TYPE_ECHO_RUN_RESULT, "success", tlc_specimen_i32 (n), NULL);
}

static gpointer
fuzz_make_exception (guint n)
{
  return g_object_new (THRIFT_TYPE_APPLICATION_EXCEPTION, "message", "no", "type", n, NULL);
}

const FuzzReply fuzz_replies[] = {
  { "add", "add", fuzz_make_add, 5, FALSE },
  { "ping", "ping", fuzz_make_ping, 0, FALSE },
  { "who", "who", fuzz_make_who, 1, FALSE },
  { "false", "echo_bool", fuzz_make_bool, 0, FALSE },
  { "true", "echo_bool", fuzz_make_bool, 1, FALSE },
  { "byte", "echo_byte", fuzz_make_byte, 0, FALSE },
  { "i16", "echo_i16", fuzz_make_i16, 5, FALSE },
  { "i64", "echo_i64", fuzz_make_i64, 7, FALSE },
  { "double", "echo_double", fuzz_make_double, 17, FALSE },
  { "string", "echo_string", fuzz_make_string, 3, FALSE },
  { "string-empty", "echo_string", fuzz_make_string, 0, FALSE },
  { "binary", "echo_binary", fuzz_make_binary, 5, FALSE },
  { "binary-long", "echo_binary", fuzz_make_binary, 300, FALSE },
  { "color", "echo_color", fuzz_make_color, 2, FALSE },
  { "point", "echo_point", fuzz_make_point, 0, FALSE },
  { "tree", "echo_tree", fuzz_make_tree, 1, FALSE },
  { "tree-deep", "echo_tree", fuzz_make_tree, 12, FALSE },
  { "everything-0", "echo_everything", fuzz_make_everything, 0, FALSE },
  { "everything-1", "echo_everything", fuzz_make_everything, 1, FALSE },
  { "everything-4", "echo_everything", fuzz_make_everything, 4, FALSE },
  { "strict", "echo_strict", fuzz_make_strict, 0, FALSE },
  { "strict-both", "echo_strict", fuzz_make_strict, 1, FALSE },
  { "list-0", "echo_list", fuzz_make_list, 0, FALSE },
  { "list-6", "echo_list", fuzz_make_list, 6, FALSE },
  { "list-20", "echo_list", fuzz_make_list, 20, FALSE },
  { "set-0", "echo_set", fuzz_make_set, 0, FALSE },
  { "set-4", "echo_set", fuzz_make_set, 4, FALSE },
  { "map-0", "echo_map", fuzz_make_map, 0, FALSE },
  { "map-4", "echo_map", fuzz_make_map, 4, FALSE },
  { "samples-3", "samples", fuzz_make_samples, 3, FALSE },
  { "numbers-16", "numbers", fuzz_make_numbers, 16, FALSE },
  { "words-5", "words", fuzz_make_words, 5, FALSE },
  { "fail", "fail", fuzz_make_fail, 3, FALSE },
  { "rejected", "fail", fuzz_make_rejected, 0, FALSE },
  { "not-found", "fail", fuzz_make_not_found, 0, FALSE },
  { "run", "run", fuzz_make_run, 4, FALSE },
  { "unknown-fields", "ping", fuzz_make_everything, 2, FALSE },
  { "unknown-method", "echo_tree", fuzz_make_exception, 1, TRUE },
  { "internal-error", "ping", fuzz_make_exception, 6, TRUE },
};
const guint fuzz_n_replies = G_N_ELEMENTS (fuzz_replies);

const FuzzReply fuzz_refused[] = {
  { "tree-too-deep", "echo_tree", fuzz_make_tree, 100, FALSE },
  { "add-of-tree-too-deep", "add", fuzz_make_tree, 100, FALSE }, /* passed over, not read */
};
const guint fuzz_n_refused = G_N_ELEMENTS (fuzz_refused);

/* Made once and kept, since c_glib's transports leak when they end. */
GByteArray *
fuzz_reply_write_body (const FuzzReply *reply, const FuzzWire *wire)
{
  static ThriftMemoryBuffer *memory;
  static ThriftProtocol *protocols[2];
  g_autoptr (GObject) object = G_OBJECT (reply->make (reply->n));
  ThriftProtocol *protocol;
  GByteArray *body = g_byte_array_new ();

  if (memory == NULL)
    {
      memory = g_object_new (THRIFT_TYPE_MEMORY_BUFFER, "buf_size", FUZZ_BODY_MAX, NULL);
      protocols[0] = g_object_new (THRIFT_TYPE_BINARY_PROTOCOL, "transport", memory, NULL);
      protocols[1] = g_object_new (THRIFT_TYPE_COMPACT_PROTOCOL, "transport", memory, NULL);
    }
  protocol = protocols[wire->is_compact];
  g_byte_array_set_size (memory->buf, 0);
  g_assert (thrift_struct_write (THRIFT_STRUCT (object), protocol, NULL) >= 0);
  return g_byte_array_append (body, memory->buf->data, memory->buf->len);
}
