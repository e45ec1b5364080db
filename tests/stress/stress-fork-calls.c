/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N children, forked amid threads that come, call and go, find no socket of their parent's,
 * count no thread but themselves, call over one connection of their own, and end, by _exit() or exit();
 * and when no call of the parent failed or was repeated, and no request came over the connection of
 * another process, as seen from the other end. Laws 3, 5 and 7; row 31.
 *
 * Whoever prepares liburcu: the library, as it finds and as it is told; or the program, by handlers that
 * were registered before the library's or after.
 *
 * stress-fork-calls [N, 500 by default] */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tlc-early-host.h"
#include "support/tlc-echo.h"
#include "support/tlc-family.h"
#include "support/tlc-process.h"
#include "support/tlc-witness.h"

#define N_COMING 4
#define N_STAYING 2
#define N_CALLS 3

typedef struct {
  const char *name;
  TlcForkPreparer preparer;
  gboolean early, late; /* handlers of the program */
} Preparation;

static const Preparation preparations[] = {
  { "the library, as it finds", TLC_FORK_PREPARER_AUTO, FALSE, FALSE },
  { "the library, as it is told", TLC_FORK_PREPARER_TLC, FALSE, FALSE },
  { "the program, after it loaded the library", TLC_FORK_PREPARER_AUTO, FALSE, TRUE },
  { "the program, which says so, after it loaded the library", TLC_FORK_PREPARER_HOST, FALSE, TRUE },
  { "the program, which says so, before it loaded the library", TLC_FORK_PREPARER_HOST, TRUE, FALSE },
};

static guint n_forks = 500;
static TlcFamily family;
static atomic_bool is_over;
static atomic_uint n_gone, n_calls;

static void
call_some (void)
{
  for (guint i = 0; i < N_CALLS; i++)
    ck_assert (tlc_family_call (family.service));
  atomic_fetch_add (&n_calls, N_CALLS);
}

static void *
call_and_go (void *data)
{
  call_some ();
  return NULL;
}

static void *
have_others_come_and_go (void *data)
{
  while (!is_over)
    {
      pthread_t thread;

      ck_assert_int_eq (pthread_create (&thread, NULL, call_and_go, NULL), 0);
      pthread_join (thread, NULL);
      atomic_fetch_add (&n_gone, 1);
    }
  return NULL;
}

static void *
stay (void *data)
{
  while (!is_over)
    call_some ();
  return NULL;
}

/* --- a child --- */

static gboolean
counts_itself (void)
{
  TlcStats stats;

  tlc_service_get_stats (family.service, &stats);
  return stats.threads == 1 && stats.connections_open == 0 && stats.connections_busy == 0;
}

static gboolean
live (TlcFamily *inherited)
{
  if (tlc_process_count_connections (inherited->endpoint) != 0)
    return tlc_family_complain ("sockets of the parent", NULL);
  if (!counts_itself ())
    return tlc_family_complain ("threads of the parent", NULL);
  for (guint i = 0; i < N_CALLS; i++)
    if (!tlc_family_call (inherited->service))
      return FALSE;
  /* The client stays: it is an object, which GLib frees under locks that other threads of the parent may
   * have had. */
  tlc_service_unref (inherited->service);
  return tlc_process_count_connections (inherited->endpoint) == 0
         || tlc_family_complain ("left open", NULL);
}

/* With what the process does at its end, though its parent's threads are not there for it. */
static gboolean
live_and_exit (TlcFamily *inherited)
{
  exit (live (inherited) ? 0 : 1);
}

/* --- the parent --- */

static void
fork_and_call (guint i)
{
  guint n_gone_before = n_gone;

  fflush (NULL); /* a child that exits flushes, too */
  ck_assert_msg (tlc_family_raise_child (i % 4 == 0 ? live_and_exit : live, &family) == 0,
                 "child %u of %u hangs, or fails", i + 1, n_forks);
  /* It all goes on: or libcheck's watchdog. */
  do
    call_some ();
  while (n_gone == n_gone_before);
}

static void
fork_amid_calls (void)
{
  pthread_t threads[N_COMING + N_STAYING];

  call_some (); /* a child makes no objects: this thread has its client */
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL,
                                      i < N_COMING ? have_others_come_and_go : stay, NULL),
                      0);
  for (guint i = 0; i < n_forks; i++)
    fork_and_call (i);
  is_over = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    pthread_join (threads[i], NULL);
}

static void
assert_nothing_amiss (const TlcTestimony *testimony)
{
  TlcStats stats;

  tlc_service_get_stats (family.service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.retries, 0);
  ck_assert_uint_eq (stats.desyncs_caught, 0);
  ck_assert_uint_eq (stats.calls, n_calls);
  ck_assert_uint_eq (stats.threads, 1);
  ck_assert_uint_eq (testimony->n_own, stats.connects);
  ck_assert_uint_eq (testimony->n_of_others, n_forks);
  ck_assert_uint_eq (testimony->n_out_of_place, 0);
  ck_assert_uint_eq (testimony->n_requests, n_calls + n_forks * N_CALLS);
}

START_TEST (stress_fork_calls)
{
  const Preparation *preparation = &preparations[_i];
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcWitness) witness = tlc_witness_start (tlc_server_get_endpoint (server));
  const TlcTestimony *testimony = tlc_witness_hear (witness);

  tlc_late_host_register ();
  tlc_fork_set_preparer (preparation->preparer);
  tlc_early_host_prepares = preparation->early;
  tlc_late_host_prepares = preparation->late;
  family.endpoint = tlc_witness_get_endpoint (witness);
  /* Threads that leave close what they had, so that those that come connect. */
  family.service = tlc_echo_service (family.endpoint, "spare-connections", "1", NULL);
  fork_amid_calls ();
  assert_nothing_amiss (testimony);
  printf ("# %s: %u forks beside %u threads that came and went and %u calls, over %u connections\n",
          preparation->name, n_forks, n_gone, n_calls, testimony->n_own);
  tlc_thread_detach ();
  tlc_service_unref (family.service);
  while (testimony->n_open > 0) /* or libcheck's watchdog */
    g_usleep (1000);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-fork-calls");
  TCase *tests = tcase_create ("stress-fork-calls");

  if (argc > 1)
    n_forks = (guint) g_ascii_strtoull (argv[1], NULL, 10);
  tcase_set_timeout (tests, 3600);
  tcase_add_loop_test (tests, stress_fork_calls, 0, G_N_ELEMENTS (preparations));
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
