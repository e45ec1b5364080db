/* SPDX-License-Identifier: Apache-2.0 */

/* Probing: each probe-interval the keeper connects to the endpoints that are ejected, and to those that have
 * failed and that nobody has a connection to, so that no call need pay for finding out. What comes up is
 * closed again; the next call that looks for an endpoint tries it.
 *
 *   WAITING --due--> CONNECTING --writable--> it is on trial, and not probed any more
 *      ^                 '--failed, too late: it is unreachable--.
 *      '---------------------------------------------------------'
 *
 * Nobody waits here. All that connect are looked at whenever one of them is ready, or a few milliseconds are
 * over: they are few, and it does not take long. */
#include "connect/tlc-prober.h"

#include <errno.h>
#include <poll.h>

#include "connect/tlc-dial.h"
#include "connect/tlc-socket.h"
#include "model/tlc-clock.h"

/* How often sockets that connect are looked at. */
#define TLC_PROBER_LOOK_US (20 * 1000)

void
tlc_prober_init (TlcProber *prober, TlcEjector *ejector)
{
  *prober = (TlcProber){ .ejector = ejector };
}

static gboolean
tlc_probe_is_connecting (const TlcEndpoint *endpoint)
{
  return endpoint->probe_fd_plus_1 != 0;
}

/* The socket, if there is one, is closed, or somebody else's. */
static void
tlc_probe_wait (TlcEndpoint *endpoint, gint64 until_us)
{
  endpoint->probe_fd_plus_1 = 0;
  endpoint->probe_us = until_us;
}

static void
tlc_probe_abandon (TlcEndpoint *endpoint, gint64 until_us)
{
  if (tlc_probe_is_connecting (endpoint))
    tlc_socket_close (endpoint->probe_fd_plus_1 - 1);
  tlc_probe_wait (endpoint, until_us);
}

static void
tlc_probe_note_failure (TlcEndpoint *endpoint, TlcEjector *ejector, int error)
{
  if (tlc_dial_is_fault_of_endpoint (error))
    tlc_ejector_note_unreachable (ejector, endpoint, g_strerror (error));
}

static void
tlc_probe_begin (TlcEndpoint *endpoint, TlcEjector *ejector, const TlcSettings *settings,
                 gint64 now_us)
{
  int fd = tlc_dial_begin (endpoint);

  if (fd < 0)
    {
      tlc_probe_note_failure (endpoint, ejector, errno);
      tlc_probe_wait (endpoint, now_us + settings->probe_interval_us);
      return;
    }
  endpoint->probe_fd_plus_1 = fd + 1;
  endpoint->probe_us = now_us + settings->connect_timeout_us;
}

static void
tlc_probe_look (TlcEndpoint *endpoint, TlcEjector *ejector, const TlcSettings *settings,
                gint64 now_us)
{
  struct pollfd pollfd = { .fd = endpoint->probe_fd_plus_1 - 1, .events = POLLOUT };
  TlcConnection *connection;

  if (poll (&pollfd, 1, 0) <= 0)
    {
      if (now_us < endpoint->probe_us)
        return;
      tlc_probe_abandon (endpoint, now_us + settings->probe_interval_us);
      tlc_ejector_note_unreachable (ejector, endpoint, "no connection in time");
      return;
    }
  tlc_probe_wait (endpoint, now_us + settings->probe_interval_us);
  connection = tlc_dial_end (pollfd.fd, endpoint, settings); /* which takes the socket over */
  if (connection == NULL)
    {
      tlc_probe_note_failure (endpoint, ejector, errno);
      return;
    }
  tlc_connection_close (connection);
  tlc_ejector_note_connected (ejector, endpoint);
}

/* Not all in step. */
static void
tlc_probe_go_on (TlcEndpoint *endpoint, TlcEjector *ejector, const TlcSettings *settings,
                 gint64 now_us)
{
  gint64 half_us = settings->probe_interval_us / 2;

  if (endpoint->probe_us == 0)
    tlc_probe_wait (endpoint,
                    now_us + half_us + (gint64) ((endpoint->hash >> 8) % 1024) * half_us / 1024);
  else if (tlc_probe_is_connecting (endpoint))
    tlc_probe_look (endpoint, ejector, settings, now_us);
  else if (now_us >= endpoint->probe_us)
    tlc_probe_begin (endpoint, ejector, settings, now_us);
}

/* What was probed, and is no endpoint of @current. */
static void
tlc_prober_leave (TlcProber *prober, const TlcSnapshot *current)
{
  GPtrArray *endpoints = prober->snapshot->endpoints;

  for (guint i = 0; i < endpoints->len; i++)
    if (!tlc_snapshot_has_endpoint (current, endpoints->pdata[i]))
      tlc_probe_abandon (endpoints->pdata[i], 0);
}

static void
tlc_prober_note_due (TlcProberNext *next, const TlcEndpoint *endpoint, gint64 now_us)
{
  if (tlc_probe_is_connecting (endpoint))
    *next = (TlcProberNext){ MIN (next->due_us, now_us + TLC_PROBER_LOOK_US),
                             endpoint->probe_fd_plus_1 - 1 };
  else
    next->due_us = MIN (next->due_us, endpoint->probe_us);
}

static void
tlc_prober_keep (TlcProber *prober, TlcSnapshot *snapshot)
{
  TlcSnapshot *before = prober->snapshot;

  prober->snapshot = snapshot != NULL ? tlc_snapshot_ref (snapshot) : NULL;
  tlc_snapshot_unref (before);
}

TlcProberNext
tlc_prober_step (TlcProber *prober, TlcSnapshot *current)
{
  TlcProberNext next = { G_MAXINT64, -1 };
  gint64 now_us = tlc_clock_now_us ();

  if (prober->snapshot != NULL && prober->snapshot != current)
    tlc_prober_leave (prober, current);
  tlc_prober_keep (prober, current);
  for (guint i = 0; i < current->endpoints->len; i++)
    {
      TlcEndpoint *endpoint = current->endpoints->pdata[i];

      if (tlc_endpoint_wants_probe (endpoint, now_us))
        tlc_probe_go_on (endpoint, prober->ejector, current->settings, now_us);
      /* By now it may be on trial. */
      if (tlc_endpoint_wants_probe (endpoint, now_us))
        tlc_prober_note_due (&next, endpoint, now_us);
      else
        tlc_probe_abandon (endpoint, 0);
    }
  if (next.due_us == G_MAXINT64)
    tlc_prober_keep (prober, NULL);
  return next;
}

void
tlc_prober_clear (TlcProber *prober)
{
  GPtrArray *endpoints = prober->snapshot != NULL ? prober->snapshot->endpoints : NULL;

  for (guint i = 0; endpoints != NULL && i < endpoints->len; i++)
    tlc_probe_abandon (endpoints->pdata[i], 0);
  tlc_prober_keep (prober, NULL);
}

/* Its sockets are closed: see tlc-socket.h. */
void
tlc_prober_after_fork_child (TlcProber *prober)
{
  GPtrArray *endpoints = prober->snapshot != NULL ? prober->snapshot->endpoints : NULL;

  for (guint i = 0; endpoints != NULL && i < endpoints->len; i++)
    tlc_probe_wait (endpoints->pdata[i], 0);
}
