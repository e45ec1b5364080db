/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <thrift/c_glib/protocol/thrift_protocol.h>

#include "client/tlc-buffer.h"
#include "client/tlc-core.h"
#include "client/tlc-deadline.h"
#include "client/tlc-reader.h"
#include "client/tlc-retry.h"
#include "client/tlc-walk.h"
#include "model/tlc-cold.h"
#include "model/tlc-error-private.h"

/* Where the call that a client is in stands.
 *
 *   IDLE --begin--> WRITING --send--> AWAITING --receive, match--> READING --end--> IDLE
 *                      |  oneway: back to IDLE                        |
 *                      '------------------ fail: back to IDLE --------'
 *
 * Where several requests are sent before a reply is received (tlc-pipeline.h), what says IDLE here
 * says AWAITING as long as more replies are due. */
typedef enum {
  TLC_CALL_IDLE,
  TLC_CALL_WRITING,   /* the request grows in the buffer; nothing is claimed */
  TLC_CALL_SENDING,   /* inside tlc_call_send() */
  TLC_CALL_AWAITING,  /* the request is out; the thread is elsewhere, and its seat is AWAITING */
  TLC_CALL_RECEIVING, /* between the beginning of a receive and the reply's header */
  TLC_CALL_READING    /* the reply is in the buffer whole; the connection is released */
} TlcCallState;

/* What a call needs of the settings, copied: a thread that sleeps keeps no snapshot alive. */
typedef struct {
  guint64 generation;     /* the seat's stamp, when they were copied */
  gint64 call_timeout_us; /* the service's, or what the thread has set */
  gint64 check_after_idle_us;
  gsize max_message_size;
  gsize max_decoded_size;
  TlcRetryKind retry;
  guint max_attempts;
  guint retry_budget; /* percent */
} TlcLimits;

/* How calls end. From outside: tlc_call_end() is the good one, tlc_call_fail() and
 * tlc_call_refuse() are the others. Beneath: tlc_call_leave() gives the seat back,
 * tlc_call_close_home() without its connection, and tlc_call_finish() empties the buffers. */

/* One thread's calls on one service, one after the other: whose turn it is, the bytes, the
 * connection. */
typedef struct _TlcCall TlcCall;
typedef struct _TlcFraming TlcFraming;
typedef struct _TlcPipeline TlcPipeline;
struct _TlcCall {
  TlcCallState state;
  gboolean is_claimed; /* home.seat is ours now; or was left AWAITING, and nobody has told us otherwise */
  guint n_queued;      /* replies due, but that of the call at hand; 0: no more than one was */
  TlcHome home;
  const TlcFraming *framing;
  TlcBuffer out;
  TlcBuffer in;
  gsize in_end; /* where the message that is being read ends; later bytes belong to no call */
  TlcReader reader;
  TlcWalk *walk; /* NULL: messages say how long they are */
  const TlcWalker *walker;

  /* the call */
  ThriftMessageType type;
  gint32 sequence;
  TlcDelivery delivery; /* how far it got */
  guint n_attempts;     /* how often it was sent, or tried to */
  /* its name, where the request has it; the buffer keeps its beginning */
  guint32 method_at, method_length;
  TlcEndpoint *endpoint; /* where it went, if it got that far; a reference */
  gint64 begun_us, deadline_us;

  /* the claimed connection */
  guint n_stale;      /* messages thrown away while waiting */
  gboolean is_broken; /* it takes no more requests */
  gsize sent_ahead;   /* of the request, by whoever gave the connection away */

  /* the thread's */
  TlcPipeline *pipeline; /* NULL: never used */
  TlcRetryBudget retry_budget;
  gint64 timeout_us;     /* 0: the service's call-timeout */
  gboolean is_idempotent;
  guint n_holds;                 /* how often tlc_client_hold() is to be undone */
  gint64 held_us, hold_limit_us; /* since when it holds, and until when it may */
  gint64 pushed_us;      /* what was pushed when its latest call began, if anything was then */
  gint64 rested_us;      /* when the latest call on its connection left that */
  gint64 look_after_us;  /* how long that may be ago without a look */
  gint64 look_at_us;     /* when that is */
  gint64 reconsider_at_us; /* when to look whether its connection should lead elsewhere */
  TlcEndpoint *next_endpoint; /* if so, where, until it is dialled: with a reservation and a reference */
  guint n_told;               /* calls answered at its endpoint that it has not told there yet */
  gint64 told_us;             /* what they took */
  guint32 next_sequence, sequences_left;
  gint32 thread;    /* as the system numbers it */
  TlcLimits limits; /* of the settings in force at the latest claim */
  TlcCore *core;    /* a reference: somebody may hold the protocol when the slot is gone */
  TlcCounters counters;
};

