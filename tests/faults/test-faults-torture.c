/* SPDX-License-Identifier: Apache-2.0 */
/* Torture, docs/faults.md, rows 25 and 26: one scenario of calls of all kinds, a change and a drain, over
 * and over; each time another one of its system calls fails, or does little. As curl does it: the
 * k-th of a kind, for k = 1 on, until the scenario has no k-th.
 *
 *   test-faults-torture         by its one or two commonest errors; and from then on, but for
 *                               send and recv
 *   test-faults-torture full    by all errors it may have; and with the other protocol and
 *                               transport, too: meson test faults-torture --test-args full */

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "faults/tlc-torture.h"
#include "support/tlc-shim.h"

/* How a call may fail, the commonest first. */
typedef struct {
  const char *call;
  guint n_common;
  const char *verdicts[8];
} Kind;

static const Kind kinds[] = {
  { "socket", 2, { "EMFILE", "ENOBUFS", "ENFILE", "ENOMEM", "EAFNOSUPPORT", "EACCES" } },
  { "connect",
    2,
    { "ECONNREFUSED", "EINTR", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL",
      "ENOBUFS", "EAGAIN" } },
  { "poll", 2, { "ENOMEM", "EINTR" } },
  { "send",
    2,
    { "ECONNRESET", "EAGAIN", "EPIPE", "EINTR", "ETIMEDOUT", "ENOBUFS", "ENOMEM", "EIO" } },
  { "recv", 2, { "ECONNRESET", "EAGAIN", "EOF", "EINTR", "ETIMEDOUT", "ENOMEM", "EIO" } },
  { "close", 1, { "EIO", "EINTR" } },
  { "shutdown", 1, { "ENOTCONN" } },
  { "fcntl", 1, { "EPERM", "EBADF" } },
  { "setsockopt", 1, { "ENOBUFS", "ENOMEM", "EINVAL" } },
  { "getsockopt", 1, { "ENOBUFS", "EINVAL" } },
  { "getsockname", 1, { "ENOBUFS" } },
  { "getpeername", 1, { "ENOTCONN", "ENOBUFS" } },
  { "eventfd", 1, { "EMFILE", "ENFILE", "ENOMEM" } },
  { "pthread_create", 1, { "EAGAIN", "EPERM" } },
  { "getaddrinfo", 2, { "EAI_AGAIN", "ENOMEM", "EAI_NONAME", "EAI_FAIL", "EAI_MEMORY", "EMFILE" } },
};

static gboolean is_full;

/* Of all tests, which are processes of their own. */
static struct {
  atomic_uint n_calls, n_runs;
} *totals;

static void
begin (TlcTorture *torture, guint variant)
{
  if (variant == 0)
    tlc_torture_begin (torture, "binary", "framed");
  else
    tlc_torture_begin (torture, "compact", "buffered");
}

static gboolean
is_transfer (const Kind *kind)
{
  return g_str_equal (kind->call, "send") || g_str_equal (kind->call, "recv");
}

/* "Try again" is said once or twice, not for ever: who is told so tries until his deadline. */
static gboolean
is_passing (const Kind *kind, const char *verdict)
{
  return g_str_equal (verdict, "EINTR") || (is_transfer (kind) && g_str_equal (verdict, "EAGAIN"));
}

/* Nobody loses anything by it. */
static gboolean
is_harmless (const Kind *kind, const char *verdict)
{
  return is_passing (kind, verdict) || g_str_equal (kind->call, "close");
}

/* The k-th call of @kind gets @verdict, for each k there is. How many there are. */
static guint
fail_each (TlcTorture *torture, const Kind *kind, const char *verdict, const char *lasting)
{
  for (guint k = 1;; k++)
    {
      g_autofree char *rule = g_strdup_printf ("%s:%u%s:%s", kind->call, k, lasting, verdict);
      long n = tlc_torture_play (torture, rule, kind->call);

      if (is_harmless (kind, verdict))
        ck_assert_msg (torture->is_ok, "%s: a call failed", rule);
      if (n < k)
        return k - 1;
    }
}

static void
torture_kind (const Kind *kind, guint variant, const char *lasting)
{
  guint n_calls = 0, round, n_common = kind->n_common;
  TlcTorture torture;

  if (*lasting != '\0')
    n_common = is_transfer (kind) ? 0 : 1;

  begin (&torture, variant);
  round = torture.round;
  for (guint i = 0; i < G_N_ELEMENTS (kind->verdicts) && kind->verdicts[i] != NULL; i++)
    if ((is_full || i < n_common)
        && (*lasting == '\0' || !is_passing (kind, kind->verdicts[i])))
      n_calls = MAX (n_calls, fail_each (&torture, kind, kind->verdicts[i], lasting));
  printf ("# torture: %s%s: %u, %u runs\n", kind->call, lasting, n_calls, torture.round - round);
  fflush (stdout);
  if (variant == 0 && *lasting == '\0')
    totals->n_calls += n_calls;
  totals->n_runs += torture.round - round;
  tlc_torture_end (&torture);
}

/* Law 7: whichever system call fails, each call has, in time, its right answer or an error whose
 * word on delivery is true, nothing is left open, running or allocated, and the next call is
 * good. */
