/* SPDX-License-Identifier: Apache-2.0 */

/* A connection: a connected socket, its deadlines and the numbers it carried.
 *
 * Waiting. A reply usually takes one recv() that blocks by the socket's own timer, set once. That
 * timer is coarse: the kernel sorts timers into wheels and may fire one an eighth of its time late,
 * and two ticks. So it is set short of call-timeout by that much, and used only where the call has
 * just begun; what is left of the deadline after it fired, after a signal, after part of a message
 * or after the caller took its time is waited for by ppoll(), to the microsecond. Sends never
 * block: what the kernel does not take at once is waited for by ppoll() too. */
#include "connect/tlc-connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "connect/tlc-socket.h"
#include "connect/tlc-wait.h"
#include "model/tlc-cancel.h"

/* By how much the socket's timer is shorter than call-timeout, besides an eighth of it: two ticks,
 * and what may have passed unseen since the call began, TLC_RECEIVE_BEGUN_US and one tick. */
#define TLC_RECEIVE_TIMER_SLACK_US (24 * 1000)
#define TLC_RECEIVE_BEGUN_US (2 * 1000)

/* A silent peer is probed after so many seconds, so often, until it counts as gone; and what was
 * sent must be acknowledged within the same minute. Deadlines do not depend on it: this is for
 * oneway requests and for connections that nobody uses. */
#define TLC_KEEPALIVE_IDLE_S 30
#define TLC_KEEPALIVE_INTERVAL_S 10
#define TLC_KEEPALIVE_COUNT 3
#define TLC_UNACKNOWLEDGED_MS 60000

static gboolean
tlc_connection_set_int (int fd, int level, int option, int value)
{
  return setsockopt (fd, level, option, &value, sizeof value) == 0;
}

static gboolean
tlc_connection_set_keepalive (TlcConnection *connection, gboolean keepalive)
{
  int fd = connection->fd;

  if (connection->keepalive == keepalive
      || tlc_endpoint_get_address (connection->endpoint)->kind == TLC_ADDRESS_UNIX)
    return TRUE;
  connection->keepalive = keepalive;
  return tlc_connection_set_int (fd, SOL_SOCKET, SO_KEEPALIVE, keepalive)
         && tlc_connection_set_int (fd, IPPROTO_TCP, TCP_KEEPIDLE, TLC_KEEPALIVE_IDLE_S)
         && tlc_connection_set_int (fd, IPPROTO_TCP, TCP_KEEPINTVL, TLC_KEEPALIVE_INTERVAL_S)
         && tlc_connection_set_int (fd, IPPROTO_TCP, TCP_KEEPCNT, TLC_KEEPALIVE_COUNT)
         && tlc_connection_set_int (fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                                    keepalive ? TLC_UNACKNOWLEDGED_MS : 0);
}

