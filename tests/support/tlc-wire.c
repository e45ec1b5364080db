/* SPDX-License-Identifier: Apache-2.0 */
/* Builds messages value by value, as the protocol of this run has them. A message's number is left
 * open until it is sent: the places where one belongs are kept beside the bytes. */

#include "support/tlc-wire.h"

#include <string.h>

#include "support/tlc-wire-protocol.h"

#define TLC_WIRE_FRAME_HEADER 4

static const char *
tlc_wire_get_setting (const char *variable, const char *usual)
{
  const char *setting = g_getenv (variable);

  return setting != NULL ? setting : usual;
}

const char *
tlc_wire_get_protocol (void)
{
  return tlc_wire_get_setting ("TLC_PROTOCOL", "binary");
}

const char *
tlc_wire_get_transport (void)
{
  return tlc_wire_get_setting ("TLC_TRANSPORT", "framed");
}

gboolean
tlc_wire_is_compact (void)
{
  return g_str_equal (tlc_wire_get_protocol (), "compact");
}

gboolean
tlc_wire_is_framed (void)
{
  return g_str_equal (tlc_wire_get_transport (), "framed");
}

const TlcWireProtocol *
tlc_wire_peek_protocol (void)
{
  return tlc_wire_is_compact () ? &tlc_wire_compact : &tlc_wire_binary;
}

/* Ids are counted from that of the field before, in each struct anew. */
void
tlc_wire_struct (TlcWire *wire)
{
  const gint16 none = 0;

  g_array_append_val (wire->last_ids, none);
}

TlcWire *
tlc_wire_new (void)
{
  TlcWire *wire = g_new0 (TlcWire, 1);

  wire->bytes = g_byte_array_new ();
  wire->stamps = g_array_new (FALSE, FALSE, sizeof (TlcWireStamp));
  wire->last_ids = g_array_new (FALSE, FALSE, sizeof (gint16));
  tlc_wire_struct (wire);
  return wire;
}

