/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/tlc-reader.h"

/* Numbers by seven bits a byte, the low ones first; a byte that is not the last has its high bit set.
 * Signed ones are folded first, so that small ones are short. */
#define TLC_VARINT_BITS 7
#define TLC_VARINT_MAX 10 /* bytes */

/* Of two bytes or more, or none. */
TlcRefusal tlc_varint_get_long (TlcReader *reader, guint bits, guint64 *ret_value);

/* Reads a varint of at most @bits bits, of which there are seven at least, at the reader's cursor. */
static inline TlcRefusal
tlc_varint_get (TlcReader *reader, guint bits, guint64 *ret_value)
{
  if (G_UNLIKELY (reader->at == reader->end || *reader->at > 0x7f))
    return tlc_varint_get_long (reader, bits, ret_value);
  *ret_value = *reader->at++;
  return TLC_REFUSE_NONE;
}

/* Bytes that the varint of @value takes: one for each seven bits, and one for 0. */
static inline gsize
tlc_varint_size (guint64 value)
{
  return ((gsize) (63 - __builtin_clzll (value | 1)) + 7) / 7;
}

static inline guint8 *
tlc_varint_put (guint8 *at, guint64 value)
{
  for (; value > 0x7f; value >>= 7)
    *at++ = (guint8) (value | 0x80);
  *at++ = (guint8) value;
  return at;
}

static inline guint32
tlc_varint_fold_32 (gint32 value)
{
  return ((guint32) value << 1) ^ (guint32) (value >> 31);
}

static inline guint64
tlc_varint_fold_64 (gint64 value)
{
  return ((guint64) value << 1) ^ (guint64) (value >> 63);
}

static inline gint64
tlc_varint_unfold (guint64 value)
{
  return (gint64) (value >> 1) ^ -(gint64) (value & 1);
}
