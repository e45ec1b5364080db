/* SPDX-License-Identifier: Apache-2.0 */

/* The compact protocol's reading half: values are taken from the call's reader, each one only if
 * it is due at this place and there in full; else the reply is refused. Outputs are set before
 * anything can fail, since thrift_protocol_skip() frees what a failed read left in them. */
#include "client/tlc-compact.h"

/* A number of @type, which has so many bits, if it is due. FALSE: refused. */
static inline gboolean
tlc_compact_take_number (ThriftProtocol *protocol, guint8 type, guint bits, gint64 *ret_value,
                         GError **error)
{
  TlcReader *reader = &tlc_protocol_get_call (protocol)->reader;
  TlcRefusal refusal = TLC_REFUSE_TYPE;
  guint64 value = 0;

  if (G_LIKELY (tlc_reader_value (reader, type)))
    refusal = tlc_varint_get (reader, bits, &value);
  *ret_value = tlc_varint_unfold (value);
  if (G_LIKELY (refusal == TLC_REFUSE_NONE))
    return TRUE;
  tlc_protocol_refuse (protocol, refusal, error);
  return FALSE;
}

/* The fewest bytes that a value takes; 0 for a type that none can have. */
static gsize
tlc_compact_min_size (guint8 type)
{
  if (type == T_DOUBLE)
    return 8;
  return tlc_reader_type_is_known (type) ? 1 : 0;
}

/* The number of a message, which is mostly the one that the request had: then it has the same bytes. */
static inline TlcRefusal
tlc_compact_get_sequence (const TlcCompactProtocol *self, TlcReader *reader, gint32 *ret_sequence)
{
  guint64 bytes, value;
  TlcRefusal refusal;

  if (G_LIKELY (tlc_reader_left (reader) >= sizeof bytes && self->sequence_size > 0))
    {
      memcpy (&bytes, reader->at, sizeof bytes);
      /* What they differ in comes behind the number. */
      bytes = GUINT64_FROM_LE (bytes ^ self->sequence_bytes);
      if (G_LIKELY (bytes << (64 - 8 * self->sequence_size) == 0))
        {
          *ret_sequence = self->sequence;
          reader->at += self->sequence_size;
          return TLC_REFUSE_NONE;
        }
    }
  refusal = tlc_varint_get (reader, 32, &value);
  if (refusal == TLC_REFUSE_NONE)
    *ret_sequence = (gint32) (guint32) value;
  return refusal;
}

static TlcRefusal
tlc_compact_read_header (TlcProtocol *protocol, TlcHeader *ret_header)
{
  TlcReader *reader = &protocol->call->reader;
  TlcCompactProtocol *self = (TlcCompactProtocol *) protocol;
  guint64 name_length;
  TlcRefusal refusal;

  self->has_bool = FALSE;
  if (tlc_reader_left (reader) < 2)
    return TLC_REFUSE_SHORT;
  if (reader->at[0] != TLC_COMPACT_ID
      || (reader->at[1] & TLC_COMPACT_VERSION_MASK) != TLC_COMPACT_VERSION)
    return TLC_REFUSE_VERSION;
  ret_header->type = (ThriftMessageType) (reader->at[1] >> TLC_COMPACT_TYPE_SHIFT);
  reader->at += 2;
  refusal = tlc_compact_get_sequence (self, reader, &ret_header->sequence);
  if (G_LIKELY (refusal == TLC_REFUSE_NONE))
    refusal = tlc_varint_get (reader, 32, &name_length);
  if (refusal != TLC_REFUSE_NONE)
    return refusal;
  if (name_length > tlc_reader_left (reader))
    return TLC_REFUSE_COUNT;
  ret_header->name = (const char *) reader->at;
  ret_header->name_length = name_length;
  reader->at += name_length;
  return TLC_REFUSE_NONE;
}