void
tlc_wire_free (TlcWire *wire)
{
  if (wire == NULL)
    return;
  g_byte_array_unref (wire->bytes);
  g_array_unref (wire->stamps);
  g_array_unref (wire->last_ids);
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

void
tlc_wire_overwrite (TlcWire *wire, gsize at, const void *data, gsize length)
{
  if (at < wire->bytes->len)
    memcpy (wire->bytes->data + at, data, MIN (length, wire->bytes->len - at));
}

void
tlc_wire_expect_number (TlcWire *wire, TlcWireNumber base, gint32 offset)
{
  const TlcWireStamp stamp = { wire->bytes->len, base, offset };

  g_array_append_val (wire->stamps, stamp);
}

void
tlc_wire_stamp (TlcWire *wire, gint32 own, gint32 previous)
{
  for (guint i = 0; i < wire->stamps->len; i++)
    {
      const TlcWireStamp *stamp = &g_array_index (wire->stamps, TlcWireStamp, i);
      guint32 base = (guint32) (stamp->base == TLC_WIRE_OWN ? own : previous);

      tlc_wire_peek_protocol ()->put_number (wire, stamp->at,
                                             (gint32) (base + (guint32) stamp->offset));
    }
}

/* -- messages -- */

void
tlc_wire_frame_begin (TlcWire *wire)
{
  wire->frame = wire->bytes->len;
  if (tlc_wire_is_framed ())
    tlc_wire_fill (wire, 0, TLC_WIRE_FRAME_HEADER);
}

void
tlc_wire_frame_end_as (TlcWire *wire, gint32 length)
{
  guint32 word = GUINT32_TO_BE ((guint32) length);

  g_assert (tlc_wire_is_framed ());
  tlc_wire_overwrite (wire, wire->frame, &word, sizeof word);
}

void
tlc_wire_frame_end (TlcWire *wire)
{
  gsize length = wire->bytes->len - wire->frame - TLC_WIRE_FRAME_HEADER;

  if (tlc_wire_is_framed ())
    tlc_wire_frame_end_as (wire, (gint32) length);
}

guint16
tlc_wire_get_version (void)
{
  return tlc_wire_peek_protocol ()->version;
}

void
tlc_wire_message_full (TlcWire *wire, guint16 version, guint8 type, const char *name,
                       TlcWireNumber base, gint32 offset)
{
  g_array_set_size (wire->last_ids, 0);
  tlc_wire_struct (wire);
  tlc_wire_peek_protocol ()->put_header (wire, version, type, name, base, offset);
}

void
tlc_wire_message (TlcWire *wire, ThriftMessageType type, const char *name)
{
  tlc_wire_message_full (wire, tlc_wire_get_version (), (guint8) type, name, TLC_WIRE_OWN, 0);
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

/* -- bytes -- */

void
tlc_wire_raw (TlcWire *wire, const void *data, gsize length)
{
  g_assert (length <= G_MAXINT);
  g_byte_array_append (wire->bytes, data, (guint) length);
}

static void
tlc_wire_repeat_raw (TlcWire *wire, const void *data, gsize length, gsize n)
{
  guint at = wire->bytes->len;

  g_assert (length * n <= G_MAXINT);
  g_byte_array_set_size (wire->bytes, at + (guint) (length * n));
  for (gsize i = 0; i < n; i++)
    memcpy (wire->bytes->data + at + i * length, data, length);
}

void
tlc_wire_repeat (TlcWire *wire, const TlcWire *part, gsize n)
{
  tlc_wire_repeat_raw (wire, part->bytes->data, part->bytes->len, n);
}

void
tlc_wire_fill (TlcWire *wire, guint8 byte, gsize n)
{
  tlc_wire_repeat_raw (wire, &byte, 1, n);
}

void
tlc_wire_varint (TlcWire *wire, guint64 value)
{
  for (; value > 0x7f; value >>= 7)
    tlc_wire_byte (wire, (guint8) (value | 0x80));
  tlc_wire_byte (wire, (guint8) value);
}

/* -- values -- */

void
tlc_wire_bool (TlcWire *wire, gboolean value)
{
  tlc_wire_peek_protocol ()->put_bool (wire, value);
}

void
tlc_wire_byte (TlcWire *wire, guint8 value)
{
  tlc_wire_raw (wire, &value, sizeof value);
}

void
tlc_wire_i16 (TlcWire *wire, gint16 value)
{
  tlc_wire_peek_protocol ()->put_integer (wire, 2, value);
}

void
tlc_wire_i32 (TlcWire *wire, gint32 value)
{
  tlc_wire_peek_protocol ()->put_integer (wire, 4, value);
}

void
tlc_wire_i64 (TlcWire *wire, gint64 value)
{
  tlc_wire_peek_protocol ()->put_integer (wire, 8, value);
}

void
tlc_wire_double (TlcWire *wire, double value)
{
  tlc_wire_peek_protocol ()->put_double (wire, value);
}

void
tlc_wire_claim (TlcWire *wire, gint32 length)
{
  tlc_wire_peek_protocol ()->put_length (wire, length);
}

void
tlc_wire_string (TlcWire *wire, const char *value)
{
  tlc_wire_claim (wire, (gint32) strlen (value));
  tlc_wire_raw (wire, value, strlen (value));
}

gsize
tlc_wire_get_zero_size (int type)
{
  return tlc_wire_peek_protocol ()->get_zero_size (type);
}

void
tlc_wire_field (TlcWire *wire, int type, int id)
{
  gint16 *last_id = &g_array_index (wire->last_ids, gint16, wire->last_ids->len - 1);

  tlc_wire_peek_protocol ()->put_field (wire, type, id);
  *last_id = (gint16) id;
}

void
tlc_wire_stop (TlcWire *wire)
{
  tlc_wire_byte (wire, T_STOP);
  if (wire->last_ids->len > 1)
    g_array_set_size (wire->last_ids, wire->last_ids->len - 1);
}

void
tlc_wire_list (TlcWire *wire, int element_type, gint32 count)
{
  tlc_wire_peek_protocol ()->put_list (wire, element_type, count);
}

void
tlc_wire_map (TlcWire *wire, int key_type, int value_type, gint32 count)
{
  tlc_wire_peek_protocol ()->put_map (wire, key_type, value_type, count);
}
