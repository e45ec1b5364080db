/* SPDX-License-Identifier: Apache-2.0 */
/* Stands between a program and libc: see tlc-shim.h. Plain C without GLib and without malloc,
 * since it is called wherever these calls are. Each wrapper asks for the verdict on its call
 * first: to fail, to move less, or neither. */

#include "support/tlc-shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef enum {
  TLC_SHIM_SOCKET,
  TLC_SHIM_CONNECT,
  TLC_SHIM_POLL,
  TLC_SHIM_SEND,
  TLC_SHIM_SENDMSG,
  TLC_SHIM_RECV,
  TLC_SHIM_RECVMSG,
  TLC_SHIM_CLOSE,
  TLC_SHIM_GETADDRINFO,
  TLC_SHIM_ANY,
  TLC_SHIM_N_CALLS
} TlcShimCall;

static const char *const tlc_shim_call_names[TLC_SHIM_N_CALLS] = {
  "socket", "connect", "poll", "send", "sendmsg", "recv", "recvmsg", "close", "getaddrinfo", "any",
};

#define TLC_SHIM_MAX_RULES 16
#define TLC_SHIM_END_OF_STREAM (-1)

typedef struct {
  TlcShimCall call;
  long nth;
  int is_lasting;
  int error; /* an errno, or TLC_SHIM_END_OF_STREAM */
} TlcShimRule;

typedef struct {
  TlcShimRule rules[TLC_SHIM_MAX_RULES];
  unsigned n_rules;
  size_t most; /* bytes that a call moves; 0: as many as it likes */
  long delay_ms;
} TlcShimRules;

/* One is in force while the other is written. */
static TlcShimRules tlc_shim_tables[2];
static _Atomic unsigned tlc_shim_in_force;
static atomic_long tlc_shim_counts[TLC_SHIM_N_CALLS];
static __thread int tlc_shim_is_exempt;

/* -- rules -- */

static const struct {
  const char *name;
  int error;
} tlc_shim_errors[] = {
  { "EAGAIN", EAGAIN }, { "EINTR", EINTR }, { "EPIPE", EPIPE }, { "EIO", EIO },
  { "ECONNRESET", ECONNRESET }, { "ECONNREFUSED", ECONNREFUSED }, { "ECONNABORTED", ECONNABORTED },
  { "ETIMEDOUT", ETIMEDOUT }, { "EHOSTUNREACH", EHOSTUNREACH }, { "ENETUNREACH", ENETUNREACH },
  { "EMFILE", EMFILE }, { "ENFILE", ENFILE }, { "ENOMEM", ENOMEM }, { "ENOBUFS", ENOBUFS },
  { "EADDRNOTAVAIL", EADDRNOTAVAIL }, { "EACCES", EACCES }, { "EPERM", EPERM },
  { "EINVAL", EINVAL }, { "ENOTCONN", ENOTCONN }, { "EBADF", EBADF },
  { "EOF", TLC_SHIM_END_OF_STREAM },
};

static int
tlc_shim_parse_error (const char *text, int *ret_error)
{
  char *end;

  for (size_t i = 0; i < sizeof tlc_shim_errors / sizeof *tlc_shim_errors; i++)
    if (strcmp (text, tlc_shim_errors[i].name) == 0)
      {
        *ret_error = tlc_shim_errors[i].error;
        return 0;
      }
  *ret_error = (int) strtol (text, &end, 10);
  return *end == '\0' && *ret_error > 0 ? 0 : -1;
}

static TlcShimCall
tlc_shim_parse_call (const char *text)
{
  for (unsigned i = 0; i < TLC_SHIM_N_CALLS; i++)
    if (strcmp (text, tlc_shim_call_names[i]) == 0)
      return (TlcShimCall) i;
  return TLC_SHIM_N_CALLS;
}

static int
tlc_shim_parse_number (const char *text, long *ret_number)
{
  char *end;

  *ret_number = strtol (text, &end, 10);
  return *end == '\0' && *ret_number > 0 ? 0 : -1;
}

/* CALL:N:ERRNO or CALL:N+:ERRNO, cut at the colons. */
static int
tlc_shim_parse_failure (TlcShimRules *rules, const char *call, char *nth, const char *error)
{
  TlcShimRule rule = { .call = tlc_shim_parse_call (call) };
  size_t length = strlen (nth);

  if (length > 0 && nth[length - 1] == '+')
    {
      rule.is_lasting = 1;
      nth[length - 1] = '\0';
    }
  if (rule.call == TLC_SHIM_N_CALLS || tlc_shim_parse_number (nth, &rule.nth) != 0
      || tlc_shim_parse_error (error, &rule.error) != 0 || rules->n_rules == TLC_SHIM_MAX_RULES)
    return -1;
  if (rule.error == TLC_SHIM_END_OF_STREAM && rule.call != TLC_SHIM_RECV
      && rule.call != TLC_SHIM_RECVMSG)
    return -1;
  rules->rules[rules->n_rules++] = rule;
  return 0;
}