/* The id of the field whose first byte was @first. */
static TlcRefusal
tlc_compact_get_field_id (TlcReader *reader, guint8 first, gint16 *ret_id)
{
  gint id = reader->level->last_id + (first >> 4);
  guint64 value;
  TlcRefusal refusal;

  if (first >> 4 == 0)
    {
      refusal = tlc_varint_get (reader, 16, &value);
      if (refusal != TLC_REFUSE_NONE)
        return refusal;
      id = (gint) tlc_varint_unfold (value);
    }
  if (id > G_MAXINT16)
    return TLC_REFUSE_NUMBER;
  *ret_id = (gint16) id;
  return TLC_REFUSE_NONE;
}

static inline void
tlc_compact_take_field (TlcCompactProtocol *self, guint8 first, guint8 type, gint16 id)
{
  self->parent_instance.call->reader.level->last_id = id;
  self->has_bool = type == T_BOOL;
  self->bool_value = (first & 0xf) == TLC_COMPACT_TRUE;
}

/* Any field, but the end of a struct; @first has been looked at. */
static TLC_COLD gint32
tlc_compact_read_any_field (TlcCompactProtocol *self, ThriftType *type, gint16 *id, GError **error)
{
  TlcReader *reader = &self->parent_instance.call->reader;
  guint8 first = *reader->at++, field_type = tlc_compact_type_from_wire (first);
  TlcRefusal refusal = tlc_compact_get_field_id (reader, first, id);

  if (refusal == TLC_REFUSE_NONE)
    refusal = tlc_reader_field (reader, field_type, *id);
  if (refusal != TLC_REFUSE_NONE)
    return tlc_protocol_refuse (THRIFT_PROTOCOL (self), refusal, error);
  tlc_compact_take_field (self, first, field_type, *id);
  *type = (ThriftType) field_type;
  return 1;
}

/* Most fields follow on the one before by a step that their first byte has; a result follows on nothing,
 * by a step of 0, and so its id stands in the second byte. The others take the long way, and those
 * that are refused. */
static gint32
tlc_compact_read_field_begin (ThriftProtocol *protocol, gchar **name, ThriftType *type, gint16 *id,
                              GError **error)
{
  TlcCompactProtocol *self = (TlcCompactProtocol *) protocol;
  TlcReader *reader = &self->parent_instance.call->reader;
  guint8 first, field_type;
  gint next_id;

  *name = NULL;
  *type = T_STOP;
  *id = 0;
  if (G_UNLIKELY (reader->at == reader->end))
    return tlc_protocol_refuse (protocol, TLC_REFUSE_SHORT, error);
  first = *reader->at;
  if (first == TLC_COMPACT_STOP)
    {
      reader->at++;
      reader->level->expect = T_STOP;
      return 1;
    }
  if (G_LIKELY (first >> 4 != 0))
    next_id = reader->level->last_id + (first >> 4);
  else if (tlc_reader_left (reader) >= 2 && reader->at[1] <= 0x7f)
    next_id = (gint) tlc_varint_unfold (reader->at[1]);
  else
    return tlc_compact_read_any_field (self, type, id, error);
  field_type = tlc_compact_type_from_wire (first);
  if (G_UNLIKELY (!tlc_reader_near_field (reader, field_type, next_id)))
    return tlc_compact_read_any_field (self, type, id, error);
  reader->at += first >> 4 != 0 ? 1 : 2;
  *id = (gint16) next_id;
  *type = (ThriftType) field_type;
  tlc_compact_take_field (self, first, field_type, (gint16) next_id);
  return 1;
}

static gint32
tlc_compact_read_map_begin (ThriftProtocol *protocol, ThriftType *key_type, ThriftType *value_type,
                            guint32 *size, GError **error)
{
  TlcReader *reader = &tlc_protocol_get_call (protocol)->reader;
  guint8 key = T_STOP, value = T_STOP;
  guint64 count = 0;
  gsize min = 0;
  TlcRefusal refusal = TLC_REFUSE_TYPE;

  *key_type = *value_type = T_STOP;
  *size = 0;
  if (G_LIKELY (tlc_reader_value (reader, T_MAP)))
    refusal = tlc_varint_get (reader, 32, &count);
  /* An empty one has no types. */
  if (refusal == TLC_REFUSE_NONE && count > 0)
    {
      if (tlc_reader_left (reader) < 1)
        return tlc_protocol_refuse (protocol, TLC_REFUSE_SHORT, error);
      key = tlc_compact_type_from_wire (*reader->at >> 4);
      value = tlc_compact_type_from_wire (*reader->at++);
      if (key != T_STOP && value != T_STOP)
        min = tlc_compact_min_size (key) + tlc_compact_min_size (value);
    }
  if (refusal == TLC_REFUSE_NONE)
    refusal = tlc_reader_enter (reader, (gint32) (guint32) count, key, value, min,
                                TLC_READER_COST_ENTRY);
  if (G_UNLIKELY (refusal != TLC_REFUSE_NONE))
    return tlc_protocol_refuse (protocol, refusal, error);
  *key_type = (ThriftType) key;
  *value_type = (ThriftType) value;
  *size = (guint32) count;
  return 1;
}