START_TEST (test_faults_row_26_each_system_call_fails)
{
  torture_kind (&kinds[(guint) _i % G_N_ELEMENTS (kinds)], (guint) _i / G_N_ELEMENTS (kinds), "");
}
END_TEST

/* Law 7: where a system call fails from some moment on, every time, what calls say of delivery is
 * true, nothing is left open, running or allocated, and the next call after it is good. */
START_TEST (test_faults_row_26_system_calls_fail_from_then_on)
{
  torture_kind (&kinds[(guint) _i % G_N_ELEMENTS (kinds)], (guint) _i / G_N_ELEMENTS (kinds), "+");
}
END_TEST

/* Law 5: however few bytes each send and receive moves, every call of every kind succeeds. */
START_TEST (test_faults_row_25_every_send_and_receive_short)
{
  static const guint most[] = { 1, 2, 3, 5, 7, 64, 4096 };
  TlcTorture torture;

  begin (&torture, (guint) _i);
  for (guint i = 0; i < G_N_ELEMENTS (most); i++)
    {
      g_autofree char *rule = g_strdup_printf ("short:%u", most[i]);

      tlc_torture_play (&torture, rule, "any");
      ck_assert_msg (torture.is_ok, "%s: a call failed", rule);
    }
  tlc_torture_end (&torture);
}
END_TEST

/* Law 5: whichever send or receive moves one byte alone, all goes well. */
START_TEST (test_faults_row_25_each_send_and_receive_of_one_byte)
{
  static const char *const calls[] = { "send", "recv" };
  TlcTorture torture;
  long n = 1;

  begin (&torture, (guint) _i / 2);
  for (long k = 1; k <= n; k++)
    {
      g_autofree char *rule = g_strdup_printf ("%s:%ld:BYTE", calls[_i % 2], k);

      n = tlc_torture_play (&torture, rule, calls[_i % 2]);
      ck_assert_msg (torture.is_ok, "%s: a call failed", rule);
    }
  ck_assert_int_gt (n, (long) tlc_torture_n_calls);
  printf ("# torture: one byte by %s: %ld\n", calls[_i % 2], n);
  fflush (stdout);
  tlc_torture_end (&torture);
}
END_TEST

/* Law 5: a connection of which one option cannot be set is not used, so that deadlines are kept
 * whatever fails. */
START_TEST (test_faults_row_26_deadlines_whatever_cannot_be_set)
{
  static const char *const setters[] = { "setsockopt", "fcntl", "getsockopt" };
  TlcServer *server = tlc_echo_server (NULL);

  for (guint k = 1; k <= 8; k++)
    {
      g_autofree char *rule = g_strdup_printf ("%s:%u:ENOBUFS", setters[_i], k);
      TlcService *service
          = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", "200ms", NULL);
      EchoIf *echo = tlc_echo_client (service);
      gint64 began_us = g_get_monotonic_time ();
      g_autoptr (GError) error = NULL;
      gint32 result = 0;
      gboolean was_reached;
      TlcStats stats;

      ck_assert_int_eq (tlc_shim_set (rule), 0);
      ck_assert (!echo_if_take (echo, &result, 2000, 1, &error));
      was_reached = tlc_shim_count (setters[_i]) >= k;
      tlc_shim_set (NULL);
      tlc_service_get_stats (service, &stats);
      ck_assert_uint_eq (stats.connect_failures, was_reached ? 1 : 0);
      ck_assert_int_lt (g_get_monotonic_time () - began_us, G_USEC_PER_SEC);
      ck_assert_msg (error->code == TLC_ERROR_TIMED_OUT || error->code == TLC_ERROR_UNAVAILABLE,
                     "%s", error->message);
      tlc_echo_must_add (service);
      tlc_service_unref (service);
      tlc_thread_detach ();
    }
  tlc_server_kill (server, SIGKILL); /* it has calls to finish */
  tlc_server_stop (server);
}
END_TEST

static Suite *
new_suite (void)
{
  const int n_variants = is_full ? 2 : 1, n_kinds = (int) G_N_ELEMENTS (kinds);
  Suite *suite = suite_create ("faults-torture");
  TCase *tcase = tcase_create ("torture");

  tcase_set_timeout (tcase, is_full ? 3600 : 240);
  tcase_add_loop_test (tcase, test_faults_row_26_each_system_call_fails, 0, n_variants * n_kinds);
  tcase_add_loop_test (tcase, test_faults_row_26_system_calls_fail_from_then_on, 0,
                       n_variants * n_kinds);
  tcase_add_loop_test (tcase, test_faults_row_26_deadlines_whatever_cannot_be_set, 0, 3);
  tcase_add_loop_test (tcase, test_faults_row_25_every_send_and_receive_short, 0, n_variants);
  tcase_add_loop_test (tcase, test_faults_row_25_each_send_and_receive_of_one_byte, 0,
                       2 * n_variants);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (int argc, char **argv)
{
  int status;

  is_full = argc > 1 && strcmp (argv[1], "full") == 0;
  totals = mmap (NULL, sizeof *totals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (totals == MAP_FAILED)
    return EXIT_FAILURE;
  status = tlc_check_run (new_suite ());
  printf ("# torture: N = %u fallible system calls, %u runs\n", totals->n_calls, totals->n_runs);
  return status;
}
