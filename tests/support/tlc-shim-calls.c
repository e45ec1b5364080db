/* SPDX-License-Identifier: Apache-2.0 */
/* Stands between a program and libc: see tlc-shim.h. Plain C without GLib and without malloc,
 * since it is called wherever these calls are. Each wrapper asks for the verdict on its call
 * first.
 *
 * Not here: eventfd_read() and eventfd_write(), which on ours fail only where there is nothing to
 * read, or no need to write; and clock_gettime(). */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/tlc-shim-private.h"

/* Fails a call: -1 and errno, or the end of the stream. */
static int
tlc_shim_fail (int verdict)
{
  if (verdict == TLC_SHIM_END_OF_STREAM)
    return 0;
  errno = verdict;
  return -1;
}

/* -- making and ending -- */

int
socket (int domain, int type, int protocol)
{
  static _Atomic (void *) libc;
  __typeof__ (&socket) real = (__typeof__ (&socket)) tlc_shim_find (&libc, "socket");
  int verdict = tlc_shim_judge (TLC_SHIM_SOCKET);

  return verdict != 0 ? tlc_shim_fail (verdict) : real (domain, type, protocol);
}

/* A connect that is interrupted goes on. */
int
connect (int fd, const struct sockaddr *address, socklen_t length)
{
  static _Atomic (void *) libc;
  __typeof__ (&connect) real = (__typeof__ (&connect)) tlc_shim_find (&libc, "connect");
  int verdict = tlc_shim_judge (TLC_SHIM_CONNECT);

  if (verdict == EINTR)
    real (fd, address, length);
  return verdict != 0 ? tlc_shim_fail (verdict) : real (fd, address, length);
}

/* As Linux does: the number is free, whatever is said. */
int
close (int fd)
{
  static _Atomic (void *) libc;
  __typeof__ (&close) real = (__typeof__ (&close)) tlc_shim_find (&libc, "close");
  int verdict = tlc_shim_judge (TLC_SHIM_CLOSE);
  int result = real (fd);

  if (result != 0 && errno == EBADF)
    tlc_shim_judge (TLC_SHIM_BAD_CLOSE);
  return verdict != 0 ? tlc_shim_fail (verdict) : result;
}

int
shutdown (int fd, int how)
{
  static _Atomic (void *) libc;
  __typeof__ (&shutdown) real = (__typeof__ (&shutdown)) tlc_shim_find (&libc, "shutdown");
  int verdict = tlc_shim_judge (TLC_SHIM_SHUTDOWN);

  return verdict != 0 ? tlc_shim_fail (verdict) : real (fd, how);
}

int
eventfd (unsigned int count, int flags)
{
  static _Atomic (void *) libc;
  __typeof__ (&eventfd) real = (__typeof__ (&eventfd)) tlc_shim_find (&libc, "eventfd");
  int verdict = tlc_shim_judge (TLC_SHIM_EVENTFD);

  return verdict != 0 ? tlc_shim_fail (verdict) : real (count, flags);
}

/* A sanitizer's own stands before libc's, and wants to know of threads. */
__attribute__ ((weak)) __typeof__ (pthread_create) __interceptor_pthread_create;

int
pthread_create (pthread_t *thread, const pthread_attr_t *attributes, void *(*run) (void *),
                void *data)
{
  static _Atomic (void *) libc;
  __typeof__ (&pthread_create) real = __interceptor_pthread_create;
  int verdict = tlc_shim_judge (TLC_SHIM_PTHREAD_CREATE);

  if (real == NULL)
    real = (__typeof__ (&pthread_create)) tlc_shim_find (&libc, "pthread_create");
  return verdict != 0 ? verdict : real (thread, attributes, run, data);
}

int
getaddrinfo (const char *node, const char *service, const struct addrinfo *hints,
             struct addrinfo **result)
{
  static _Atomic (void *) libc;
  __typeof__ (&getaddrinfo) real = (__typeof__ (&getaddrinfo)) tlc_shim_find (&libc, "getaddrinfo");
  int verdict = tlc_shim_judge (TLC_SHIM_GETADDRINFO);

  if (verdict == 0)
    return real (node, service, hints, result);
  if (verdict < 0)
    return verdict;
  errno = verdict;
  return EAI_SYSTEM;
}

/* -- asking and setting -- */

int
fcntl (int fd, int command, ...)
{
  static _Atomic (void *) libc;
  __typeof__ (&fcntl) real = (__typeof__ (&fcntl)) tlc_shim_find (&libc, "fcntl");
  int verdict = tlc_shim_judge (TLC_SHIM_FCNTL);
  void *argument;
  va_list arguments;

  va_start (arguments, command);
  argument = va_arg (arguments, void *);
  va_end (arguments);
  return verdict != 0 ? tlc_shim_fail (verdict) : real (fd, command, argument);
}

int
setsockopt (int fd, int level, int option, const void *value, socklen_t length)
{
  static _Atomic (void *) libc;
  __typeof__ (&setsockopt) real = (__typeof__ (&setsockopt)) tlc_shim_find (&libc, "setsockopt");
  int verdict = tlc_shim_judge (TLC_SHIM_SETSOCKOPT);

  return verdict != 0 ? tlc_shim_fail (verdict) : real (fd, level, option, value, length);
}

