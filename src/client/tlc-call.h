/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <thrift/c_glib/protocol/thrift_protocol.h>

#include "client/tlc-buffer.h"
#include "client/tlc-core.h"
#include "client/tlc-reader.h"
#include "client/tlc-walk.h"
#include "model/tlc-cold.h"
#include "model/tlc-error-private.h"

/* Where the one call that a client can be in stands.
 *
 *   IDLE --begin--> WRITING --send--> AWAITING --receive, match--> READING --end--> IDLE
 *                      |  oneway: back to IDLE                        |
 *                      '------------------ fail: back to IDLE --------'
 */
typedef enum {
  TLC_CALL_IDLE,
  TLC_CALL_WRITING,  /* the request grows in the buffer; nothing is claimed */
  TLC_CALL_AWAITING, /* the request is out; the connection is claimed */
  TLC_CALL_READING   /* the reply is in the buffer whole; the connection is released */
} TlcCallState;

/* What a call needs of the settings, copied: a thread that sleeps keeps no snapshot alive. */
typedef struct {
  guint64 generation; /* the seat's, when they were copied */
  gint64 call_timeout_us;
  gsize max_message_size;
  gsize max_decoded_size;
} TlcLimits;

/* How calls end. From outside: tlc_call_end() is the good one, tlc_call_fail() and
 * tlc_call_refuse() are the others. Beneath: tlc_call_leave() gives the seat back,
 * tlc_call_close_home() without its connection, and tlc_call_finish() empties the buffers. */

/* One thread's calls on one service, one after the other: whose turn it is, the bytes, the
 * connection. */
typedef struct _TlcCall TlcCall;
typedef struct _TlcFraming TlcFraming;
struct _TlcCall {
  TlcCallState state;
  gboolean is_claimed; /* home.seat is ours now */
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
  guint n_stale;        /* messages thrown away while waiting */
  /* its name, where the request has it; the buffer keeps its beginning */
  guint32 method_at, method_length;
  TlcEndpoint *endpoint; /* where it went, if it got that far; a reference */
  gint64 begun_us, deadline_us;

  /* the thread's */
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

/* Receives one message and puts the reader on it. */
gboolean tlc_call_receive (TlcCall *call, GError **error);
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
/* Makes the claimed seat current, and sees to it that it holds a connection. FALSE: the call has
 * failed. */
gboolean tlc_call_find_connection (TlcCall *call, GError **error) TLC_COLD;
/* The endpoint that messages name, also when the connection is somebody else's again. */
void tlc_call_name_endpoint (TlcCall *call, TlcEndpoint *endpoint);
/* Closes the connection that the thread has at home, unless somebody else has taken it. */
void tlc_call_close_home (TlcCall *call);
/* Back to IDLE, buffers shrunk. */
void tlc_call_finish (TlcCall *call);

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

/* Leaves the seat to whoever comes next, without its
 * connection if that is not @usable. */
static inline void
tlc_call_leave (TlcCall *call, gboolean usable)
{
  if (G_UNLIKELY (!call->is_claimed))
    return;
  if (G_UNLIKELY (!usable))
    tlc_seat_close_connection (call->home.seat);
  tlc_seats_release (&call->core->seats, &call->home);
  call->is_claimed = FALSE;
}

/* Whether the connection that the claimed seat holds, if any, will do. A oneway call gets no answer
 * that would tell, so we look whether the peer is there still. */
static inline gboolean
tlc_call_is_connected (TlcCall *call)
{
  TlcConnection *connection = call->home.seat->connection;

  if (connection == NULL)
    return FALSE;
  if (G_LIKELY (call->type != T_ONEWAY) || tlc_connection_is_quiet (connection))
    return TRUE;
  tlc_seat_close_connection (call->home.seat);
  return FALSE;
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
