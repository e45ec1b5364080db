/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside the builder: what the two protocols do differently. */

#include "support/tlc-wire.h"

G_BEGIN_DECLS

struct _TlcWire
{
  GByteArray *bytes;
  GArray *stamps;   /* of TlcWireStamp */
  gsize frame;      /* where the frame under construction begins */
  GArray *last_ids; /* of gint16: compact, of the field before, in this struct and those around */
  gsize bool_field; /* compact: where a bool field's header is that waits for its value; or 0 */
};

typedef struct {
  gsize at;
  TlcWireNumber base;
  gint32 offset;
} TlcWireStamp;

/* Bytes of a request that are still to be read. */
typedef struct {
  const guint8 *at, *end;
  gboolean is_wrong; /* no more bytes would help */
  gboolean has_bool; /* compact: a bool field's header, which had the value, was the last */
  gboolean bool_value;
} TlcWireCursor;

typedef struct {
  guint8 type;
  gint32 seqid;
  const char *name;
  guint32 name_length;
} TlcWireHeader;

typedef struct {
  guint16 version;
  void (*put_header) (TlcWire *wire, guint16 version, guint8 type, const char *name,
                      TlcWireNumber base, gint32 offset);
  void (*put_number) (TlcWire *wire, gsize at, gint32 number); /* where a stamp is */
  void (*put_field) (TlcWire *wire, int type, int id);
  void (*put_bool) (TlcWire *wire, gboolean value);
  void (*put_integer) (TlcWire *wire, guint n_bytes, gint64 value);
  void (*put_double) (TlcWire *wire, double value);
  void (*put_length) (TlcWire *wire, gint32 length);
  void (*put_list) (TlcWire *wire, int element_type, gint32 count);
  void (*put_map) (TlcWire *wire, int key_type, int value_type, gint32 count);
  gsize (*get_zero_size) (int type);

  /* FALSE: too few bytes, or wrong ones. */
  gboolean (*get_header) (TlcWireCursor *cursor, TlcWireHeader *ret_header);
  /* @id: of the field before, then of this one; 0 before the first. T_STOP ends the struct. */
  gboolean (*get_field) (TlcWireCursor *cursor, guint8 *ret_type, gint16 *id);
  gboolean (*get_i32) (TlcWireCursor *cursor, gint32 *ret_value);
  gboolean (*get_length) (TlcWireCursor *cursor, guint32 *ret_length);
  gboolean (*get_elements) (TlcWireCursor *cursor, guint8 *ret_type, guint32 *ret_count);
  gboolean (*get_entries) (TlcWireCursor *cursor, guint8 *ret_key, guint8 *ret_value,
                           guint32 *ret_count);
  /* Numbers, and bools. */
  gboolean (*pass_number) (TlcWireCursor *cursor, guint8 type);
} TlcWireProtocol;

extern const TlcWireProtocol tlc_wire_binary;
extern const TlcWireProtocol tlc_wire_compact;

const TlcWireProtocol *tlc_wire_peek_protocol (void);

/* Over what is there from @at on, as far as it reaches. */
void tlc_wire_overwrite (TlcWire *wire, gsize at, const void *data, gsize length);
/* The number comes here, five or four bytes long; TLC_WIRE_FIXED needs none. */
void tlc_wire_expect_number (TlcWire *wire, TlcWireNumber base, gint32 offset);
gboolean tlc_wire_cursor_pass (TlcWireCursor *cursor, gsize n);

G_END_DECLS
