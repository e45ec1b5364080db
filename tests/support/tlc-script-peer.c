/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the steps of one connection. A step either is done, or says what it waits for (bytes,
 * room, a due time, an event) and is tried again when the server's poll() returned. Owned by the
 * server's thread alone. */

#include "support/tlc-script-peer.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/tlc-script-log.h"

struct _TlcPeer
{
  TlcScript *script;
  TlcScriptLog *log;
  guint index;
  int fd; /* -1 once closed on this side */
  GArray *steps;
  guint next;   /* the step under way */
  gsize served; /* SERVE: requests read by this step */
  gsize sent;   /* of the wire under way */
  TlcWire *answer;
  GByteArray *input;
  const TlcWireRequest *last;
  gint32 previous; /* the number of the request before @last */
  gboolean gone;   /* the other side has closed, or broken */
  short wants;
  gint64 due_us;
};

TlcPeer *
tlc_peer_new (TlcScript *script, guint index, int fd, GArray *steps)
{
  TlcPeer *peer = g_new0 (TlcPeer, 1);

  peer->script = script;
  peer->log = tlc_script_get_log (script);
  peer->index = index;
  peer->fd = fd;
  peer->steps = steps;
  peer->input = g_byte_array_new ();
  peer->due_us = G_MAXINT64;
  return peer;
}

static void
tlc_peer_close (TlcPeer *peer)
{
  if (peer->fd < 0)
    return;
  close (peer->fd);
  peer->fd = -1;
  tlc_script_log_set_closed (peer->log, peer->index, FALSE);
}

void
tlc_peer_free (TlcPeer *peer)
{
  tlc_peer_close (peer);
  tlc_wire_free (peer->answer);
  g_byte_array_unref (peer->input);
  g_free (peer);
}

static void
tlc_peer_mark_gone (TlcPeer *peer)
{
  if (!peer->gone)
    tlc_script_log_set_closed (peer->log, peer->index, TRUE);
  peer->gone = TRUE;
}

/* TRUE when something was read. The other side's close ends this side, too. */
static gboolean
tlc_peer_receive (TlcPeer *peer)
{
  guint8 bytes[65536];
  ssize_t n = recv (peer->fd, bytes, sizeof bytes, MSG_DONTWAIT);

  if (n > 0)
    {
      g_byte_array_append (peer->input, bytes, (guint) n);
      return TRUE;
    }
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    {
      peer->wants = POLLIN;
      return FALSE;
    }
  tlc_peer_mark_gone (peer);
  tlc_peer_close (peer);
  return FALSE;
}

/* How long the whole request at the head of the input is; 0 when there is none. */
static gsize
tlc_peer_measure (const TlcPeer *peer)
{
  gsize size = tlc_wire_measure (peer->input->data, peer->input->len);

  return size <= peer->input->len ? size : 0;
}

static gboolean
tlc_peer_read (TlcPeer *peer)
{
  TlcWireRequest *request;
  gsize size;

  while ((size = tlc_peer_measure (peer)) == 0)
    if (!tlc_peer_receive (peer))
      return FALSE;

  request = tlc_wire_request_new (peer->input->data, size);
  if (request == NULL)
    {
      tlc_script_log_fail (peer->log, "connection %u: this is no request", peer->index);
      tlc_peer_close (peer);
      return FALSE;
    }
  g_byte_array_remove_range (peer->input, 0, (guint) size);
  request->connection = peer->index;
  peer->previous = peer->last != NULL ? peer->last->seqid : 0;
  peer->last = request;
  tlc_script_log_add_request (peer->log, request);
  return TRUE;
}

/* Sends on from where it was, @most bytes; TRUE when all of @wire has gone, or nobody is left to
 * take it. */
static gboolean
tlc_peer_send (TlcPeer *peer, TlcWire *wire, gsize most)
{
  gsize length = tlc_wire_get_length (wire);

  if (peer->sent == 0 && peer->last != NULL)
    tlc_wire_stamp (wire, peer->last->seqid, peer->previous);
  while (peer->sent < length && most > 0)
    {
      ssize_t n = send (peer->fd, tlc_wire_get_data (wire) + peer->sent,
                        MIN (length - peer->sent, most), MSG_DONTWAIT | MSG_NOSIGNAL);

      if (n < 0 && (errno == EAGAIN || errno == EINTR))
        {
          peer->wants = POLLOUT;
          return FALSE;
        }
      if (n < 0)
        break;
      peer->sent += (gsize) n;
      most -= (gsize) n;
    }
  if (peer->sent < length && most == 0)
    return FALSE;
  peer->sent = 0;
  return TRUE;
}

static gboolean
tlc_peer_drip (TlcPeer *peer, const TlcStep *step)
{
  gint64 now_us = g_get_monotonic_time ();

  if (peer->sent > 0 && now_us < peer->due_us)
    return FALSE;
  peer->due_us = now_us + (gint64) step->interval_ms * 1000;
  if (!tlc_peer_send (peer, step->wire, step->n))
    return FALSE;
  peer->due_us = G_MAXINT64;
  return TRUE;
}

static void
tlc_peer_append (TlcPeer *peer, TlcWire *wire)
{
  if (wire == NULL)
    return;
  tlc_wire_stamp (wire, peer->last->seqid, peer->previous);
  tlc_wire_raw (peer->answer, tlc_wire_get_data (wire), tlc_wire_get_length (wire));
}

