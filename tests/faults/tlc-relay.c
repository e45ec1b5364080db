/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets in pairs, in one thread: what comes from the one goes to the other. */

#include "faults/tlc-relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define MAX_PAIRS 16

struct _TlcRelay {
  int stop[2]; /* a pipe; closed at one end, it is the end */
  struct sockaddr_in server;
  pthread_t thread;
  atomic_uint n_connections;
  int listener;
  int pairs[2 * MAX_PAIRS]; /* the thread's: client, server, client, ...; -1: none */
};

static void
tlc_relay_accept (TlcRelay *relay)
{
  int client = accept4 (relay->listener, NULL, NULL, SOCK_CLOEXEC);
  int server = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  guint i;

  for (i = 0; i < 2 * MAX_PAIRS && relay->pairs[i] >= 0; i += 2)
    ;
  g_assert (client >= 0 && i < 2 * MAX_PAIRS);
  g_assert (connect (server, (struct sockaddr *) &relay->server, sizeof relay->server) == 0);
  relay->pairs[i] = client;
  relay->pairs[i + 1] = server;
  atomic_fetch_add (&relay->n_connections, 1);
}

static void
tlc_relay_close_pair (TlcRelay *relay, guint i)
{
  for (guint side = i & ~1u; side <= (i | 1u); side++)
    {
      close (relay->pairs[side]);
      relay->pairs[side] = -1;
    }
}

static void
tlc_relay_pass_on (TlcRelay *relay, guint i)
{
  char bytes[65536];
  gssize n = recv (relay->pairs[i], bytes, sizeof bytes, 0), sent = 0;

  while (sent < n)
    {
      gssize m = send (relay->pairs[i ^ 1], bytes + sent, (gsize) (n - sent), MSG_NOSIGNAL);

      if (m < 0)
        n = -1;
      else
        sent += m;
    }
  if (n <= 0)
    tlc_relay_close_pair (relay, i);
}

static void *
tlc_relay_run (void *data)
{
  TlcRelay *relay = data;
  struct pollfd fds[2 * MAX_PAIRS + 2];

  for (;;)
    {
      for (guint i = 0; i < 2 * MAX_PAIRS; i++)
        fds[i] = (struct pollfd){ relay->pairs[i], POLLIN, 0 };
      fds[2 * MAX_PAIRS] = (struct pollfd){ relay->listener, POLLIN, 0 };
      fds[2 * MAX_PAIRS + 1] = (struct pollfd){ relay->stop[0], POLLIN, 0 };
      poll (fds, 2 * MAX_PAIRS + 2, -1);
      if (fds[2 * MAX_PAIRS + 1].revents != 0)
        return NULL;
      for (guint i = 0; i < 2 * MAX_PAIRS; i++)
        if (fds[i].revents != 0 && relay->pairs[i] >= 0)
          tlc_relay_pass_on (relay, i);
      if (fds[2 * MAX_PAIRS].revents != 0)
        tlc_relay_accept (relay);
    }
}

TlcRelay *
tlc_relay_new (const struct sockaddr *address, socklen_t length, const char *server)
{
  TlcRelay *relay;
  int fd = socket (address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0 || bind (fd, address, length) != 0 || listen (fd, MAX_PAIRS) != 0)
    {
      int error = errno;

      close (fd);
      errno = error;
      return NULL;
    }
  relay = g_new0 (TlcRelay, 1);
  relay->listener = fd;
  relay->server.sin_family = AF_INET;
  relay->server.sin_port
      = htons ((guint16) g_ascii_strtoull (strrchr (server, ':') + 1, NULL, 10));
  relay->server.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  memset (relay->pairs, -1, sizeof relay->pairs);
  g_assert (pipe2 (relay->stop, 0) == 0);
  g_assert (pthread_create (&relay->thread, NULL, tlc_relay_run, relay) == 0);
  return relay;
}

void
tlc_relay_free (TlcRelay *relay)
{
  if (relay == NULL)
    return;
  close (relay->stop[1]);
  pthread_join (relay->thread, NULL);
  close (relay->stop[0]);
  close (relay->listener);
  for (guint i = 0; i < 2 * MAX_PAIRS; i += 2)
    if (relay->pairs[i] >= 0)
      tlc_relay_close_pair (relay, i);
  g_free (relay);
}

guint
tlc_relay_get_port (TlcRelay *relay)
{
  struct sockaddr_storage own = { 0 };
  socklen_t length = sizeof own;

  g_assert (getsockname (relay->listener, (struct sockaddr *) &own, &length) == 0);
  if (own.ss_family == AF_INET6)
    return ntohs (((struct sockaddr_in6 *) &own)->sin6_port);
  return own.ss_family == AF_INET ? ntohs (((struct sockaddr_in *) &own)->sin_port) : 0;
}

guint
tlc_relay_count_connections (TlcRelay *relay)
{
  return atomic_load (&relay->n_connections);
}