static int
tlc_shim_parse_rule (TlcShimRules *rules, char *text)
{
  char *second = strchr (text, ':'), *third;
  long number;

  if (second == NULL)
    return -1;
  *second++ = '\0';
  third = strchr (second, ':');
  if (third != NULL)
    {
      *third++ = '\0';
      return tlc_shim_parse_failure (rules, text, second, third);
    }
  if (tlc_shim_parse_number (second, &number) != 0)
    return -1;
  if (strcmp (text, "short") == 0)
    rules->most = (size_t) number;
  else if (strcmp (text, "delay") == 0)
    rules->delay_ms = number;
  else
    return -1;
  return 0;
}

int
tlc_shim_set (const char *text)
{
  unsigned next = !atomic_load_explicit (&tlc_shim_in_force, memory_order_acquire);
  TlcShimRules *rules = &tlc_shim_tables[next];
  char copy[512], *rest = copy, *rule;

  if (text != NULL && strlen (text) >= sizeof copy)
    return -1;
  strcpy (copy, text != NULL ? text : "");
  memset (rules, 0, sizeof *rules);
  while ((rule = strsep (&rest, ",")) != NULL)
    if (*rule != '\0' && tlc_shim_parse_rule (rules, rule) != 0)
      return -1;
  for (unsigned i = 0; i < TLC_SHIM_N_CALLS; i++)
    atomic_store_explicit (&tlc_shim_counts[i], 0, memory_order_relaxed);
  atomic_store_explicit (&tlc_shim_in_force, next, memory_order_release);
  return 0;
}

long
tlc_shim_count (const char *call)
{
  TlcShimCall which = tlc_shim_parse_call (call);

  if (which == TLC_SHIM_N_CALLS)
    return -1;
  return atomic_load_explicit (&tlc_shim_counts[which], memory_order_relaxed);
}

void
tlc_shim_exempt_thread (void)
{
  tlc_shim_is_exempt = 1;
}

__attribute__ ((constructor)) static void
tlc_shim_start (void)
{
  const char *text = getenv ("FAULT");

  if (tlc_shim_set (text) == 0)
    return;
  fprintf (stderr, "tlc-shim: cannot read FAULT=%s\n", text);
  abort ();
}

/* -- verdicts -- */

static const TlcShimRules *
tlc_shim_get_rules (void)
{
  return &tlc_shim_tables[atomic_load_explicit (&tlc_shim_in_force, memory_order_acquire)];
}

/* Counts a call. 0, or what it shall fail with. */
static int
tlc_shim_judge (TlcShimCall call)
{
  const TlcShimRules *rules = tlc_shim_get_rules ();
  long n[2];

  if (tlc_shim_is_exempt)
    return 0;
  n[0] = 1 + atomic_fetch_add_explicit (&tlc_shim_counts[call], 1, memory_order_relaxed);
  n[1] = 1 + atomic_fetch_add_explicit (&tlc_shim_counts[TLC_SHIM_ANY], 1, memory_order_relaxed);
  for (unsigned i = 0; i < rules->n_rules; i++)
    {
      const TlcShimRule *rule = &rules->rules[i];
      long nth = n[rule->call == TLC_SHIM_ANY];

      if ((rule->call == call || rule->call == TLC_SHIM_ANY)
          && (nth == rule->nth || (rule->is_lasting && nth > rule->nth)))
        return rule->error;
    }
  return 0;
}

/* What remains of @length to move in one call; waits first where that is the rule. */
static size_t
tlc_shim_ration (size_t length)
{
  const TlcShimRules *rules = tlc_shim_get_rules ();
  struct timespec delay = { rules->delay_ms / 1000, rules->delay_ms % 1000 * 1000000 };

  if (tlc_shim_is_exempt)
    return length;
  if (rules->delay_ms > 0)
    nanosleep (&delay, NULL);
  return rules->most > 0 && rules->most < length ? rules->most : length;
}

/* Fails a call: -1 and errno, or the end of the stream. */
static int
tlc_shim_fail (int error)
{
  if (error == TLC_SHIM_END_OF_STREAM)
    return 0;
  errno = error;
  return -1;
}

/* libc's own function; kept in @slot, since a child of fork() should not look it up. */
static void *
tlc_shim_find (_Atomic (void *) *slot, const char *name)
{
  void *symbol = atomic_load_explicit (slot, memory_order_relaxed);

  if (symbol != NULL)
    return symbol;
  symbol = dlsym (RTLD_NEXT, name);
  if (symbol == NULL)
    abort ();
  atomic_store_explicit (slot, symbol, memory_order_relaxed);
  return symbol;
}

