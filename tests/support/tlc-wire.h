/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bytes as they travel: a builder of messages in Thrift's binary protocol, right and wrong ones,
 * and the little that a scripted server must understand of requests. What is built is what was
 * asked for: nothing is checked here. Types are those of Thrift (T_I32, T_REPLY, ...).
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

/* Writes the numbers in their places: @own of the last request, @previous of the one before. */
void tlc_wire_stamp (TlcWire *wire, gint32 own, gint32 previous);

/* A frame's length, filled in by the end; _end_as writes @length whatever the frame holds. */
void tlc_wire_frame_begin (TlcWire *wire);
void tlc_wire_frame_end (TlcWire *wire);
void tlc_wire_frame_end_as (TlcWire *wire, gint32 length);

/* A message's header; @version is the upper half of its first word, 0x8001 when right. */
void tlc_wire_message (TlcWire *wire, ThriftMessageType type, const char *name);
void tlc_wire_message_full (TlcWire *wire, guint16 version, guint8 type, const char *name,
                            TlcWireNumber base, gint32 offset);

/* A right reply but for what lies between: frame, header and, at the end, the result struct's
 * stop. */
void tlc_wire_reply_begin (TlcWire *wire, const char *name);
void tlc_wire_reply_end (TlcWire *wire);

/* A right exception, as a server answers with one: "unknown method" and the like. */
void tlc_wire_exception (TlcWire *wire, const char *name, const char *message, gint32 code);

/* Values. A string is a length and its bytes; _claim writes the length alone. */
void tlc_wire_raw (TlcWire *wire, const void *data, gsize length);
void tlc_wire_byte (TlcWire *wire, guint8 value);
void tlc_wire_i16 (TlcWire *wire, gint16 value);
void tlc_wire_i32 (TlcWire *wire, gint32 value);
void tlc_wire_i64 (TlcWire *wire, gint64 value);
void tlc_wire_double (TlcWire *wire, double value);
void tlc_wire_string (TlcWire *wire, const char *value);
void tlc_wire_claim (TlcWire *wire, gint32 length);
void tlc_wire_fill (TlcWire *wire, guint8 byte, gsize n);
void tlc_wire_repeat (TlcWire *wire, const void *data, gsize length, gsize n);

/* Headers of what holds other values; a set has the form of a list. Types are numbers: wrong
 * ones are wanted. */
void tlc_wire_field (TlcWire *wire, int type, int id);
void tlc_wire_stop (TlcWire *wire);
void tlc_wire_list (TlcWire *wire, int element_type, gint32 count);
void tlc_wire_map (TlcWire *wire, int key_type, int value_type, gint32 count);

/* A request, taken apart. */
typedef struct {
  guint connection; /* on which connection it came, in order of their acceptance */
  guint8 type;      /* T_CALL, T_ONEWAY */
  gint32 seqid;
  char *name;
  GBytes *frame;    /* as it came, framing included */
  gsize body;       /* where the arguments begin in @frame */
} TlcWireRequest;

/* How long the framed message at the head of @data is, framing included; 0 while that cannot be
 * told. */
gsize tlc_wire_measure (const guint8 *data, gsize length);

/* Takes apart the framed message @data; %NULL when it is none. */
TlcWireRequest *tlc_wire_request_new (const guint8 *data, gsize length);
void tlc_wire_request_free (TlcWireRequest *request);

/* The i32 field @id of a request that has only i32 arguments. */
gint32 tlc_wire_request_get_i32 (const TlcWireRequest *request, int id);

/* What a server that works answers, stamped: "add" adds, "ping" is void, "echo_..." gives its
 * argument back, other methods are unknown. %NULL for a oneway request. */
TlcWire *tlc_wire_answer (const TlcWireRequest *request);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcWire, tlc_wire_free)

G_END_DECLS
