/* SPDX-License-Identifier: Apache-2.0 */

/* Receiving, as all framings do it. Memory for a long message is taken as its bytes arrive, so a
 * length alone, however large, costs nothing. */
#include "client/tlc-framing.h"

#include <string.h>

#include "model/tlc-cancel.h"

/* A long message's buffer starts at least so large, and doubles. */
#define TLC_FRAMING_FIRST_GROWTH (64 * 1024)

static gboolean
tlc_framing_grow (TlcCall *call, gsize total, GError **error)
{
  gsize capacity = MAX (call->in.capacity * 2, TLC_FRAMING_FIRST_GROWTH);

  capacity = MIN (capacity, (total > 0 ? total : call->limits.max_message_size) + 1);
  if (tlc_buffer_reserve (&call->in, capacity))
    return TRUE;
  return tlc_call_fail (call, error, TLC_ERROR_EXHAUSTED,
                        "out of memory after %" G_GSIZE_FORMAT " bytes of the reply",
                        call->in.length);
}

static char *
tlc_framing_describe_progress (const TlcCall *call, gsize total)
{
  if (total == 0 || call->in.length < call->framing->header_size)
    return g_strdup_printf ("after %" G_GSIZE_FORMAT " bytes of the reply", call->in.length);
  return g_strdup_printf ("after %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes of the reply",
                          call->in.length, total);
}

static gboolean
tlc_framing_lost (TlcCall *call, TlcIo io, gsize total, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  TlcConnection *connection = call->home.seat->connection;
  g_autofree char *progress = tlc_framing_describe_progress (call, total);

  if (io == TLC_IO_TIMED_OUT)
    return tlc_call_time_out (call, error, progress);
  if (io == TLC_IO_CLOSED)
    return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST, "connection closed by peer %s",
                          progress);
  return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST, "connection lost %s: %s", progress,
                        g_strerror (connection->error));
}

gboolean
tlc_framing_recover (TlcCall *call, TlcIo io, gsize total, GError **error)
{
  if (!tlc_retry (call, io))
    return tlc_framing_lost (call, io, total, error);
  if (!tlc_call_send_again (call, error))
    return FALSE;
  call->state = TLC_CALL_RECEIVING;
  return TRUE;
}

/* Also where bytes keep coming, faster than there is anything to wait for, the deadline holds. */
gboolean
tlc_framing_prepare_more (TlcCall *call, gsize total, GError **error)
{
  TlcBuffer *in = &call->in;

  if (tlc_clock_last_tick_us () >= call->deadline_us)
    return tlc_framing_lost (call, TLC_IO_TIMED_OUT, total, error);
  /* One byte more than is due, so that what comes behind a long message is seen as well. */
  if (in->length < in->capacity && in->capacity != total)
    return TRUE;
  return tlc_framing_grow (call, total, error);
}

void
tlc_framing_drop_message (TlcCall *call)
{
  memmove (call->in.data, call->in.data + call->in_end, call->in.length - call->in_end);
  call->in.length -= call->in_end;
  call->in_end = 0;
}
