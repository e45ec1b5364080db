/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/tlc-clock.h"
#include "model/tlc-endpoint.h"
#include "model/tlc-settings.h"

/* How many of its latest sequence numbers a connection remembers, to tell a late reply from a
 * wrong one. */
#define TLC_CONNECTION_RECENT 8

/* An established connection. Touched only by whoever has claimed the seat that it sits in. */
typedef struct {
  int fd;          /* -1: disowned */
  int error;       /* errno of the last %TLC_IO_FAILED */
  guint n_carried; /* requests sent on it */
  gint32 recent[TLC_CONNECTION_RECENT];
  /* a receive that has so long left may block by the socket's timer; G_MAXINT64: none may */
  gint64 receive_timer_us;
  gint64 call_timeout_us; /* what the timer was set by */
  gboolean keepalive;     /* as the socket has it */
  TlcEndpoint *endpoint;
  gboolean is_reserved;   /* it has a reservation of the endpoint, which ends with it */
} TlcConnection;

typedef enum {
  TLC_IO_DONE,
  TLC_IO_TIMED_OUT, /* the deadline passed */
  TLC_IO_CLOSED,    /* the peer closed */
  TLC_IO_FAILED     /* connection->error */
} TlcIo;

/* Takes the connected, non-blocking @fd over and sets its options. NULL, errno set and @fd
 * closed on failure. */
TlcConnection *tlc_connection_new (int fd, TlcEndpoint *endpoint, const TlcSettings *settings);
/* Sets those of the socket's options that are not as @settings want them. FALSE: it cannot be used
 * any more. */
gboolean tlc_connection_adjust (TlcConnection *connection, const TlcSettings *settings);
void tlc_connection_close (TlcConnection *connection);
/* In the child of fork(), where its socket, which is the parent's, is closed: whoever uses the connection
 * finds it broken. */
void tlc_connection_disown (TlcConnection *connection);

/* The slow parts of what follows: to be waited for, or interrupted, or broken. */
TlcIo tlc_connection_send_rest (TlcConnection *connection, const guint8 *data, gsize length,
                                gint64 deadline_us, gsize *sent);
TlcIo tlc_connection_receive_later (TlcConnection *connection, guint8 *data, gsize capacity,
                                    gint64 deadline_us, gsize *ret_received);

/* Half a request is out: when the connection is closed, the rest that the kernel still holds is thrown
 * away, and the peer is told by a reset. */
void tlc_connection_abandon_sending (TlcConnection *connection);

/* Whether the request numbered @sequence was sent on it lately. */
gboolean tlc_connection_carried (const TlcConnection *connection, gint32 sequence);

/* Sends what the kernel takes of @data without waiting, and says how much; also where it takes no
 * more. */
static inline gsize
tlc_connection_send_some (TlcConnection *connection, const guint8 *data, gsize length)
{
  gssize n = send (connection->fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);

  return n > 0 ? (gsize) n : 0;
}

/* Sends all of @data. *@ret_sent says how much the kernel took, also on failure. */
static inline TlcIo
tlc_connection_send (TlcConnection *connection, const guint8 *data, gsize length,
                     gint64 deadline_us, gsize *ret_sent)
{
  *ret_sent = tlc_connection_send_some (connection, data, length);
  if (G_LIKELY (*ret_sent == length))
    return TLC_IO_DONE;
  return tlc_connection_send_rest (connection, data, length, deadline_us, ret_sent);
}

/* Receives at least one byte, at most @capacity, waiting until the deadline: by the socket's own
 * timer where that has time to fire before, else by poll. */
static inline TlcIo
tlc_connection_receive (TlcConnection *connection, guint8 *data, gsize capacity, gint64 deadline_us,
                        gsize *ret_received)
{
  gboolean by_timer = deadline_us - tlc_clock_last_tick_us () >= connection->receive_timer_us;
  gssize n = recv (connection->fd, data, capacity, by_timer ? 0 : MSG_DONTWAIT);

  *ret_received = (gsize) n;
  if (G_LIKELY (n > 0))
    return TLC_IO_DONE;
  return n == 0
             ? TLC_IO_CLOSED
             : tlc_connection_receive_later (connection, data, capacity, deadline_us, ret_received);
}

/* Remembers that the request numbered @sequence was sent. */
static inline void
tlc_connection_carry (TlcConnection *connection, gint32 sequence)
{
  connection->recent[connection->n_carried++ % TLC_CONNECTION_RECENT] = sequence;
}
