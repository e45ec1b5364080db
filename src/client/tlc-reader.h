/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib-object.h>
#include <thrift/c_glib/protocol/thrift_protocol.h>

/* A cursor over one received message, and what may come next in it.
 *
 * Generated readers look at field types only, and allocate whatever a count says. So the reader
 * knows at each depth of which type the next value must be, refuses what nests too deep,
 * repeats a field id or counts more elements than there are bytes, and charges a budget for the
 * memory that the objects will take, which can be a thousand times the bytes. After the first
 * refusal there is nothing left to read. */
#define TLC_READER_MAX_DEPTH 64

/* Fields of one struct with ids outside 0..63; those inside are free. */
#define TLC_READER_MAX_FAR_IDS 512

/* The least that objects take in memory, as charged to the budget. */
#define TLC_READER_COST_STRUCT 512
#define TLC_READER_COST_CONTAINER 96
#define TLC_READER_COST_TABLE 256 /* of a map or a set, empty */
#define TLC_READER_COST_ELEMENT 16
#define TLC_READER_COST_ENTRY 64 /* of a map or a set: they are hash tables */
#define TLC_READER_COST_STRING 32

typedef struct {
  guint8 expect;   /* the type that the next value must have; 0: none may come */
  guint8 next;     /* and the one after it: a map alternates, a list repeats, a struct has none */
  gint16 last_id;  /* of the field before, for protocols that count from it */
  guint32 far_ids; /* where this depth's ids outside 0..63 start */
  guint64 seen;    /* the ids 0..63 of this struct */
} TlcLevel;

typedef struct {
  const guint8 *at, *end;
  gsize budget; /* bytes that this message may still take in memory */
  TlcLevel *level;
  TlcLevel levels[TLC_READER_MAX_DEPTH + 1]; /* the first is the message: it holds one struct */
  gint16 *far_ids;
  guint32 n_far_ids, far_capacity;
} TlcReader;

/* Why a message is refused; tlc_refusal_to_string() has the words. */
typedef enum {
  TLC_REFUSE_NONE,
  TLC_REFUSE_SHORT,
  TLC_REFUSE_TYPE,
  TLC_REFUSE_UNKNOWN_TYPE,
  TLC_REFUSE_DEPTH,
  TLC_REFUSE_NEGATIVE,
  TLC_REFUSE_COUNT,
  TLC_REFUSE_DUPLICATE,
  TLC_REFUSE_FAR_IDS,
  TLC_REFUSE_BUDGET,
  TLC_REFUSE_MEMORY,
  TLC_REFUSE_VERSION,
  TLC_REFUSE_NUMBER
} TlcRefusal;

void tlc_reader_clear (TlcReader *reader);
const char *tlc_refusal_to_string (TlcRefusal refusal);

TlcRefusal tlc_reader_far_field (TlcReader *reader, gint16 id);
/* Enters a container of @size elements: of @first, in a map in turn with @second; @min bytes on
 * the wire, 0 for types that cannot be, and @cost in memory each. An empty one may leave its types
 * open, as some writers do. */
TlcRefusal tlc_reader_enter (TlcReader *reader, gint32 size, guint8 first, guint8 second, gsize min,
                             gsize cost);

static inline void
tlc_reader_start (TlcReader *reader, const guint8 *data, gsize length, gsize budget)
{
  reader->at = data;
  reader->end = data + length;
  reader->budget = budget;
  reader->level = reader->levels;
  reader->levels[0].expect = T_STRUCT;
  reader->levels[0].next = T_STOP;
  reader->n_far_ids = 0;
}

/* Nothing can be read any more. */
static inline void
tlc_reader_stop (TlcReader *reader)
{
  reader->end = reader->at;
  reader->level = reader->levels;
  reader->levels[0].expect = T_STOP;
}

static inline gsize
tlc_reader_left (const TlcReader *reader)
{
  return (gsize) (reader->end - reader->at);
}

/* A value of @type is due, and the level moves on to what follows it. */
static inline gboolean
tlc_reader_value (TlcReader *reader, guint8 type)
{
  TlcLevel *level = reader->level;
  guint8 expect = level->expect;

  if (G_UNLIKELY (expect != type))
    return FALSE;
  level->expect = level->next;
  level->next = expect;
  return TRUE;
}

static inline gboolean
tlc_reader_charge (TlcReader *reader, gsize bytes)
{
  if (G_UNLIKELY (reader->budget < bytes))
    return FALSE;
  reader->budget -= bytes;
  return TRUE;
}

static inline void
tlc_reader_pop (TlcReader *reader)
{
  if (G_LIKELY (reader->level > reader->levels))
    {
      reader->n_far_ids = reader->level->far_ids;
      reader->level--;
    }
}

/* Enters a struct or a container. */
static inline TlcRefusal
tlc_reader_push (TlcReader *reader, guint8 expect, guint8 next)
{
  TlcLevel *level = reader->level + 1;

  if (G_UNLIKELY (level > reader->levels + TLC_READER_MAX_DEPTH))
    return TLC_REFUSE_DEPTH;
  level->expect = expect;
  level->next = next;
  level->last_id = 0;
  level->far_ids = reader->n_far_ids;
  level->seen = 0;
  reader->level = level;
  return TLC_REFUSE_NONE;
}

/* Whether @type may stand on the wire, as a field's or an element's. */
static inline gboolean
tlc_reader_type_is_known (guint8 type)
{
  const guint32 known = 1u << T_BOOL | 1u << T_BYTE | 1u << T_I16 | 1u << T_I32 | 1u << T_I64
                        | 1u << T_DOUBLE | 1u << T_STRING | 1u << T_STRUCT | 1u << T_MAP
                        | 1u << T_SET | 1u << T_LIST;

  return type < 32 && (known & 1u << type) != 0;
}

/* A field of the present struct, if its id is among the free ones and was not seen yet: its value comes
 * next. FALSE, and nothing changed: for tlc_reader_field() to take or refuse. */
static inline gboolean
tlc_reader_near_field (TlcReader *reader, guint8 type, gint id)
{
  TlcLevel *level = reader->level;
  guint64 bit = (guint64) 1 << (id & 63);

  if (G_UNLIKELY ((guint) id > 63 || (level->seen & bit) != 0 || !tlc_reader_type_is_known (type)))
    return FALSE;
  level->seen |= bit;
  level->expect = type;
  level->next = T_STOP;
  return TRUE;
}

/* A field of the present struct: its value comes next. */
static inline TlcRefusal
tlc_reader_field (TlcReader *reader, guint8 type, gint16 id)
{
  TlcRefusal refusal;

  if (G_LIKELY (tlc_reader_near_field (reader, type, id)))
    return TLC_REFUSE_NONE;
  if (!tlc_reader_type_is_known (type))
    return TLC_REFUSE_UNKNOWN_TYPE;
  if ((guint16) id <= 63)
    return TLC_REFUSE_DUPLICATE;
  refusal = tlc_reader_far_field (reader, id);
  if (refusal != TLC_REFUSE_NONE)
    return refusal;
  reader->level->expect = type;
  reader->level->next = T_STOP;
  return TLC_REFUSE_NONE;
}
