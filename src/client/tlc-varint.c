/* SPDX-License-Identifier: Apache-2.0 */

/* Reading varints that are longer than a byte. Pure functions. */
#include "client/tlc-varint.h"

#include <string.h>

#include "model/tlc-cold.h"

/* The sevens of bits in eight bytes, pushed together: pairs, pairs of pairs, and these. */
static inline guint64
tlc_varint_gather (guint64 bytes)
{
  guint64 sevens = bytes & G_GUINT64_CONSTANT (0x7f7f7f7f7f7f7f7f);
  guint64 pairs = (sevens & G_GUINT64_CONSTANT (0x007f007f007f007f))
                  | (sevens & G_GUINT64_CONSTANT (0x7f007f007f007f00)) >> 1;
  guint64 fours = (pairs & G_GUINT64_CONSTANT (0x00003fff00003fff))
                  | (pairs & G_GUINT64_CONSTANT (0x3fff00003fff0000)) >> 2;

  return (fours & 0x0fffffff) | (fours & G_GUINT64_CONSTANT (0x0fffffff00000000)) >> 4;
}

static TLC_COLD TlcRefusal
tlc_varint_get_by_bytes (TlcReader *reader, guint bits, guint64 *ret_value)
{
  const guint8 *at = reader->at;
  guint64 value = 0;

  for (guint shift = 0; shift < bits; shift += TLC_VARINT_BITS)
    {
      guint64 part;

      if (at == reader->end)
        return TLC_REFUSE_SHORT;
      part = *at & 0x7f;
      if (bits - shift < TLC_VARINT_BITS && part >> (bits - shift) != 0)
        return TLC_REFUSE_NUMBER;
      value |= part << shift;
      if (*at++ < 0x80)
        {
          reader->at = at;
          *ret_value = value;
          return TLC_REFUSE_NONE;
        }
    }
  return TLC_REFUSE_NUMBER;
}

/* Two bytes are the most common; eight at once where so many are left and one of them ends the
 * number. */
TlcRefusal
tlc_varint_get_long (TlcReader *reader, guint bits, guint64 *ret_value)
{
  const guint8 *at = reader->at;
  guint64 bytes, ends, value;
  guint n;

  if (tlc_reader_left (reader) >= 2 && at[1] <= 0x7f)
    {
      *ret_value = (guint64) (at[0] & 0x7f) | (guint64) at[1] << TLC_VARINT_BITS;
      reader->at += 2;
      return TLC_REFUSE_NONE;
    }
  if (G_UNLIKELY (tlc_reader_left (reader) < sizeof bytes))
    return tlc_varint_get_by_bytes (reader, bits, ret_value);
  memcpy (&bytes, at, sizeof bytes);
  bytes = GUINT64_FROM_LE (bytes);
  ends = ~bytes & G_GUINT64_CONSTANT (0x8080808080808080);
  if (G_UNLIKELY (ends == 0))
    return tlc_varint_get_by_bytes (reader, bits, ret_value);
  n = ((guint) __builtin_ctzll (ends) + 1) / 8;
  value = tlc_varint_gather (bytes & (ends ^ (ends - 1)));
  /* More bytes or bits than it may have: which of them, and why, is found one by one. */
  if (G_UNLIKELY (n * TLC_VARINT_BITS >= bits + TLC_VARINT_BITS
                  || (bits < 64 && value >> bits != 0)))
    return tlc_varint_get_by_bytes (reader, bits, ret_value);
  reader->at += n;
  *ret_value = value;
  return TLC_REFUSE_NONE;
}
