/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bytes as they travel: a builder of messages, right and wrong ones, and the little that a scripted
 * server must understand of requests. What is built is what was asked for: nothing is checked
 * here. Types are those of Thrift (T_I32, T_REPLY, ...).
 *
 * The environment says which of the four wires it is: TLC_PROTOCOL, "binary" or "compact", and
 * TLC_TRANSPORT, "framed" or "buffered"; the first of each where it says nothing.
 *
 *   TlcWire *wire = tlc_wire_new ();
 *   tlc_wire_reply_begin (wire, "add");
 *   tlc_wire_field (wire, T_I32, 0);
 *   tlc_wire_i32 (wire, 3);
 *   tlc_wire_reply_end (wire);
 *
 * Threads: a wire belongs to one thread at a time.
 */

#include <glib.h>
#include <thrift/c_glib/protocol/thrift_protocol.h>

G_BEGIN_DECLS

typedef struct _TlcWire TlcWire;

const char *tlc_wire_get_protocol (void);
const char *tlc_wire_get_transport (void);
gboolean tlc_wire_is_compact (void);
gboolean tlc_wire_is_framed (void);

/* Which number a message carries is known when it is sent: base + offset. */
typedef enum {
  TLC_WIRE_OWN,      /* of the request that the connection read last: the right one */
  TLC_WIRE_PREVIOUS, /* of the request before that */
  TLC_WIRE_FIXED     /* zero */
} TlcWireNumber;

TlcWire *tlc_wire_new (void);
void tlc_wire_free (TlcWire *wire);
const guint8 *tlc_wire_get_data (const TlcWire *wire);
gsize tlc_wire_get_length (const TlcWire *wire);

/* Takes the last @n bytes off again, however many values they cut. */
void tlc_wire_chop (TlcWire *wire, gsize n);

/* Writes the numbers in their places: @own of the last request, @previous of the one before. In
 * compact protocol they have five bytes each, so that the message's length was known before. */
void tlc_wire_stamp (TlcWire *wire, gint32 own, gint32 previous);

/* A frame's length, filled in by the end; nothing in buffered transport. _end_as writes @length
 * whatever the frame holds, for framed transport alone. */
void tlc_wire_frame_begin (TlcWire *wire);
void tlc_wire_frame_end (TlcWire *wire);
void tlc_wire_frame_end_as (TlcWire *wire, gint32 length);

/* A message's header. @version is what stands in front: the upper half of binary protocol's first
 * word, the first byte of compact protocol and the lower bits of its second; _get_version() is the
 * right one. */
void tlc_wire_message (TlcWire *wire, ThriftMessageType type, const char *name);
void tlc_wire_message_full (TlcWire *wire, guint16 version, guint8 type, const char *name,
                            TlcWireNumber base, gint32 offset);
guint16 tlc_wire_get_version (void);

/* A right reply but for what lies between: frame, header and, at the end, the result struct's
 * stop. */
void tlc_wire_reply_begin (TlcWire *wire, const char *name);
void tlc_wire_reply_end (TlcWire *wire);

/* A right exception, as a server answers with one: "unknown method" and the like. */
void tlc_wire_exception (TlcWire *wire, const char *name, const char *message, gint32 code);

/* Bytes, whatever they mean. */
void tlc_wire_raw (TlcWire *wire, const void *data, gsize length);
void tlc_wire_fill (TlcWire *wire, guint8 byte, gsize n);
void tlc_wire_repeat (TlcWire *wire, const TlcWire *part, gsize n);
void tlc_wire_varint (TlcWire *wire, guint64 value); /* compact protocol's form of a number */

/* Values. A string is a length and its bytes; _claim writes the length alone. */
void tlc_wire_bool (TlcWire *wire, gboolean value);
void tlc_wire_byte (TlcWire *wire, guint8 value);
void tlc_wire_i16 (TlcWire *wire, gint16 value);
void tlc_wire_i32 (TlcWire *wire, gint32 value);
void tlc_wire_i64 (TlcWire *wire, gint64 value);
void tlc_wire_double (TlcWire *wire, double value);
void tlc_wire_string (TlcWire *wire, const char *value);
void tlc_wire_claim (TlcWire *wire, gint32 length);

/* How many bytes, all of them zero, are a value of @type: 0, "", an empty container or struct. */
gsize tlc_wire_get_zero_size (int type);

/* Headers of what holds other values; a set has the form of a list. A struct's fields stand between
 * _struct() and _stop(), but those of a message, whose struct has begun with it. Types are numbers:
 * wrong ones are wanted. Compact protocol has room for three, and for T_STOP: each wrong one
 * becomes one of them. */
void tlc_wire_struct (TlcWire *wire);
void tlc_wire_field (TlcWire *wire, int type, int id);
void tlc_wire_stop (TlcWire *wire);
void tlc_wire_list (TlcWire *wire, int element_type, gint32 count);
void tlc_wire_map (TlcWire *wire, int key_type, int value_type, gint32 count);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcWire, tlc_wire_free)

G_END_DECLS
