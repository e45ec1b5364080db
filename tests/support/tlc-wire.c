/* SPDX-License-Identifier: Apache-2.0 */
/* Builds messages byte by byte and takes requests apart. A message's number is left open until
 * it is sent: the places where one belongs are kept beside the bytes. */

#include "support/tlc-wire.h"

#include <string.h>

#define TLC_WIRE_VERSION 0x8001
#define TLC_WIRE_FRAME_HEADER 4

typedef struct {
  gsize at;
  TlcWireNumber base;
  gint32 offset;
} TlcWireStamp;

struct _TlcWire
{
  GByteArray *bytes;
  GArray *stamps; /* of TlcWireStamp */
  gsize frame;    /* where the frame under construction begins */
};

TlcWire *
tlc_wire_new (void)
{
  TlcWire *wire = g_new0 (TlcWire, 1);

  wire->bytes = g_byte_array_new ();
  wire->stamps = g_array_new (FALSE, FALSE, sizeof (TlcWireStamp));
  return wire;
}

void
tlc_wire_free (TlcWire *wire)
{
  if (wire == NULL)
    return;
  g_byte_array_unref (wire->bytes);
  g_array_unref (wire->stamps);
  g_free (wire);
}

const guint8 *
tlc_wire_get_data (const TlcWire *wire)
{
  return wire->bytes->data;
}

gsize
tlc_wire_get_length (const TlcWire *wire)
{
  return wire->bytes->len;
}

void
tlc_wire_chop (TlcWire *wire, gsize n)
{
  g_assert (n <= wire->bytes->len);
  g_byte_array_set_size (wire->bytes, wire->bytes->len - (guint) n);
}

/* The word at @at, whatever was there. */
static void
tlc_wire_put_i32 (TlcWire *wire, gsize at, gint32 value)
{
  guint32 word = GUINT32_TO_BE ((guint32) value);

  if (at + sizeof word <= wire->bytes->len)
    memcpy (wire->bytes->data + at, &word, sizeof word);
}

void
tlc_wire_stamp (TlcWire *wire, gint32 own, gint32 previous)
{
  for (guint i = 0; i < wire->stamps->len; i++)
    {
      const TlcWireStamp *stamp = &g_array_index (wire->stamps, TlcWireStamp, i);
      guint32 base = 0;

      if (stamp->base == TLC_WIRE_OWN)
        base = (guint32) own;
      else if (stamp->base == TLC_WIRE_PREVIOUS)
        base = (guint32) previous;
      tlc_wire_put_i32 (wire, stamp->at, (gint32) (base + (guint32) stamp->offset));
    }
}

void
tlc_wire_frame_begin (TlcWire *wire)
{
  wire->frame = wire->bytes->len;
  tlc_wire_i32 (wire, 0);
}

void
tlc_wire_frame_end_as (TlcWire *wire, gint32 length)
{
  tlc_wire_put_i32 (wire, wire->frame, length);
}

void
tlc_wire_frame_end (TlcWire *wire)
{
  gsize length = wire->bytes->len - wire->frame - TLC_WIRE_FRAME_HEADER;

  tlc_wire_frame_end_as (wire, (gint32) length);
}

void
tlc_wire_message_full (TlcWire *wire, guint16 version, guint8 type, const char *name,
                       TlcWireNumber base, gint32 offset)
{
  TlcWireStamp stamp = { 0, base, offset };

  tlc_wire_i16 (wire, (gint16) version);
  tlc_wire_byte (wire, 0);
  tlc_wire_byte (wire, type);
  tlc_wire_string (wire, name);
  stamp.at = wire->bytes->len;
  g_array_append_val (wire->stamps, stamp);
  tlc_wire_i32 (wire, offset);
}

void
tlc_wire_message (TlcWire *wire, ThriftMessageType type, const char *name)
{
  tlc_wire_message_full (wire, TLC_WIRE_VERSION, (guint8) type, name, TLC_WIRE_OWN, 0);
}

void
tlc_wire_reply_begin (TlcWire *wire, const char *name)
{
  tlc_wire_frame_begin (wire);
  tlc_wire_message (wire, T_REPLY, name);
}

void
tlc_wire_reply_end (TlcWire *wire)
{
  tlc_wire_stop (wire);
  tlc_wire_frame_end (wire);
}

void
tlc_wire_exception (TlcWire *wire, const char *name, const char *message, gint32 code)
{
  tlc_wire_frame_begin (wire);
  tlc_wire_message (wire, T_EXCEPTION, name);
  tlc_wire_field (wire, T_STRING, 1);
  tlc_wire_string (wire, message);
  tlc_wire_field (wire, T_I32, 2);
  tlc_wire_i32 (wire, code);
  tlc_wire_stop (wire);
  tlc_wire_frame_end (wire);
}

void
tlc_wire_raw (TlcWire *wire, const void *data, gsize length)
{
  g_assert (length <= G_MAXINT);
  g_byte_array_append (wire->bytes, data, (guint) length);
}

void
tlc_wire_byte (TlcWire *wire, guint8 value)
{
  tlc_wire_raw (wire, &value, sizeof value);
}

void
tlc_wire_i16 (TlcWire *wire, gint16 value)
{
  guint16 word = GUINT16_TO_BE ((guint16) value);

  tlc_wire_raw (wire, &word, sizeof word);
}

void
tlc_wire_i32 (TlcWire *wire, gint32 value)
{
  guint32 word = GUINT32_TO_BE ((guint32) value);

  tlc_wire_raw (wire, &word, sizeof word);
}

void
tlc_wire_i64 (TlcWire *wire, gint64 value)
{
  guint64 word = GUINT64_TO_BE ((guint64) value);

  tlc_wire_raw (wire, &word, sizeof word);
}

