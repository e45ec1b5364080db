/* SPDX-License-Identifier: Apache-2.0 */

/* The cutting proxy: one poll loop over the listener, an eventfd that ends it, and two sockets for
 * each connection. Messages are small, so what is passed on is sent at once. */
#include "support/tlc-cutter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CUTTER_PAIRS_MAX 64

typedef struct {
  int near, far;   /* the library's side, the server's */
  guint left;      /* bytes until the cut */
  gboolean is_late; /* the cut waits for the end of a reply: the connection is idle then */
  gboolean is_cut; /* the near side has been told by a FIN: what comes now is thrown away */
} CutterPair;

struct _TlcCutter {
  char *endpoint;
  struct sockaddr_in target;
  int listener, end_fd;
  guint max_bytes;
  GRand *random; /* the thread's, as all that follows but the count */
  CutterPair pairs[CUTTER_PAIRS_MAX];
  guint n_pairs;
  atomic_uint n_cuts;
  pthread_t thread;
};

static int
cutter_connect (const struct sockaddr_in *target)
{
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

  g_assert (fd >= 0);
  if (connect (fd, (const struct sockaddr *) target, sizeof *target) != 0)
    g_error ("tlc-cutter: the server is gone");
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static void
cutter_accept (TlcCutter *cutter)
{
  int one = 1, near = accept4 (cutter->listener, NULL, NULL, SOCK_CLOEXEC);

  g_assert (near >= 0);
  setsockopt (near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  cutter->pairs[cutter->n_pairs++] = (CutterPair){
    .near = near,
    .far = cutter_connect (&cutter->target),
    .left = (guint) g_rand_int_range (cutter->random, 0, (gint32) cutter->max_bytes),
    .is_late = g_rand_boolean (cutter->random),
  };
}

static void
cutter_drop (TlcCutter *cutter, guint i)
{
  close (cutter->pairs[i].near);
  close (cutter->pairs[i].far);
  cutter->pairs[i] = cutter->pairs[--cutter->n_pairs];
}

/* TRUE: the pair is gone. */
static gboolean
cutter_cut (TlcCutter *cutter, guint i)
{
  CutterPair *pair = &cutter->pairs[i];
  struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

  atomic_fetch_add (&cutter->n_cuts, 1);
  switch (g_rand_int_range (cutter->random, 0, 3))
    {
    case 0:
      setsockopt (pair->near, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      break;
    case 1:
      pair->is_cut = TRUE;
      shutdown (pair->near, SHUT_WR);
      shutdown (pair->far, SHUT_RDWR);
      return FALSE;
    default:
      break;
    }
  cutter_drop (cutter, i);
  return TRUE;
}

/* TRUE: the pair is gone. */
static gboolean
cutter_pass (TlcCutter *cutter, guint i, int from, int to)
{
  CutterPair *pair = &cutter->pairs[i];
  char bytes[4096];
  gssize n = recv (from, bytes, sizeof bytes, MSG_DONTWAIT);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return FALSE;
  if (n <= 0)
    {
      cutter_drop (cutter, i);
      return TRUE;
    }
  if (pair->is_cut)
    return FALSE;
  if (!pair->is_late)
    n = MIN (n, (gssize) pair->left);
  if (n > 0 && send (to, bytes, (gsize) n, MSG_NOSIGNAL) != n)
    {
      cutter_drop (cutter, i);
      return TRUE;
    }
  pair->left -= MIN ((guint) n, pair->left);
  return pair->left == 0 && (!pair->is_late || from == pair->far) && cutter_cut (cutter, i);
}

static void
cutter_serve_pairs (TlcCutter *cutter, const struct pollfd *polled)
{
  /* From the last, since one that is dropped is replaced by the last. */
  for (guint i = cutter->n_pairs; i-- > 0;)
    {
      CutterPair *pair = &cutter->pairs[i];
      int near = pair->near, far = pair->far;

      if (polled[2 * i].revents != 0 && cutter_pass (cutter, i, near, far))
        continue;
      if (polled[2 * i + 1].revents != 0 && !pair->is_cut)
        cutter_pass (cutter, i, far, near);
    }
}

static void *
cutter_run (void *data)
{
  TlcCutter *cutter = data;

  for (;;)
    {
      struct pollfd polled[2 + 2 * CUTTER_PAIRS_MAX];
      guint n_pairs = cutter->n_pairs;

      polled[0] = (struct pollfd){ .fd = cutter->end_fd, .events = POLLIN };
      polled[1] = (struct pollfd){ .fd = n_pairs < CUTTER_PAIRS_MAX ? cutter->listener : -1,
                                   .events = POLLIN };
      for (guint i = 0; i < n_pairs; i++)
        {
          CutterPair *pair = &cutter->pairs[i];

          polled[2 + 2 * i] = (struct pollfd){ .fd = pair->near, .events = POLLIN };
          polled[3 + 2 * i]
              = (struct pollfd){ .fd = pair->is_cut ? -1 : pair->far, .events = POLLIN };
        }
      if (poll (polled, 2 + 2 * n_pairs, -1) < 0)
        continue;
      if (polled[0].revents != 0)
        return NULL;
      cutter_serve_pairs (cutter, polled + 2);
      if (polled[1].revents != 0)
        cutter_accept (cutter);
    }
}

static void
cutter_listen (TlcCutter *cutter)
{
  struct sockaddr_in address = { .sin_family = AF_INET };
  socklen_t length = sizeof address;

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  cutter->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert (cutter->listener >= 0);
  g_assert (bind (cutter->listener, (struct sockaddr *) &address, sizeof address) == 0);
  g_assert (listen (cutter->listener, 256) == 0);
  g_assert (getsockname (cutter->listener, (struct sockaddr *) &address, &length) == 0);
  cutter->endpoint = g_strdup_printf ("tcp://127.0.0.1:%u", ntohs (address.sin_port));
}

TlcCutter *
tlc_cutter_new (const char *endpoint, guint max_bytes, guint32 seed)
{
  TlcCutter *cutter = g_new0 (TlcCutter, 1);

  cutter->target.sin_family = AF_INET;
  cutter->target.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  cutter->target.sin_port = htons ((guint16) atoi (strrchr (endpoint, ':') + 1));
  cutter->max_bytes = max_bytes;
  cutter->random = g_rand_new_with_seed (seed);
  cutter->end_fd = eventfd (0, EFD_CLOEXEC);
  cutter_listen (cutter);
  g_assert (pthread_create (&cutter->thread, NULL, cutter_run, cutter) == 0);
  return cutter;
}

void
tlc_cutter_free (TlcCutter *cutter)
{
  if (cutter == NULL)
    return;
  eventfd_write (cutter->end_fd, 1);
  pthread_join (cutter->thread, NULL);
  while (cutter->n_pairs > 0)
    cutter_drop (cutter, 0);
  close (cutter->listener);
  close (cutter->end_fd);
  g_rand_free (cutter->random);
  g_free (cutter->endpoint);
  g_free (cutter);
}

const char *
tlc_cutter_get_endpoint (const TlcCutter *cutter)
{
  return cutter->endpoint;
}

guint
tlc_cutter_count_cuts (TlcCutter *cutter)
{
  return atomic_load (&cutter->n_cuts);
}
