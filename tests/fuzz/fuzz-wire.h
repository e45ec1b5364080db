/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Frames and message headers as a peer writes and reads them: written apart from the library, so
 * that its idea of a right header is held against another one. */
#include <glib.h>
#include <thrift/c_glib/protocol/thrift_protocol.h>

typedef struct {
  const char *name;                 /* "binary-framed" */
  const char *protocol, *transport; /* as settings have them */
  gboolean is_compact, is_framed;
} FuzzWire;

#define FUZZ_N_WIRES 4
extern const FuzzWire fuzz_wires[FUZZ_N_WIRES];

const FuzzWire *fuzz_wire_find (const char *name);

/* A message's beginning; @name points into the message. */
typedef struct {
  ThriftMessageType type;
  const char *name;
  gsize name_length;
  gint32 number;
} FuzzHeader;

/* FALSE: that is no header. @data is a message without its frame. */
gboolean fuzz_wire_read_header (const FuzzWire *wire, const guint8 *data, gsize length,
                                FuzzHeader *ret_header);
void fuzz_wire_put_header (const FuzzWire *wire, GByteArray *message, ThriftMessageType type,
                           const char *name, gint32 number);
void fuzz_wire_put_number (const FuzzWire *wire, GByteArray *message, gint32 number);
/* Where the number belongs in a header that may be wrong: at its end if that cannot be told. */
gsize fuzz_wire_number_offset (const FuzzWire *wire, const guint8 *data, gsize length);
/* Appends @message, in a frame where the wire has frames. */
void fuzz_wire_put_message (const FuzzWire *wire, GByteArray *stream, const GByteArray *message);

/* The number of a request as it was sent. */
gint32 fuzz_wire_get_number (const FuzzWire *wire, const GByteArray *request);
/* Whether @stream begins with the header of a T_REPLY to that request. */
gboolean fuzz_wire_is_reply (const FuzzWire *wire, const GByteArray *stream, const char *name,
                             gint32 number);
