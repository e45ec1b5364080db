/* SPDX-License-Identifier: Apache-2.0 */

/* One call, from the first byte of its request to the last of its reply. The code reads in that
 * order; how a call fails stands at the end.
 *
 * Everything here is the calling thread's own, but the seat while it is not claimed. A
 * connection is claimed from the moment a request is sent until its reply has arrived whole;
 * decoding needs no connection. */
#include "client/tlc-call.h"

#include <unistd.h>

#include "client/tlc-framing.h"
#include "client/tlc-pipeline.h"
#include "model/tlc-cancel.h"
#include "model/tlc-clock.h"

/* What buffers start with: most messages fit. */
#define TLC_CALL_OUT_CAPACITY 512
#define TLC_CALL_IN_CAPACITY 4096

/* Sequence numbers are drawn from the process in blocks of so many. */
#define TLC_CALL_SEQUENCE_BLOCK 1024

void
tlc_call_init (TlcCall *call, TlcCore *core)
{
  call->core = tlc_core_ref (core);
  call->thread = gettid ();
  tlc_call_read_limits (call);
  tlc_call_set_framing (call, &tlc_framing_framed, NULL);
  tlc_buffer_init (&call->out, TLC_CALL_OUT_CAPACITY);
  tlc_buffer_init (&call->in, TLC_CALL_IN_CAPACITY);
  tlc_reader_stop (&call->reader);
  tlc_ledger_enter (&core->ledger, &call->counters);
}

void
tlc_call_set_framing (TlcCall *call, const TlcFraming *framing, const TlcWalker *walker)
{
  call->framing = framing;
  call->walker = walker;
  g_clear_pointer (&call->walk, g_free);
  if (walker != NULL)
    call->walk = g_new0 (TlcWalk, 1);
}

void
tlc_call_close_home (TlcCall *call)
{
  if (!call->is_claimed || tlc_call_is_away (call))
    call->is_claimed = tlc_seat_claim_home (&call->home);
  tlc_call_leave (call, FALSE);
}

void
tlc_call_finish_queued (TlcCall *call)
{
  call->state = TLC_CALL_AWAITING;
  tlc_reader_stop (&call->reader);
  tlc_buffer_reset (&call->out);
  tlc_call_go_away (call);
  /* Behind this reply the next may have begun; but not where the connection is lost. */
  if (call->is_claimed)
    return;
  call->in_end = 0;
  tlc_buffer_reset (&call->in);
}

/* Those that were to be answered have failed. */
static guint
tlc_call_count_open (const TlcCall *call)
{
  gboolean is_open = call->state >= TLC_CALL_SENDING && call->state != TLC_CALL_AWAITING;

  return call->n_queued + (is_open || (call->state == TLC_CALL_AWAITING && call->n_queued == 0));
}

void
tlc_call_reset (TlcCall *call)
{
  tlc_counters_add (&call->counters, TLC_COUNT_FAILURES, tlc_call_count_open (call));
  tlc_pipeline_clear (call);
  tlc_call_close_home (call);
  tlc_call_finish (call);
}

void
tlc_call_set_timeout (TlcCall *call, gint64 timeout_us)
{
  call->timeout_us = timeout_us;
  tlc_call_read_limits (call);
}

/* What the thread has at home is for others, but for a connection that nobody knows the state of: a
 * reply is outstanding on it, or it was held. */
static void
tlc_call_leave_home (TlcCall *call)
{
  g_autoptr (TlcSnapshot) current = NULL;

  if (call->is_claimed || call->n_holds > 0 || !tlc_seat_claim_home (&call->home))
    {
      call->n_holds = 0;
      tlc_call_close_home (call);
      tlc_core_top_up (call->core); /* if it was cancelled, it may have closed one that it waited for */
      return;
    }
  current = tlc_branch_read (call->core->branch);
  tlc_seats_donate (&call->core->seats, &call->home, tlc_settings_max_spare (current->settings));
  tlc_core_top_up (call->core);
}

void
tlc_call_clear (TlcCall *call)
{
  tlc_call_leave_home (call);
  tlc_pipeline_free (call);
  tlc_ledger_strike (&call->core->ledger, &call->counters);
  tlc_reader_clear (&call->reader);
  g_free (call->walk);
  tlc_buffer_clear (&call->out);
  tlc_buffer_clear (&call->in);
  tlc_call_tell_endpoint (call);
  tlc_endpoint_unref (call->endpoint);
  tlc_core_unref (g_steal_pointer (&call->core));
}

/* Where the first block starts. Seeded by the kernel, from a file: the program's own generator is not
 * ours to draw from. */