static gboolean
tlc_peer_answer (TlcPeer *peer, const TlcStep *step)
{
  if (peer->answer == NULL)
    {
      g_autoptr (TlcWire) own = tlc_wire_answer (peer->last);

      peer->answer = tlc_wire_new ();
      tlc_peer_append (peer, step->wire);
      tlc_peer_append (peer, own);
      tlc_peer_append (peer, step->after);
    }
  if (!tlc_peer_send (peer, peer->answer, G_MAXSIZE))
    return FALSE;
  g_clear_pointer (&peer->answer, tlc_wire_free);
  return TRUE;
}

static gboolean
tlc_peer_serve (TlcPeer *peer, const TlcStep *step)
{
  for (;;)
    {
      if (peer->answer != NULL && !tlc_peer_send (peer, peer->answer, G_MAXSIZE))
        return FALSE;
      g_clear_pointer (&peer->answer, tlc_wire_free);
      if (step->n != 0 && peer->served == step->n)
        break;
      if (!tlc_peer_read (peer))
        return FALSE;
      peer->served++;
      peer->answer = tlc_wire_answer (peer->last);
    }
  peer->served = 0;
  return TRUE;
}

static gboolean
tlc_peer_reset (TlcPeer *peer)
{
  const struct linger linger = { 1, 0 };

  setsockopt (peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  tlc_peer_close (peer);
  return TRUE;
}

static gboolean
tlc_peer_stall (TlcPeer *peer)
{
  if (peer->gone)
    tlc_peer_close (peer);
  return peer->gone;
}

/* Never done: ends with the connection. */
static gboolean
tlc_peer_expect_close (TlcPeer *peer)
{
  while (peer->input->len == 0)
    if (!tlc_peer_receive (peer))
      return FALSE;
  tlc_script_log_fail (peer->log, "connection %u: %u bytes came instead of its end", peer->index,
                       peer->input->len);
  tlc_peer_close (peer);
  return FALSE;
}

static gboolean
tlc_peer_call (TlcPeer *peer, const TlcStep *step)
{
  if (step->func (peer->fd, step->user_data))
    return TRUE;
  peer->wants = POLLIN;
  return FALSE;
}

static gboolean
tlc_peer_step (TlcPeer *peer, const TlcStep *step)
{
  switch (step->kind)
    {
    case TLC_STEP_READ:
      return tlc_peer_read (peer);
    case TLC_STEP_SEND:
      return tlc_peer_send (peer, step->wire, G_MAXSIZE);
    case TLC_STEP_DRIP:
      return tlc_peer_drip (peer, step);
    case TLC_STEP_ANSWER:
      return tlc_peer_answer (peer, step);
    case TLC_STEP_SERVE:
      return tlc_peer_serve (peer, step);
    case TLC_STEP_AWAIT:
      return tlc_script_log_has_event (peer->log, (guint) step->n);
    case TLC_STEP_RAISE:
      tlc_script_signal (peer->script, (guint) step->n);
      return TRUE;
    case TLC_STEP_HALF_CLOSE:
      shutdown (peer->fd, SHUT_WR);
      return TRUE;
    case TLC_STEP_CLOSE:
      tlc_peer_close (peer);
      return TRUE;
    case TLC_STEP_RESET:
      return tlc_peer_reset (peer);
    case TLC_STEP_STALL:
      return tlc_peer_stall (peer);
    case TLC_STEP_EXPECT_CLOSE:
      return tlc_peer_expect_close (peer);
    case TLC_STEP_UNLISTEN:
      tlc_script_stop_listening (peer->script);
      return TRUE;
    case TLC_STEP_CALL:
      return tlc_peer_call (peer, step);
    default:
      g_assert_not_reached ();
    }
}

/* Whether @kind means anything once the connection is closed on this side. */
static gboolean
tlc_peer_needs_socket (TlcStepKind kind)
{
  return kind != TLC_STEP_AWAIT && kind != TLC_STEP_RAISE && kind != TLC_STEP_UNLISTEN;
}

/* The end of the connection is the end of each step that needs it. */
static gboolean
tlc_peer_finish (TlcPeer *peer, const TlcStep *step)
{
  if (peer->fd < 0 && tlc_peer_needs_socket (step->kind))
    return TRUE;
  return tlc_peer_step (peer, step) || (peer->fd < 0 && tlc_peer_needs_socket (step->kind));
}

void
tlc_peer_run (TlcPeer *peer)
{
  peer->wants = 0;
  while (peer->next < peer->steps->len
         && tlc_peer_finish (peer, &g_array_index (peer->steps, TlcStep, peer->next)))
    peer->next++;
  if (peer->next == peer->steps->len && peer->fd >= 0)
    tlc_peer_expect_close (peer);
}

void
tlc_peer_watch (const TlcPeer *peer, struct pollfd *ret_pollfd, gint64 *ret_due_us)
{
  gboolean idle = peer->gone && peer->wants == 0; /* poll() would tell of its end without end */

  ret_pollfd->fd = idle ? -1 : peer->fd;
  ret_pollfd->events = (short) (peer->wants | POLLRDHUP);
  ret_pollfd->revents = 0;
  *ret_due_us = peer->due_us;
}

void
tlc_peer_polled (TlcPeer *peer, short revents)
{
  if (revents & (POLLRDHUP | POLLHUP | POLLERR))
    tlc_peer_mark_gone (peer);
}
