/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Our own sockets, by where they lead. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <glib.h>

/* How many of the files below @fds_max are sockets that lead to @endpoint, "tcp://127.0.0.1:PORT": looked for
 * within a few microseconds, so that one which is closed too late is still there. */
static inline guint
tlc_sockets_count (const char *endpoint, int fds_max)
{
  guint port = (guint) g_ascii_strtoull (strrchr (endpoint, ':') + 1, NULL, 10);
  guint n = 0;

  for (int fd = 0; fd < fds_max; fd++)
    {
      struct sockaddr_in peer = { 0 };
      socklen_t length = sizeof peer;

      if (getpeername (fd, (struct sockaddr *) &peer, &length) == 0 && peer.sin_family == AF_INET)
        n += ntohs (peer.sin_port) == port;
    }
  return n;
}
