/* SPDX-License-Identifier: Apache-2.0 */

/* The pipeline: which replies are due, in order.
 *
 * A call by itself is in TlcCall alone. When a second request begins before the first was answered,
 * the first is written down here, and so is each that is sent from then on; to receive is to take the
 * oldest back into TlcCall. All of it is the calling thread's. */
#include "client/tlc-pipeline.h"

#include <string.h>

#include "model/tlc-clock.h"

#define TLC_PIPELINE_LOST \
  "replies are outstanding on this client whose connection is lost: receive them first, or give them up " \
  "by tlc_client_reset()"

typedef struct {
  gint32 sequence;
  gint64 begun_us, deadline_us;
  guint32 method_length;
  char *method;
} TlcPending;

struct _TlcPipeline {
  guint oldest;
  TlcPending pending[TLC_PIPELINE_MAX];
};

static TlcPending *
tlc_pipeline_get (const TlcCall *call, guint i)
{
  return &call->pipeline->pending[(call->pipeline->oldest + i) % TLC_PIPELINE_MAX];
}

static gboolean
tlc_pending_set_method (TlcPending *pending, const char *method, gsize length)
{
  g_free (pending->method);
  pending->method = g_try_malloc (length + 1);
  if (pending->method == NULL)
    return FALSE;
  memcpy (pending->method, method, length);
  pending->method[length] = '\0';
  pending->method_length = (guint32) length;
  return TRUE;
}

static void
tlc_pipeline_append (TlcCall *call)
{
  TlcPending *pending = tlc_pipeline_get (call, call->n_queued++);

  pending->sequence = call->sequence;
  pending->begun_us = call->begun_us;
  pending->deadline_us = call->deadline_us;
}

void
tlc_pipeline_clear (TlcCall *call)
{
  for (; call->n_queued > 0; call->n_queued--)
    g_clear_pointer (&tlc_pipeline_get (call, call->n_queued - 1)->method, g_free);
}

void
tlc_pipeline_free (TlcCall *call)
{
  if (call->pipeline == NULL)
    return;
  for (guint i = 0; i < TLC_PIPELINE_MAX; i++)
    g_free (call->pipeline->pending[i].method);
  g_clear_pointer (&call->pipeline, g_free);
}

/* Room for the request that begins, and for the one before it where that is not written down. What
 * can fail for want of memory does so now. */
static gboolean
tlc_pipeline_prepare (TlcCall *call, const char *method)
{
  if (call->pipeline == NULL)
    call->pipeline = g_try_new0 (TlcPipeline, 1);
  if (call->pipeline == NULL)
    return FALSE;
  if (call->n_queued == 0)
    {
      if (!tlc_pending_set_method (tlc_pipeline_get (call, 0), tlc_call_get_method (call),
                                   call->method_length))
        return FALSE;
      tlc_pipeline_append (call);
    }
  return tlc_pending_set_method (tlc_pipeline_get (call, call->n_queued), method,
                                 strlen (method));
}

/* Until when the latest of the replies that are due may come. */
static gint64
tlc_pipeline_get_deadline (const TlcCall *call)
{
  gint64 deadline_us = call->n_queued == 0 ? call->deadline_us : 0;

  for (guint i = 0; i < call->n_queued; i++)
    deadline_us = MAX (deadline_us, tlc_pipeline_get (call, i)->deadline_us);
  return deadline_us;
}

static gboolean
tlc_pipeline_refuse (TlcCall *call, const char *method, TlcError code, const char *reason,
                     GError **error)
{
  tlc_error_set (error, code, TLC_DELIVERY_NOT_SENT, "%s.%s: %s (not sent)", call->core->name,
                 method, reason);
  return FALSE;
}

static gboolean
tlc_pipeline_begin_behind (TlcCall *call, const char *method, GError **error)
{
  if (tlc_clock_now_us () >= tlc_pipeline_get_deadline (call))
    return tlc_pipeline_refuse (call, method, TLC_ERROR_BUSY,
                                "replies are outstanding on this client that are overdue: receive "
                                "them first, or give them up by tlc_client_reset()",
                                error);
  if (!call->is_claimed || call->is_broken)
    return tlc_pipeline_refuse (call, method, TLC_ERROR_BUSY,
                                TLC_PIPELINE_LOST, error);
  if (call->n_queued == TLC_PIPELINE_MAX)
    return tlc_pipeline_refuse (call, method, TLC_ERROR_EXHAUSTED,
                                G_STRINGIFY (TLC_PIPELINE_MAX) " replies are outstanding on this "
                                "client: receive some first",
                                error);
  if (!tlc_pipeline_prepare (call, method))
    return tlc_pipeline_refuse (call, method, TLC_ERROR_EXHAUSTED, "out of memory", error);
  return TRUE;
}