/* The count and type of a list's or set's elements. */
static TlcRefusal
tlc_compact_get_elements (TlcReader *reader, guint8 *ret_type, guint64 *ret_count)
{
  guint8 first;

  if (tlc_reader_left (reader) < 1)
    return TLC_REFUSE_SHORT;
  first = *reader->at++;
  *ret_type = tlc_compact_type_from_wire (first);
  *ret_count = first >> 4;
  if (*ret_count < TLC_COMPACT_NIBBLE)
    return TLC_REFUSE_NONE;
  return tlc_varint_get (reader, 32, ret_count);
}

static gint32
tlc_compact_read_elements_begin (ThriftProtocol *protocol, guint8 container, gsize cost,
                                 ThriftType *element_type, guint32 *size, GError **error)
{
  TlcReader *reader = &tlc_protocol_get_call (protocol)->reader;
  TlcRefusal refusal = TLC_REFUSE_TYPE;
  guint64 count = 0;
  guint8 type = T_STOP;

  *element_type = T_STOP;
  *size = 0;
  if (G_LIKELY (tlc_reader_value (reader, container)))
    refusal = tlc_compact_get_elements (reader, &type, &count);
  if (G_LIKELY (refusal == TLC_REFUSE_NONE))
    refusal = tlc_reader_enter (reader, (gint32) (guint32) count, type, type,
                                tlc_compact_min_size (type), cost);
  if (G_UNLIKELY (refusal != TLC_REFUSE_NONE))
    return tlc_protocol_refuse (protocol, refusal, error);
  *element_type = (ThriftType) type;
  *size = (guint32) count;
  return 1;
}

static gint32
tlc_compact_read_list_begin (ThriftProtocol *protocol, ThriftType *element_type, guint32 *size,
                             GError **error)
{
  return tlc_compact_read_elements_begin (protocol, T_LIST, TLC_READER_COST_ELEMENT, element_type,
                                          size, error);
}

static gint32
tlc_compact_read_set_begin (ThriftProtocol *protocol, ThriftType *element_type, guint32 *size,
                            GError **error)
{
  return tlc_compact_read_elements_begin (protocol, T_SET, TLC_READER_COST_ENTRY, element_type,
                                          size, error);
}

/* One byte of a value of @type, if it is due. */
static inline gint32
tlc_compact_take_8 (ThriftProtocol *protocol, guint8 type, guint8 *ret_value, GError **error)
{
  TlcReader *reader = &tlc_protocol_get_call (protocol)->reader;

  *ret_value = 0;
  if (G_UNLIKELY (!tlc_reader_value (reader, type)))
    return tlc_protocol_refuse (protocol, TLC_REFUSE_TYPE, error);
  if (G_UNLIKELY (tlc_reader_left (reader) < 1))
    return tlc_protocol_refuse (protocol, TLC_REFUSE_SHORT, error);
  *ret_value = *reader->at++;
  return 1;
}

