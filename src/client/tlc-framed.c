/* SPDX-License-Identifier: Apache-2.0 */

/* The framed transport: each message behind its length, four bytes, the high one first. A reply
 * usually comes in one receive, header and all. Memory for a long one is taken as its bytes
 * arrive, so a length alone, however large, costs nothing. */
#include <string.h>

#include "client/tlc-call.h"

#define TLC_FRAME_HEADER 4

/* A long frame's buffer starts at least so large, and doubles. */
#define TLC_FRAME_FIRST_GROWTH (64 * 1024)

static void
tlc_framed_seal (TlcCall *call)
{
  guint32 length = GUINT32_TO_BE ((guint32) (call->out.length - TLC_FRAME_HEADER));

  memcpy (call->out.data, &length, sizeof length);
}

static TLC_COLD gboolean
tlc_framed_lost (TlcCall *call, TlcIo io, gsize total, GError **error)
{
  TlcConnection *connection = call->home.seat->connection;
  g_autofree char *progress = NULL;

  if (call->in.length < TLC_FRAME_HEADER)
    progress = g_strdup_printf ("after %" G_GSIZE_FORMAT " bytes of the reply", call->in.length);
  else
    progress
        = g_strdup_printf ("after %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes of the reply",
                           call->in.length, total);
  if (io == TLC_IO_TIMED_OUT)
    return tlc_call_fail (call, error, TLC_ERROR_TIMED_OUT,
                          "timed out after %" G_GINT64_FORMAT " ms, %s",
                          (call->deadline_us - call->begun_us) / 1000, progress);
  if (io == TLC_IO_CLOSED)
    return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST, "connection closed by peer %s",
                          progress);
  return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST, "connection lost %s: %s", progress,
                        g_strerror (connection->error));
}

/* Receives what there is; @total is known to come, or to be needed at least. */
static gboolean
tlc_framed_receive_some (TlcCall *call, gsize total, GError **error)
{
  TlcBuffer *in = &call->in;
  TlcIo io;
  gsize n;

  /* One byte more than is due, so that what comes behind a long message is seen as well. */
  if (G_UNLIKELY (in->length == in->capacity || in->capacity == total)
      && !tlc_buffer_reserve (in, MIN (total + 1, MAX (in->capacity * 2, TLC_FRAME_FIRST_GROWTH))))
    return tlc_call_fail (call, error, TLC_ERROR_EXHAUSTED,
                          "out of memory after %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                          " bytes of the reply",
                          in->length, total);
  io = tlc_connection_receive (call->home.seat->connection, in->data + in->length,
                               in->capacity - in->length, call->deadline_us, &n);
  if (G_UNLIKELY (io != TLC_IO_DONE))
    return tlc_framed_lost (call, io, total, error);
  in->length += n;
  tlc_counters_add (&call->counters, TLC_COUNT_BYTES_RECEIVED, n);
  return TRUE;
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

/* A message was discarded: it may have brought the beginning of this one. */
static TLC_COLD void
tlc_framed_drop_message (TlcCall *call)
{
  memmove (call->in.data, call->in.data + call->in_end, call->in.length - call->in_end);
  call->in.length -= call->in_end;
  call->in_end = 0;
}

static gboolean
tlc_framed_receive (TlcCall *call, gsize *ret_start, GError **error)
{
  gsize total = TLC_FRAME_HEADER;

  if (G_UNLIKELY (call->in_end > 0))
    tlc_framed_drop_message (call);
  for (;;)
    {
      while (call->in.length < total)
        if (G_UNLIKELY (!tlc_framed_receive_some (call, total, error)))
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
