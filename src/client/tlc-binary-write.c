/* SPDX-License-Identifier: Apache-2.0 */

/* The binary protocol's writing half: values are appended to the call's request. */
#include "client/tlc-binary.h"

static gboolean
tlc_binary_write_header (TlcProtocol *self, const char *name, ThriftMessageType type,
                         gint32 sequence, GError **error)
{
  gsize prefix_length = tlc_protocol_get_prefix_length (self), name_length = strlen (name);
  guint8 *at = tlc_call_append (self->call, 4 + 4 + prefix_length + name_length + 4, error);

  if (G_UNLIKELY (at == NULL))
    return FALSE;
  tlc_binary_put_32 (at, TLC_BINARY_VERSION | (guint32) type);
  tlc_binary_put_32 (at + 4, (guint32) (prefix_length + name_length));
  at += 8;
  if (G_UNLIKELY (prefix_length > 0))
    memcpy (at, self->prefix, prefix_length);
  at += prefix_length;
  memcpy (at, name, name_length);
  tlc_call_set_method (self->call, at, name_length);
  tlc_binary_put_32 (at + name_length, (guint32) sequence);
  return TRUE;
}

static gint32
tlc_binary_write_field_begin (ThriftProtocol *protocol, const gchar *name, const ThriftType type,
                              const gint16 id, GError **error)
{
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), 3, error);

  if (G_UNLIKELY (at == NULL))
    return -1;
  at[0] = (guint8) type;
  tlc_binary_put_16 (at + 1, (guint16) id);
  return 3;
}

static gint32
tlc_binary_write_8 (ThriftProtocol *protocol, guint8 value, GError **error)
{
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), 1, error);

  if (G_UNLIKELY (at == NULL))
    return -1;
  at[0] = value;
  return 1;
}

static gint32
tlc_binary_write_field_stop (ThriftProtocol *protocol, GError **error)
{
  return tlc_binary_write_8 (protocol, T_STOP, error);
}

static gint32
tlc_binary_write_map_begin (ThriftProtocol *protocol, const ThriftType key_type,
                            const ThriftType value_type, const guint32 size, GError **error)
{
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), 6, error);

  if (G_UNLIKELY (at == NULL))
    return -1;
  at[0] = (guint8) key_type;
  at[1] = (guint8) value_type;
  tlc_binary_put_32 (at + 2, size);
  return 6;
}

static gint32
tlc_binary_write_list_begin (ThriftProtocol *protocol, const ThriftType element_type,
                             const guint32 size, GError **error)
{
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), 5, error);

  if (G_UNLIKELY (at == NULL))
    return -1;
  at[0] = (guint8) element_type;
  tlc_binary_put_32 (at + 1, size);
  return 5;
}

static gint32
tlc_binary_write_bool (ThriftProtocol *protocol, const gboolean value, GError **error)
{
  return tlc_binary_write_8 (protocol, value ? 1 : 0, error);
}

static gint32
tlc_binary_write_byte (ThriftProtocol *protocol, const gint8 value, GError **error)
{
  return tlc_binary_write_8 (protocol, (guint8) value, error);
}

static gint32
tlc_binary_write_i16 (ThriftProtocol *protocol, const gint16 value, GError **error)
{
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), 2, error);

  if (G_UNLIKELY (at == NULL))
    return -1;
  tlc_binary_put_16 (at, (guint16) value);
  return 2;
}

static gint32
tlc_binary_write_i32 (ThriftProtocol *protocol, const gint32 value, GError **error)
{
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), 4, error);

  if (G_UNLIKELY (at == NULL))
    return -1;
  tlc_binary_put_32 (at, (guint32) value);
  return 4;
}

static gint32
tlc_binary_write_i64 (ThriftProtocol *protocol, const gint64 value, GError **error)
{
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), 8, error);

  if (G_UNLIKELY (at == NULL))
    return -1;
  tlc_binary_put_64 (at, (guint64) value);
  return 8;
}

static gint32
tlc_binary_write_double (ThriftProtocol *protocol, const gdouble value, GError **error)
{
  gint64 bits;

  memcpy (&bits, &value, sizeof bits);
  return tlc_binary_write_i64 (protocol, bits, error);
}

static gint32
tlc_binary_write_bytes (ThriftProtocol *protocol, gconstpointer bytes, gsize length, GError **error)
{
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), 4 + length, error);

  if (G_UNLIKELY (at == NULL))
    return -1;
  tlc_binary_put_32 (at, (guint32) length);
  if (length > 0)
    memcpy (at + 4, bytes, length);
  return (gint32) (4 + length);
}

static gint32
tlc_binary_write_string (ThriftProtocol *protocol, const gchar *string, GError **error)
{
  return tlc_binary_write_bytes (protocol, string, string != NULL ? strlen (string) : 0, error);
}

static gint32
tlc_binary_write_binary (ThriftProtocol *protocol, const gpointer bytes, const guint32 length,
                         GError **error)
{
  return tlc_binary_write_bytes (protocol, bytes, length, error);
}

void
tlc_binary_install_writers (TlcProtocolClass *klass)
{
  ThriftProtocolClass *protocol_class = &klass->parent_class;

  klass->write_header = tlc_binary_write_header;
  protocol_class->write_field_begin = tlc_binary_write_field_begin;
  protocol_class->write_field_stop = tlc_binary_write_field_stop;
  protocol_class->write_map_begin = tlc_binary_write_map_begin;
  protocol_class->write_list_begin = tlc_binary_write_list_begin;
  protocol_class->write_set_begin = tlc_binary_write_list_begin;
  protocol_class->write_bool = tlc_binary_write_bool;
  protocol_class->write_byte = tlc_binary_write_byte;
  protocol_class->write_i16 = tlc_binary_write_i16;
  protocol_class->write_i32 = tlc_binary_write_i32;
  protocol_class->write_i64 = tlc_binary_write_i64;
  protocol_class->write_double = tlc_binary_write_double;
  protocol_class->write_string = tlc_binary_write_string;
  protocol_class->write_binary = tlc_binary_write_binary;
}
