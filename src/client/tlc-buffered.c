/* SPDX-License-Identifier: Apache-2.0 */

/* The buffered transport: nothing stands between messages, so where a reply ends follows from what
 * is in it. It is walked over as its bytes come, each once, before anything is decoded; a reply
 * still usually comes in one receive. Its size is bounded by what it is known to need. */
#include "client/tlc-framing.h"

#include <string.h>

static void
tlc_buffered_seal (TlcCall *call)
{
}

static const char *
tlc_buffered_guess_peer (const TlcCall *call, TlcRefusal refusal)
{
  if (refusal != TLC_REFUSE_VERSION || call->in.length < 4)
    return "";
  if (call->in.data[0] == 0)
    return "; the peer frames its messages, it seems";
  if (memcmp (call->in.data, "HTTP", 4) == 0)
    return "; the peer speaks HTTP";
  return "";
}

static TLC_COLD gboolean
tlc_buffered_refuse (TlcCall *call, TlcRefusal refusal, GError **error)
{
  return tlc_call_fail (
      call, error, TLC_ERROR_PROTOCOL, "%s, at byte %" G_GSIZE_FORMAT " of the reply%s",
      tlc_refusal_to_string (refusal), call->walk->at, tlc_buffered_guess_peer (call, refusal));
}

static TLC_COLD gboolean
tlc_buffered_refuse_length (TlcCall *call, guint64 at_least, GError **error)
{
  return tlc_call_fail (call, error, TLC_ERROR_MESSAGE_TOO_LARGE,
                        "a reply of at least %" G_GUINT64_FORMAT
                        " bytes exceeds max-message-size = %" G_GSIZE_FORMAT,
                        at_least, call->limits.max_message_size);
}

/* How long a reply must be that is not whole yet. */
static guint64
tlc_buffered_get_least (const TlcCall *call)
{
  return MAX (tlc_walk_get_needed (call->walk), call->in.length + 1);
}

static gboolean
tlc_buffered_receive (TlcCall *call, gsize *ret_start, GError **error)
{
  TlcRefusal refusal;

  if (G_UNLIKELY (call->in_end > 0))
    tlc_framing_drop_message (call);
  *ret_start = 0;
  tlc_walk_start (call->walk);
  for (;;)
    {
      refusal = tlc_walk_on (call->walk, call->walker, call->in.data, call->in.length);
      if (G_LIKELY (refusal == TLC_REFUSE_NONE))
        break;
      if (G_UNLIKELY (refusal != TLC_REFUSE_SHORT))
        return tlc_buffered_refuse (call, refusal, error);
      if (G_UNLIKELY (tlc_buffered_get_least (call) > call->limits.max_message_size))
        return tlc_buffered_refuse_length (call, tlc_buffered_get_least (call), error);
      if (G_UNLIKELY (!tlc_framing_receive (call, 0, error)))
        return FALSE;
    }
  if (G_UNLIKELY (call->walk->at > call->limits.max_message_size))
    return tlc_buffered_refuse_length (call, call->walk->at, error);
  call->in_end = call->walk->at;
  return TRUE;
}

const TlcFraming tlc_framing_buffered = { 0, tlc_buffered_seal, tlc_buffered_receive };
