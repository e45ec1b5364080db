/* SPDX-License-Identifier: Apache-2.0 */

/* The binary protocol's way from the beginning of a value to its end. */
#include "client/tlc-binary.h"

/* Bytes of a value that always has as many; 0: it has not. */
static guint
tlc_binary_fixed_size (guint8 type)
{
  static const guint8 sizes[] = {
    [T_BOOL] = 1, [T_BYTE] = 1, [T_I16] = 2, [T_I32] = 4, [T_I64] = 8, [T_DOUBLE] = 8,
  };

  return type < G_N_ELEMENTS (sizes) ? sizes[type] : 0;
}

static TlcRefusal
tlc_binary_pass_header (TlcWalk *walk, const guint8 *data, gsize length)
{
  gint32 name_length;

  if (length < 4 + 4)
    return TLC_REFUSE_SHORT;
  if ((tlc_binary_get_32 (data) & TLC_BINARY_VERSION_MASK) != TLC_BINARY_VERSION)
    return TLC_REFUSE_VERSION;
  name_length = (gint32) tlc_binary_get_32 (data + 4);
  if (name_length < 0)
    return TLC_REFUSE_NEGATIVE;
  walk->at = 4 + 4;
  walk->skip = (guint64) name_length + 4;
  return TLC_REFUSE_NONE;
}

static TlcRefusal
tlc_binary_pass_field (TlcWalk *walk, const guint8 *data, gsize length)
{
  guint8 type;

  if (length - walk->at < 1)
    return TLC_REFUSE_SHORT;
  type = data[walk->at];
  if (type == T_STOP)
    {
      walk->at++;
      walk->depth--;
      return TLC_REFUSE_NONE;
    }
  if (!tlc_reader_type_is_known (type))
    return TLC_REFUSE_UNKNOWN_TYPE;
  walk->at++;
  walk->skip = 2; /* the id */
  walk->due = type;
  return TLC_REFUSE_NONE;
}

/* @n values each of @first, in a map in turn with @second. */
static TlcRefusal
tlc_binary_pass_elements (TlcWalk *walk, gint32 n, guint8 first, guint8 second, guint64 per_entry)
{
  guint64 size = (guint64) tlc_binary_fixed_size (first) + tlc_binary_fixed_size (second);

  if (n < 0)
    return TLC_REFUSE_NEGATIVE;
  if (n == 0)
    return TLC_REFUSE_NONE;
  if (!tlc_reader_type_is_known (first) || !tlc_reader_type_is_known (second))
    return TLC_REFUSE_UNKNOWN_TYPE;
  if (tlc_binary_fixed_size (first) > 0 && tlc_binary_fixed_size (second) > 0)
    {
      walk->skip = (guint64) n * size * per_entry / 2;
      return TLC_REFUSE_NONE;
    }
  return tlc_walk_push (walk, first, second, (guint64) n * per_entry);
}

static TlcRefusal
tlc_binary_pass_string (TlcWalk *walk, gint32 length)
{
  if (length < 0)
    return TLC_REFUSE_NEGATIVE;
  walk->at += 4;
  walk->skip = (guint64) length;
  return TLC_REFUSE_NONE;
}

static TlcRefusal
tlc_binary_pass_value (TlcWalk *walk, const guint8 *data, gsize length)
{
  static const guint8 header_sizes[] = { [T_STRING] = 4, [T_MAP] = 6, [T_SET] = 5, [T_LIST] = 5 };
  const guint8 *at = data + walk->at;
  guint8 type = walk->due;

  walk->skip = tlc_binary_fixed_size (type);
  if (walk->skip == 0 && type != T_STRUCT && length - walk->at < header_sizes[type])
    return TLC_REFUSE_SHORT;
  walk->due = T_STOP;
  switch (type)
    {
    case T_STRUCT:
      return tlc_walk_push (walk, T_STOP, T_STOP, 0);
    case T_STRING:
      return tlc_binary_pass_string (walk, (gint32) tlc_binary_get_32 (at));
    case T_MAP:
      walk->at += 6;
      return tlc_binary_pass_elements (walk, (gint32) tlc_binary_get_32 (at + 2), at[0], at[1], 2);
    case T_SET:
    case T_LIST:
      walk->at += 5;
      return tlc_binary_pass_elements (walk, (gint32) tlc_binary_get_32 (at + 1), at[0], at[0], 1);
    default:
      return TLC_REFUSE_NONE;
    }
}

const TlcWalker tlc_binary_walker
    = { tlc_binary_pass_header, tlc_binary_pass_field, tlc_binary_pass_value };
