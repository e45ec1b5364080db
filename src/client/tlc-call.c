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
#include "model/tlc-clock.h"

/* What buffers start with: most messages fit, and no max-message-size is smaller. */
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
  if (!call->is_claimed)
    call->is_claimed = tlc_seat_claim_home (&call->home);
  tlc_call_leave (call, FALSE);
}

void
tlc_call_finish (TlcCall *call)
{
  call->state = TLC_CALL_IDLE;
  call->in_end = 0;
  tlc_reader_stop (&call->reader);
  tlc_buffer_reset (&call->in);
  tlc_buffer_reset (&call->out);
}

void
tlc_call_clear (TlcCall *call)
{
  tlc_call_close_home (call);
  tlc_ledger_strike (&call->core->ledger, &call->counters);
  tlc_reader_clear (&call->reader);
  g_free (call->walk);
  tlc_buffer_clear (&call->out);
  tlc_buffer_clear (&call->in);
  tlc_endpoint_unref (call->endpoint);
  tlc_core_unref (g_steal_pointer (&call->core));
}

/* Unique in the process for 2^31 calls, since a connection moves between threads; from a random
 * start, so that a server's or proxy's leftovers from another process do not match; never 0. */
static gint32
tlc_call_draw_sequence (TlcCall *call)
{
  static _Atomic guint32 next_block;
  static gsize start;
  GRand *random;

  if (G_UNLIKELY (call->sequences_left == 0))
    {
      if (g_once_init_enter (&start))
        {
          /* Seeded by the kernel; the program's own generator is not ours to draw from. */
          random = g_rand_new ();
          g_once_init_leave (&start, (gsize) g_rand_int (random) | 1);
          g_rand_free (random);
        }
      /* ORDER(counter): relaxed; only uniqueness counts. */
      call->next_sequence
          = (guint32) start
            + TLC_CALL_SEQUENCE_BLOCK
                  * atomic_fetch_add_explicit (&next_block, 1, memory_order_relaxed);
      call->sequences_left = TLC_CALL_SEQUENCE_BLOCK;
    }
  call->sequences_left--;
  call->sequence = (gint32) (call->next_sequence++ & G_MAXINT32);
  return call->sequence != 0 ? call->sequence : tlc_call_draw_sequence (call);
}

/* A generated send_x() without its recv_x(), an exception out of the middle, a reader that
 * stopped early: the call before did not end. */
static TLC_COLD gboolean
tlc_call_clear_away (TlcCall *call, const char *method, GError **error)
{
  if (call->state == TLC_CALL_AWAITING && tlc_clock_now_us () < call->deadline_us)
    {
      tlc_error_set (error, TLC_ERROR_BUSY, TLC_DELIVERY_NOT_SENT,
                     "%s.%s: the reply of %.*s is still outstanding on this client (not sent)",
                     call->core->name, method, (int) call->method_length,
                     tlc_call_get_method (call));
      return FALSE;
    }
  if (call->state != TLC_CALL_WRITING)
    {
      tlc_counters_add (&call->counters, TLC_COUNT_FAILURES, 1);
      tlc_call_close_home (call);
    }
  tlc_call_finish (call);
  return TRUE;
}

gboolean
tlc_call_begin (TlcCall *call, const char *method, ThriftMessageType type, GError **error)
{
  if (G_UNLIKELY (call->state != TLC_CALL_IDLE) && !tlc_call_clear_away (call, method, error))
    return FALSE;
  if (G_UNLIKELY (type != T_CALL && type != T_ONEWAY))
    {
      tlc_error_set (error, TLC_ERROR_PROTOCOL, TLC_DELIVERY_NOT_SENT,
                     "%s.%s: a client sends calls, not messages of type %d (not sent)",
                     call->core->name, method, (int) type);
      return FALSE;
    }
  call->method_length = 0;
  call->type = type;
  call->delivery = TLC_DELIVERY_NOT_SENT;
  call->n_stale = 0;
  call->out.length = call->framing->header_size;
  tlc_call_draw_sequence (call);
  call->state = TLC_CALL_WRITING;
  return TRUE;
}

/* Claims a seat and sees to it that it holds a connection to an endpoint of the present
 * generation. */
