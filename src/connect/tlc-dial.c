/* SPDX-License-Identifier: Apache-2.0 */

/* Dialling: from a snapshot's endpoints to a connection. connect-timeout bounds the whole of
 * it: what is left is shared evenly among the endpoints that are left, so that a first one that
 * swallows packets leaves time for the second, and one that refuses leaves all of its time.
 *
 * Threads: any; nothing is shared. Cancellation waits until the attempt is over, so that no
 * socket is lost. */
#include "connect/tlc-dial.h"

#include <errno.h>
#include <poll.h>

#include "connect/tlc-socket.h"
#include "connect/tlc-wait.h"
#include "model/tlc-cancel.h"
#include "model/tlc-clock.h"

/* A UNIX socket whose backlog is full says EAGAIN, and poll() does not help: ask again after so
 * long. */
#define TLC_DIAL_BACKLOG_WAIT_US 2000

/* The kernel connects a loopback socket to itself when it picks the dialled port as our own. */
static gboolean
tlc_dial_is_to_itself (int fd, const TlcAddress *address)
{
  struct sockaddr_storage own, peer;
  socklen_t own_length = sizeof own, peer_length = sizeof peer;

  return address->kind == TLC_ADDRESS_INET
         && getsockname (fd, (struct sockaddr *) &own, &own_length) == 0
         && getpeername (fd, (struct sockaddr *) &peer, &peer_length) == 0
         && own_length == peer_length && memcmp (&own, &peer, own_length) == 0;
}

/* What became of connecting, once the socket is writable. */
static int
tlc_dial_get_error (int fd)
{
  int error = 0;
  socklen_t length = sizeof error;

  return getsockopt (fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

/* @error, or what a connection to itself counts as. */
static int
tlc_dial_judge (int fd, const TlcAddress *address, int error)
{
  return error == 0 && tlc_dial_is_to_itself (fd, address) ? ECONNREFUSED : error;
}

static int
tlc_dial_finish (int fd, gint64 deadline_us)
{
  int ready = tlc_wait (fd, POLLOUT, deadline_us);

  if (ready <= 0)
    return ready == 0 ? ETIMEDOUT : errno;
  return tlc_dial_get_error (fd);
}

/* Whether the snapshot that is dialled by may be gone on with. */
static gboolean
tlc_dial_is_wanted (const TlcDialReport *report)
{
  return report->seat == NULL || !tlc_seats_is_outdated (report->seats, report->seat);
}

/* 0, or the errno of the failure. */
static int
tlc_dial_connect (int fd, const TlcAddress *address, gint64 deadline_us,
                  const TlcDialReport *report)
{
  int error;

  for (;;)
    {
      error = connect (fd, &address->sockaddr.any, address->sockaddr_length) == 0 ? 0 : errno;
      if (error == EAGAIN && address->kind == TLC_ADDRESS_UNIX)
        {
          gint64 now_us = tlc_clock_now_us ();

          if (now_us >= deadline_us)
            return ETIMEDOUT;
          if (!tlc_dial_is_wanted (report))
            return ECANCELED;
          tlc_wait (-1, 0, MIN (deadline_us, now_us + TLC_DIAL_BACKLOG_WAIT_US));
          continue;
        }
      if (error == EINPROGRESS || error == EINTR)
        error = tlc_dial_finish (fd, deadline_us);
      return tlc_dial_judge (fd, address, error);
    }
}

static int
tlc_dial_make_socket (const TlcEndpoint *endpoint)
{
  return tlc_socket_open (tlc_endpoint_get_address (endpoint)->sockaddr.any.sa_family);
}

static int
tlc_dial_give_up (int fd, int error)
{
  tlc_socket_close (fd);
  errno = error;
  return -1;
}

int
tlc_dial_begin (const TlcEndpoint *endpoint)
{
  const TlcAddress *address = tlc_endpoint_get_address (endpoint);
  int fd = tlc_dial_make_socket (endpoint);

  if (fd < 0 || connect (fd, &address->sockaddr.any, address->sockaddr_length) == 0
      || errno == EINPROGRESS || errno == EINTR)
    return fd;
  return tlc_dial_give_up (fd, errno);
}

TlcConnection *
tlc_dial_end (int fd, TlcEndpoint *endpoint, const TlcSettings *settings)
{
  int error = tlc_dial_judge (fd, tlc_endpoint_get_address (endpoint), tlc_dial_get_error (fd));

  if (error == 0)
    return tlc_connection_new (fd, endpoint, settings);
  tlc_dial_give_up (fd, error);
  return NULL;
}

static TlcConnection *
tlc_dial_endpoint (TlcEndpoint *endpoint, const TlcSettings *settings, gint64 deadline_us,
                   const TlcDialReport *report, int *ret_error)
{
  const TlcAddress *address = tlc_endpoint_get_address (endpoint);
  TlcConnection *connection;
  int fd = tlc_dial_make_socket (endpoint);

  if (fd < 0)
    {
      *ret_error = errno;
      return NULL;
    }
  if (report->seat != NULL)
    tlc_seat_note_fd (report->seat, fd);
  *ret_error = tlc_dial_connect (fd, address, deadline_us, report);
  if (report->seat != NULL)
    tlc_seat_forget_fd (report->seat);
  if (*ret_error != 0)
    {
      tlc_socket_close (fd);
      return NULL;
    }
  connection = tlc_connection_new (fd, endpoint, settings);
  if (connection == NULL)
    *ret_error = errno;
  return connection;
}

static void
tlc_dial_note (TlcDialReport *report, const TlcEndpoint *endpoint, int error, gint64 waited_us)
{
  report->failed++;
  if (report->reasons == NULL)
    return;
  g_string_append_printf (report->reasons, "%s%s: ", report->reasons->len > 0 ? "; " : "",
                          tlc_endpoint_get_text (endpoint));
  if (error == ETIMEDOUT)
    g_string_append_printf (report->reasons, "no connection within %" G_GINT64_FORMAT " ms",
                            waited_us / 1000);
  else
    g_string_append (report->reasons, g_strerror (error));
}

/* The endpoint that is tried as the @i-th: the snapshot's order, but @last behind the others. */
static TlcEndpoint *
tlc_dial_pick (const TlcSnapshot *snapshot, const TlcEndpoint *last, guint i)
{
  gpointer *endpoints = snapshot->endpoints->pdata;
  guint n = snapshot->endpoints->len, at;

  for (at = 0; at < n && endpoints[at] != last; at++)
    ;
  if (at == n || i < at)
    return endpoints[i];
  return i + 1 < n ? endpoints[i + 1] : endpoints[at];
}

TlcConnection *
tlc_dial (const TlcSnapshot *snapshot, const TlcEndpoint *last, gint64 deadline_us,
          TlcDialReport *report)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  gint64 now_us = tlc_clock_now_us ();
  TlcConnection *connection = NULL;

  deadline_us = MIN (deadline_us, now_us + snapshot->settings->connect_timeout_us);
  for (guint i = 0;
       connection == NULL && i < snapshot->endpoints->len && tlc_dial_is_wanted (report); i++)
    {
      TlcEndpoint *endpoint = tlc_dial_pick (snapshot, last, i);
      gint64 share_us = (deadline_us - now_us) / (snapshot->endpoints->len - i);
      gint64 began_us = now_us;
      int error;

      connection = tlc_dial_endpoint (endpoint, snapshot->settings, now_us + MAX (share_us, 0),
                                      report, &error);
      now_us = tlc_clock_now_us ();
      if (connection == NULL)
        tlc_dial_note (report, endpoint, error, now_us - began_us);
    }
  return connection;
}
