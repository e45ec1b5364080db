/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/tlc-call.h"

/* How messages are told apart on the stream. */
struct _TlcFraming {
  gsize header_size;            /* bytes kept free before a request */
  void (*seal) (TlcCall *call); /* completes the header of the request in call->out */
  gboolean (*receive) (TlcCall *call, gsize *ret_start, GError **error);
  /* Brings one message whole into call->in, whose length may then exceed call->in_end, and
   * tells where the message starts. On failure the call has failed. */
};

/* Length, then message. */
extern const TlcFraming tlc_framing_framed;
/* Message after message. */
extern const TlcFraming tlc_framing_buffered;

/* For framings. A message was discarded: it may have brought the beginning of the next. */
void tlc_framing_drop_message (TlcCall *call);
/* The slow parts of what follows: a message's beginning is there, and more is wanted; and nothing came, by @io. TRUE: the request was sent
 * again. */
gboolean tlc_framing_prepare_more (TlcCall *call, gsize total, GError **error) TLC_COLD;
gboolean tlc_framing_recover (TlcCall *call, TlcIo io, gsize total, GError **error) TLC_COLD;

/* At least one byte more into call->in. @total is how long what is due is; 0: not known. On failure
 * the call has failed. */
static inline gboolean
tlc_framing_receive (TlcCall *call, gsize total, GError **error)
{
  TlcBuffer *in = &call->in;
  TlcIo io;
  gsize n;

  if (G_UNLIKELY (in->length > 0) && !tlc_framing_prepare_more (call, total, error))
    return FALSE;
  for (;;)
    {
      io = tlc_connection_receive (call->home.seat->connection, in->data + in->length,
                                   in->capacity - in->length, call->deadline_us, &n);
      if (G_LIKELY (io == TLC_IO_DONE))
        break;
      if (!tlc_framing_recover (call, io, total, error))
        return FALSE;
    }
  in->length += n;
  tlc_counters_add (&call->counters, TLC_COUNT_BYTES_RECEIVED, n);
  return TRUE;
}
