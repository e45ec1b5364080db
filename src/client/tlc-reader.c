/* SPDX-License-Identifier: Apache-2.0 */

/* What a reader refuses, apart from what every value passes, which is inline in the header. */
#include "client/tlc-reader.h"

void
tlc_reader_clear (TlcReader *reader)
{
  tlc_reader_stop (reader);
  g_clear_pointer (&reader->far_ids, g_free);
  reader->far_capacity = 0;
}

const char *
tlc_refusal_to_string (TlcRefusal refusal)
{
  switch (refusal)
    {
    case TLC_REFUSE_SHORT:
      return "the message ends in the middle of a value";
    case TLC_REFUSE_TYPE:
      return "a value is of another type than its place has";
    case TLC_REFUSE_UNKNOWN_TYPE:
      return "unknown type";
    case TLC_REFUSE_DEPTH:
      return "nested more than " G_STRINGIFY (TLC_READER_MAX_DEPTH) " deep";
    case TLC_REFUSE_NEGATIVE:
      return "a length is negative";
    case TLC_REFUSE_COUNT:
      return "a length or count exceeds the bytes that are left";
    case TLC_REFUSE_DUPLICATE:
      return "a field stands twice in a struct";
    case TLC_REFUSE_FAR_IDS:
      return "more than " G_STRINGIFY (TLC_READER_MAX_FAR_IDS) " fields of a struct beyond id 63";
    case TLC_REFUSE_BUDGET:
      return "decoding it would take more memory than max-decoded-size";
    case TLC_REFUSE_MEMORY:
      return "out of memory";
    case TLC_REFUSE_VERSION:
      return "the message is of another protocol or version";
    case TLC_REFUSE_NUMBER:
      return "a number is larger than its type";
    case TLC_REFUSE_NONE:
    default:
      return "not refused";
    }
}

TlcRefusal
tlc_reader_enter (TlcReader *reader, gint32 size, guint8 first, guint8 second, gsize min,
                  gsize cost)
{
  gsize own = cost == TLC_READER_COST_ENTRY ? TLC_READER_COST_TABLE : TLC_READER_COST_CONTAINER;

  if (G_UNLIKELY (size < 0))
    return TLC_REFUSE_NEGATIVE;
  if (G_UNLIKELY (size > 0 && min == 0))
    return TLC_REFUSE_UNKNOWN_TYPE;
  if (G_UNLIKELY (size > 0 && (gsize) size > tlc_reader_left (reader) / min))
    return TLC_REFUSE_COUNT;
  if (G_UNLIKELY (!tlc_reader_charge (reader, own + (gsize) size * cost)))
    return TLC_REFUSE_BUDGET;
  return tlc_reader_push (reader, first, second);
}

/* Ids that do not fit the bits are listed, the present struct's at the end. */
TlcRefusal
tlc_reader_far_field (TlcReader *reader, gint16 id)
{
  guint32 first = reader->level->far_ids;

  if (reader->n_far_ids - first == TLC_READER_MAX_FAR_IDS)
    return TLC_REFUSE_FAR_IDS;
  for (guint32 i = first; i < reader->n_far_ids; i++)
    if (reader->far_ids[i] == id)
      return TLC_REFUSE_DUPLICATE;
  if (reader->n_far_ids == reader->far_capacity)
    {
      guint32 capacity = MAX (16, reader->far_capacity * 2);
      gint16 *ids = g_try_realloc (reader->far_ids, capacity * sizeof *ids);

      if (ids == NULL)
        return TLC_REFUSE_MEMORY;
      reader->far_ids = ids;
      reader->far_capacity = capacity;
    }
  reader->far_ids[reader->n_far_ids++] = id;
  return TLC_REFUSE_NONE;
}
