/* SPDX-License-Identifier: Apache-2.0 */

/* The walk over a message, as far as all protocols do it alike. */
#include "client/tlc-walk.h"

/* The next value of a container, or up out of it. */
static void
tlc_walk_next_value (TlcWalk *walk, TlcWalkLevel *level)
{
  guint8 first = level->first;

  if (level->left == 0)
    {
      walk->depth--;
      return;
    }
  level->left--;
  walk->due = first;
  level->first = level->second;
  level->second = first;
}

static TlcRefusal
tlc_walk_step (TlcWalk *walk, const TlcWalker *walker, const guint8 *data, gsize length)
{
  TlcWalkLevel *level = &walk->levels[walk->depth - 1];

  if (walk->due != T_STOP)
    return walker->pass_value (walk, data, length);
  if (level->first == T_STOP)
    return walker->pass_field (walk, data, length);
  tlc_walk_next_value (walk, level);
  return TLC_REFUSE_NONE;
}

TlcRefusal
tlc_walk_on (TlcWalk *walk, const TlcWalker *walker, const guint8 *data, gsize length)
{
  TlcRefusal refusal = TLC_REFUSE_NONE;

  if (!walk->has_begun)
    {
      refusal = walker->pass_header (walk, data, length);
      if (refusal != TLC_REFUSE_NONE)
        return refusal;
      walk->has_begun = TRUE;
      tlc_walk_push (walk, T_STOP, T_STOP, 0); /* the one struct of a message */
    }
  while (refusal == TLC_REFUSE_NONE)
    {
      gsize passed = (gsize) MIN (walk->skip, (guint64) (length - walk->at));

      walk->at += passed;
      walk->skip -= passed;
      if (walk->skip > 0)
        return TLC_REFUSE_SHORT;
      if (walk->depth == 0)
        return TLC_REFUSE_NONE;
      refusal = tlc_walk_step (walk, walker, data, length);
    }
  return refusal;
}