static gint32
tlc_compact_read_bool (ThriftProtocol *protocol, gboolean *value, GError **error)
{
  TlcCompactProtocol *self = (TlcCompactProtocol *) protocol;
  guint8 wire = 0;
  gint32 result = 0;

  if (!self->has_bool)
    result = tlc_compact_take_8 (protocol, T_BOOL, &wire, error);
  else if (!tlc_reader_value (&self->parent_instance.call->reader, T_BOOL))
    result = tlc_protocol_refuse (protocol, TLC_REFUSE_TYPE, error);
  else
    wire = self->bool_value ? TLC_COMPACT_TRUE : TLC_COMPACT_FALSE;
  self->has_bool = FALSE;
  *value = wire == TLC_COMPACT_TRUE;
  return result;
}

static gint32
tlc_compact_read_byte (ThriftProtocol *protocol, gint8 *value, GError **error)
{
  guint8 wire;
  gint32 result = tlc_compact_take_8 (protocol, T_BYTE, &wire, error);

  *value = (gint8) wire;
  return result;
}

static gint32
tlc_compact_read_i16 (ThriftProtocol *protocol, gint16 *value, GError **error)
{
  gint64 number;
  gboolean is_taken = tlc_compact_take_number (protocol, T_I16, 16, &number, error);

  *value = (gint16) number;
  return is_taken ? 1 : -1;
}

static gint32
tlc_compact_read_i32 (ThriftProtocol *protocol, gint32 *value, GError **error)
{
  gint64 number;
  gboolean is_taken = tlc_compact_take_number (protocol, T_I32, 32, &number, error);

  *value = (gint32) number;
  return is_taken ? 1 : -1;
}

static gint32
tlc_compact_read_i64 (ThriftProtocol *protocol, gint64 *value, GError **error)
{
  return tlc_compact_take_number (protocol, T_I64, 64, value, error) ? 1 : -1;
}

static gint32
tlc_compact_read_double (ThriftProtocol *protocol, gdouble *value, GError **error)
{
  TlcReader *reader = &tlc_protocol_get_call (protocol)->reader;
  guint64 bits;

  *value = 0;
  if (G_UNLIKELY (!tlc_reader_value (reader, T_DOUBLE)))
    return tlc_protocol_refuse (protocol, TLC_REFUSE_TYPE, error);
  if (G_UNLIKELY (tlc_reader_left (reader) < 8))
    return tlc_protocol_refuse (protocol, TLC_REFUSE_SHORT, error);
  memcpy (&bits, reader->at, sizeof bits);
  bits = GUINT64_FROM_LE (bits);
  memcpy (value, &bits, sizeof bits);
  reader->at += 8;
  return 8;
}

static gint32
tlc_compact_read_bytes (ThriftProtocol *protocol, char **ret_bytes, guint32 *ret_length,
                        GError **error)
{
  TlcReader *reader = &tlc_protocol_get_call (protocol)->reader;
  TlcRefusal refusal = TLC_REFUSE_TYPE;
  guint64 length = 0;

  *ret_bytes = NULL;
  *ret_length = 0;
  if (G_LIKELY (tlc_reader_value (reader, T_STRING)))
    refusal = tlc_varint_get (reader, 32, &length);
  if (G_UNLIKELY (refusal != TLC_REFUSE_NONE))
    return tlc_protocol_refuse (protocol, refusal, error);
  return tlc_protocol_copy_bytes (protocol, (gint32) (guint32) length, ret_bytes, ret_length,
                                  error);
}

void
tlc_compact_install_readers (TlcProtocolClass *klass)
{
  ThriftProtocolClass *protocol_class = &klass->parent_class;

  klass->read_header = tlc_compact_read_header;
  klass->read_bytes = tlc_compact_read_bytes;
  klass->min_size = tlc_compact_min_size;
  protocol_class->read_field_begin = tlc_compact_read_field_begin;
  protocol_class->read_map_begin = tlc_compact_read_map_begin;
  protocol_class->read_list_begin = tlc_compact_read_list_begin;
  protocol_class->read_set_begin = tlc_compact_read_set_begin;
  protocol_class->read_bool = tlc_compact_read_bool;
  protocol_class->read_byte = tlc_compact_read_byte;
  protocol_class->read_i16 = tlc_compact_read_i16;
  protocol_class->read_i32 = tlc_compact_read_i32;
  protocol_class->read_i64 = tlc_compact_read_i64;
  protocol_class->read_double = tlc_compact_read_double;
}
