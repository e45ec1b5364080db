/* SPDX-License-Identifier: Apache-2.0 */

/* The way of a call to a connection where it does not simply find its own: settings that have
 * changed, endpoints that were removed, a connection to be dialled. And what settings say of a
 * request before and after that: how large it may be.
 *
 * All of it is the calling thread's; the seat is claimed where it is touched. */
#include "client/tlc-call.h"

#include "client/tlc-framing.h"
#include "client/tlc-hold.h"
#include "connect/tlc-dial.h"
#include "connect/tlc-idle.h"
#include "model/tlc-cancel.h"
#include "model/tlc-clock.h"

static void
tlc_call_note_look_after (TlcCall *call)
{
  call->look_after_us = tlc_idle_get_look_after (call->endpoint, call->limits.check_after_idle_us);
  call->look_at_us = call->rested_us + call->look_after_us;
}

void
tlc_call_copy_limits (TlcCall *call, const TlcSettings *settings)
{
  TlcLimits *limits = &call->limits;

  limits->call_timeout_us = call->timeout_us != 0 ? call->timeout_us : settings->call_timeout_us;
  limits->check_after_idle_us = settings->check_after_idle_us;
  limits->max_message_size = settings->max_message_size;
  limits->max_decoded_size = settings->max_decoded_size;
  limits->retry = settings->retry;
  limits->max_attempts = settings->max_attempts;
  limits->retry_budget = settings->retry_budget;
  tlc_call_note_look_after (call);
}

void
tlc_call_read_limits (TlcCall *call)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (call->core->branch);

  tlc_call_copy_limits (call, current->settings);
}

static TLC_COLD gboolean
tlc_call_refuse_request (TlcCall *call, GError **error)
{
  return tlc_call_fail (call, error, TLC_ERROR_MESSAGE_TOO_LARGE,
                        "the request exceeds max-message-size = %" G_GSIZE_FORMAT,
                        call->limits.max_message_size);
}

/* Of a request as it goes over the wire. */
static gsize
tlc_call_get_max_length (const TlcCall *call)
{
  return call->limits.max_message_size + call->framing->header_size;
}

gboolean
tlc_call_check_size (TlcCall *call, GError **error)
{
  return call->out.length <= tlc_call_get_max_length (call)
         || tlc_call_refuse_request (call, error);
}

/* The settings have changed: this call goes by the new ones already. */
static TLC_COLD gboolean
tlc_call_renew_limits (TlcCall *call, guint64 generation, GError **error)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (call->core->branch);
  gboolean fits;

  if (current->closed)
    return tlc_call_fail (call, error, TLC_ERROR_CLOSED, "the service is closed");
  tlc_call_copy_limits (call, current->settings);
  call->limits.generation = generation;
  /* A call that is repeated keeps the deadline that it began with. */
  if (call->n_attempts == 1)
    call->deadline_us = tlc_deadline_bound (call->begun_us + call->limits.call_timeout_us);
  tlc_seat_bound (call->home.seat, call->deadline_us);
  fits = tlc_call_check_size (call, error); /* which empties the buffer */
  /* What fits the buffer is not looked at again. */
  tlc_buffer_limit (&call->out, tlc_call_get_max_length (call));
  return fits;
}

void
tlc_call_name_endpoint (TlcCall *call, TlcEndpoint *endpoint)
{
  tlc_call_tell_endpoint (call);
  tlc_endpoint_unref (call->endpoint);
  call->endpoint = endpoint != NULL ? tlc_endpoint_ref (endpoint) : NULL;
  tlc_call_note_look_after (call);
}

/* The reservation that was made for the dial that begins; NULL: there is none, or @current has it no more. */
static TlcEndpoint *
tlc_call_take_next_endpoint (TlcCall *call, const TlcSnapshot *current)
{
  TlcEndpoint *endpoint = g_steal_pointer (&call->next_endpoint);

  if (endpoint == NULL)
    return NULL;
  if (!tlc_snapshot_has_endpoint (current, endpoint))
    {
      tlc_endpoint_unreserve (endpoint);
      tlc_endpoint_unref (endpoint);
      return NULL;
    }
  tlc_endpoint_unref (endpoint); /* the snapshot has it */
  return endpoint;
}

static gboolean
tlc_call_may_dial (TlcCall *call, const TlcSnapshot *current, GError **error)
{
  if (current->closed)
    return tlc_call_fail (call, error, TLC_ERROR_CLOSED, "the service is closed");
  return tlc_clock_now_us () < call->deadline_us
         || tlc_call_time_out (call, error, "before it connected");
}