void tlc_call_init (TlcCall *call, TlcCore *core);
/* How messages are told apart; where they do not say how long they are, @walker finds their ends. */
void tlc_call_set_framing (TlcCall *call, const TlcFraming *framing, const TlcWalker *walker);
void tlc_call_clear (TlcCall *call);

/* A request starts; whatever the call before left behind is cleared away. */
gboolean tlc_call_begin (TlcCall *call, const char *method, ThriftMessageType type, GError **error);
/* The request is complete: claims a connection, dials where there is none, sends. */
gboolean tlc_call_send (TlcCall *call, GError **error);
/* Whatever stood open is given up: its connection is closed. */
void tlc_call_reset (TlcCall *call);
/* This thread's later calls may take so long; 0: as long as the service says. */
void tlc_call_set_timeout (TlcCall *call, gint64 timeout_us);

/* What a message's header says. */
typedef struct {
  ThriftMessageType type;
  gint32 sequence;
  const char *name; /* in the message; not terminated */
  gsize name_length;
} TlcHeader;

typedef enum {
  TLC_REPLY_MATCHES,
  TLC_REPLY_IS_STALE, /* it answers an earlier request: thrown away; receive the next */
  TLC_REPLY_IS_WRONG  /* the call has failed */
} TlcReplyVerdict;

/* Receives one message and puts the reader on it; the next is for when that was thrown away. */
gboolean tlc_call_receive (TlcCall *call, GError **error);
gboolean tlc_call_receive_next (TlcCall *call, GError **error);
/* Whether the message with that header answers this call, and nothing came behind it. If it is a
 * T_REPLY the connection is released; a T_EXCEPTION is decoded first. */
TlcReplyVerdict tlc_call_match (TlcCall *call, const TlcHeader *header, GError **error);
/* The connection has done its part and is released; the reader goes on. */
void tlc_call_answered (TlcCall *call);
/* The message is decoded; the call is over. FALSE: there was more in it. */
gboolean tlc_call_end (TlcCall *call, GError **error);
/* "service.method at endpoint", as in the messages of errors. */
char *tlc_call_describe (TlcCall *call);

/* For the files of this call alone, as what follows. Copies the limits ahead of a claim. */
void tlc_call_read_limits (TlcCall *call);
void tlc_call_copy_limits (TlcCall *call, const TlcSettings *settings);
/* Whether the request is as large as it may be by the limits. FALSE: the call has failed. */
gboolean tlc_call_check_size (TlcCall *call, GError **error);
/* The connection broke: sends the request on another. FALSE: the call has failed. */
gboolean tlc_call_send_again (TlcCall *call, GError **error);
/* Makes the claimed seat current, and sees to it that it holds a connection that will do. FALSE: the
 * call has failed. */
gboolean tlc_call_find_connection (TlcCall *call, GError **error) TLC_COLD;
/* Claims a seat where the home is taken or of no use, waiting for one if need be. FALSE: the call has
 * failed. */
gboolean tlc_call_claim_seat (TlcCall *call, GError **error) TLC_COLD;
/* What fails next is not the call that was the last. */
void tlc_call_forget_last (TlcCall *call);
/* Begins as tlc_call_send() does, looks at the connection, so that it is alive, and sends nothing. FALSE:
 * the call has failed. */
gboolean tlc_call_connect_only (TlcCall *call, GError **error) TLC_COLD;
/* The same, and leaves the connection to the next call. */
gboolean tlc_call_probe (TlcCall *call, GError **error);
/* The call has failed: "timed out after 250 ms, @how_far". Returns FALSE. */
gboolean tlc_call_time_out (TlcCall *call, GError **error, const char *how_far) TLC_COLD;
/* The call failed at the endpoint of its connection, for @reason: that speaks against it. */
void tlc_call_blame_endpoint (TlcCall *call, const char *reason) TLC_COLD;
/* It was answered there, where that is worth telling. */
void tlc_call_clear_endpoint (TlcCall *call) TLC_COLD;
/* The thread has other things to do than to tell its endpoint later. */
void tlc_call_tell_endpoint (TlcCall *call);
/* Whether the claimed connection should be given up for one that leads elsewhere, which is dialled next. */
gboolean tlc_call_reconsider (TlcCall *call) TLC_COLD;
/* The endpoint that messages name, also when the connection is somebody else's again. */
void tlc_call_name_endpoint (TlcCall *call, TlcEndpoint *endpoint);
/* Closes the connection that the thread has at home, unless somebody else has taken it. */
void tlc_call_close_home (TlcCall *call);
/* The slow parts of tlc_call_leave() and tlc_call_finish(). */
void tlc_call_leave_held (TlcCall *call) TLC_COLD;
void tlc_call_finish_queued (TlcCall *call) TLC_COLD;

