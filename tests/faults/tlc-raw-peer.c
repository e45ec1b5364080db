/* SPDX-License-Identifier: Apache-2.0 */

/* The raw peer. Of a request it understands the name and the number, which are all that a right header
 * needs. */
#include "faults/tlc-raw-peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The library closes at once; a machine may be slow. */
#define RAW_PATIENCE_MS 20000

const TlcRawWire tlc_raw_wires[TLC_RAW_WIRES] = {
  { "binary", "framed" },
  { "binary", "buffered" },
  { "compact", "framed" },
  { "compact", "buffered" },
};

struct _TlcRawPeer {
  const TlcRawWire *wire;
  gboolean header, finish;
  GByteArray *bytes;
  char *endpoint;
  int listener;
  pthread_t thread;
  gboolean is_closed; /* by the library; written by the thread */
};

static gboolean
raw_is_framed (const TlcRawPeer *peer)
{
  return strcmp (peer->wire->transport, "framed") == 0;
}

/* The header of the reply to @request: that of the request, with another type. */
static void
raw_append_header (const TlcRawPeer *peer, GByteArray *reply, const guint8 *request)
{
  gboolean is_binary = strcmp (peer->wire->protocol, "binary") == 0;
  const guint8 *at = request + (raw_is_framed (peer) ? 4 : 0);
  gsize length;
  guint start = reply->len;

  if (is_binary)
    length = 4 + 4 + at[7] + 4; /* version, name, number */
  else
    {
      for (length = 2; at[length] > 0x7f; length++)
        ;
      length += 2 + (gsize) at[length + 1];
    }
  g_byte_array_append (reply, at, (guint) length);
  if (is_binary)
    reply->data[start + 3] = 2;
  else
    reply->data[start + 1] = 0x41;
}

static GByteArray *
raw_make_reply (const TlcRawPeer *peer, const guint8 *request)
{
  GByteArray *reply = g_byte_array_new ();
  guint32 length = 0;

  if (!peer->header)
    return g_byte_array_append (reply, peer->bytes->data, peer->bytes->len);
  if (raw_is_framed (peer))
    g_byte_array_append (reply, (guint8 *) &length, 4);
  raw_append_header (peer, reply, request);
  g_byte_array_append (reply, peer->bytes->data, peer->bytes->len);
  if (raw_is_framed (peer))
    {
      length = htonl (reply->len - 4);
      memcpy (reply->data, &length, 4);
    }
  return reply;
}

static void
raw_send (int fd, const GByteArray *reply)
{
  for (guint sent = 0; sent < reply->len;)
    {
      gssize n = send (fd, reply->data + sent, reply->len - sent, MSG_NOSIGNAL);

      if (n <= 0)
        return; /* the library has seen enough */
      sent += (guint) n;
    }
}

static gboolean
raw_wait_closed (int fd)
{
  struct pollfd pollfd = { .fd = fd, .events = POLLIN };
  char byte;

  return poll (&pollfd, 1, RAW_PATIENCE_MS) == 1 && recv (fd, &byte, 1, 0) <= 0;
}

static void *
raw_run (void *data)
{
  TlcRawPeer *peer = data;
  int fd = accept4 (peer->listener, NULL, NULL, SOCK_CLOEXEC);
  guint8 request[4096];
  g_autoptr (GByteArray) reply = NULL;

  g_assert (fd >= 0);
  /* Small enough to come in one piece. */
  g_assert (recv (fd, request, sizeof request, 0) > 8);
  reply = raw_make_reply (peer, request);
  raw_send (fd, reply);
  if (peer->finish)
    shutdown (fd, SHUT_WR);
  peer->is_closed = raw_wait_closed (fd);
  close (fd);
  return NULL;
}

TlcRawPeer *
tlc_raw_peer_new (const TlcRawWire *wire, gboolean header, GByteArray *bytes)
{
  TlcRawPeer *peer = g_new0 (TlcRawPeer, 1);
  struct sockaddr_in address = { .sin_family = AF_INET };
  socklen_t length = sizeof address;

  peer->wire = wire;
  peer->header = header;
  peer->bytes = bytes;
  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  peer->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert (bind (peer->listener, (struct sockaddr *) &address, sizeof address) == 0);
  g_assert (listen (peer->listener, 1) == 0);
  g_assert (getsockname (peer->listener, (struct sockaddr *) &address, &length) == 0);
  peer->endpoint = g_strdup_printf ("tcp://127.0.0.1:%u", ntohs (address.sin_port));
  g_assert (pthread_create (&peer->thread, NULL, raw_run, peer) == 0);
  return peer;
}

const char *
tlc_raw_peer_get_endpoint (const TlcRawPeer *peer)
{
  return peer->endpoint;
}

void
tlc_raw_peer_then_finish (TlcRawPeer *peer)
{
  peer->finish = TRUE;
}

gboolean
tlc_raw_peer_free (TlcRawPeer *peer)
{
  gboolean is_closed;

  pthread_join (peer->thread, NULL);
  is_closed = peer->is_closed;
  close (peer->listener);
  g_byte_array_unref (peer->bytes);
  g_free (peer->endpoint);
  g_free (peer);
  return is_closed;
}
