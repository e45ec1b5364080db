/* SPDX-License-Identifier: Apache-2.0 */

/* The compact protocol's way from the beginning of a value to its end. */
#include "client/tlc-compact.h"

/* Passes a varint at walk->at + @offset of at most 64 bits, and what is before it. */
static TlcRefusal
tlc_compact_pass_varint (TlcWalk *walk, gsize offset, const guint8 *data, gsize length,
                         guint64 *ret_value)
{
  TlcReader reader = { .at = data + MIN (walk->at + offset, length), .end = data + length };
  TlcRefusal refusal = tlc_varint_get (&reader, 64, ret_value);

  if (refusal == TLC_REFUSE_NONE)
    walk->at = (gsize) (reader.at - data);
  return refusal;
}

static TlcRefusal
tlc_compact_pass_header (TlcWalk *walk, const guint8 *data, gsize length)
{
  TlcRefusal refusal;
  guint64 number;

  if (length < 2)
    return TLC_REFUSE_SHORT;
  if (data[0] != TLC_COMPACT_ID || (data[1] & TLC_COMPACT_VERSION_MASK) != TLC_COMPACT_VERSION)
    return TLC_REFUSE_VERSION;
  walk->at = 0;
  refusal = tlc_compact_pass_varint (walk, 2, data, length, &number);
  if (refusal == TLC_REFUSE_NONE)
    refusal = tlc_compact_pass_varint (walk, 0, data, length, &number);
  if (refusal != TLC_REFUSE_NONE)
    return refusal;
  if (number > G_MAXUINT32)
    return TLC_REFUSE_NUMBER;
  walk->skip = number;
  return TLC_REFUSE_NONE;
}

static TlcRefusal
tlc_compact_pass_field (TlcWalk *walk, const guint8 *data, gsize length)
{
  TlcRefusal refusal = TLC_REFUSE_NONE;
  guint64 id;
  guint8 first, type;

  if (length - walk->at < 1)
    return TLC_REFUSE_SHORT;
  first = data[walk->at];
  if (first == TLC_COMPACT_STOP)
    {
      walk->at++;
      walk->depth--;
      return TLC_REFUSE_NONE;
    }
  type = tlc_compact_type_from_wire (first);
  if (type == T_STOP)
    return TLC_REFUSE_UNKNOWN_TYPE;
  if (first >> 4 == 0)
    refusal = tlc_compact_pass_varint (walk, 1, data, length, &id);
  else
    walk->at++;
  /* A bool field's value was in its first byte. */
  if (refusal == TLC_REFUSE_NONE && type != T_BOOL)
    walk->due = type;
  return refusal;
}

static TlcRefusal
tlc_compact_pass_map (TlcWalk *walk, const guint8 *data, gsize length)
{
  gsize before = walk->at;
  guint64 count;
  guint8 key, value;
  TlcRefusal refusal = tlc_compact_pass_varint (walk, 0, data, length, &count);

  if (refusal != TLC_REFUSE_NONE || count == 0)
    return refusal;
  if (length - walk->at < 1)
    {
      walk->at = before;
      return TLC_REFUSE_SHORT;
    }
  key = tlc_compact_type_from_wire (data[walk->at] >> 4);
  value = tlc_compact_type_from_wire (data[walk->at++]);
  if (key == T_STOP || value == T_STOP)
    return TLC_REFUSE_UNKNOWN_TYPE;
  if (count > G_MAXINT32)
    return TLC_REFUSE_NEGATIVE;
  return tlc_walk_push (walk, key, value, 2 * count);
}

static TlcRefusal
tlc_compact_pass_elements (TlcWalk *walk, const guint8 *data, gsize length)
{
  TlcRefusal refusal = TLC_REFUSE_NONE;
  guint64 count;
  guint8 type;

  if (length - walk->at < 1)
    return TLC_REFUSE_SHORT;
  type = tlc_compact_type_from_wire (data[walk->at]);
  count = data[walk->at] >> 4;
  if (count == TLC_COMPACT_NIBBLE)
    refusal = tlc_compact_pass_varint (walk, 1, data, length, &count);
  else
    walk->at++;
  if (refusal != TLC_REFUSE_NONE || count == 0)
    return refusal;
  if (type == T_STOP)
    return TLC_REFUSE_UNKNOWN_TYPE;
  if (count > G_MAXINT32)
    return TLC_REFUSE_NEGATIVE;
  return tlc_walk_push (walk, type, type, count);
}

static TlcRefusal
tlc_compact_pass_some_value (TlcWalk *walk, guint8 type, const guint8 *data, gsize length)
{
  TlcRefusal refusal;
  guint64 number;

  switch (type)
    {
    case T_BOOL:
    case T_BYTE:
      walk->skip = 1;
      return TLC_REFUSE_NONE;
    case T_DOUBLE:
      walk->skip = 8;
      return TLC_REFUSE_NONE;
    case T_STRING:
      refusal = tlc_compact_pass_varint (walk, 0, data, length, &number);
      if (refusal == TLC_REFUSE_NONE)
        walk->skip = number;
      return refusal == TLC_REFUSE_NONE && number > G_MAXINT32 ? TLC_REFUSE_NEGATIVE : refusal;
    case T_STRUCT:
      return tlc_walk_push (walk, T_STOP, T_STOP, 0);
    case T_MAP:
      return tlc_compact_pass_map (walk, data, length);
    case T_SET:
    case T_LIST:
      return tlc_compact_pass_elements (walk, data, length);
    default:
      return tlc_compact_pass_varint (walk, 0, data, length, &number);
    }
}

static TlcRefusal
tlc_compact_pass_value (TlcWalk *walk, const guint8 *data, gsize length)
{
  TlcRefusal refusal = tlc_compact_pass_some_value (walk, walk->due, data, length);

  if (refusal != TLC_REFUSE_SHORT)
    walk->due = T_STOP;
  return refusal;
}

const TlcWalker tlc_compact_walker
    = { tlc_compact_pass_header, tlc_compact_pass_field, tlc_compact_pass_value };
