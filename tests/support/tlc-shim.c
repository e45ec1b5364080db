/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of tlc-shim.h, and the verdict on each call by them: tlc-shim-calls.c asks for it.
 * Plain C without GLib and without malloc, since it is called wherever these calls are. */

#include "support/tlc-shim-private.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/tlc-shim.h"

static const char *const tlc_shim_call_names[TLC_SHIM_N_CALLS] = {
  "socket",      "connect",     "poll",     "send",    "sendmsg",        "recv",
  "recvmsg",     "close",       "bad-close", "shutdown", "fcntl", "setsockopt", "getsockopt",
  "getsockname", "getpeername", "eventfd",  "pthread_create", "getaddrinfo", "any",
};

#define TLC_SHIM_MAX_RULES 16

typedef struct {
  TlcShimCall call;
  long nth;
  int is_lasting;
  int verdict;
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
  int verdict;
} tlc_shim_verdicts[] = {
  { "EAGAIN", EAGAIN },
  { "EINTR", EINTR },
  { "EPIPE", EPIPE },
  { "EIO", EIO },
  { "ECONNRESET", ECONNRESET },
  { "ECONNREFUSED", ECONNREFUSED },
  { "ECONNABORTED", ECONNABORTED },
  { "ETIMEDOUT", ETIMEDOUT },
  { "EHOSTUNREACH", EHOSTUNREACH },
  { "ENETUNREACH", ENETUNREACH },
  { "EMFILE", EMFILE },
  { "ENFILE", ENFILE },
  { "ENOMEM", ENOMEM },
  { "ENOBUFS", ENOBUFS },
  { "EADDRNOTAVAIL", EADDRNOTAVAIL },
  { "EAFNOSUPPORT", EAFNOSUPPORT },
  { "EACCES", EACCES },
  { "EPERM", EPERM },
  { "EINVAL", EINVAL },
  { "ENOTCONN", ENOTCONN },
  { "EBADF", EBADF },
  { "EAI_AGAIN", EAI_AGAIN },
  { "EAI_FAIL", EAI_FAIL },
  { "EAI_MEMORY", EAI_MEMORY },
  { "EAI_NONAME", EAI_NONAME },
  { "EOF", TLC_SHIM_END_OF_STREAM },
  { "BYTE", TLC_SHIM_ONE_BYTE },
};

static int
tlc_shim_parse_verdict (const char *text, int *ret_verdict)
{
  char *end;

  for (size_t i = 0; i < sizeof tlc_shim_verdicts / sizeof *tlc_shim_verdicts; i++)
    if (strcmp (text, tlc_shim_verdicts[i].name) == 0)
      {
        *ret_verdict = tlc_shim_verdicts[i].verdict;
        return 0;
      }
  *ret_verdict = (int) strtol (text, &end, 10);
  return *end == '\0' && *ret_verdict > 0 ? 0 : -1;
}

/* Not every call can have every verdict. */
static int
tlc_shim_is_possible (TlcShimCall call, int verdict)
{
  if (verdict > 0)
    return 1;
  if (verdict == TLC_SHIM_END_OF_STREAM)
    return call == TLC_SHIM_RECV || call == TLC_SHIM_RECVMSG;
  if (verdict == TLC_SHIM_ONE_BYTE)
    return call == TLC_SHIM_SEND || call == TLC_SHIM_SENDMSG || call == TLC_SHIM_RECV
           || call == TLC_SHIM_RECVMSG;
  return call == TLC_SHIM_GETADDRINFO;
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

/* CALL:N:VERDICT or CALL:N+:VERDICT, cut at the colons. */
static int
tlc_shim_parse_failure (TlcShimRules *rules, const char *call, char *nth, const char *verdict)
{
  TlcShimRule rule = { .call = tlc_shim_parse_call (call) };
  size_t length = strlen (nth);

  if (length > 0 && nth[length - 1] == '+')
    {
      rule.is_lasting = 1;
      nth[length - 1] = '\0';
    }
  if (rule.call == TLC_SHIM_N_CALLS || tlc_shim_parse_number (nth, &rule.nth) != 0
      || tlc_shim_parse_verdict (verdict, &rule.verdict) != 0
      || !tlc_shim_is_possible (rule.call, rule.verdict) || rules->n_rules == TLC_SHIM_MAX_RULES)
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

void
tlc_shim_include_thread (void)
{
  tlc_shim_is_exempt = 0;
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

int
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
        return rule->verdict;
    }
  return 0;
}

size_t
tlc_shim_ration (int verdict, size_t length)
{
  const TlcShimRules *rules = tlc_shim_get_rules ();
  struct timespec delay = { rules->delay_ms / 1000, rules->delay_ms % 1000 * 1000000 };
  size_t most = verdict == TLC_SHIM_ONE_BYTE ? 1 : rules->most;

  if (tlc_shim_is_exempt)
    return length;
  if (rules->delay_ms > 0)
    nanosleep (&delay, NULL);
  return most > 0 && most < length ? most : length;
}

void *
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
