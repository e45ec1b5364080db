/* SPDX-License-Identifier: Apache-2.0 */

/* Looking before reuse. A peer that closes idle connections may do so just before our next request,
 * which is then lost, perhaps after it ran. So a connection that was idle for long is looked at
 * first; and once a peer is known to close after so long, connections are not used any more shortly
 * before that: the request that crosses the FIN on its way is the one that no look can save. */
#include "connect/tlc-idle.h"

#include <errno.h>
#include <netinet/tcp.h>

/* "Shortly before": a tenth of the limit, which also is how exactly we know it. */
static gint64
tlc_idle_get_last_moment (gint64 limit_us)
{
  return limit_us - limit_us / 10;
}

gint64
tlc_idle_get_look_after (const TlcEndpoint *endpoint, gint64 check_after_idle_us)
{
  gint64 limit_us = endpoint != NULL ? tlc_endpoint_get_idle_limit (endpoint) : 0;

  if (limit_us == 0)
    return check_after_idle_us;
  return MIN (check_after_idle_us, tlc_idle_get_last_moment (limit_us));
}

/* How long the connection had been idle when its peer closed it. The FIN was the last that TCP
 * received; of a UNIX socket nobody knows, but it was not later than now. */
static gint64
tlc_idle_get_closed_after (const TlcConnection *connection, gint64 idle_us)
{
  struct tcp_info info;
  socklen_t length = sizeof info;

  if (tlc_endpoint_get_address (connection->endpoint)->kind == TLC_ADDRESS_UNIX
      || getsockopt (connection->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
    return idle_us;
  return MAX (idle_us - (gint64) info.tcpi_last_ack_recv * 1000, 0);
}

TlcIdleVerdict
tlc_idle_look (TlcConnection *connection, gint64 idle_us)
{
  gint64 limit_us;
  char byte;
  gssize n = recv (connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

  if (n > 0)
    return TLC_IDLE_SPOKE;
  if (n == 0)
    {
      tlc_endpoint_note_closed_idle (connection->endpoint,
                                     tlc_idle_get_closed_after (connection, idle_us));
      return TLC_IDLE_CLOSED;
    }
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
    return TLC_IDLE_CLOSED;
  tlc_endpoint_note_open_idle (connection->endpoint, idle_us);
  limit_us = tlc_endpoint_get_idle_limit (connection->endpoint);
  if (limit_us != 0 && idle_us >= tlc_idle_get_last_moment (limit_us))
    return TLC_IDLE_OLD;
  return TLC_IDLE_GOOD;
}
