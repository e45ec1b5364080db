/* SPDX-License-Identifier: Apache-2.0 */

/* The framed transport: each message behind its length, four bytes, the high one first. A reply
 * usually comes in one receive, header and all. Memory for a long one is taken as its bytes
 * arrive, so a length alone, however large, costs nothing. */
#include <string.h>

#include "client/tlc-framing.h"

#define TLC_FRAME_HEADER 4

static void
tlc_framed_seal (TlcCall *call)
{
  guint32 length = GUINT32_TO_BE ((guint32) (call->out.length - TLC_FRAME_HEADER));

  memcpy (call->out.data, &length, sizeof length);
}

static TLC_COLD gboolean
tlc_framed_refuse_length (TlcCall *call, gint32 length, GError **error)
{
  gsize max = call->limits.max_message_size;
  const char *hint = "";

  if (((guint32) length >> 16) == 0x8001)
    hint = "; the peer does not frame its messages, it seems";
  else if (length == 0x48545450)
    hint = "; the peer speaks HTTP";
  if (length <= 0)
    return tlc_call_fail (call, error, TLC_ERROR_PROTOCOL, "a frame of %d bytes%s", length, hint);
  return tlc_call_fail (call, error, TLC_ERROR_MESSAGE_TOO_LARGE,
                        "a frame of %d bytes exceeds max-message-size = %" G_GSIZE_FORMAT "%s",
                        length, max, hint);
}

/* The header is there: how long the message is, and where it ends. */
static gboolean
tlc_framed_read_header (TlcCall *call, GError **error)
{
  guint32 length;

  memcpy (&length, call->in.data, sizeof length);
  length = GUINT32_FROM_BE (length);
  if (G_UNLIKELY (length == 0 || length > call->limits.max_message_size))
    return tlc_framed_refuse_length (call, (gint32) length, error);
  call->in_end = TLC_FRAME_HEADER + (gsize) length;
  return TRUE;
}

static gboolean
tlc_framed_receive (TlcCall *call, gsize *ret_start, GError **error)
{
  gsize total = TLC_FRAME_HEADER;

  if (G_UNLIKELY (call->in_end > 0))
    tlc_framing_drop_message (call);
  for (;;)
    {
      while (call->in.length < total)
        if (G_UNLIKELY (!tlc_framing_receive (call, total, error)))
          return FALSE;
      if (call->in_end > 0)
        break;
      if (G_UNLIKELY (!tlc_framed_read_header (call, error)))
        return FALSE;
      total = call->in_end;
    }
  *ret_start = TLC_FRAME_HEADER;
  return TRUE;
}

const TlcFraming tlc_framing_framed = { TLC_FRAME_HEADER, tlc_framed_seal, tlc_framed_receive };
