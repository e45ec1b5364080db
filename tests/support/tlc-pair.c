/* SPDX-License-Identifier: Apache-2.0 */

/* Two servers, and one that keeps who connects waiting. */
#include "support/tlc-pair.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A connect that waits asks again within a few milliseconds. */
#define FULL_LISTENER_PATIENCE_MS 2000

void
tlc_pair_init (TlcPair *pair)
{
  pair->a = tlc_echo_server ((const char *const[]){ "--name", "A", NULL });
  pair->b = tlc_echo_server ((const char *const[]){ "--name", "B", NULL });
  pair->at_a = tlc_server_get_endpoint (pair->a);
  pair->at_b = tlc_server_get_endpoint (pair->b);
  pair->service = tlc_echo_service (pair->at_a, NULL);
}

void
tlc_pair_clear (TlcPair *pair)
{
  tlc_thread_detach ();
  tlc_service_unref (pair->service);
  tlc_server_stop (pair->a);
  tlc_server_stop (pair->b);
}

gboolean
tlc_pair_settles (TlcPair *pair, guint64 open, guint64 busy)
{
  TlcStats stats;

  for (guint i = 0; i < 10000; i++)
    {
      tlc_service_get_stats (pair->service, &stats);
      if (stats.connections_open == open && stats.connections_busy == busy)
        return TRUE;
      g_usleep (1000);
    }
  return FALSE;
}

static void *
tlc_take_main (void *data)
{
  TlcTake *take = data;
  gint32 value = 0;

  take->thread_id = gettid ();
  take->ok = echo_if_take (tlc_echo_client (take->service), &value, take->milliseconds, 4711, NULL)
             && value == 4711;
  return NULL;
}

static guint64
tlc_take_count_sent (TlcService *service)
{
  TlcStats stats;

  tlc_service_get_stats (service, &stats);
  return stats.bytes_sent;
}

void
tlc_take_start (TlcTake *take, TlcService *service, gint32 milliseconds)
{
  guint64 sent = tlc_take_count_sent (service);

  take->service = service;
  take->milliseconds = milliseconds;
  ck_assert_int_eq (pthread_create (&take->thread, NULL, tlc_take_main, take), 0);
  for (guint i = 0; i < 10000 && tlc_take_count_sent (service) == sent; i++)
    g_usleep (1000);
  ck_assert_uint_gt (tlc_take_count_sent (service), sent);
}

void
tlc_take_join (TlcTake *take)
{
  pthread_join (take->thread, NULL);
  ck_assert (take->ok);
}

/* A UNIX socket with room for one in its queue, which one of ours takes: connect() says EAGAIN to the
 * next, and TLC tries again and again. */
void
tlc_full_listener_init (TlcFullListener *listener)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  socklen_t length = sizeof address.sun_family;

  /* Bound to no name in particular: the kernel chooses an abstract one. */
  listener->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (listener->fd, (struct sockaddr *) &address, length), 0);
  ck_assert_int_eq (listen (listener->fd, 0), 0);
  length = sizeof address;
  ck_assert_int_eq (getsockname (listener->fd, (struct sockaddr *) &address, &length), 0);
  listener->endpoint
      = g_strdup_printf ("unix:@%.*s", (int) (length - offsetof (struct sockaddr_un, sun_path) - 1),
                         address.sun_path + 1);
  listener->filler = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (connect (listener->filler, (struct sockaddr *) &address, length), 0);
}

void
tlc_full_listener_clear (TlcFullListener *listener)
{
  close (listener->fd);
  close (listener->filler);
  g_clear_pointer (&listener->endpoint, g_free);
}

int
tlc_full_listener_accept (TlcFullListener *listener)
{
  struct pollfd pollfd = { .fd = listener->fd, .events = POLLIN };

  close (accept4 (listener->fd, NULL, NULL, SOCK_CLOEXEC)); /* the filler */
  if (poll (&pollfd, 1, FULL_LISTENER_PATIENCE_MS) == 0)
    return -1;
  return accept4 (listener->fd, NULL, NULL, SOCK_CLOEXEC);
}