static TLC_COLD guint32
tlc_call_get_first_sequence (void)
{
  static gsize start;

  if (g_once_init_enter (&start))
    {
      /* Others wait for us from here on. */
      g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
      GRand *random = g_rand_new ();

      g_once_init_leave (&start, (gsize) g_rand_int (random) | 1);
      g_rand_free (random);
    }
  return (guint32) start;
}

/* Unique in the process for 2^31 calls, since a connection moves between threads; from a random
 * start, so that a server's or proxy's leftovers from another process do not match; never 0. */
static gint32
tlc_call_draw_sequence (TlcCall *call)
{
  static _Atomic guint32 next_block;

  if (G_UNLIKELY (call->sequences_left == 0))
    {
      /* ORDER(counter): relaxed; only uniqueness counts. */
      call->next_sequence
          = tlc_call_get_first_sequence ()
            + TLC_CALL_SEQUENCE_BLOCK
                  * atomic_fetch_add_explicit (&next_block, 1, memory_order_relaxed);
      call->sequences_left = TLC_CALL_SEQUENCE_BLOCK;
    }
  call->sequences_left--;
  call->sequence = (gint32) (call->next_sequence++ & G_MAXINT32);
  return call->sequence != 0 ? call->sequence : tlc_call_draw_sequence (call);
}

/* Nobody answers a oneway, so we look whether anybody is there. */
static TLC_COLD gboolean
tlc_call_begin_oneway (TlcCall *call, const char *method, ThriftMessageType type, GError **error)
{
  if (type == T_ONEWAY)
    {
      call->look_at_us = 0;
      return TRUE;
    }
  tlc_error_set (error, TLC_ERROR_PROTOCOL, TLC_DELIVERY_NOT_SENT,
                 "%s.%s: a client sends calls, not messages of type %d (not sent)",
                 call->core->name, method, (int) type);
  return FALSE;
}

gboolean
tlc_call_begin (TlcCall *call, const char *method, ThriftMessageType type, GError **error)
{
  if (G_UNLIKELY (call->state != TLC_CALL_IDLE) && !tlc_pipeline_begin (call, method, error))
    return FALSE;
  if (G_UNLIKELY (type != T_CALL) && !tlc_call_begin_oneway (call, method, type, error))
    return FALSE;
  call->method_length = 0;
  call->type = type;
  call->delivery = TLC_DELIVERY_NOT_SENT;
  call->out.length = call->framing->header_size;
  tlc_call_draw_sequence (call);
  call->state = TLC_CALL_WRITING;
  return TRUE;
}

/* Whether the claimed seat holds what the call can go on by without more ado. */
static inline gboolean
tlc_call_is_connected (const TlcCall *call)
{
  return call->home.seat->connection != NULL
         && call->limits.generation == tlc_seat_get_stamp (call->home.seat)
         && call->begun_us < call->look_at_us && call->begun_us < call->reconsider_at_us
         && call->n_holds == 0;
}

/* Claims a seat and sees to it that it holds a connection to an endpoint of the present
 * generation. */
static inline gboolean
tlc_call_connect (TlcCall *call, GError **error)
{
  TlcSeats *seats = &call->core->seats;

  if (G_UNLIKELY (call->n_queued > 0))
    return tlc_pipeline_join (call, error);
  if (G_UNLIKELY (!tlc_seat_claim_home (&call->home)))
    return tlc_call_claim_seat (call, error)
           && (call->sent_ahead > 0 || tlc_call_find_connection (call, error));
  call->is_claimed = TRUE;
  tlc_seat_date (call->home.seat, call->begun_us);
  tlc_seat_bound (call->home.seat, call->deadline_us);
  tlc_seats_refresh (seats, call->home.seat); /* only after the claim */
  return G_LIKELY (tlc_call_is_connected (call)) || tlc_call_find_connection (call, error);
}

static TLC_COLD gboolean
tlc_call_send_failed (TlcCall *call, TlcIo io, gsize sent, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  TlcConnection *connection = call->home.seat->connection;
  g_autofree char *how_far = g_strdup_printf (
      "%" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes of the request sent", sent, call->out.length);

  /* What went before it in a pipeline may still be answered. */
  call->is_broken = sent > 0 || io != TLC_IO_TIMED_OUT;
  if (sent > 0)
    tlc_connection_abandon_sending (connection);
  if (io == TLC_IO_TIMED_OUT)
    return tlc_call_time_out (call, error, how_far);
  return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST,
                        "connection lost after %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                        " bytes of the request: %s",
                        sent, call->out.length, g_strerror (connection->error));
}

