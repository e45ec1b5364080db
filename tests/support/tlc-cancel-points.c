/* SPDX-License-Identifier: Apache-2.0 */
/* See tlc-cancel-points.h. Here is what the library calls, itself or by GLib, of the functions that
 * pthreads(7) lists. */

#include "support/tlc-cancel-points.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static _Thread_local TlcCancelPoints *tlc_cancel_points;
static _Atomic (void (*) (void *)) tlc_cancel_points_func;
static void *tlc_cancel_points_data;

void
tlc_cancel_points_watch (TlcCancelPoints *points)
{
  tlc_cancel_points = points;
}

void
tlc_cancel_points_after_send (void (*func) (void *data), void *data)
{
  tlc_cancel_points_data = data;
  atomic_store (&tlc_cancel_points_func, func);
}

static void
note_open (TlcCancelPoints *points, const char *name)
{
  size_t length = strlen (points->open);

  if (strstr (points->open, name) == NULL)
    snprintf (points->open + length, sizeof points->open - length, "%s ", name);
}

static void
pass (const char *name)
{
  TlcCancelPoints *points = tlc_cancel_points;
  unsigned n;
  int state;

  if (points == NULL)
    return;
  n = atomic_fetch_add (&points->n, 1) + 1;
  pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &state);
  pthread_setcancelstate (state, NULL);
  /* What is passed when the end has begun is not where it could. */
  if (state == PTHREAD_CANCEL_ENABLE && (points->fatal == 0 || n <= points->fatal))
    note_open (points, name);
  if (n == points->fatal)
    pthread_cancel (pthread_self ());
}

static void *
find (_Atomic (void *) *slot, const char *name)
{
  void *symbol = atomic_load (slot);

  if (symbol == NULL)
    atomic_store (slot, symbol = dlsym (RTLD_NEXT, name));
  if (symbol == NULL)
    abort ();
  return symbol;
}

#define LIBC(function) \
  static _Atomic (void *) libc; \
  __typeof__ (&function) real = (__typeof__ (&function)) find (&libc, #function)

int
connect (int fd, const struct sockaddr *address, socklen_t length)
{
  LIBC (connect);
  pass ("connect");
  return real (fd, address, length);
}

ssize_t
send (int fd, const void *data, size_t length, int flags)
{
  void (*func) (void *);
  ssize_t n;
  LIBC (send);

  pass ("send");
  n = real (fd, data, length, flags);
  func = atomic_exchange (&tlc_cancel_points_func, NULL);
  if (func != NULL)
    func (tlc_cancel_points_data);
  return n;
}

ssize_t
recv (int fd, void *data, size_t length, int flags)
{
  LIBC (recv);
  pass ("recv");
  return real (fd, data, length, flags);
}

ssize_t
read (int fd, void *data, size_t length)
{
  LIBC (read);
  pass ("read");
  return real (fd, data, length);
}

int
poll (struct pollfd *fds, nfds_t n, int timeout_ms)
{
  LIBC (poll);
  pass ("poll");
  return real (fds, n, timeout_ms);
}

int
ppoll (struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
  LIBC (ppoll);
  pass (n == 1 && fds->fd < 0 ? "pause" : "poll");
  return real (fds, n, timeout, mask);
}

int
nanosleep (const struct timespec *time, struct timespec *left)
{
  LIBC (nanosleep);
  pass ("nanosleep");
  return real (time, left);
}

int
close (int fd)
{
  LIBC (close);
  pass ("close");
  return real (fd);
}

int
open64 (const char *path, int flags, ...)
{
  LIBC (open64);
  pass ("open");
  return real (path, flags, 0666);
}

FILE *
fopen64 (const char *path, const char *mode)
{
  LIBC (fopen64);
  pass ("fopen");
  return real (path, mode);
}

int
eventfd_write (int fd, eventfd_t value)
{
  LIBC (eventfd_write);
  pass ("eventfd_write");
  return real (fd, value);
}

int
sem_clockwait (sem_t *semaphore, clockid_t clock, const struct timespec *deadline)
{
  LIBC (sem_clockwait);
  pass ("sem_clockwait");
  return real (semaphore, clock, deadline);
}

int
pthread_cond_clockwait (pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                        const struct timespec *deadline)
{
  LIBC (pthread_cond_clockwait);
  pass ("pthread_cond_clockwait");
  return real (condition, mutex, clock, deadline);
}
