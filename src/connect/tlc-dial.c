/* SPDX-License-Identifier: Apache-2.0 */

/* Dialling: from a snapshot's endpoints to a connection. connect-timeout bounds the whole of
 * it: what is left is shared evenly among the endpoints that are left, but not among more than a few, so that
 * a first one that swallows packets leaves time for the second, one that refuses leaves all of its time,
 * and one of many has time enough.
 *
 * Threads: any; what is shared are counts. Cancellation waits until the attempt is over, so that no
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
/* Who has less time than connect-timeout, and gives up sooner than this, does not know whether the endpoint was
 * too slow. */
#define TLC_DIAL_PATIENCE_US (100 * 1000)

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
  return report->seat == NULL
         || !tlc_seats_is_outdated (report->balance->seats, report->seat);
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

gboolean
tlc_dial_is_fault_of_endpoint (int error)
{
  switch (error)
    {
    case ECANCELED: /* nobody wants it any more */
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL:
      return FALSE;
    default:
      return TRUE;
    }
}

/* What there is to an attempt. */
typedef struct {
  TlcEndpoint *endpoint; /* with a reservation */
  gint64 began_us;
  gint64 share_us;
  gboolean is_hurried; /* it has less time than connect-timeout gives */
} TlcDialAttempt;

static void
tlc_dial_note_failure (TlcDialReport *report, const TlcDialAttempt *attempt, int error)
{
  gint64 waited_us = tlc_clock_now_us () - attempt->began_us;

  tlc_dial_note (report, attempt->endpoint, error, waited_us);
  tlc_endpoint_unreserve (attempt->endpoint);
  if (!tlc_dial_is_fault_of_endpoint (error)
      || (error == ETIMEDOUT && waited_us < TLC_DIAL_PATIENCE_US
          && (attempt->is_hurried || attempt->share_us <= 0)))
    return;
  tlc_ejector_note_failure (report->balance->ejector, attempt->endpoint,
                            error == ETIMEDOUT ? "no connection in time" : g_strerror (error));
}

/* Where to go next; NULL: nowhere. */
static TlcEndpoint *
tlc_dial_pick (const TlcSnapshot *snapshot, TlcDialReport *report, GPtrArray *tried)
{
  TlcChoice choice = {
    .snapshot = snapshot,
    .seat = report->seat != NULL ? report->seat->index : 0,
    .last = report->last,
    .tried = tried,
    .is_for_call = TRUE,
    .now_us = tlc_clock_now_us (),
  };
  TlcEndpoint *endpoint = g_steal_pointer (&report->first);

  if (endpoint == NULL)
    endpoint = tlc_balance_pick (report->balance, &choice);
  if (endpoint != NULL)
    g_ptr_array_add (tried, endpoint);
  return endpoint;
}

static TlcConnection *
tlc_dial_try (const TlcSnapshot *snapshot, const TlcDialAttempt *attempt, TlcDialReport *report)
{
  TlcConnection *connection;
  int error;

  connection = tlc_dial_endpoint (attempt->endpoint, snapshot->settings,
                                  attempt->began_us + MAX (attempt->share_us, 0), report, &error);
  if (connection != NULL)
    connection->is_reserved = TRUE;
  else
    tlc_dial_note_failure (report, attempt, error);
  return connection;
}

TlcConnection *
tlc_dial (const TlcSnapshot *snapshot, gint64 deadline_us, TlcDialReport *report)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  g_autoptr (GPtrArray) tried = g_ptr_array_new ();
  gint64 limit_us = tlc_clock_now_us () + snapshot->settings->connect_timeout_us;
  TlcConnection *connection = NULL;
  TlcDialAttempt attempt = { .is_hurried = deadline_us < limit_us };

  while (connection == NULL && tlc_dial_is_wanted (report)
         && (attempt.endpoint = tlc_dial_pick (snapshot, report, tried)) != NULL)
    {
      guint n_left = snapshot->endpoints->len - tried->len + 1;

      attempt.began_us = tlc_clock_now_us ();
      attempt.share_us
          = (MIN (deadline_us, limit_us) - attempt.began_us) / MIN (n_left, TLC_DIAL_SHARES_MAX);
      connection = tlc_dial_try (snapshot, &attempt, report);
    }
  if (report->first != NULL)
    tlc_endpoint_unreserve (g_steal_pointer (&report->first));
  return connection;
}
