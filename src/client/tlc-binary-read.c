/* SPDX-License-Identifier: Apache-2.0 */

/* The binary protocol's reading half: values are taken from the call's reader, each one only if
 * it is due at this place and there in full; else the reply is refused. Outputs are set before
 * anything can fail, since thrift_protocol_skip() frees what a failed read left in them. */
#include "client/tlc-binary.h"

/* The bytes of a value of @type, which is @size long, if it is due and there; else NULL and an
 * error. */
static inline const guint8 *
tlc_binary_take (ThriftProtocol *protocol, guint8 type, gsize size, GError **error)
{
  TlcReader *reader = &tlc_protocol_get_call (protocol)->reader;
  const guint8 *at = reader->at;
  gboolean is_due = tlc_reader_value (reader, type);

  if (G_UNLIKELY (!is_due || tlc_reader_left (reader) < size))
    {
      tlc_protocol_refuse (protocol, is_due ? TLC_REFUSE_SHORT : TLC_REFUSE_TYPE, error);
      return NULL;
    }
  reader->at += size;
  return at;
}

static TlcRefusal
tlc_binary_read_header (TlcProtocol *self, TlcHeader *ret_header)
{
  TlcReader *reader = &self->call->reader;
  guint32 version, name_length;

  if (tlc_reader_left (reader) < 4 + 4 + 4)
    return TLC_REFUSE_SHORT;
  version = tlc_binary_get_32 (reader->at);
  name_length = tlc_binary_get_32 (reader->at + 4);
  if ((version & TLC_BINARY_VERSION_MASK) != TLC_BINARY_VERSION)
    return TLC_REFUSE_VERSION;
  if (name_length > tlc_reader_left (reader) - (4 + 4 + 4))
    return TLC_REFUSE_COUNT;
  ret_header->type = (ThriftMessageType) (version & 0xff);
  ret_header->name = (const char *) reader->at + 8;
  ret_header->name_length = name_length;
  ret_header->sequence = (gint32) tlc_binary_get_32 (reader->at + 8 + name_length);
  reader->at += 4 + 4 + name_length + 4;
  return TLC_REFUSE_NONE;
}

static gint32
tlc_binary_read_field_begin (ThriftProtocol *protocol, gchar **name, ThriftType *type, gint16 *id,
                             GError **error)
{
  TlcReader *reader = &tlc_protocol_get_call (protocol)->reader;
  TlcRefusal refusal;

  *name = NULL;
  *type = T_STOP;
  *id = 0;
  if (G_UNLIKELY (tlc_reader_left (reader) < 1))
    return tlc_protocol_refuse (protocol, TLC_REFUSE_SHORT, error);
  if (reader->at[0] == T_STOP)
    {
      reader->at++;
      reader->level->expect = T_STOP;
      return 1;
    }
  if (G_UNLIKELY (tlc_reader_left (reader) < 3))
    return tlc_protocol_refuse (protocol, TLC_REFUSE_SHORT, error);
  *type = (ThriftType) reader->at[0];
  *id = (gint16) tlc_binary_get_16 (reader->at + 1);
  refusal = tlc_reader_field (reader, reader->at[0], *id);
  if (G_UNLIKELY (refusal != TLC_REFUSE_NONE))
    return tlc_protocol_refuse (protocol, refusal, error);
  reader->at += 3;
  return 3;
}

/* The fewest bytes that a value takes; 0 for a type that none can have. */
static gsize
tlc_binary_min_size (guint8 type)
{
  static const guint8 sizes[] = {
    [T_BOOL] = 1,   [T_BYTE] = 1,   [T_I16] = 2, [T_I32] = 4, [T_I64] = 8,  [T_DOUBLE] = 8,
    [T_STRING] = 4, [T_STRUCT] = 1, [T_MAP] = 6, [T_SET] = 5, [T_LIST] = 5,
  };

  return type < G_N_ELEMENTS (sizes) ? sizes[type] : 0;
}

static gint32
tlc_binary_read_map_begin (ThriftProtocol *protocol, ThriftType *key_type, ThriftType *value_type,
                           guint32 *size, GError **error)
{
  const guint8 *at;
  gsize key_min, value_min;
  TlcRefusal refusal;

  *key_type = *value_type = T_STOP;
  *size = 0;
  at = tlc_binary_take (protocol, T_MAP, 6, error);
  if (G_UNLIKELY (at == NULL))
    return -1;
  key_min = tlc_binary_min_size (at[0]);
  value_min = tlc_binary_min_size (at[1]);
  refusal = tlc_reader_enter (
      &tlc_protocol_get_call (protocol)->reader, (gint32) tlc_binary_get_32 (at + 2), at[0], at[1],
      key_min > 0 && value_min > 0 ? key_min + value_min : 0, TLC_READER_COST_ENTRY);
  if (G_UNLIKELY (refusal != TLC_REFUSE_NONE))
    return tlc_protocol_refuse (protocol, refusal, error);
  *key_type = (ThriftType) at[0];
  *value_type = (ThriftType) at[1];
  *size = tlc_binary_get_32 (at + 2);
  return 6;
}

