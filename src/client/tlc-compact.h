/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <string.h>

#include "client/tlc-protocol.h"
#include "client/tlc-varint.h"
#include "client/tlc-walk.h"

/* What the writing and the reading half of the compact protocol share. */
#define TLC_COMPACT_ID 0x82
#define TLC_COMPACT_VERSION 1
#define TLC_COMPACT_VERSION_MASK 0x1f
#define TLC_COMPACT_TYPE_SHIFT 5

/* The largest step from one field id to the next that a field's first byte has room for; and a
 * count that a list's first byte has no room for. */
#define TLC_COMPACT_NIBBLE 15

/* Types as they stand on the wire. That of a bool field is its value. */
typedef enum {
  TLC_COMPACT_STOP,
  TLC_COMPACT_TRUE, /* also the type of elements that are bools */
  TLC_COMPACT_FALSE,
  TLC_COMPACT_BYTE,
  TLC_COMPACT_I16,
  TLC_COMPACT_I32,
  TLC_COMPACT_I64,
  TLC_COMPACT_DOUBLE,
  TLC_COMPACT_BINARY,
  TLC_COMPACT_LIST,
  TLC_COMPACT_SET,
  TLC_COMPACT_MAP,
  TLC_COMPACT_STRUCT
} TlcCompactType;

typedef struct {
  TlcProtocol parent_instance;

  /* Writing: the id of the field before, in this struct and in those around it. */
  gint16 last_id;
  gint16 *outer_ids;
  guint n_outer_ids, outer_capacity;
  /* A bool field was begun: its first byte waits for the value. */
  gboolean owes_bool;
  gint16 bool_id;

  /* The latest request's number, and its varint: the first so many bytes of the eight. */
  gint32 sequence;
  guint sequence_size;
  guint64 sequence_bytes;

  /* Reading: a bool field was begun, and its first byte had the value. */
  gboolean has_bool;
  gboolean bool_value;
} TlcCompactProtocol;

extern const TlcWalker tlc_compact_walker;

void tlc_compact_install_writers (TlcProtocolClass *klass);
void tlc_compact_install_readers (TlcProtocolClass *klass);

/* T_STOP for what is no type. */
static inline guint8
tlc_compact_type_from_wire (guint8 wire_type)
{
  static const guint8 types[16] = {
    [TLC_COMPACT_TRUE] = T_BOOL,     [TLC_COMPACT_FALSE] = T_BOOL,  [TLC_COMPACT_BYTE] = T_BYTE,
    [TLC_COMPACT_I16] = T_I16,       [TLC_COMPACT_I32] = T_I32,     [TLC_COMPACT_I64] = T_I64,
    [TLC_COMPACT_DOUBLE] = T_DOUBLE, [TLC_COMPACT_BINARY] = T_STRING, [TLC_COMPACT_LIST] = T_LIST,
    [TLC_COMPACT_SET] = T_SET,       [TLC_COMPACT_MAP] = T_MAP,     [TLC_COMPACT_STRUCT] = T_STRUCT,
  };

  return types[wire_type & 0xf];
}