/* What is no plain call: a oneway, which is over, or one of a pipeline. */
static TLC_COLD void
tlc_call_sent_otherwise (TlcCall *call)
{
  if (call->type == T_CALL)
    {
      tlc_pipeline_push (call);
      return;
    }
  tlc_call_rest (call, tlc_clock_now_us ());
  /* That it was taken is all that there will be. */
  if (tlc_endpoint_is_doubtful (call->endpoint))
    tlc_call_clear_endpoint (call);
  if (call->n_queued == 0)
    tlc_call_leave (call, TRUE);
  tlc_call_finish (call);
}

/* The rest of what whoever gave the connection away has begun to send. */
static TLC_COLD TlcIo
tlc_call_send_on (TlcCall *call, gsize *ret_sent)
{
  *ret_sent = call->sent_ahead;
  call->sent_ahead = 0;
  return tlc_connection_send_rest (call->home.seat->connection, call->out.data, call->out.length,
                                   call->deadline_us, ret_sent);
}

static inline gboolean
tlc_call_try (TlcCall *call, TlcIo *ret_io, gsize *ret_sent, GError **error)
{
  if (G_UNLIKELY (!tlc_call_connect (call, error)))
    return FALSE;
  if (G_UNLIKELY (call->sent_ahead > 0))
    *ret_io = tlc_call_send_on (call, ret_sent);
  else
    *ret_io = tlc_connection_send (call->home.seat->connection, call->out.data, call->out.length,
                                   call->deadline_us, ret_sent);
  tlc_counters_add (&call->counters, TLC_COUNT_BYTES_SENT, *ret_sent);
  return TRUE;
}

/* Claims, connects and sends, again where that is safe. Inlined where every call goes. */
static inline gboolean
tlc_call_attempt (TlcCall *call, GError **error)
{
  gsize sent;
  TlcIo io;

  do
    {
      if (G_UNLIKELY (!tlc_call_try (call, &io, &sent, error)))
        return FALSE;
      if (G_LIKELY (sent > 0))
        call->delivery = TLC_DELIVERY_UNKNOWN;
    }
  while (G_UNLIKELY (io != TLC_IO_DONE) && tlc_retry (call, io));
  if (G_UNLIKELY (io != TLC_IO_DONE))
    return tlc_call_send_failed (call, io, sent, error);
  tlc_connection_carry (call->home.seat->connection, call->sequence);
  if (G_UNLIKELY (call->n_queued > 0 || call->type != T_CALL))
    {
      tlc_call_sent_otherwise (call);
      return TRUE;
    }
  call->in.length = call->in_end = 0;
  call->state = TLC_CALL_AWAITING;
  return TRUE;
}

gboolean
tlc_call_send_again (TlcCall *call, GError **error)
{
  call->state = TLC_CALL_SENDING;
  return tlc_call_attempt (call, error);
}

static TLC_COLD gboolean
tlc_call_bound_by_pushed (TlcCall *call, GError **error)
{
  call->pushed_us = tlc_deadline_bound (G_MAXINT64);
  call->deadline_us = tlc_deadline_bound (call->deadline_us);
  return call->deadline_us > call->begun_us || tlc_call_time_out (call, error, "before it began");
}

/* The call's time runs from now on. FALSE: what was pushed was over before that, and it has failed. */
static inline gboolean
tlc_call_start (TlcCall *call, GError **error)
{
  call->state = TLC_CALL_SENDING;
  call->n_attempts = 1;
  call->begun_us = tlc_clock_now_us ();
  call->deadline_us = call->begun_us + call->limits.call_timeout_us;
  return G_LIKELY (!tlc_deadline_is_pushed ()) || tlc_call_bound_by_pushed (call, error);
}

gboolean
tlc_call_send (TlcCall *call, GError **error)
{
  if (G_UNLIKELY (call->state != TLC_CALL_WRITING))
    {
      tlc_error_set (error, TLC_ERROR_PROTOCOL, TLC_DELIVERY_NOT_SENT,
                     "%s: flush without a request (not sent)", call->core->name);
      return FALSE;
    }
  call->framing->seal (call);
  tlc_counters_add (&call->counters, TLC_COUNT_CALLS, 1);
  if (G_UNLIKELY (!tlc_call_start (call, error) || !tlc_call_attempt (call, error)))
    return FALSE;
  if (G_LIKELY (call->state == TLC_CALL_AWAITING && call->n_queued == 0))
    tlc_seat_await (&call->home);
  else
    tlc_call_go_away (call);
  return TRUE;
}