static gint32
tlc_binary_read_elements_begin (ThriftProtocol *protocol, guint8 container, gsize cost,
                                ThriftType *element_type, guint32 *size, GError **error)
{
  const guint8 *at;
  TlcRefusal refusal;

  *element_type = T_STOP;
  *size = 0;
  at = tlc_binary_take (protocol, container, 5, error);
  if (G_UNLIKELY (at == NULL))
    return -1;
  refusal = tlc_reader_enter (&tlc_protocol_get_call (protocol)->reader,
                              (gint32) tlc_binary_get_32 (at + 1), at[0], at[0],
                              tlc_binary_min_size (at[0]), cost);
  if (G_UNLIKELY (refusal != TLC_REFUSE_NONE))
    return tlc_protocol_refuse (protocol, refusal, error);
  *element_type = (ThriftType) at[0];
  *size = tlc_binary_get_32 (at + 1);
  return 5;
}

static gint32
tlc_binary_read_list_begin (ThriftProtocol *protocol, ThriftType *element_type, guint32 *size,
                            GError **error)
{
  return tlc_binary_read_elements_begin (protocol, T_LIST, TLC_READER_COST_ELEMENT, element_type,
                                         size, error);
}

static gint32
tlc_binary_read_set_begin (ThriftProtocol *protocol, ThriftType *element_type, guint32 *size,
                           GError **error)
{
  return tlc_binary_read_elements_begin (protocol, T_SET, TLC_READER_COST_ENTRY, element_type, size,
                                         error);
}

static gint32
tlc_binary_read_bool (ThriftProtocol *protocol, gboolean *value, GError **error)
{
  const guint8 *at = tlc_binary_take (protocol, T_BOOL, 1, error);

  *value = at != NULL && at[0] != 0;
  return at != NULL ? 1 : -1;
}

static gint32
tlc_binary_read_byte (ThriftProtocol *protocol, gint8 *value, GError **error)
{
  const guint8 *at = tlc_binary_take (protocol, T_BYTE, 1, error);

  *value = at != NULL ? (gint8) at[0] : 0;
  return at != NULL ? 1 : -1;
}

static gint32
tlc_binary_read_i16 (ThriftProtocol *protocol, gint16 *value, GError **error)
{
  const guint8 *at = tlc_binary_take (protocol, T_I16, 2, error);

  *value = at != NULL ? (gint16) tlc_binary_get_16 (at) : 0;
  return at != NULL ? 2 : -1;
}

static gint32
tlc_binary_read_i32 (ThriftProtocol *protocol, gint32 *value, GError **error)
{
  const guint8 *at = tlc_binary_take (protocol, T_I32, 4, error);

  *value = at != NULL ? (gint32) tlc_binary_get_32 (at) : 0;
  return at != NULL ? 4 : -1;
}

static gint32
tlc_binary_read_i64 (ThriftProtocol *protocol, gint64 *value, GError **error)
{
  const guint8 *at = tlc_binary_take (protocol, T_I64, 8, error);

  *value = at != NULL ? (gint64) tlc_binary_get_64 (at) : 0;
  return at != NULL ? 8 : -1;
}

static gint32
tlc_binary_read_double (ThriftProtocol *protocol, gdouble *value, GError **error)
{
  const guint8 *at = tlc_binary_take (protocol, T_DOUBLE, 8, error);
  guint64 bits = at != NULL ? tlc_binary_get_64 (at) : 0;

  memcpy (value, &bits, sizeof bits);
  return at != NULL ? 8 : -1;
}

static gint32
tlc_binary_read_bytes (ThriftProtocol *protocol, char **ret_bytes, guint32 *ret_length,
                       GError **error)
{
  const guint8 *at;

  *ret_bytes = NULL;
  *ret_length = 0;
  at = tlc_binary_take (protocol, T_STRING, 4, error);
  if (G_UNLIKELY (at == NULL))
    return -1;
  return tlc_protocol_copy_bytes (protocol, (gint32) tlc_binary_get_32 (at), ret_bytes, ret_length,
                                  error);
}

void
tlc_binary_install_readers (TlcProtocolClass *klass)
{
  ThriftProtocolClass *protocol_class = &klass->parent_class;

  klass->read_header = tlc_binary_read_header;
  klass->read_bytes = tlc_binary_read_bytes;
  klass->min_size = tlc_binary_min_size;
  protocol_class->read_field_begin = tlc_binary_read_field_begin;
  protocol_class->read_map_begin = tlc_binary_read_map_begin;
  protocol_class->read_list_begin = tlc_binary_read_list_begin;
  protocol_class->read_set_begin = tlc_binary_read_set_begin;
  protocol_class->read_bool = tlc_binary_read_bool;
  protocol_class->read_byte = tlc_binary_read_byte;
  protocol_class->read_i16 = tlc_binary_read_i16;
  protocol_class->read_i32 = tlc_binary_read_i32;
  protocol_class->read_i64 = tlc_binary_read_i64;
  protocol_class->read_double = tlc_binary_read_double;
}
