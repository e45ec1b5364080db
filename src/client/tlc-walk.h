/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/tlc-reader.h"

/* Where a message ends that does not say so: unframed, its length follows from what is in it. The
 * walk passes over the bytes that are there, stops where they end, and goes on there when more
 * have come: each byte is looked at once. It believes nothing but the structure; the reader looks
 * at the rest later. */
typedef struct {
  guint8 first, second; /* the type of the next value, and of the one after it; T_STOP: a struct */
  guint64 left;         /* values, of a container */
} TlcWalkLevel;

typedef struct {
  gsize at;     /* passed */
  guint64 skip; /* bytes to pass whatever they are */
  guint8 due;   /* the type of a value whose beginning comes next; T_STOP: none */
  gboolean has_begun; /* the header was passed */
  guint depth;
  TlcWalkLevel levels[TLC_READER_MAX_DEPTH];
} TlcWalk;

/* What a protocol knows of itself. Each returns TLC_REFUSE_SHORT, and changes nothing, where @length
 * bytes are too few; else it has moved the walk on. */
typedef struct {
  TlcRefusal (*pass_header) (TlcWalk *walk, const guint8 *data, gsize length);
  /* A field's header: its type goes to walk->due; T_STOP ends the struct. */
  TlcRefusal (*pass_field) (TlcWalk *walk, const guint8 *data, gsize length);
  /* The beginning of a value of type walk->due: what it has to skip, or a level to go into. */
  TlcRefusal (*pass_value) (TlcWalk *walk, const guint8 *data, gsize length);
} TlcWalker;

/* Goes on over the message at @data, of which @length bytes are there. NONE: it is there whole, and
 * ends at walk->at. SHORT: more is needed, at least up to tlc_walk_get_needed(). */
TlcRefusal tlc_walk_on (TlcWalk *walk, const TlcWalker *walker, const guint8 *data, gsize length);

static inline void
tlc_walk_start (TlcWalk *walk)
{
  walk->at = 0;
  walk->skip = 0;
  walk->due = T_STOP;
  walk->has_begun = FALSE;
  walk->depth = 0;
}

/* How many bytes the message has at least, as far as was seen. */
static inline guint64
tlc_walk_get_needed (const TlcWalk *walk)
{
  return walk->at + walk->skip + 1;
}

/* Goes into a struct, or a container of @left values. */
static inline TlcRefusal
tlc_walk_push (TlcWalk *walk, guint8 first, guint8 second, guint64 left)
{
  if (walk->depth == G_N_ELEMENTS (walk->levels))
    return TLC_REFUSE_DEPTH;
  walk->levels[walk->depth++] = (TlcWalkLevel){ first, second, left };
  return TLC_REFUSE_NONE;
}