void
tlc_call_forget_last (TlcCall *call)
{
  call->method_length = 0;
  call->type = T_CALL;
  call->delivery = TLC_DELIVERY_NOT_SENT;
  call->out.length = 0;
}

gboolean
tlc_call_connect_only (TlcCall *call, GError **error)
{
  tlc_call_forget_last (call);
  call->look_at_us = 0;
  return tlc_call_start (call, error) && tlc_call_connect (call, error);
}

gboolean
tlc_call_probe (TlcCall *call, GError **error)
{
  if (call->state != TLC_CALL_IDLE || call->n_holds > 0)
    return TRUE; /* it has what it uses */
  if (!tlc_call_connect_only (call, error))
    return FALSE;
  tlc_call_rest (call, tlc_clock_now_us ());
  tlc_call_leave (call, TRUE);
  tlc_call_finish (call);
  return TRUE;
}

/* It has not come to a connection yet: what it knows is where the one before it went. */
static gboolean
tlc_call_is_nowhere (const TlcCall *call)
{
  return call->state == TLC_CALL_SENDING && !call->is_claimed && call->n_queued == 0
         && call->n_holds == 0;
}

char *
tlc_call_describe (TlcCall *call)
{
  const TlcEndpoint *endpoint = tlc_call_is_nowhere (call) ? NULL : call->endpoint;

  return g_strdup_printf ("%s%s%.*s%s%s", call->core->name, call->method_length > 0 ? "." : "",
                          (int) call->method_length, tlc_call_get_method (call),
                          endpoint != NULL ? " at " : "",
                          endpoint != NULL ? tlc_endpoint_get_text (endpoint) : "");
}

/* What the failed call has of its connection. A request that was not sent has nothing of the one that
 * those before it in the pipeline are waiting at. */
static void
tlc_call_let_go (TlcCall *call)
{
  gboolean is_unsent = call->state == TLC_CALL_WRITING || call->state == TLC_CALL_SENDING;

  if (is_unsent && call->n_queued > 0)
    return;
  if (call->is_claimed || call->state == TLC_CALL_READING)
    tlc_call_close_home (call);
}

/* What fails because the service was closed in the middle of it says so. */
static TlcError
tlc_call_get_reason (const TlcCall *call, TlcError code)
{
  gboolean is_of_connection = code == TLC_ERROR_CONNECTION_LOST || code == TLC_ERROR_UNAVAILABLE;

  return is_of_connection && tlc_core_is_closed (call->core) ? TLC_ERROR_CLOSED : code;
}

/* To connect and no more is not counted as a call either. */
static void
tlc_call_count_failure (TlcCall *call, TlcError code)
{
  if (call->method_length == 0)
    return;
  tlc_counters_add (&call->counters, TLC_COUNT_FAILURES, 1);
  if (code == TLC_ERROR_TIMED_OUT)
    tlc_counters_add (&call->counters, TLC_COUNT_TIMEOUTS, 1);
}

gboolean
tlc_call_fail (TlcCall *call, GError **error, TlcError code, const char *format, ...)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  if (error != NULL && *error == NULL)
    {
      g_autofree char *where = tlc_call_describe (call);
      g_autofree char *what = NULL;
      g_autofree char *attempts = NULL;
      va_list args;

      va_start (args, format);
      what = g_strdup_vprintf (format, args);
      va_end (args);
      if (call->n_attempts > 1 && call->state != TLC_CALL_WRITING)
        attempts = g_strdup_printf ("attempt %u of %u; ", call->n_attempts,
                                    call->limits.max_attempts);
      tlc_error_set (error, tlc_call_get_reason (call, code), call->delivery, "%s: %s%s (%s%s)", where,
                     tlc_call_get_reason (call, code) != code ? "the service was closed: " : "", what,
                     attempts != NULL ? attempts : "", tlc_delivery_to_string (call->delivery));
    }
  if (call->state == TLC_CALL_IDLE)
    return FALSE;
  tlc_call_count_failure (call, code);
  tlc_call_let_go (call);
  tlc_call_finish (call);
  return FALSE;
}

gboolean
tlc_call_time_out (TlcCall *call, GError **error, const char *how_far)
{
  gint64 after_us = MAX (call->deadline_us - call->begun_us, 0);
  gboolean is_pushed = call->deadline_us == call->pushed_us;

  return tlc_call_fail (call, error, TLC_ERROR_TIMED_OUT, "timed out after %" G_GINT64_FORMAT " ms%s, %s",
                        after_us / 1000, is_pushed ? " by tlc_deadline_push()" : "", how_far);
}
