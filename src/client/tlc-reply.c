/* SPDX-License-Identifier: Apache-2.0 */

/* The reply's half of a call: is this message an answer to us, and what becomes of the
 * connection.
 *
 * A reply reaches exactly the call that asked for it, or nobody. A message that answers an
 * earlier request of the same connection is thrown away and waited past, and the connection is
 * closed after the call; every other message that is not ours, and every byte behind ours,
 * fails the call. */
#include "client/tlc-framing.h"

#include <string.h>

#include "client/tlc-pipeline.h"
#include "model/tlc-clock.h"

gboolean
tlc_call_receive_next (TlcCall *call, GError **error)
{
  gsize start;

  if (G_UNLIKELY (!call->framing->receive (call, &start, error)))
    return FALSE;
  tlc_reader_start (&call->reader, call->in.data + start, call->in_end - start,
                    call->limits.max_decoded_size);
  return TRUE;
}

static TLC_COLD gboolean
tlc_call_refuse_receive (TlcCall *call, GError **error)
{
  gboolean is_under_way = call->state == TLC_CALL_SENDING || call->state == TLC_CALL_RECEIVING;

  tlc_error_set (error, is_under_way ? TLC_ERROR_BUSY : TLC_ERROR_PROTOCOL, TLC_DELIVERY_NOT_SENT,
                 "%s: %s on this client (not sent)", call->core->name,
                 is_under_way ? "a call is under way" : "no reply is due");
  return FALSE;
}

/* Whoever closed it did so since the reply was overdue, or the service was closed. */
static TLC_COLD gboolean
tlc_call_come_too_late (TlcCall *call, GError **error)
{
  if (tlc_clock_now_us () >= call->deadline_us)
    return tlc_call_time_out (call, error, "before the program came for its reply");
  return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST,
                        "the connection was closed before the program came for its reply");
}

gboolean
tlc_call_receive (TlcCall *call, GError **error)
{
  if (G_UNLIKELY (call->state != TLC_CALL_AWAITING))
    return tlc_call_refuse_receive (call, error);
  call->state = TLC_CALL_RECEIVING;
  if (G_UNLIKELY (call->n_queued > 0) && !tlc_pipeline_take (call, error))
    return FALSE;
  if (G_UNLIKELY (!tlc_call_come_back (call)))
    return tlc_call_come_too_late (call, error);
  return tlc_call_receive_next (call, error);
}

/* What is left of @name for a message: printable, and not longer than a line. */
static char *
tlc_reply_name (const TlcHeader *header)
{
  g_autofree char *name = g_strndup (header->name, MIN (header->name_length, 64));

  return g_strescape (name, NULL);
}

static TLC_COLD TlcReplyVerdict
tlc_call_mismatch (TlcCall *call, const TlcHeader *header, GError **error)
{
  g_autofree char *name = tlc_reply_name (header);

  tlc_counters_add (&call->counters, TLC_COUNT_DESYNCS, 1);
  tlc_call_fail (
      call, error, TLC_ERROR_PROTOCOL,
      "the message that came is no reply to it: \"%s\", type %d, number %d instead of \"%.*s\", "
      "type %d, number %d",
      name, (int) header->type, header->sequence, (int) call->method_length,
      tlc_call_get_method (call), T_REPLY, call->sequence);
  return TLC_REPLY_IS_WRONG;
}

static inline void
tlc_reply_answers (TlcCall *call)
{
  gint64 now_us = tlc_clock_now_us ();

  tlc_histogram_record (&call->counters.latency, now_us - call->begun_us);
  call->n_told++;
  call->told_us += now_us - call->begun_us;
  if (G_UNLIKELY (tlc_endpoint_is_doubtful (call->endpoint)))
    tlc_call_clear_endpoint (call);
  call->state = TLC_CALL_READING;
  tlc_call_rest (call, now_us);
  if (G_LIKELY (call->n_queued == 0))
    tlc_call_leave (call, !call->is_broken);
  else
    tlc_call_go_away (call);
}

void
tlc_call_answered (TlcCall *call)
{
  tlc_reply_answers (call);
}

/* A ThriftMultiplexedProtocol on top of ours writes "service:method"; the reply has the method. */
static TLC_COLD gboolean
tlc_reply_is_of_multiplexed (const TlcCall *call, const TlcHeader *header)
{
  const char *whole = tlc_call_get_method (call);
  const char *colon = memrchr (whole, ':', call->method_length);

  return colon != NULL && header->name_length == call->method_length - (gsize) (colon + 1 - whole)
         && memcmp (header->name, colon + 1, header->name_length) == 0;
}

static inline gboolean
tlc_reply_has_method (const TlcCall *call, const TlcHeader *header)
{
  if (G_LIKELY (header->name_length == call->method_length
                && memcmp (header->name, tlc_call_get_method (call), header->name_length) == 0))
    return TRUE;
  return tlc_reply_is_of_multiplexed (call, header);
}

TlcReplyVerdict
tlc_call_match (TlcCall *call, const TlcHeader *header, GError **error)
{
  gboolean is_reply = header->type == T_REPLY || header->type == T_EXCEPTION;

  if (G_LIKELY (is_reply && header->sequence == call->sequence
                && tlc_reply_has_method (call, header)))
    {
      call->delivery = TLC_DELIVERY_ANSWERED;
      if (G_LIKELY (call->in.length == call->in_end) || call->n_queued > 0)
        {
          if (G_LIKELY (header->type == T_REPLY))
            tlc_reply_answers (call);
          return TLC_REPLY_MATCHES;
        }
      tlc_counters_add (&call->counters, TLC_COUNT_DESYNCS, 1);
      tlc_call_fail (call, error, TLC_ERROR_PROTOCOL,
                     "%" G_GSIZE_FORMAT " bytes behind the reply belong to no call",
                     call->in.length - call->in_end);
      return TLC_REPLY_IS_WRONG;
    }
  if (!is_reply || header->sequence == call->sequence || call->n_stale == TLC_CONNECTION_RECENT
      || !tlc_connection_carried (call->home.seat->connection, header->sequence)
      || tlc_pipeline_has (call, header->sequence))
    return tlc_call_mismatch (call, header, error);
  call->n_stale++;
  call->is_broken = TRUE;
  tlc_counters_add (&call->counters, TLC_COUNT_DESYNCS, 1);
  return TLC_REPLY_IS_STALE;
}

gboolean
tlc_call_end (TlcCall *call, GError **error)
{
  if (G_UNLIKELY (tlc_reader_left (&call->reader) > 0))
    return tlc_call_fail (call, error, TLC_ERROR_PROTOCOL,
                          "%" G_GSIZE_FORMAT " bytes of the message are left over",
                          tlc_reader_left (&call->reader));
  tlc_call_finish (call);
  return TRUE;
}

gboolean
tlc_call_refuse (TlcCall *call, TlcRefusal refusal, GError **error)
{
  gsize at = call->in_end - tlc_reader_left (&call->reader);

  if (refusal == TLC_REFUSE_BUDGET)
    return tlc_call_fail (call, error, TLC_ERROR_MESSAGE_TOO_LARGE, "%s = %" G_GSIZE_FORMAT,
                          tlc_refusal_to_string (refusal), call->limits.max_decoded_size);
  return tlc_call_fail (call, error,
                        refusal == TLC_REFUSE_MEMORY ? TLC_ERROR_EXHAUSTED : TLC_ERROR_PROTOCOL,
                        "%s, at byte %" G_GSIZE_FORMAT " of the reply's %" G_GSIZE_FORMAT,
                        tlc_refusal_to_string (refusal), at, call->in_end);
}
