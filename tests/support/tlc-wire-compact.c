/* SPDX-License-Identifier: Apache-2.0 */
/* Compact protocol: numbers by seven bits a byte, the low ones first, signed ones folded before;
 * types in four bits; field ids as steps from the one before; a bool field's value in its type. */

#include "support/tlc-wire-protocol.h"

#include <string.h>

#define TLC_WIRE_COMPACT_VERSION_MASK 0x1f
#define TLC_WIRE_COMPACT_TYPE_SHIFT 5
#define TLC_WIRE_COMPACT_NUMBER 5 /* bytes of a stamp */

enum { TLC_WIRE_COMPACT_TRUE = 1, TLC_WIRE_COMPACT_FALSE = 2 };

/* By their numbers on the wire. */
static const guint8 tlc_wire_compact_types[16] = {
  T_STOP, T_BOOL, T_BOOL, T_BYTE, T_I16, T_I32, T_I64, T_DOUBLE,
  T_STRING, T_LIST, T_SET, T_MAP, T_STRUCT, T_STOP, T_STOP, T_STOP,
};

static guint
tlc_wire_compact_from_type (int type)
{
  for (guint i = 0; i < 13; i++)
    if (tlc_wire_compact_types[i] == type)
      return i;
  return 13 + (guint) type % 3;
}

static guint64
tlc_wire_compact_fold (gint64 value)
{
  return (guint64) value << 1 ^ (guint64) (value >> 63);
}

static void
tlc_wire_compact_put_length (TlcWire *wire, gint32 length)
{
  tlc_wire_varint (wire, (guint32) length);
}

static void
tlc_wire_compact_put_number (TlcWire *wire, gsize at, gint32 number)
{
  guint8 bytes[TLC_WIRE_COMPACT_NUMBER];

  for (guint i = 0; i < TLC_WIRE_COMPACT_NUMBER; i++)
    bytes[i] = (guint8) (((guint32) number >> 7 * i & 0x7f)
                         | (i < TLC_WIRE_COMPACT_NUMBER - 1 ? 0x80 : 0));
  tlc_wire_overwrite (wire, at, bytes, sizeof bytes);
}

static void
tlc_wire_compact_put_header (TlcWire *wire, guint16 version, guint8 type, const char *name,
                             TlcWireNumber base, gint32 offset)
{
  tlc_wire_byte (wire, (guint8) (version >> 8));
  tlc_wire_byte (wire, (guint8) ((version & TLC_WIRE_COMPACT_VERSION_MASK)
                                 | type << TLC_WIRE_COMPACT_TYPE_SHIFT));
  if (base == TLC_WIRE_FIXED)
    tlc_wire_varint (wire, (guint32) offset);
  else
    {
      tlc_wire_expect_number (wire, base, offset);
      tlc_wire_fill (wire, 0, TLC_WIRE_COMPACT_NUMBER);
    }
  tlc_wire_string (wire, name);
}

static void
tlc_wire_compact_put_field (TlcWire *wire, int type, int id)
{
  int step = id - g_array_index (wire->last_ids, gint16, wire->last_ids->len - 1);
  guint wire_type = tlc_wire_compact_from_type (type);

  wire->bool_field = type == T_BOOL ? tlc_wire_get_length (wire) : 0;
  if (step >= 1 && step <= 15)
    tlc_wire_byte (wire, (guint8) ((guint) step << 4 | wire_type));
  else
    {
      tlc_wire_byte (wire, (guint8) wire_type);
      tlc_wire_varint (wire, (guint32) tlc_wire_compact_fold (id));
    }
}

static void
tlc_wire_compact_put_bool (TlcWire *wire, gboolean value)
{
  guint8 type = value ? TLC_WIRE_COMPACT_TRUE : TLC_WIRE_COMPACT_FALSE;

  if (wire->bool_field > 0)
    {
      type |= wire->bytes->data[wire->bool_field] & 0xf0;
      tlc_wire_overwrite (wire, wire->bool_field, &type, 1);
    }
  else
    tlc_wire_byte (wire, type);
  wire->bool_field = 0;
}

static void
tlc_wire_compact_put_integer (TlcWire *wire, guint n_bytes, gint64 value)
{
  tlc_wire_varint (wire, tlc_wire_compact_fold (value));
}

static void
tlc_wire_compact_put_double (TlcWire *wire, double value)
{
  guint64 bits;

  memcpy (&bits, &value, sizeof bits);
  bits = GUINT64_TO_LE (bits);
  tlc_wire_raw (wire, &bits, sizeof bits);
}

static void
tlc_wire_compact_put_list (TlcWire *wire, int element_type, gint32 count)
{
  guint wire_type = tlc_wire_compact_from_type (element_type);

  if (count >= 0 && count < 15)
    tlc_wire_byte (wire, (guint8) ((guint) count << 4 | wire_type));
  else
    {
      tlc_wire_byte (wire, (guint8) (15 << 4 | wire_type));
      tlc_wire_varint (wire, (guint32) count);
    }
}

static void
tlc_wire_compact_put_map (TlcWire *wire, int key_type, int value_type, gint32 count)
{
  tlc_wire_varint (wire, (guint32) count);
  if (count != 0)
    tlc_wire_byte (wire, (guint8) (tlc_wire_compact_from_type (key_type) << 4
                                   | tlc_wire_compact_from_type (value_type)));
}

static gsize
tlc_wire_compact_get_zero_size (int type)
{
  return type == T_DOUBLE ? 8 : 1;
}

/* -- requests -- */

