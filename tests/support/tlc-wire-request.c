/* SPDX-License-Identifier: Apache-2.0 */
/* Takes requests apart. Where one ends follows from its frame, or else from what is in it: the
 * scripted server knows all types, since tests call all methods. */

#include "support/tlc-wire-request.h"

#include <string.h>

#include "support/tlc-wire-protocol.h"

#define TLC_WIRE_FRAME_HEADER 4

gboolean
tlc_wire_cursor_pass (TlcWireCursor *cursor, gsize n)
{
  if ((gsize) (cursor->end - cursor->at) < n)
    return FALSE;
  cursor->at += n;
  return TRUE;
}

/* -- where a message ends -- */

static gboolean tlc_wire_pass_value (TlcWireCursor *cursor, guint8 type);

static gboolean
tlc_wire_pass_struct (TlcWireCursor *cursor)
{
  guint8 type;
  gint16 id = 0;

  for (;;)
    {
      if (!tlc_wire_peek_protocol ()->get_field (cursor, &type, &id))
        return FALSE;
      if (type == T_STOP)
        return TRUE;
      if (!tlc_wire_pass_value (cursor, type))
        return FALSE;
    }
}

static gboolean
tlc_wire_pass_entries (TlcWireCursor *cursor)
{
  guint8 key, value;
  guint32 count;

  if (!tlc_wire_peek_protocol ()->get_entries (cursor, &key, &value, &count))
    return FALSE;
  for (guint32 i = 0; i < count; i++)
    if (!tlc_wire_pass_value (cursor, key) || !tlc_wire_pass_value (cursor, value))
      return FALSE;
  return TRUE;
}

static gboolean
tlc_wire_pass_elements (TlcWireCursor *cursor)
{
  guint8 type;
  guint32 count;

  if (!tlc_wire_peek_protocol ()->get_elements (cursor, &type, &count))
    return FALSE;
  for (guint32 i = 0; i < count; i++)
    if (!tlc_wire_pass_value (cursor, type))
      return FALSE;
  return TRUE;
}

static gboolean
tlc_wire_pass_value (TlcWireCursor *cursor, guint8 type)
{
  guint32 length;

  switch (type)
    {
    case T_STRUCT:
      return tlc_wire_pass_struct (cursor);
    case T_MAP:
      return tlc_wire_pass_entries (cursor);
    case T_LIST:
    case T_SET:
      return tlc_wire_pass_elements (cursor);
    case T_STRING:
      return tlc_wire_peek_protocol ()->get_length (cursor, &length)
             && tlc_wire_cursor_pass (cursor, length);
    case T_BOOL:
    case T_BYTE:
    case T_I16:
    case T_I32:
    case T_I64:
    case T_DOUBLE:
      return tlc_wire_peek_protocol ()->pass_number (cursor, type);
    default:
      cursor->is_wrong = TRUE;
      return FALSE;
    }
}

static gsize
tlc_wire_measure_unframed (const guint8 *data, gsize length)
{
  TlcWireCursor cursor = { .at = data };
  TlcWireHeader header;

  if (length == 0)
    return 0;
  cursor.end = data + length;
  if (tlc_wire_peek_protocol ()->get_header (&cursor, &header)
      && tlc_wire_pass_struct (&cursor))
    return (gsize) (cursor.at - data);
  return cursor.is_wrong ? length : 0;
}

gsize
tlc_wire_measure (const guint8 *data, gsize length)
{
  guint32 word;

  if (!tlc_wire_is_framed ())
    return tlc_wire_measure_unframed (data, length);
  if (length < TLC_WIRE_FRAME_HEADER)
    return 0;
  memcpy (&word, data, sizeof word);
  return TLC_WIRE_FRAME_HEADER + (gsize) GUINT32_FROM_BE (word);
}

/* -- what is in it -- */

