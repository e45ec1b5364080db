/* SPDX-License-Identifier: Apache-2.0 */

/* The headers of messages. Nothing here has state. */
#include "fuzz/fuzz-wire.h"

#include <string.h>

#define FUZZ_FRAME_HEADER 4
#define FUZZ_BINARY_VERSION 0x80010000u
#define FUZZ_COMPACT_ID 0x82
#define FUZZ_COMPACT_VERSION 1

const FuzzWire fuzz_wires[FUZZ_N_WIRES] = {
  { "binary-framed", "binary", "framed", FALSE, TRUE },
  { "binary-buffered", "binary", "buffered", FALSE, FALSE },
  { "compact-framed", "compact", "framed", TRUE, TRUE },
  { "compact-buffered", "compact", "buffered", TRUE, FALSE },
};

const FuzzWire *
fuzz_wire_find (const char *name)
{
  for (guint i = 0; i < FUZZ_N_WIRES; i++)
    if (strcmp (fuzz_wires[i].name, name) == 0)
      return &fuzz_wires[i];
  g_error ("no such wire: %s", name);
}

static void
fuzz_wire_put_32 (GByteArray *bytes, guint32 value)
{
  value = GUINT32_TO_BE (value);
  g_byte_array_append (bytes, (const guint8 *) &value, sizeof value);
}

static guint32
fuzz_wire_get_32 (const guint8 *data)
{
  guint32 value;

  memcpy (&value, data, sizeof value);
  return GUINT32_FROM_BE (value);
}

static void
fuzz_wire_put_varint (GByteArray *bytes, guint32 value)
{
  do
    {
      guint8 byte = (guint8) ((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

      g_byte_array_append (bytes, &byte, 1);
      value >>= 7;
    }
  while (value > 0);
}

/* How many bytes the varint at @data takes; 0: it does not end, or exceeds 32 bits. */
static gsize
fuzz_wire_get_varint (const guint8 *data, gsize length, guint32 *ret_value)
{
  guint64 value = 0;

  for (gsize i = 0; i < MIN (length, 5); i++)
    {
      value |= (guint64) (data[i] & 0x7f) << (7 * i);
      *ret_value = (guint32) value;
      if (data[i] < 0x80)
        return value <= G_MAXUINT32 ? i + 1 : 0;
    }
  return 0;
}

static gboolean
fuzz_wire_read_binary (const guint8 *data, gsize length, FuzzHeader *ret_header)
{
  guint32 version, name_length;

  if (length < 12)
    return FALSE;
  version = fuzz_wire_get_32 (data);
  name_length = fuzz_wire_get_32 (data + 4);
  if ((version & 0xffff0000u) != FUZZ_BINARY_VERSION || name_length > length - 12)
    return FALSE;
  ret_header->type = (ThriftMessageType) (version & 0xff);
  ret_header->name = (const char *) data + 8;
  ret_header->name_length = name_length;
  ret_header->number = (gint32) fuzz_wire_get_32 (data + 8 + name_length);
  return TRUE;
}

static gboolean
fuzz_wire_read_compact (const guint8 *data, gsize length, FuzzHeader *ret_header)
{
  gsize at = 2, n;
  guint32 number, name_length;

  if (length < at || data[0] != FUZZ_COMPACT_ID || (data[1] & 0x1f) != FUZZ_COMPACT_VERSION)
    return FALSE;
  n = fuzz_wire_get_varint (data + at, length - at, &number);
  if (n == 0)
    return FALSE;
  at += n;
  n = fuzz_wire_get_varint (data + at, length - at, &name_length);
  if (n == 0 || name_length > length - at - n)
    return FALSE;
  ret_header->type = (ThriftMessageType) (data[1] >> 5);
  ret_header->name = (const char *) data + at + n;
  ret_header->name_length = name_length;
  ret_header->number = (gint32) number;
  return TRUE;
}

gboolean
fuzz_wire_read_header (const FuzzWire *wire, const guint8 *data, gsize length,
                       FuzzHeader *ret_header)
{
  return wire->is_compact ? fuzz_wire_read_compact (data, length, ret_header)
                          : fuzz_wire_read_binary (data, length, ret_header);
}

void
fuzz_wire_put_number (const FuzzWire *wire, GByteArray *message, gint32 number)
{
  if (wire->is_compact)
    fuzz_wire_put_varint (message, (guint32) number);
  else
    fuzz_wire_put_32 (message, (guint32) number);
}

void
fuzz_wire_put_header (const FuzzWire *wire, GByteArray *message, ThriftMessageType type,
                      const char *name, gint32 number)
{
  guint name_length = (guint) strlen (name);
  const guint8 start[] = { FUZZ_COMPACT_ID, (guint8) (FUZZ_COMPACT_VERSION | type << 5) };

  if (wire->is_compact)
    {
      g_byte_array_append (message, start, sizeof start);
      fuzz_wire_put_number (wire, message, number);
      fuzz_wire_put_varint (message, name_length);
      g_byte_array_append (message, (const guint8 *) name, name_length);
      return;
    }
  fuzz_wire_put_32 (message, FUZZ_BINARY_VERSION | type);
  fuzz_wire_put_32 (message, name_length);
  g_byte_array_append (message, (const guint8 *) name, name_length);
  fuzz_wire_put_number (wire, message, number);
}

gsize
fuzz_wire_number_offset (const FuzzWire *wire, const guint8 *data, gsize length)
{
  guint32 name_length = !wire->is_compact && length >= 8 ? fuzz_wire_get_32 (data + 4) : 0;

  if (wire->is_compact)
    return MIN (length, 2);
  return length >= 8 && name_length <= length - 8 ? 8 + name_length : length;
}

void
fuzz_wire_put_message (const FuzzWire *wire, GByteArray *stream, const GByteArray *message)
{
  if (wire->is_framed)
    fuzz_wire_put_32 (stream, message->len);
  g_byte_array_append (stream, message->data, message->len);
}

static gboolean
fuzz_wire_read_first (const FuzzWire *wire, const GByteArray *stream, FuzzHeader *ret_header)
{
  gsize skip = wire->is_framed ? FUZZ_FRAME_HEADER : 0;

  return stream->len > skip
         && fuzz_wire_read_header (wire, stream->data + skip, stream->len - skip, ret_header);
}

gint32
fuzz_wire_get_number (const FuzzWire *wire, const GByteArray *request)
{
  FuzzHeader header;

  g_assert (fuzz_wire_read_first (wire, request, &header));
  return header.number;
}

gboolean
fuzz_wire_is_reply (const FuzzWire *wire, const GByteArray *stream, const char *name, gint32 number)
{
  FuzzHeader header;

  return fuzz_wire_read_first (wire, stream, &header) && header.type == T_REPLY
         && header.number == number && header.name_length == strlen (name)
         && memcmp (header.name, name, header.name_length) == 0;
}
