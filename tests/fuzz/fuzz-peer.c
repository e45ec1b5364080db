/* SPDX-License-Identifier: Apache-2.0 */

/* The system calls of a connection, without one. There is at most one connection at a time, since
 * there is one thread: a second one while the first is open would be a leak.
 *
 * Its number is that of /dev/null, opened once: nobody else gets that number, and what is not
 * redefined here (fcntl) still finds a file behind it. */
#include "fuzz/fuzz-peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/tlc-check.h"

#ifdef TLC_TEST_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define __asan_poison_memory_region(data, length)
#define __asan_unpoison_memory_region(data, length)
#endif

static struct {
  int fd; /* 0: not opened yet */
  gboolean is_open;
  FuzzAnswer answer;
  gpointer data;
  GByteArray *request; /* what was sent since the last receive */
  gboolean is_answered;
  GByteArray *stream; /* what the peer says */
  gsize at;           /* and how much of it was received */
  guint8 chunks;
  guint32 random;
  gboolean is_begun; /* a piece of the stream was received */
} fuzz_peer;

void
fuzz_peer_set_answer (FuzzAnswer answer, gpointer data)
{
  fuzz_peer.answer = answer;
  fuzz_peer.data = data;
}

void
fuzz_peer_set_chunks (guint8 chunks)
{
  fuzz_peer.chunks = chunks;
  fuzz_peer.random = chunks;
}

void
fuzz_peer_lose_rest (void)
{
  if (fuzz_peer.stream != NULL)
    g_byte_array_set_size (fuzz_peer.stream, 0);
  fuzz_peer.at = 0;
}

/* Pseudo-random and always the same for the same chunks. */
static guint32
fuzz_peer_draw (void)
{
  fuzz_peer.random = fuzz_peer.random * 1103515245u + 12345u;
  return fuzz_peer.random >> 16;
}

/* How many of @left bytes move now; 0: the call is interrupted. */
static gsize
fuzz_peer_get_chunk (gsize left, gboolean is_first)
{
  gsize n;

  if (fuzz_peer.chunks == 0 || (fuzz_peer.chunks < 128 && !is_first))
    return left;
  if (fuzz_peer.chunks < 128)
    return MIN (left, fuzz_peer.chunks);
  if (fuzz_peer.chunks % 2 == 1 && fuzz_peer_draw () % 4 == 0)
    return 0;
  n = 1 + fuzz_peer_draw () % (fuzz_peer.chunks - 127u); /* MIN() would draw twice */
  return MIN (left, n);
}

/* Gives @n bytes. The rest of the room that the library has for more is there, but not to be looked
 * at: most buffers are larger than what is in them. */
static void
fuzz_peer_give (guint8 *data, gsize room, gsize n)
{
  __asan_unpoison_memory_region (data, room);
  memcpy (data, fuzz_peer.stream->data + fuzz_peer.at, n);
  __asan_poison_memory_region (data + n, room - n);
  fuzz_peer.at += n;
  fuzz_peer.is_begun = TRUE;
}

static ssize_t
fuzz_peer_fail (int error)
{
  errno = error;
  return -1;
}

int
socket (int domain, int type, int protocol)
{
  if (fuzz_peer.fd == 0)
    {
      fuzz_peer.fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
      g_assert (fuzz_peer.fd > 0);
      fuzz_peer.request = g_byte_array_new ();
      fuzz_peer.stream = g_byte_array_new ();
    }
  g_assert (!fuzz_peer.is_open);
  fuzz_peer.is_open = TRUE;
  fuzz_peer.is_answered = FALSE;
  g_byte_array_set_size (fuzz_peer.request, 0);
  fuzz_peer_lose_rest ();
  return fuzz_peer.fd;
}

int
connect (int fd, const struct sockaddr *address, socklen_t length)
{
  return 0;
}

int
setsockopt (int fd, int level, int option, const void *value, socklen_t length)
{
  return 0;
}

int
close (int fd)
{
  if (fd != fuzz_peer.fd || fd == 0)
    return (int) syscall (SYS_close, fd);
  g_assert (fuzz_peer.is_open);
  fuzz_peer.is_open = FALSE;
  return 0;
}

ssize_t
send (int fd, const void *data, size_t length, int flags)
{
  gsize n;

  g_assert (fd == fuzz_peer.fd && fuzz_peer.is_open);
  if (fuzz_peer.is_answered)
    g_byte_array_set_size (fuzz_peer.request, 0);
  fuzz_peer.is_answered = FALSE;
  n = fuzz_peer_get_chunk (length, fuzz_peer.request->len == 0);
  if (n == 0)
    return fuzz_peer_fail (EAGAIN);
  g_byte_array_append (fuzz_peer.request, data, (guint) n);
  return (ssize_t) n;
}

ssize_t
recv (int fd, void *data, size_t length, int flags)
{
  gsize left, n;

  g_assert (fd == fuzz_peer.fd && fuzz_peer.is_open);
  if (!fuzz_peer.is_answered && fuzz_peer.request->len > 0)
    {
      g_byte_array_remove_range (fuzz_peer.stream, 0, (guint) fuzz_peer.at);
      fuzz_peer.at = 0;
      fuzz_peer.answer (fuzz_peer.stream, fuzz_peer.request, fuzz_peer.data);
      fuzz_peer.is_answered = TRUE;
      fuzz_peer.is_begun = FALSE;
    }
  left = MIN (fuzz_peer.stream->len - fuzz_peer.at, length);
  if ((flags & MSG_PEEK) != 0)
    return left > 0 ? 1 : fuzz_peer_fail (EAGAIN);
  if (left == 0)
    return 0;
  n = fuzz_peer_get_chunk (left, !fuzz_peer.is_begun);
  if (n == 0)
    return fuzz_peer_fail (fuzz_peer_draw () % 2 == 0 ? EINTR : EAGAIN);
  fuzz_peer_give (data, length, n);
  return (ssize_t) n;
}

/* There is always something to send or to receive. Under another name: the header says of ppoll()
 * that it does not read what it is given. */
int fuzz_peer_ppoll (struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                     const sigset_t *mask) __asm__ ("ppoll");

int
fuzz_peer_ppoll (struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
  struct timespec left = timeout != NULL ? *timeout : (struct timespec){ 0 };

  if (n != 1 || fds->fd != fuzz_peer.fd || fds->fd == 0)
    return (int) syscall (SYS_ppoll, fds, n, timeout != NULL ? &left : NULL, mask, _NSIG / 8);
  fds->revents = fds->events;
  return 1;
}