int
getsockopt (int fd, int level, int option, void *value, socklen_t *length)
{
  static _Atomic (void *) libc;
  __typeof__ (&getsockopt) real = (__typeof__ (&getsockopt)) tlc_shim_find (&libc, "getsockopt");
  int verdict = tlc_shim_judge (TLC_SHIM_GETSOCKOPT);

  return verdict != 0 ? tlc_shim_fail (verdict) : real (fd, level, option, value, length);
}

int
getsockname (int fd, struct sockaddr *address, socklen_t *length)
{
  static _Atomic (void *) libc;
  __typeof__ (&getsockname) real = (__typeof__ (&getsockname)) tlc_shim_find (&libc, "getsockname");
  int verdict = tlc_shim_judge (TLC_SHIM_GETSOCKNAME);

  return verdict != 0 ? tlc_shim_fail (verdict) : real (fd, address, length);
}

int
getpeername (int fd, struct sockaddr *address, socklen_t *length)
{
  static _Atomic (void *) libc;
  __typeof__ (&getpeername) real = (__typeof__ (&getpeername)) tlc_shim_find (&libc, "getpeername");
  int verdict = tlc_shim_judge (TLC_SHIM_GETPEERNAME);

  return verdict != 0 ? tlc_shim_fail (verdict) : real (fd, address, length);
}

/* -- waiting and moving -- */

int
poll (struct pollfd *fds, nfds_t n, int timeout_ms)
{
  static _Atomic (void *) libc;
  __typeof__ (&poll) real = (__typeof__ (&poll)) tlc_shim_find (&libc, "poll");
  int verdict = tlc_shim_judge (TLC_SHIM_POLL);

  return verdict != 0 ? tlc_shim_fail (verdict) : real (fds, n, timeout_ms);
}

int
ppoll (struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
  static _Atomic (void *) libc;
  __typeof__ (&ppoll) real = (__typeof__ (&ppoll)) tlc_shim_find (&libc, "ppoll");
  int verdict = tlc_shim_judge (TLC_SHIM_POLL);

  return verdict != 0 ? tlc_shim_fail (verdict) : real (fds, n, timeout, mask);
}

static int
tlc_shim_is_failure (int verdict)
{
  return verdict != 0 && verdict != TLC_SHIM_ONE_BYTE;
}

/* @message, or as much of its first part that has any as one call may move. */
static struct msghdr
tlc_shim_shorten (int verdict, const struct msghdr *message, struct iovec *part)
{
  struct msghdr copy = *message;
  size_t most = tlc_shim_ration (verdict, SIZE_MAX), i = 0;

  if (most == SIZE_MAX || message->msg_iovlen == 0)
    return copy;
  while (i + 1 < message->msg_iovlen && message->msg_iov[i].iov_len == 0)
    i++;
  *part = message->msg_iov[i];
  if (part->iov_len > most)
    part->iov_len = most;
  copy.msg_iov = part;
  copy.msg_iovlen = 1;
  return copy;
}

ssize_t
send (int fd, const void *data, size_t length, int flags)
{
  static _Atomic (void *) libc;
  __typeof__ (&send) real = (__typeof__ (&send)) tlc_shim_find (&libc, "send");
  int verdict = tlc_shim_judge (TLC_SHIM_SEND);

  if (tlc_shim_is_failure (verdict))
    return tlc_shim_fail (verdict);
  return real (fd, data, tlc_shim_ration (verdict, length), flags);
}

ssize_t
sendmsg (int fd, const struct msghdr *message, int flags)
{
  static _Atomic (void *) libc;
  __typeof__ (&sendmsg) real = (__typeof__ (&sendmsg)) tlc_shim_find (&libc, "sendmsg");
  int verdict = tlc_shim_judge (TLC_SHIM_SENDMSG);
  struct iovec part;
  struct msghdr less;

  if (tlc_shim_is_failure (verdict))
    return tlc_shim_fail (verdict);
  less = tlc_shim_shorten (verdict, message, &part);
  return real (fd, &less, flags);
}

ssize_t
recv (int fd, void *data, size_t length, int flags)
{
  static _Atomic (void *) libc;
  __typeof__ (&recv) real = (__typeof__ (&recv)) tlc_shim_find (&libc, "recv");
  int verdict = tlc_shim_judge (TLC_SHIM_RECV);

  if (tlc_shim_is_failure (verdict))
    return tlc_shim_fail (verdict);
  return real (fd, data, tlc_shim_ration (verdict, length), flags);
}

ssize_t
recvmsg (int fd, struct msghdr *message, int flags)
{
  static _Atomic (void *) libc;
  __typeof__ (&recvmsg) real = (__typeof__ (&recvmsg)) tlc_shim_find (&libc, "recvmsg");
  int verdict = tlc_shim_judge (TLC_SHIM_RECVMSG);
  struct iovec part;
  struct msghdr less;
  ssize_t n;

  if (tlc_shim_is_failure (verdict))
    return tlc_shim_fail (verdict);
  less = tlc_shim_shorten (verdict, message, &part);
  n = real (fd, &less, flags);
  message->msg_namelen = less.msg_namelen;
  message->msg_controllen = less.msg_controllen;
  message->msg_flags = less.msg_flags;
  return n;
}
