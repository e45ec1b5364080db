/* SPDX-License-Identifier: Apache-2.0 */

/* The compact protocol's writing half: values are appended to the call's request. What it remembers
 * of a message begins anew with each header, so that a request given up halfway leaves nothing
 * behind. */
#include "client/tlc-compact.h"

/* Structs around a struct, before more room is needed. */
#define TLC_COMPACT_FIRST_OUTER_IDS 16

static inline guint8
tlc_compact_type_to_wire (ThriftType type)
{
  static const guint8 types[32] = {
    [T_BOOL] = TLC_COMPACT_TRUE,     [T_BYTE] = TLC_COMPACT_BYTE,
    [T_I16] = TLC_COMPACT_I16,       [T_I32] = TLC_COMPACT_I32,
    [T_I64] = TLC_COMPACT_I64,       [T_DOUBLE] = TLC_COMPACT_DOUBLE,
    [T_STRING] = TLC_COMPACT_BINARY, [T_STRUCT] = TLC_COMPACT_STRUCT,
    [T_MAP] = TLC_COMPACT_MAP,       [T_SET] = TLC_COMPACT_SET,
    [T_LIST] = TLC_COMPACT_LIST,
  };

  return types[type & 31];
}

/* Where the request's buffer ends it has room for just so much. */
static TLC_COLD gint32
tlc_compact_write_varint_at_end (ThriftProtocol *protocol, guint64 value, GError **error)
{
  gsize size = tlc_varint_size (value);
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), size, error);

  if (at == NULL)
    return -1;
  tlc_varint_put (at, value);
  return (gint32) size;
}

static inline gint32
tlc_compact_write_varint (ThriftProtocol *protocol, guint64 value, GError **error)
{
  TlcBuffer *out = &tlc_protocol_get_call (protocol)->out;
  guint8 *at = out->data + out->length, *end;

  if (G_UNLIKELY (out->capacity - out->length < TLC_VARINT_MAX))
    return tlc_compact_write_varint_at_end (protocol, value, error);
  end = tlc_varint_put (at, value);
  out->length += (gsize) (end - at);
  return (gint32) (end - at);
}

/* The varint of a message's number, remembered for the reply. All but one in eight have five bytes,
 * which are spread from one; eight are stored at once, for which there is room. */
static inline guint8 *
tlc_compact_put_sequence (TlcCompactProtocol *self, guint8 *at, gint32 sequence)
{
  guint64 wide = (guint32) sequence, bytes;
  guint n = 5;

  if (G_LIKELY (wide >> 28 != 0))
    {
      bytes = (wide & 0x7f) | (wide << 1 & 0x7f00) | (wide << 2 & 0x7f0000)
              | (wide << 3 & 0x7f000000) | wide >> 28 << 32 | 0x80808080;
      bytes = GUINT64_TO_LE (bytes);
      memcpy (at, &bytes, sizeof bytes);
    }
  else
    n = (guint) (tlc_varint_put (at, wide) - at);
  self->sequence = sequence;
  self->sequence_size = n;
  memcpy (&self->sequence_bytes, at, sizeof self->sequence_bytes);
  return at + n;
}

/* The most that a header takes besides the name: two bytes, the number, with what it is stored over,
 * and the name's length. */
#define TLC_COMPACT_HEADER_MAX (2 + 8 + 5)

static gboolean
tlc_compact_write_header (TlcProtocol *protocol, const char *name, ThriftMessageType type,
                          gint32 sequence, GError **error)
{
  TlcCompactProtocol *self = (TlcCompactProtocol *) protocol;
  TlcBuffer *out = &protocol->call->out;
  gsize prefix_length = tlc_protocol_get_prefix_length (protocol), name_length = strlen (name);
  gsize whole_length = prefix_length + name_length;
  guint8 *at = tlc_call_append (protocol->call, TLC_COMPACT_HEADER_MAX + whole_length, error);

  if (G_UNLIKELY (at == NULL))
    return FALSE;
  self->last_id = 0;
  self->n_outer_ids = 0;
  self->owes_bool = FALSE;
  *at++ = TLC_COMPACT_ID;
  *at++ = (guint8) (TLC_COMPACT_VERSION | (guint) type << TLC_COMPACT_TYPE_SHIFT);
  at = tlc_compact_put_sequence (self, at, sequence);
  at = tlc_varint_put (at, whole_length);
  if (G_UNLIKELY (prefix_length > 0))
    memcpy (at, protocol->prefix, prefix_length);
  at += prefix_length;
  memcpy (at, name, name_length);
  tlc_call_set_method (protocol->call, at, name_length);
  out->length = (gsize) (at + name_length - out->data);
  return TRUE;
}