/* TRUE without a connection: none came up, but the endpoints have changed meanwhile. */
static TLC_COLD gboolean
tlc_call_dial (TlcCall *call, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  g_autoptr (GString) reasons = error != NULL ? g_string_new (NULL) : NULL;
  g_autoptr (TlcSnapshot) current = tlc_branch_read (call->core->branch);
  TlcDialReport report
      = { .balance = &call->core->balance, .seat = call->home.seat, .reasons = reasons };
  TlcConnection *connection;
  gint64 interval_us;

  report.first = tlc_call_take_next_endpoint (call, current);
  if (!tlc_call_may_dial (call, current, error))
    {
      if (report.first != NULL)
        tlc_endpoint_unreserve (report.first);
      return FALSE;
    }
  /* An attempt after one that failed goes elsewhere, if it can. */
  report.last = call->n_attempts > 1 ? call->endpoint : NULL;
  /* Who has come to see how an endpoint is goes by its first answer. */
  interval_us = report.first != NULL ? 0 : TLC_BALANCE_INTERVAL_US;
  connection = tlc_dial (current, call->deadline_us, &report);
  call->reconsider_at_us = tlc_clock_now_us () + interval_us;
  tlc_call_name_endpoint (call, NULL);
  tlc_counters_add (&call->counters, TLC_COUNT_CONNECT_FAILURES, report.failed);
  if (connection != NULL)
    {
      tlc_counters_add (&call->counters, TLC_COUNT_CONNECTS, 1);
      tlc_seat_put_connection (call->home.seat, connection);
      tlc_core_keep_watch (call->core, current->settings);
    }
  if (connection != NULL || tlc_seats_is_outdated (&call->core->seats, call->home.seat))
    return TRUE;
  return tlc_call_fail (call, error,
                        tlc_clock_now_us () >= call->deadline_us ? TLC_ERROR_TIMED_OUT
                                                                 : TLC_ERROR_UNAVAILABLE,
                        "%s", reasons != NULL ? reasons->str : "");
}

/* Closes the connection that the claimed seat has if it was idle for long and is not what it was. A
 * oneway looks always, since nobody answers it, and so does a call that has lost one connection, and a
 * hold, which has no request. */
static void
tlc_call_look (TlcCall *call)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  TlcConnection *connection = call->home.seat->connection;
  TlcIdleVerdict verdict;

  if (connection == NULL)
    return;
  if (call->endpoint != connection->endpoint)
    tlc_call_name_endpoint (call, connection->endpoint);
  if (call->n_holds == 0 && call->begun_us >= call->reconsider_at_us && tlc_call_reconsider (call))
    {
      tlc_call_close_connection (call);
      return;
    }
  if (call->begun_us < call->look_at_us && call->n_attempts == 1 && call->type == T_CALL
      && call->out.length > 0)
    return;
  verdict = tlc_idle_look (connection, MAX (call->begun_us - call->rested_us, 0));
  if (verdict == TLC_IDLE_SPOKE)
    tlc_counters_add (&call->counters, TLC_COUNT_DESYNCS, 1);
  if (verdict != TLC_IDLE_GOOD)
    tlc_call_close_connection (call);
}

/* Makes the claimed seat current, and the call's limits. FALSE: the call has failed. */
static gboolean
tlc_call_refresh (TlcCall *call, GError **error)
{
  guint64 generation;

  tlc_seats_refresh (&call->core->seats, call->home.seat);
  generation = tlc_seat_get_stamp (call->home.seat);
  return call->limits.generation == generation || tlc_call_renew_limits (call, generation, error);
}

/* Away from a seat that the cap has put out of use. */
static gboolean
tlc_call_move (TlcCall *call, GError **error)
{
  tlc_call_leave (call, FALSE);
  return tlc_call_claim_seat (call, error);
}

gboolean
tlc_call_find_connection (TlcCall *call, GError **error)
{
  gboolean is_new = FALSE;

  for (;;)
    {
      /* After a dial too, which may have taken long enough for the endpoint to be removed. */
      if (!tlc_call_refresh (call, error))
        return FALSE;
      if (!tlc_seats_has (&call->core->seats, call->home.seat))
        {
          if (!tlc_call_move (call, error))
            return FALSE;
          if (call->sent_ahead > 0)
            return TRUE;
          is_new = FALSE;
          continue;
        }
      if (!is_new)
        tlc_call_look (call);
      if (call->n_holds > 0 && !tlc_hold_check (call, error))
        return FALSE;
      if (call->home.seat->connection != NULL)
        break;
      if (!tlc_call_dial (call, error))
        return FALSE;
      is_new = TRUE;
    }
  if (call->endpoint != call->home.seat->connection->endpoint)
    tlc_call_name_endpoint (call, call->home.seat->connection->endpoint);
  return TRUE;
}

static gboolean
tlc_call_may_append (const TlcCall *call, gsize length)
{
  gsize max = tlc_call_get_max_length (call);

  return length <= max && call->out.length <= max - length;
}

guint8 *
tlc_call_grow_out (TlcCall *call, gsize length, GError **error)
{
  TlcBuffer *out = &call->out;
  gsize max;
  guint8 *room;

  if (!tlc_call_may_append (call, length))
    tlc_call_read_limits (call); /* they may have been raised; the claim will say so too */
  if (!tlc_call_may_append (call, length))
    {
      tlc_call_refuse_request (call, error);
      return NULL;
    }
  max = tlc_call_get_max_length (call);
  /* Never beyond @max: what fits the buffer is not looked at again. */
  if (!tlc_buffer_reserve (out, MIN (MAX (out->length + length, out->capacity * 2), max)))
    {
      tlc_call_fail (call, error, TLC_ERROR_EXHAUSTED,
                     "out of memory after %" G_GSIZE_FORMAT " bytes of the request", out->length);
      return NULL;
    }
  room = out->data + out->length;
  out->length += length;
  return room;
}