/* From the first time on receives block, for about as long as the timer says. */
static gboolean
tlc_connection_set_receive_timer (TlcConnection *connection, gint64 call_timeout_us)
{
  gint64 timer_us = call_timeout_us - call_timeout_us / 8 - TLC_RECEIVE_TIMER_SLACK_US;
  struct timeval timer = { timer_us / G_USEC_PER_SEC, timer_us % G_USEC_PER_SEC };
  int flags;

  if (connection->call_timeout_us == call_timeout_us)
    return TRUE;
  connection->call_timeout_us = call_timeout_us;
  connection->receive_timer_us = G_MAXINT64;
  if (timer_us <= 0)
    return TRUE;
  connection->receive_timer_us = call_timeout_us - TLC_RECEIVE_BEGUN_US;
  flags = fcntl (connection->fd, F_GETFL);
  return flags != -1
         && setsockopt (connection->fd, SOL_SOCKET, SO_RCVTIMEO, &timer, sizeof timer) == 0
         && fcntl (connection->fd, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

gboolean
tlc_connection_adjust (TlcConnection *connection, const TlcSettings *settings)
{
  return tlc_connection_set_keepalive (connection, settings->keepalive)
         && tlc_connection_set_receive_timer (connection, settings->call_timeout_us);
}

TlcConnection *
tlc_connection_new (int fd, TlcEndpoint *endpoint, const TlcSettings *settings)
{
  gboolean is_tcp = tlc_endpoint_get_address (endpoint)->kind != TLC_ADDRESS_UNIX;
  TlcConnection *connection = g_try_new0 (TlcConnection, 1);
  int error;

  if (connection == NULL)
    {
      tlc_socket_close (fd);
      errno = ENOMEM;
      return NULL;
    }
  connection->fd = fd;
  connection->endpoint = tlc_endpoint_ref (endpoint);
  if ((!is_tcp || tlc_connection_set_int (fd, IPPROTO_TCP, TCP_NODELAY, 1))
      && tlc_connection_adjust (connection, settings))
    return connection;
  error = errno;
  tlc_connection_close (connection);
  errno = error;
  return NULL;
}

void
tlc_connection_close (TlcConnection *connection)
{
  if (connection->fd >= 0)
    tlc_socket_close (connection->fd);
  if (connection->is_reserved)
    tlc_endpoint_unreserve (connection->endpoint);
  tlc_endpoint_unref (connection->endpoint);
  g_free (connection);
}

void
tlc_connection_disown (TlcConnection *connection)
{
  connection->fd = -1;
}

static TlcIo
tlc_connection_fail (TlcConnection *connection, int error)
{
  connection->error = connection->fd >= 0 ? error : ECONNABORTED;
  return TLC_IO_FAILED;
}

static TlcIo
tlc_connection_wait (TlcConnection *connection, short events, gint64 deadline_us)
{
  int ready = tlc_wait (connection->fd, events, deadline_us);

  if (ready < 0)
    return tlc_connection_fail (connection, errno);
  return ready > 0 ? TLC_IO_DONE : TLC_IO_TIMED_OUT;
}

/* What errno says of a send or receive that did not block: wait and try again, or give up. */
static TlcIo
tlc_connection_after_error (TlcConnection *connection, short events, gint64 deadline_us)
{
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
    return tlc_connection_wait (connection, events, deadline_us);
  return tlc_connection_fail (connection, errno);
}

/* After a send that took *@sent bytes, or failed with errno. */
TlcIo
tlc_connection_send_rest (TlcConnection *connection, const guint8 *data, gsize length,
                          gint64 deadline_us, gsize *sent)
{
  TlcIo io
      = *sent > 0 ? TLC_IO_DONE : tlc_connection_after_error (connection, POLLOUT, deadline_us);

  while (*sent < length && io == TLC_IO_DONE)
    {
      gssize n = send (connection->fd, data + *sent, length - *sent, MSG_NOSIGNAL | MSG_DONTWAIT);

      if (n >= 0)
        *sent += (gsize) n;
      else
        io = tlc_connection_after_error (connection, POLLOUT, deadline_us);
    }
  return io;
}

/* After a receive that failed with errno. */
TlcIo
tlc_connection_receive_later (TlcConnection *connection, guint8 *data, gsize capacity,
                              gint64 deadline_us, gsize *ret_received)
{
  for (;;)
    {
      TlcIo io = tlc_connection_after_error (connection, POLLIN, deadline_us);
      gssize n;

      if (io != TLC_IO_DONE)
        return io;
      n = recv (connection->fd, data, capacity, MSG_DONTWAIT);
      if (n == 0)
        return TLC_IO_CLOSED;
      if (n > 0)
        {
          *ret_received = (gsize) n;
          return TLC_IO_DONE;
        }
    }
}

void
tlc_connection_abandon_sending (TlcConnection *connection)
{
  struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

  setsockopt (connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

gboolean
tlc_connection_carried (const TlcConnection *connection, gint32 sequence)
{
  guint n = MIN (connection->n_carried, TLC_CONNECTION_RECENT);

  for (guint i = 0; i < n; i++)
    if (connection->recent[i] == sequence)
      return TRUE;
  return FALSE;
}
