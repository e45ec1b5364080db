/* SPDX-License-Identifier: Apache-2.0 */
/* Binary protocol: numbers in full, the high byte first. */

#include "support/tlc-wire-protocol.h"

#include <string.h>

static void
tlc_wire_binary_put (TlcWire *wire, guint n_bytes, gint64 value)
{
  guint64 word = GUINT64_TO_BE ((guint64) value);

  tlc_wire_raw (wire, (const guint8 *) &word + sizeof word - n_bytes, n_bytes);
}

static void
tlc_wire_binary_put_length (TlcWire *wire, gint32 length)
{
  tlc_wire_binary_put (wire, 4, length);
}

static void
tlc_wire_binary_put_header (TlcWire *wire, guint16 version, guint8 type, const char *name,
                            TlcWireNumber base, gint32 offset)
{
  tlc_wire_binary_put (wire, 2, version);
  tlc_wire_binary_put (wire, 2, type);
  tlc_wire_string (wire, name);
  if (base != TLC_WIRE_FIXED)
    tlc_wire_expect_number (wire, base, offset);
  tlc_wire_binary_put (wire, 4, offset);
}

static void
tlc_wire_binary_put_number (TlcWire *wire, gsize at, gint32 number)
{
  guint32 word = GUINT32_TO_BE ((guint32) number);

  tlc_wire_overwrite (wire, at, &word, sizeof word);
}

static void
tlc_wire_binary_put_field (TlcWire *wire, int type, int id)
{
  tlc_wire_byte (wire, (guint8) type);
  tlc_wire_binary_put (wire, 2, id);
}

static void
tlc_wire_binary_put_bool (TlcWire *wire, gboolean value)
{
  tlc_wire_byte (wire, value ? 1 : 0);
}

static void
tlc_wire_binary_put_double (TlcWire *wire, double value)
{
  gint64 bits;

  memcpy (&bits, &value, sizeof bits);
  tlc_wire_binary_put (wire, 8, bits);
}

static void
tlc_wire_binary_put_list (TlcWire *wire, int element_type, gint32 count)
{
  tlc_wire_byte (wire, (guint8) element_type);
  tlc_wire_binary_put (wire, 4, count);
}

static void
tlc_wire_binary_put_map (TlcWire *wire, int key_type, int value_type, gint32 count)
{
  tlc_wire_byte (wire, (guint8) key_type);
  tlc_wire_byte (wire, (guint8) value_type);
  tlc_wire_binary_put (wire, 4, count);
}

static gsize
tlc_wire_binary_get_zero_size (int type)
{
  static const guint8 sizes[] = {
    [T_BOOL] = 1,   [T_BYTE] = 1,   [T_I16] = 2, [T_I32] = 4, [T_I64] = 8,  [T_DOUBLE] = 8,
    [T_STRING] = 4, [T_STRUCT] = 1, [T_MAP] = 6, [T_SET] = 5, [T_LIST] = 5,
  };

  g_assert (type < (int) G_N_ELEMENTS (sizes));
  return sizes[type];
}

/* -- requests -- */

static gboolean
tlc_wire_binary_get (TlcWireCursor *cursor, guint n_bytes, guint32 *ret_value)
{
  const guint8 *at = cursor->at;

  *ret_value = 0;
  if (!tlc_wire_cursor_pass (cursor, n_bytes))
    return FALSE;
  for (guint i = 0; i < n_bytes; i++)
    *ret_value = *ret_value << 8 | at[i];
  return TRUE;
}

static gboolean
tlc_wire_binary_get_i32 (TlcWireCursor *cursor, gint32 *ret_value)
{
  guint32 word;
  gboolean is_there = tlc_wire_binary_get (cursor, 4, &word);

  *ret_value = (gint32) word;
  return is_there;
}

static gboolean
tlc_wire_binary_get_length (TlcWireCursor *cursor, guint32 *ret_length)
{
  return tlc_wire_binary_get (cursor, 4, ret_length);
}

static gboolean
tlc_wire_binary_get_header (TlcWireCursor *cursor, TlcWireHeader *ret_header)
{
  guint32 first;

  if (!tlc_wire_binary_get (cursor, 4, &first))
    return FALSE;
  cursor->is_wrong = first >> 16 != tlc_wire_binary.version;
  if (cursor->is_wrong || !tlc_wire_binary_get (cursor, 4, &ret_header->name_length))
    return FALSE;
  ret_header->type = (guint8) first;
  ret_header->name = (const char *) cursor->at;
  return tlc_wire_cursor_pass (cursor, ret_header->name_length)
         && tlc_wire_binary_get_i32 (cursor, &ret_header->seqid);
}

static gboolean
tlc_wire_binary_get_type (TlcWireCursor *cursor, guint8 *ret_type)
{
  guint32 type;
  gboolean is_there = tlc_wire_binary_get (cursor, 1, &type);

  *ret_type = (guint8) type;
  return is_there;
}

static gboolean
tlc_wire_binary_get_field (TlcWireCursor *cursor, guint8 *ret_type, gint16 *id)
{
  guint32 word;

  if (!tlc_wire_binary_get_type (cursor, ret_type))
    return FALSE;
  if (*ret_type == T_STOP)
    return TRUE;
  if (!tlc_wire_binary_get (cursor, 2, &word))
    return FALSE;
  *id = (gint16) word;
  return TRUE;
}

static gboolean
tlc_wire_binary_get_elements (TlcWireCursor *cursor, guint8 *ret_type, guint32 *ret_count)
{
  return tlc_wire_binary_get_type (cursor, ret_type) && tlc_wire_binary_get (cursor, 4, ret_count);
}

static gboolean
tlc_wire_binary_get_entries (TlcWireCursor *cursor, guint8 *ret_key, guint8 *ret_value,
                             guint32 *ret_count)
{
  return tlc_wire_binary_get_type (cursor, ret_key) && tlc_wire_binary_get_type (cursor, ret_value)
         && tlc_wire_binary_get (cursor, 4, ret_count);
}

static gboolean
tlc_wire_binary_pass_number (TlcWireCursor *cursor, guint8 type)
{
  return tlc_wire_cursor_pass (cursor, tlc_wire_binary_get_zero_size (type));
}

const TlcWireProtocol tlc_wire_binary = {
  .version = 0x8001,
  .put_header = tlc_wire_binary_put_header,
  .put_number = tlc_wire_binary_put_number,
  .put_field = tlc_wire_binary_put_field,
  .put_bool = tlc_wire_binary_put_bool,
  .put_integer = tlc_wire_binary_put,
  .put_double = tlc_wire_binary_put_double,
  .put_length = tlc_wire_binary_put_length,
  .put_list = tlc_wire_binary_put_list,
  .put_map = tlc_wire_binary_put_map,
  .get_zero_size = tlc_wire_binary_get_zero_size,
  .get_header = tlc_wire_binary_get_header,
  .get_field = tlc_wire_binary_get_field,
  .get_i32 = tlc_wire_binary_get_i32,
  .get_length = tlc_wire_binary_get_length,
  .get_elements = tlc_wire_binary_get_elements,
  .get_entries = tlc_wire_binary_get_entries,
  .pass_number = tlc_wire_binary_pass_number,
};
