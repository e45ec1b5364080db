/* SPDX-License-Identifier: Apache-2.0 */

/* Sockets in pairs: requests are passed on when they are whole and have been looked at, replies as they
 * come. One thread, in a process of its own, which ends with its parent. */
#include "support/tlc-witness.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PAIRS 256
#define MAX_REQUEST 256

/* From the length of the frame to the first argument. */
static const guint8 add_begins[] = { 0x80, 1, 0, 1, 0, 0, 0, 3, 'a', 'd', 'd' };
static const guint8 argument_begins[] = { 8, 0, 1 };
#define ARGUMENT_AT (4 + sizeof add_begins + 4)

struct _TlcWitness {
  TlcTestimony *testimony; /* shared */
  pid_t pid, own;
  char *endpoint;
  int listener;
  struct sockaddr_in server;
};

typedef struct {
  int client, server; /* -1: none */
  pid_t speaker;      /* 0: nothing was said */
  gsize length;
  guint8 request[MAX_REQUEST]; /* as far as it came */
} Pair;

static guint32
read_u32 (const guint8 *bytes)
{
  return (guint32) bytes[0] << 24 | (guint32) bytes[1] << 16 | (guint32) bytes[2] << 8 | bytes[3];
}

/* Who sent it; 0: it is no such request. */
static pid_t
find_speaker (const guint8 *request, gsize length)
{
  const guint8 *argument = request + ARGUMENT_AT;

  if (length < ARGUMENT_AT + sizeof argument_begins + 4
      || memcmp (request + 4, add_begins, sizeof add_begins) != 0
      || memcmp (argument, argument_begins, sizeof argument_begins) != 0)
    return 0;
  return (pid_t) read_u32 (argument + sizeof argument_begins);
}

static void
note_request (TlcWitness *witness, Pair *pair, gsize length)
{
  TlcTestimony *testimony = witness->testimony;
  pid_t speaker = find_speaker (pair->request, length);

  atomic_fetch_add (&testimony->n_requests, 1);
  if (pair->speaker == 0 && speaker != 0)
    {
      pair->speaker = speaker;
      atomic_fetch_add (speaker == witness->own ? &testimony->n_own : &testimony->n_of_others, 1);
    }
  if (speaker == 0 || pair->speaker != speaker)
    atomic_fetch_add (&testimony->n_out_of_place, 1);
}

static gboolean
pass (int fd, const guint8 *bytes, gsize length)
{
  while (length > 0)
    {
      gssize n = send (fd, bytes, length, MSG_NOSIGNAL);

      if (n < 0)
        return FALSE;
      bytes += n;
      length -= (gsize) n;
    }
  return TRUE;
}

static void
close_pair (TlcWitness *witness, Pair *pair)
{
  if (pair->length > 0)
    atomic_fetch_add (&witness->testimony->n_out_of_place, 1); /* it ended halfway */
  close (pair->client);
  close (pair->server);
  pair->client = pair->server = -1;
  atomic_fetch_sub (&witness->testimony->n_open, 1);
}

/* FALSE: it is over. */
static gboolean
pass_requests (TlcWitness *witness, Pair *pair)
{
  gssize n = recv (pair->client, pair->request + pair->length, MAX_REQUEST - pair->length, 0);

  if (n <= 0)
    return FALSE;
  pair->length += (gsize) n;
  while (pair->length >= 4)
    {
      gsize length = 4 + (gsize) read_u32 (pair->request);

      if (length > MAX_REQUEST)
        return FALSE;
      if (pair->length < length)
        return TRUE;
      note_request (witness, pair, length);
      if (!pass (pair->server, pair->request, length))
        return FALSE;
      pair->length -= length;
      memmove (pair->request, pair->request + length, pair->length);
    }
  return TRUE;
}

static gboolean
pass_replies (Pair *pair)
{
  guint8 bytes[4096];
  gssize n = recv (pair->server, bytes, sizeof bytes, 0);

  return n > 0 && pass (pair->client, bytes, (gsize) n);
}

static void
accept_pair (TlcWitness *witness, Pair *pairs)
{
  Pair *pair = pairs;

  while (pair < pairs + MAX_PAIRS && pair->client >= 0)
    pair++;
  g_assert (pair < pairs + MAX_PAIRS);
  *pair = (Pair){ .client = accept4 (witness->listener, NULL, NULL, SOCK_CLOEXEC),
                  .server = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
  g_assert (pair->client >= 0);
  g_assert (connect (pair->server, (struct sockaddr *) &witness->server, sizeof witness->server) == 0);
  atomic_fetch_add (&witness->testimony->n_open, 1);
}

static G_NORETURN void
tlc_witness_main (TlcWitness *witness)
{
  static Pair pairs[MAX_PAIRS];
  struct pollfd fds[2 * MAX_PAIRS + 1];

  for (guint i = 0; i < MAX_PAIRS; i++)
    pairs[i].client = pairs[i].server = -1;
  for (;;)
    {
      for (guint i = 0; i < MAX_PAIRS; i++)
        {
          fds[2 * i] = (struct pollfd){ pairs[i].client, POLLIN, 0 };
          fds[2 * i + 1] = (struct pollfd){ pairs[i].server, POLLIN, 0 };
        }
      fds[2 * MAX_PAIRS] = (struct pollfd){ witness->listener, POLLIN, 0 };
      poll (fds, G_N_ELEMENTS (fds), -1);
      for (guint i = 0; i < MAX_PAIRS; i++)
        if ((fds[2 * i].revents != 0 && !pass_requests (witness, &pairs[i]))
            || (fds[2 * i + 1].revents != 0 && !pass_replies (&pairs[i])))
          close_pair (witness, &pairs[i]);
      if (fds[2 * MAX_PAIRS].revents != 0)
        accept_pair (witness, pairs);
    }
}

static void
tlc_witness_listen (TlcWitness *witness, const char *server)
{
  struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof own;

  witness->server = own;
  witness->server.sin_port
      = htons ((guint16) g_ascii_strtoull (strrchr (server, ':') + 1, NULL, 10));
  witness->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert (bind (witness->listener, (struct sockaddr *) &own, sizeof own) == 0);
  g_assert (listen (witness->listener, MAX_PAIRS) == 0);
  g_assert (getsockname (witness->listener, (struct sockaddr *) &own, &length) == 0);
  witness->endpoint = g_strdup_printf ("tcp://127.0.0.1:%u", ntohs (own.sin_port));
}

TlcWitness *
tlc_witness_start (const char *server)
{
  TlcWitness *witness = g_new0 (TlcWitness, 1);

  tlc_witness_listen (witness, server);
  witness->own = getpid ();
  witness->testimony = mmap (NULL, sizeof *witness->testimony, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert (witness->testimony != MAP_FAILED);
  witness->pid = fork ();
  g_assert (witness->pid >= 0);
  if (witness->pid == 0)
    {
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      if (getppid () != witness->own)
        _exit (0);
      tlc_witness_main (witness);
    }
  close (witness->listener);
  return witness;
}

const char *
tlc_witness_get_endpoint (TlcWitness *witness)
{
  return witness->endpoint;
}

const TlcTestimony *
tlc_witness_hear (TlcWitness *witness)
{
  return witness->testimony;
}

void
tlc_witness_stop (TlcWitness *witness)
{
  kill (witness->pid, SIGKILL);
  waitpid (witness->pid, NULL, 0);
  munmap (witness->testimony, sizeof *witness->testimony);
  g_free (witness->endpoint);
  g_free (witness);
}