/* Replies that are outstanding stay so, however late they are: were they forgotten here, a program that
 * receives in order would take the next for one of them. */
gboolean
tlc_pipeline_begin (TlcCall *call, const char *method, GError **error)
{
  switch (call->state)
    {
    case TLC_CALL_SENDING:
    case TLC_CALL_RECEIVING:
      return tlc_pipeline_refuse (call, method, TLC_ERROR_BUSY,
                                  "a call is under way on this client: a signal handler interrupted "
                                  "it, or it was left by a jump",
                                  error);
    case TLC_CALL_WRITING: /* left half-written: nothing of it is out */
      tlc_call_finish (call);
      break;
    case TLC_CALL_READING: /* its reader stopped early */
      tlc_call_reset (call);
      break;
    default:
      break;
    }
  return call->state == TLC_CALL_IDLE || tlc_pipeline_begin_behind (call, method, error);
}

/* A request that begins after a change goes by it, and must not go where it took the endpoint away. */
static gboolean
tlc_pipeline_follow_change (TlcCall *call, GError **error)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (call->core->branch);

  if (current->closed)
    return tlc_call_fail (call, error, TLC_ERROR_CLOSED, "the service is closed");
  if (!tlc_snapshot_has_endpoint (current, call->home.seat->connection->endpoint))
    return tlc_call_fail (call, error, TLC_ERROR_BUSY,
                          "the endpoint was removed, and replies from it are outstanding on this "
                          "client: receive them first");
  tlc_call_copy_limits (call, current->settings);
  call->deadline_us = tlc_deadline_bound (call->begun_us + call->limits.call_timeout_us);
  return tlc_call_check_size (call, error);
}

gboolean
tlc_pipeline_join (TlcCall *call, GError **error)
{
  if (!tlc_call_come_back (call))
    return tlc_call_fail (call, error, TLC_ERROR_BUSY, TLC_PIPELINE_LOST);
  if (!tlc_seats_is_current (&call->core->seats, call->home.seat)
      && !tlc_pipeline_follow_change (call, error))
    return FALSE;
  /* While it is sent, too. */
  tlc_seat_bound (call->home.seat, MAX (tlc_pipeline_get_deadline (call), call->deadline_us));
  return TRUE;
}

void
tlc_pipeline_push (TlcCall *call)
{
  tlc_pipeline_append (call);
  call->state = TLC_CALL_AWAITING;
  tlc_buffer_reset (&call->out);
}

gboolean
tlc_pipeline_take (TlcCall *call, GError **error)
{
  TlcPending *pending = tlc_pipeline_get (call, 0);

  call->type = T_CALL;
  call->sequence = pending->sequence;
  call->begun_us = pending->begun_us;
  call->deadline_us = pending->deadline_us;
  call->delivery = TLC_DELIVERY_UNKNOWN;
  call->n_attempts = 1;
  call->pipeline->oldest = (call->pipeline->oldest + 1) % TLC_PIPELINE_MAX;
  call->n_queued--;
  /* The name goes where tlc_call_get_method() finds it. */
  call->method_at = call->method_length = 0;
  if (pending->method_length > call->out.capacity
      && !tlc_buffer_reserve (&call->out, pending->method_length))
    return tlc_call_fail (call, error, TLC_ERROR_EXHAUSTED, "out of memory");
  memcpy (call->out.data, pending->method, pending->method_length);
  call->method_length = pending->method_length;
  g_clear_pointer (&pending->method, g_free);
  if (call->is_claimed)
    return TRUE;
  return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST,
                        "the connection was lost with an earlier reply");
}

gboolean
tlc_pipeline_has (const TlcCall *call, gint32 sequence)
{
  for (guint i = 0; i < call->n_queued; i++)
    if (tlc_pipeline_get (call, i)->sequence == sequence)
      return TRUE;
  return FALSE;
}