/* The call is over, by an error of ours: "service.method at endpoint: what (delivery)". Its
 * connection is closed. Returns FALSE. */
gboolean tlc_call_fail (TlcCall *call, GError **error, TlcError code, const char *format, ...)
    G_GNUC_PRINTF (4, 5) TLC_COLD;
/* The message cannot be decoded. Returns FALSE. */
gboolean tlc_call_refuse (TlcCall *call, TlcRefusal refusal, GError **error) TLC_COLD;
/* More room in the request than there is; NULL when it exceeds max-message-size, or memory. */
guint8 *tlc_call_grow_out (TlcCall *call, gsize length, GError **error) TLC_COLD;

/* The method's name, method_length long and not terminated; also when the request is sent. */
static inline const char *
tlc_call_get_method (const TlcCall *call)
{
  return (const char *) call->out.data + call->method_at;
}

/* The protocol has written the method's name at @at. */
static inline void
tlc_call_set_method (TlcCall *call, const guint8 *at, gsize length)
{
  call->method_at = (guint32) (at - call->out.data);
  call->method_length = (guint32) length;
}

/* The thread's connection rests since @now_us. */
static inline void
tlc_call_rest (TlcCall *call, gint64 now_us)
{
  call->rested_us = now_us;
  call->look_at_us = now_us + call->look_after_us;
}

/* Closes the claimed seat's connection, with what was held against it. */
static inline void
tlc_call_close_connection (TlcCall *call)
{
  tlc_seat_close_connection (call->home.seat);
  call->is_broken = FALSE;
  call->n_stale = 0;
}

/* Whether the seat was left AWAITING. */
static inline gboolean
tlc_call_is_away (const TlcCall *call)
{
  return TLC_SEAT_STATE (call->home.word) == TLC_SEAT_AWAITING;
}

/* The thread goes back to the program, and will come for the reply. */
static inline void
tlc_call_go_away (TlcCall *call)
{
  if (G_LIKELY (call->is_claimed) && !tlc_call_is_away (call))
    tlc_seat_await (&call->home);
}

/* It has come. FALSE: the connection was closed meanwhile. */
static inline gboolean
tlc_call_come_back (TlcCall *call)
{
  if (G_LIKELY (tlc_seat_claim_home (&call->home)))
    return TRUE;
  call->is_claimed = FALSE;
  return FALSE;
}

/* Leaves the seat to whoever comes next, or keeps it in a hold; without its connection if that is not
 * @usable. */
static inline void
tlc_call_leave (TlcCall *call, gboolean usable)
{
  if (G_UNLIKELY (!call->is_claimed))
    return;
  if (G_UNLIKELY (!usable))
    tlc_call_close_connection (call);
  call->is_claimed = FALSE;
  tlc_seat_date (call->home.seat, call->rested_us);
  if (G_UNLIKELY (call->n_holds > 0))
    tlc_call_leave_held (call);
  else
    tlc_seats_release (&call->core->seats, &call->home);
  /* Not before: while the seat is claimed it counts as one that is open. */
  if (G_UNLIKELY (!usable))
    tlc_core_top_up (call->core);
}

/* Back to IDLE, buffers shrunk; or to AWAITING, for the replies that are due. */
static inline void
tlc_call_finish (TlcCall *call)
{
  if (G_UNLIKELY (call->n_queued > 0))
    {
      tlc_call_finish_queued (call);
      return;
    }
  call->state = TLC_CALL_IDLE;
  call->in_end = 0;
  tlc_reader_stop (&call->reader);
  tlc_buffer_reset (&call->in);
  tlc_buffer_reset (&call->out);
}

/* Room for @length more bytes of the request; NULL and an error when it gets too large. */
static inline guint8 *
tlc_call_append (TlcCall *call, gsize length, GError **error)
{
  TlcBuffer *out = &call->out;
  guint8 *room;

  if (G_UNLIKELY (out->capacity - out->length < length))
    return tlc_call_grow_out (call, length, error);
  room = out->data + out->length;
  out->length += length;
  return room;
}