void
tlc_wire_double (TlcWire *wire, double value)
{
  gint64 bits;

  memcpy (&bits, &value, sizeof bits);
  tlc_wire_i64 (wire, bits);
}

void
tlc_wire_claim (TlcWire *wire, gint32 length)
{
  tlc_wire_i32 (wire, length);
}

void
tlc_wire_string (TlcWire *wire, const char *value)
{
  tlc_wire_claim (wire, (gint32) strlen (value));
  tlc_wire_raw (wire, value, strlen (value));
}

void
tlc_wire_repeat (TlcWire *wire, const void *data, gsize length, gsize n)
{
  guint at = wire->bytes->len;

  g_assert (length * n <= G_MAXINT);
  g_byte_array_set_size (wire->bytes, at + (guint) (length * n));
  for (gsize i = 0; i < n; i++)
    memcpy (wire->bytes->data + at + i * length, data, length);
}

void
tlc_wire_fill (TlcWire *wire, guint8 byte, gsize n)
{
  tlc_wire_repeat (wire, &byte, 1, n);
}

void
tlc_wire_field (TlcWire *wire, int type, int id)
{
  tlc_wire_byte (wire, (guint8) type);
  tlc_wire_i16 (wire, (gint16) id);
}

void
tlc_wire_stop (TlcWire *wire)
{
  tlc_wire_byte (wire, T_STOP);
}

void
tlc_wire_list (TlcWire *wire, int element_type, gint32 count)
{
  tlc_wire_byte (wire, (guint8) element_type);
  tlc_wire_i32 (wire, count);
}

void
tlc_wire_map (TlcWire *wire, int key_type, int value_type, gint32 count)
{
  tlc_wire_byte (wire, (guint8) key_type);
  tlc_wire_byte (wire, (guint8) value_type);
  tlc_wire_i32 (wire, count);
}

static guint32
tlc_wire_peek_u32 (const guint8 *data)
{
  guint32 word;

  memcpy (&word, data, sizeof word);
  return GUINT32_FROM_BE (word);
}

gsize
tlc_wire_measure (const guint8 *data, gsize length)
{
  if (length < TLC_WIRE_FRAME_HEADER)
    return 0;
  return TLC_WIRE_FRAME_HEADER + (gsize) tlc_wire_peek_u32 (data);
}

TlcWireRequest *
tlc_wire_request_new (const guint8 *data, gsize length)
{
  const gsize fixed = TLC_WIRE_FRAME_HEADER + 3 * sizeof (guint32);
  TlcWireRequest *request;
  guint32 first, name_length;

  if (length < fixed || tlc_wire_measure (data, length) != length)
    return NULL;
  first = tlc_wire_peek_u32 (data + 4);
  name_length = tlc_wire_peek_u32 (data + 8);
  if (first >> 16 != TLC_WIRE_VERSION || name_length > length - fixed)
    return NULL;

  request = g_new0 (TlcWireRequest, 1);
  request->type = (guint8) first;
  request->name = g_strndup ((const char *) data + 12, name_length);
  request->seqid = (gint32) tlc_wire_peek_u32 (data + 12 + name_length);
  request->body = fixed + name_length;
  request->frame = g_bytes_new (data, length);
  return request;
}

void
tlc_wire_request_free (TlcWireRequest *request)
{
  if (request == NULL)
    return;
  g_free (request->name);
  g_bytes_unref (request->frame);
  g_free (request);
}

gint32
tlc_wire_request_get_i32 (const TlcWireRequest *request, int id)
{
  const gsize step = 3 + sizeof (gint32);
  gsize length;
  const guint8 *data = g_bytes_get_data (request->frame, &length);

  for (gsize at = request->body; at + step < length && data[at] == T_I32; at += step)
    if (data[at + 1] == id >> 8 && data[at + 2] == (id & 0xff))
      return (gint32) tlc_wire_peek_u32 (data + at + 3);
  return 0;
}

/* An "echo_..." has one argument, field 1, and a result of the same type, field 0: the rest is
 * the same. */
static void
tlc_wire_answer_echo (TlcWire *wire, const TlcWireRequest *request)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (request->frame, &length);

  tlc_wire_reply_begin (wire, request->name);
  if (length > request->body + 3)
    {
      tlc_wire_field (wire, data[request->body], 0);
      tlc_wire_raw (wire, data + request->body + 3, length - request->body - 3);
    }
  else
    tlc_wire_stop (wire);
  tlc_wire_frame_end (wire);
}

TlcWire *
tlc_wire_answer (const TlcWireRequest *request)
{
  TlcWire *wire;

  if (request->type == T_ONEWAY)
    return NULL;
  wire = tlc_wire_new ();
  if (g_str_equal (request->name, "add"))
    {
      guint32 a = (guint32) tlc_wire_request_get_i32 (request, 1);
      guint32 b = (guint32) tlc_wire_request_get_i32 (request, 2);

      tlc_wire_reply_begin (wire, request->name);
      tlc_wire_field (wire, T_I32, 0);
      tlc_wire_i32 (wire, (gint32) (a + b));
      tlc_wire_reply_end (wire);
    }
  else if (g_str_equal (request->name, "ping"))
    {
      tlc_wire_reply_begin (wire, request->name);
      tlc_wire_reply_end (wire);
    }
  else if (g_str_has_prefix (request->name, "echo_"))
    tlc_wire_answer_echo (wire, request);
  else
    tlc_wire_exception (wire, request->name, "unknown method", 1);
  tlc_wire_stamp (wire, request->seqid, 0);
  return wire;
}