static gboolean
tlc_wire_compact_get (TlcWireCursor *cursor, guint64 *ret_value)
{
  guint8 byte;

  *ret_value = 0;
  for (guint shift = 0; shift < 64; shift += 7)
    {
      if (!tlc_wire_cursor_pass (cursor, 1))
        return FALSE;
      byte = cursor->at[-1];
      *ret_value |= (guint64) (byte & 0x7f) << shift;
      if (byte < 0x80)
        return TRUE;
    }
  cursor->is_wrong = TRUE;
  return FALSE;
}

static gboolean
tlc_wire_compact_get_signed (TlcWireCursor *cursor, gint64 *ret_value)
{
  guint64 value;
  gboolean is_there = tlc_wire_compact_get (cursor, &value);

  *ret_value = (gint64) (value >> 1) ^ -(gint64) (value & 1);
  return is_there;
}

static gboolean
tlc_wire_compact_get_i32 (TlcWireCursor *cursor, gint32 *ret_value)
{
  gint64 value;
  gboolean is_there = tlc_wire_compact_get_signed (cursor, &value);

  *ret_value = (gint32) value;
  return is_there;
}

static gboolean
tlc_wire_compact_get_length (TlcWireCursor *cursor, guint32 *ret_length)
{
  guint64 value;
  gboolean is_there = tlc_wire_compact_get (cursor, &value);

  *ret_length = (guint32) value;
  return is_there;
}

static gboolean
tlc_wire_compact_get_header (TlcWireCursor *cursor, TlcWireHeader *ret_header)
{
  const guint8 *first = cursor->at;
  guint32 number;

  if (!tlc_wire_cursor_pass (cursor, 2))
    return FALSE;
  cursor->is_wrong = (first[0] << 8 | (first[1] & TLC_WIRE_COMPACT_VERSION_MASK))
                     != tlc_wire_compact.version;
  if (cursor->is_wrong || !tlc_wire_compact_get_length (cursor, &number)
      || !tlc_wire_compact_get_length (cursor, &ret_header->name_length))
    return FALSE;
  ret_header->type = first[1] >> TLC_WIRE_COMPACT_TYPE_SHIFT;
  ret_header->seqid = (gint32) number;
  ret_header->name = (const char *) cursor->at;
  return tlc_wire_cursor_pass (cursor, ret_header->name_length);
}

static gboolean
tlc_wire_compact_get_field (TlcWireCursor *cursor, guint8 *ret_type, gint16 *id)
{
  guint8 first;
  gint64 far_id;

  if (!tlc_wire_cursor_pass (cursor, 1))
    return FALSE;
  first = cursor->at[-1];
  *ret_type = tlc_wire_compact_types[first & 0xf];
  cursor->has_bool = *ret_type == T_BOOL;
  cursor->bool_value = (first & 0xf) == TLC_WIRE_COMPACT_TRUE;
  cursor->is_wrong = *ret_type == T_STOP && first != 0;
  if (first >> 4 != 0 || first == 0)
    {
      *id = (gint16) (*id + (first >> 4));
      return !cursor->is_wrong;
    }
  if (!tlc_wire_compact_get_signed (cursor, &far_id))
    return FALSE;
  *id = (gint16) far_id;
  return TRUE;
}

static gboolean
tlc_wire_compact_get_elements (TlcWireCursor *cursor, guint8 *ret_type, guint32 *ret_count)
{
  if (!tlc_wire_cursor_pass (cursor, 1))
    return FALSE;
  *ret_type = tlc_wire_compact_types[cursor->at[-1] & 0xf];
  *ret_count = cursor->at[-1] >> 4;
  return *ret_count < 15 || tlc_wire_compact_get_length (cursor, ret_count);
}

static gboolean
tlc_wire_compact_get_entries (TlcWireCursor *cursor, guint8 *ret_key, guint8 *ret_value,
                              guint32 *ret_count)
{
  *ret_key = *ret_value = T_STOP;
  if (!tlc_wire_compact_get_length (cursor, ret_count))
    return FALSE;
  if (*ret_count == 0)
    return TRUE;
  if (!tlc_wire_cursor_pass (cursor, 1))
    return FALSE;
  *ret_key = tlc_wire_compact_types[cursor->at[-1] >> 4];
  *ret_value = tlc_wire_compact_types[cursor->at[-1] & 0xf];
  return TRUE;
}

static gboolean
tlc_wire_compact_pass_number (TlcWireCursor *cursor, guint8 type)
{
  guint64 value;

  if (type == T_BOOL && cursor->has_bool)
    {
      cursor->has_bool = FALSE;
      return TRUE;
    }
  if (type == T_BOOL || type == T_BYTE || type == T_DOUBLE)
    return tlc_wire_cursor_pass (cursor, tlc_wire_compact_get_zero_size (type));
  return tlc_wire_compact_get (cursor, &value);
}

const TlcWireProtocol tlc_wire_compact = {
  .version = 0x8201,
  .put_header = tlc_wire_compact_put_header,
  .put_number = tlc_wire_compact_put_number,
  .put_field = tlc_wire_compact_put_field,
  .put_bool = tlc_wire_compact_put_bool,
  .put_integer = tlc_wire_compact_put_integer,
  .put_double = tlc_wire_compact_put_double,
  .put_length = tlc_wire_compact_put_length,
  .put_list = tlc_wire_compact_put_list,
  .put_map = tlc_wire_compact_put_map,
  .get_zero_size = tlc_wire_compact_get_zero_size,
  .get_header = tlc_wire_compact_get_header,
  .get_field = tlc_wire_compact_get_field,
  .get_i32 = tlc_wire_compact_get_i32,
  .get_length = tlc_wire_compact_get_length,
  .get_elements = tlc_wire_compact_get_elements,
  .get_entries = tlc_wire_compact_get_entries,
  .pass_number = tlc_wire_compact_pass_number,
};