TlcWireRequest *
tlc_wire_request_new (const guint8 *data, gsize length)
{
  const gsize start = tlc_wire_is_framed () ? TLC_WIRE_FRAME_HEADER : 0;
  TlcWireCursor cursor = { .at = data + MIN (start, length), .end = data + length };
  TlcWireRequest *request;
  TlcWireHeader header;
  gsize body;

  if (!tlc_wire_peek_protocol ()->get_header (&cursor, &header))
    return NULL;
  body = (gsize) (cursor.at - data);
  if (!tlc_wire_pass_struct (&cursor) || cursor.at != cursor.end)
    return NULL;

  request = g_new0 (TlcWireRequest, 1);
  request->type = header.type;
  request->name = g_strndup (header.name, header.name_length);
  request->seqid = header.seqid;
  request->body = body;
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

/* At the first argument. */
static TlcWireCursor
tlc_wire_request_read (const TlcWireRequest *request)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (request->frame, &length);

  return (TlcWireCursor){ .at = data + request->body, .end = data + length };
}

gint32
tlc_wire_request_get_i32 (const TlcWireRequest *request, int id)
{
  TlcWireCursor cursor = tlc_wire_request_read (request);
  gint16 field_id = 0;
  guint8 type;
  gint32 value;

  while (tlc_wire_peek_protocol ()->get_field (&cursor, &type, &field_id) && type == T_I32
         && tlc_wire_peek_protocol ()->get_i32 (&cursor, &value))
    if (field_id == id)
      return value;
  return 0;
}

/* -- answers -- */

/* The number is known: it is as long as a server makes it. */
static void
tlc_wire_answer_begin (TlcWire *wire, ThriftMessageType type, const TlcWireRequest *request)
{
  tlc_wire_frame_begin (wire);
  tlc_wire_message_full (wire, tlc_wire_get_version (), (guint8) type, request->name,
                         TLC_WIRE_FIXED, request->seqid);
}

/* An "echo_..." has one argument, field 1, and a result of the same type, field 0: the rest is
 * the same. */
static void
tlc_wire_answer_echo (TlcWire *wire, const TlcWireRequest *request)
{
  TlcWireCursor cursor = tlc_wire_request_read (request);
  gint16 id = 0;
  guint8 type = T_STOP;

  tlc_wire_answer_begin (wire, T_REPLY, request);
  tlc_wire_peek_protocol ()->get_field (&cursor, &type, &id);
  if (type == T_STOP)
    tlc_wire_stop (wire);
  else
    tlc_wire_field (wire, type, 0);
  if (cursor.has_bool)
    tlc_wire_bool (wire, cursor.bool_value);
  tlc_wire_raw (wire, cursor.at, (gsize) (cursor.end - cursor.at));
  tlc_wire_frame_end (wire);
}

static void
tlc_wire_answer_sum (TlcWire *wire, const TlcWireRequest *request)
{
  guint32 a = (guint32) tlc_wire_request_get_i32 (request, 1);
  guint32 b = (guint32) tlc_wire_request_get_i32 (request, 2);

  tlc_wire_answer_begin (wire, T_REPLY, request);
  tlc_wire_field (wire, T_I32, 0);
  tlc_wire_i32 (wire, (gint32) (a + b));
  tlc_wire_reply_end (wire);
}

static void
tlc_wire_answer_unknown (TlcWire *wire, const TlcWireRequest *request)
{
  tlc_wire_answer_begin (wire, T_EXCEPTION, request);
  tlc_wire_field (wire, T_STRING, 1);
  tlc_wire_string (wire, "unknown method");
  tlc_wire_field (wire, T_I32, 2);
  tlc_wire_i32 (wire, 1);
  tlc_wire_reply_end (wire);
}

TlcWire *
tlc_wire_answer (const TlcWireRequest *request)
{
  TlcWire *wire;

  if (request->type == T_ONEWAY)
    return NULL;
  wire = tlc_wire_new ();
  if (g_str_equal (request->name, "add"))
    tlc_wire_answer_sum (wire, request);
  else if (g_str_equal (request->name, "ping"))
    {
      tlc_wire_answer_begin (wire, T_REPLY, request);
      tlc_wire_reply_end (wire);
    }
  else if (g_str_has_prefix (request->name, "echo_"))
    tlc_wire_answer_echo (wire, request);
  else
    tlc_wire_answer_unknown (wire, request);
  return wire;
}