static gboolean
tlc_call_connect (TlcCall *call, GError **error)
{
  TlcSeats *seats = &call->core->seats;

  if (G_UNLIKELY (!tlc_seats_claim (seats, &call->home, call->thread, call->begun_us)))
    return tlc_call_fail (call, error, TLC_ERROR_EXHAUSTED, "out of memory for a connection");
  call->is_claimed = TRUE;
  tlc_seats_refresh (seats, call->home.seat); /* only after the claim */
  if (G_UNLIKELY (call->limits.generation != tlc_seat_get_stamp (call->home.seat)
                  || !tlc_call_is_connected (call))
      && !tlc_call_find_connection (call, error))
    return FALSE;
  if (G_UNLIKELY (call->endpoint != call->home.seat->connection->endpoint))
    tlc_call_name_endpoint (call, call->home.seat->connection->endpoint);
  return TRUE;
}

static TLC_COLD gboolean
tlc_call_send_failed (TlcCall *call, TlcIo io, gsize sent, GError **error)
{
  if (io == TLC_IO_TIMED_OUT)
    return tlc_call_fail (call, error, TLC_ERROR_TIMED_OUT,
                          "timed out after %" G_GINT64_FORMAT " ms, %" G_GSIZE_FORMAT
                          " of %" G_GSIZE_FORMAT " bytes of the request sent",
                          (call->deadline_us - call->begun_us) / 1000, sent, call->out.length);
  return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST,
                        "connection lost after %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                        " bytes of the request: %s",
                        sent, call->out.length, g_strerror (call->home.seat->connection->error));
}

static void
tlc_call_sent (TlcCall *call)
{
  tlc_connection_carry (call->home.seat->connection, call->sequence);
  call->in.length = call->in_end = 0;
  if (G_LIKELY (call->type == T_CALL))
    {
      call->state = TLC_CALL_AWAITING;
      return;
    }
  tlc_call_leave (call, TRUE);
  tlc_call_finish (call);
}

gboolean
tlc_call_send (TlcCall *call, GError **error)
{
  gsize sent;
  TlcIo io;

  if (G_UNLIKELY (call->state != TLC_CALL_WRITING))
    {
      tlc_error_set (error, TLC_ERROR_PROTOCOL, TLC_DELIVERY_NOT_SENT,
                     "%s: flush without a request (not sent)", call->core->name);
      return FALSE;
    }
  call->framing->seal (call);
  tlc_counters_add (&call->counters, TLC_COUNT_CALLS, 1);
  call->begun_us = tlc_clock_now_us ();
  call->deadline_us = call->begun_us + call->limits.call_timeout_us;
  if (G_UNLIKELY (!tlc_call_connect (call, error)))
    return FALSE;
  io = tlc_connection_send (call->home.seat->connection, call->out.data, call->out.length,
                            call->deadline_us, &sent);
  tlc_counters_add (&call->counters, TLC_COUNT_BYTES_SENT, sent);
  if (G_LIKELY (sent > 0))
    call->delivery = TLC_DELIVERY_UNKNOWN;
  if (G_UNLIKELY (io != TLC_IO_DONE))
    return tlc_call_send_failed (call, io, sent, error);
  tlc_call_sent (call);
  return TRUE;
}

char *
tlc_call_describe (TlcCall *call)
{
  return g_strdup_printf ("%s.%.*s%s%s", call->core->name, (int) call->method_length,
                          tlc_call_get_method (call), call->endpoint != NULL ? " at " : "",
                          call->endpoint != NULL ? tlc_endpoint_get_text (call->endpoint) : "");
}

gboolean
tlc_call_fail (TlcCall *call, GError **error, TlcError code, const char *format, ...)
{
  if (error != NULL && *error == NULL)
    {
      g_autofree char *where = tlc_call_describe (call);
      g_autofree char *what = NULL;
      va_list args;

      va_start (args, format);
      what = g_strdup_vprintf (format, args);
      va_end (args);
      tlc_error_set (error, code, call->delivery, "%s: %s (%s)", where, what,
                     tlc_delivery_to_string (call->delivery));
    }
  if (call->state == TLC_CALL_IDLE)
    return FALSE;
  tlc_counters_add (&call->counters, TLC_COUNT_FAILURES, 1);
  if (code == TLC_ERROR_TIMED_OUT)
    tlc_counters_add (&call->counters, TLC_COUNT_TIMEOUTS, 1);
  if (call->state != TLC_CALL_WRITING || call->is_claimed)
    tlc_call_close_home (call);
  tlc_call_finish (call);
  return FALSE;
}
