/* SPDX-License-Identifier: Apache-2.0 */

/* Our sockets, from the one system call to the other, so that the child of a fork() can close its copies of
 * all of them: also of those that no seat has yet, or any more, whose threads are its parent's. While such
 * a copy is open the parent's close says nothing to the peer.
 *
 * A number must not be noted here when it is another file's, nor be open and not noted, when a fork()
 * comes between: hence the lock, which fork() takes. Under it nothing waits. */
#include "connect/tlc-socket.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/tlc-cancel.h"

#define TLC_SOCKET_WORD_BITS 64

static pthread_mutex_t tlc_socket_lock = PTHREAD_MUTEX_INITIALIZER;
/* Under the lock: a bit for each number. */
static guint64 tlc_socket_first_words[16];
static guint64 *tlc_socket_words = tlc_socket_first_words;
static gsize tlc_socket_n_words = G_N_ELEMENTS (tlc_socket_first_words);

static gboolean
tlc_socket_make_room_unlocked (gsize n_words)
{
  gsize n = MAX (n_words, 2 * tlc_socket_n_words);
  guint64 *words;

  if (n_words <= tlc_socket_n_words)
    return TRUE;
  words = g_try_new0 (guint64, n);
  if (words == NULL)
    return FALSE;
  memcpy (words, tlc_socket_words, tlc_socket_n_words * sizeof *words);
  if (tlc_socket_words != tlc_socket_first_words)
    g_free (tlc_socket_words);
  tlc_socket_words = words;
  tlc_socket_n_words = n;
  return TRUE;
}

static int
tlc_socket_open_unlocked (int family)
{
  int fd = socket (family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  gsize word = (gsize) fd / TLC_SOCKET_WORD_BITS;

  if (fd < 0)
    return -1;
  if (!tlc_socket_make_room_unlocked (word + 1))
    {
      close (fd);
      errno = ENOMEM;
      return -1;
    }
  tlc_socket_words[word] |= G_GUINT64_CONSTANT (1) << (fd % TLC_SOCKET_WORD_BITS);
  return fd;
}

static void
tlc_socket_close_unlocked (int fd)
{
  gsize word = (gsize) fd / TLC_SOCKET_WORD_BITS;

  if (word < tlc_socket_n_words)
    tlc_socket_words[word] &= ~(G_GUINT64_CONSTANT (1) << (fd % TLC_SOCKET_WORD_BITS));
  /* Once only, whatever it returns: after EINTR the number may be another file's already. */
  close (fd);
}

int
tlc_socket_open (int family)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  int fd;

  pthread_mutex_lock (&tlc_socket_lock);
  fd = tlc_socket_open_unlocked (family);
  pthread_mutex_unlock (&tlc_socket_lock);
  return fd;
}

void
tlc_socket_close (int fd)
{
  /* close() is where a cancelled thread would end, with the lock, and the socket open. */
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  pthread_mutex_lock (&tlc_socket_lock);
  tlc_socket_close_unlocked (fd);
  pthread_mutex_unlock (&tlc_socket_lock);
}

void
tlc_socket_before_fork (void)
{
  pthread_mutex_lock (&tlc_socket_lock);
}

void
tlc_socket_after_fork_parent (void)
{
  pthread_mutex_unlock (&tlc_socket_lock);
}

void
tlc_socket_after_fork_child (void)
{
  for (gsize word = 0; word < tlc_socket_n_words; word++)
    while (tlc_socket_words[word] != 0)
      tlc_socket_close_unlocked (
          (int) (word * TLC_SOCKET_WORD_BITS) + __builtin_ctzll (tlc_socket_words[word]));
  pthread_mutex_unlock (&tlc_socket_lock);
}