/* Ids of the struct around this one are put away until it ends. */
static gint32
tlc_compact_write_struct_begin (ThriftProtocol *protocol, const gchar *name, GError **error)
{
  TlcCompactProtocol *self = (TlcCompactProtocol *) protocol;

  if (G_UNLIKELY (self->n_outer_ids == self->outer_capacity))
    {
      self->outer_capacity = MAX (TLC_COMPACT_FIRST_OUTER_IDS, self->outer_capacity * 2);
      self->outer_ids = g_renew (gint16, self->outer_ids, self->outer_capacity);
    }
  self->outer_ids[self->n_outer_ids++] = self->last_id;
  self->last_id = 0;
  return 0;
}

static gint32
tlc_compact_write_struct_end (ThriftProtocol *protocol, GError **error)
{
  TlcCompactProtocol *self = (TlcCompactProtocol *) protocol;

  if (G_LIKELY (self->n_outer_ids > 0))
    self->last_id = self->outer_ids[--self->n_outer_ids];
  return 0;
}

/* The id does not follow closely on the one before, so it is written in full; or the buffer is full. */
static TLC_COLD gint32
tlc_compact_write_far_field (TlcCompactProtocol *self, guint8 wire_type, gint16 id, GError **error)
{
  guint step = (guint) (id - self->last_id);
  gboolean is_far = step - 1 >= TLC_COMPACT_NIBBLE;
  guint8 *at = tlc_call_append (self->parent_instance.call, 1, error);

  if (at == NULL)
    return -1;
  self->last_id = id;
  *at = (guint8) (is_far ? wire_type : step << 4 | wire_type);
  return is_far ? tlc_compact_write_varint (THRIFT_PROTOCOL (self), tlc_varint_fold_32 (id), error)
                : 1;
}

static inline gint32
tlc_compact_write_field (TlcCompactProtocol *self, guint8 wire_type, gint16 id, GError **error)
{
  TlcBuffer *out = &self->parent_instance.call->out;
  guint step = (guint) (id - self->last_id);

  if (G_UNLIKELY (step - 1 >= TLC_COMPACT_NIBBLE || out->length == out->capacity))
    return tlc_compact_write_far_field (self, wire_type, id, error);
  self->last_id = id;
  out->data[out->length++] = (guint8) (step << 4 | wire_type);
  return 1;
}

static gint32
tlc_compact_write_field_begin (ThriftProtocol *protocol, const gchar *name, const ThriftType type,
                               const gint16 id, GError **error)
{
  TlcCompactProtocol *self = (TlcCompactProtocol *) protocol;

  if (G_LIKELY (type != T_BOOL))
    return tlc_compact_write_field (self, tlc_compact_type_to_wire (type), id, error);
  self->owes_bool = TRUE;
  self->bool_id = id;
  return 0;
}

static TLC_COLD gint32
tlc_compact_write_8_at_end (ThriftProtocol *protocol, guint8 value, GError **error)
{
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), 1, error);

  if (at == NULL)
    return -1;
  *at = value;
  return 1;
}

static inline gint32
tlc_compact_write_8 (ThriftProtocol *protocol, guint8 value, GError **error)
{
  TlcBuffer *out = &tlc_protocol_get_call (protocol)->out;

  if (G_UNLIKELY (out->length == out->capacity))
    return tlc_compact_write_8_at_end (protocol, value, error);
  out->data[out->length++] = value;
  return 1;
}

static gint32
tlc_compact_write_field_stop (ThriftProtocol *protocol, GError **error)
{
  return tlc_compact_write_8 (protocol, TLC_COMPACT_STOP, error);
}

static gint32
tlc_compact_write_map_begin (ThriftProtocol *protocol, const ThriftType key_type,
                             const ThriftType value_type, const guint32 size, GError **error)
{
  /* An empty one has no types. */
  if (tlc_compact_write_varint (protocol, size, error) < 0)
    return -1;
  if (size == 0)
    return 0;
  return tlc_compact_write_8 (
      protocol,
      (guint8) (tlc_compact_type_to_wire (key_type) << 4 | tlc_compact_type_to_wire (value_type)),
      error);
}