/* @message, or as much of its first part that has any as one call may move. */
static struct msghdr
tlc_shim_shorten (const struct msghdr *message, struct iovec *part)
{
  struct msghdr copy = *message;
  size_t most = tlc_shim_ration (SIZE_MAX), i = 0;

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

/* -- the calls -- */

int
socket (int domain, int type, int protocol)
{
  static _Atomic (void *) libc;
  __typeof__ (&socket) real = (__typeof__ (&socket)) tlc_shim_find (&libc, "socket");
  int error = tlc_shim_judge (TLC_SHIM_SOCKET);

  return error != 0 ? tlc_shim_fail (error) : real (domain, type, protocol);
}

int
connect (int fd, const struct sockaddr *address, socklen_t length)
{
  static _Atomic (void *) libc;
  __typeof__ (&connect) real = (__typeof__ (&connect)) tlc_shim_find (&libc, "connect");
  int error = tlc_shim_judge (TLC_SHIM_CONNECT);

  return error != 0 ? tlc_shim_fail (error) : real (fd, address, length);
}

int
poll (struct pollfd *fds, nfds_t n, int timeout_ms)
{
  static _Atomic (void *) libc;
  __typeof__ (&poll) real = (__typeof__ (&poll)) tlc_shim_find (&libc, "poll");
  int error = tlc_shim_judge (TLC_SHIM_POLL);

  return error != 0 ? tlc_shim_fail (error) : real (fds, n, timeout_ms);
}

int
ppoll (struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
  static _Atomic (void *) libc;
  __typeof__ (&ppoll) real = (__typeof__ (&ppoll)) tlc_shim_find (&libc, "ppoll");
  int error = tlc_shim_judge (TLC_SHIM_POLL);

  return error != 0 ? tlc_shim_fail (error) : real (fds, n, timeout, mask);
}

ssize_t
send (int fd, const void *data, size_t length, int flags)
{
  static _Atomic (void *) libc;
  __typeof__ (&send) real = (__typeof__ (&send)) tlc_shim_find (&libc, "send");
  int error = tlc_shim_judge (TLC_SHIM_SEND);

  return error != 0 ? tlc_shim_fail (error) : real (fd, data, tlc_shim_ration (length), flags);
}

ssize_t
sendmsg (int fd, const struct msghdr *message, int flags)
{
  static _Atomic (void *) libc;
  __typeof__ (&sendmsg) real = (__typeof__ (&sendmsg)) tlc_shim_find (&libc, "sendmsg");
  int error = tlc_shim_judge (TLC_SHIM_SENDMSG);
  struct iovec part;
  struct msghdr less;

  if (error != 0)
    return tlc_shim_fail (error);
  less = tlc_shim_shorten (message, &part);
  return real (fd, &less, flags);
}

ssize_t
recv (int fd, void *data, size_t length, int flags)
{
  static _Atomic (void *) libc;
  __typeof__ (&recv) real = (__typeof__ (&recv)) tlc_shim_find (&libc, "recv");
  int error = tlc_shim_judge (TLC_SHIM_RECV);

  return error != 0 ? tlc_shim_fail (error) : real (fd, data, tlc_shim_ration (length), flags);
}

ssize_t
recvmsg (int fd, struct msghdr *message, int flags)
{
  static _Atomic (void *) libc;
  __typeof__ (&recvmsg) real = (__typeof__ (&recvmsg)) tlc_shim_find (&libc, "recvmsg");
  int error = tlc_shim_judge (TLC_SHIM_RECVMSG);
  struct iovec part;
  struct msghdr less;
  ssize_t n;

  if (error != 0)
    return tlc_shim_fail (error);
  less = tlc_shim_shorten (message, &part);
  n = real (fd, &less, flags);
  message->msg_namelen = less.msg_namelen;
  message->msg_controllen = less.msg_controllen;
  message->msg_flags = less.msg_flags;
  return n;
}

int
close (int fd)
{
  static _Atomic (void *) libc;
  __typeof__ (&close) real = (__typeof__ (&close)) tlc_shim_find (&libc, "close");
  int error = tlc_shim_judge (TLC_SHIM_CLOSE);
  int result = real (fd); /* as Linux does: the number is free, whatever is said */

  return error != 0 ? tlc_shim_fail (error) : result;
}

int
getaddrinfo (const char *node, const char *service, const struct addrinfo *hints,
             struct addrinfo **result)
{
  static _Atomic (void *) libc;
  __typeof__ (&getaddrinfo) real = (__typeof__ (&getaddrinfo)) tlc_shim_find (&libc, "getaddrinfo");
  int error = tlc_shim_judge (TLC_SHIM_GETADDRINFO);

  if (error == 0)
    return real (node, service, hints, result);
  errno = error;
  return EAI_SYSTEM;
}