static gint32
tlc_compact_write_list_begin (ThriftProtocol *protocol, const ThriftType element_type,
                              const guint32 size, GError **error)
{
  guint8 wire_type = tlc_compact_type_to_wire (element_type);

  if (size < TLC_COMPACT_NIBBLE)
    return tlc_compact_write_8 (protocol, (guint8) (size << 4 | wire_type), error);
  if (tlc_compact_write_8 (protocol, (guint8) (TLC_COMPACT_NIBBLE << 4 | wire_type), error) < 0)
    return -1;
  return tlc_compact_write_varint (protocol, size, error);
}

static gint32
tlc_compact_write_bool (ThriftProtocol *protocol, const gboolean value, GError **error)
{
  TlcCompactProtocol *self = (TlcCompactProtocol *) protocol;
  guint8 wire = value ? TLC_COMPACT_TRUE : TLC_COMPACT_FALSE;

  if (!self->owes_bool)
    return tlc_compact_write_8 (protocol, wire, error);
  self->owes_bool = FALSE;
  return tlc_compact_write_field (self, wire, self->bool_id, error);
}

static gint32
tlc_compact_write_byte (ThriftProtocol *protocol, const gint8 value, GError **error)
{
  return tlc_compact_write_8 (protocol, (guint8) value, error);
}

static gint32
tlc_compact_write_i16 (ThriftProtocol *protocol, const gint16 value, GError **error)
{
  return tlc_compact_write_varint (protocol, tlc_varint_fold_32 (value), error);
}

static gint32
tlc_compact_write_i32 (ThriftProtocol *protocol, const gint32 value, GError **error)
{
  return tlc_compact_write_varint (protocol, tlc_varint_fold_32 (value), error);
}

static gint32
tlc_compact_write_i64 (ThriftProtocol *protocol, const gint64 value, GError **error)
{
  return tlc_compact_write_varint (protocol, tlc_varint_fold_64 (value), error);
}

/* The low byte first, unlike the binary protocol. */
static gint32
tlc_compact_write_double (ThriftProtocol *protocol, const gdouble value, GError **error)
{
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), 8, error);
  guint64 bits;

  if (G_UNLIKELY (at == NULL))
    return -1;
  memcpy (&bits, &value, sizeof bits);
  bits = GUINT64_TO_LE (bits);
  memcpy (at, &bits, sizeof bits);
  return 8;
}

static gint32
tlc_compact_write_bytes (ThriftProtocol *protocol, gconstpointer bytes, gsize length,
                         GError **error)
{
  gsize size = tlc_varint_size (length) + length;
  guint8 *at = tlc_call_append (tlc_protocol_get_call (protocol), size, error);

  if (G_UNLIKELY (at == NULL))
    return -1;
  at = tlc_varint_put (at, length);
  if (length > 0)
    memcpy (at, bytes, length);
  return (gint32) size;
}

static gint32
tlc_compact_write_string (ThriftProtocol *protocol, const gchar *string, GError **error)
{
  return tlc_compact_write_bytes (protocol, string, string != NULL ? strlen (string) : 0, error);
}

static gint32
tlc_compact_write_binary (ThriftProtocol *protocol, const gpointer bytes, const guint32 length,
                          GError **error)
{
  return tlc_compact_write_bytes (protocol, bytes, length, error);
}

void
tlc_compact_install_writers (TlcProtocolClass *klass)
{
  ThriftProtocolClass *protocol_class = &klass->parent_class;

  klass->write_header = tlc_compact_write_header;
  protocol_class->write_struct_begin = tlc_compact_write_struct_begin;
  protocol_class->write_struct_end = tlc_compact_write_struct_end;
  protocol_class->write_field_begin = tlc_compact_write_field_begin;
  protocol_class->write_field_stop = tlc_compact_write_field_stop;
  protocol_class->write_map_begin = tlc_compact_write_map_begin;
  protocol_class->write_list_begin = tlc_compact_write_list_begin;
  protocol_class->write_set_begin = tlc_compact_write_list_begin;
  protocol_class->write_bool = tlc_compact_write_bool;
  protocol_class->write_byte = tlc_compact_write_byte;
  protocol_class->write_i16 = tlc_compact_write_i16;
  protocol_class->write_i32 = tlc_compact_write_i32;
  protocol_class->write_i64 = tlc_compact_write_i64;
  protocol_class->write_double = tlc_compact_write_double;
  protocol_class->write_string = tlc_compact_write_string;
  protocol_class->write_binary = tlc_compact_write_binary;
}
