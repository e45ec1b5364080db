/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when, while a service is reconfigured N times between two live servers and threads call
 * all the time, no call fails, and no call that began after a change had returned is served by the
 * server that the change took out. Law 2. Then drain, release: no connection and no thread is
 * left. Law 7.
 *
 * The servers say who they are. Changes are counted when they begin and when they have returned: a
 * call that finds the same number returned before it as begun after it ran by that change alone,
 * and can be judged. A tenth of the calls must have been, many of them the first of their thread
 * by that change. So too where threads are born, call once and exit; and where four threads change
 * the service at once, each TRUE counts one generation.
 *
 * stress-swap [N, 3000 by default] */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "support/tlc-pair.h"
#include "support/tlc-process.h"

#define N_CALLERS 16
#define N_NURSES 4
#define N_WRITERS 4
#define MAX_PAUSE_US 2000

static guint n_changes = 3000;

/* What one thread has seen. */
typedef struct {
  guint64 calls, judged;
  guint64 first; /* of those judged, the first by their change in their thread */
  guint last;
} Tally;

static struct {
  TlcPair pair;
  _Atomic guint begun, returned; /* changes: the thread that makes them writes, callers read */
  atomic_bool is_over;
  pthread_barrier_t called, leave;
  pthread_mutex_t lock;
  Tally sum;    /* under the lock */
  guint n_true; /* under the lock: changes by many that succeeded */
} swap;

static const char *
name_after (guint change)
{
  return change % 2 == 0 ? "A" : "B";
}

static const char *
endpoint_after (guint change)
{
  return change % 2 == 0 ? swap.pair.at_a : swap.pair.at_b;
}

static void
begin (guint n_callers)
{
  memset (&swap, 0, sizeof swap);
  tlc_pair_init (&swap.pair);
  pthread_mutex_init (&swap.lock, NULL);
  pthread_barrier_init (&swap.called, NULL, n_callers + 1);
  pthread_barrier_init (&swap.leave, NULL, n_callers + 1);
}

static void
add_tally (const Tally *tally)
{
  pthread_mutex_lock (&swap.lock);
  swap.sum.calls += tally->calls;
  swap.sum.judged += tally->judged;
  swap.sum.first += tally->first;
  pthread_mutex_unlock (&swap.lock);
}

/* No ck_assert() where all is well: it takes a lock. */
static void
call_and_judge (Tally *tally)
{
  guint returned = atomic_load_explicit (&swap.returned, memory_order_seq_cst);
  g_autofree char *who = tlc_echo_who (swap.pair.service);
  guint begun = atomic_load_explicit (&swap.begun, memory_order_seq_cst);

  tally->calls++;
  if (begun != returned)
    return;
  tally->judged++;
  tally->first += tally->last != returned;
  tally->last = returned;
  if (G_UNLIKELY (strcmp (who, name_after (returned)) != 0))
    ck_abort_msg ("a call that began after change %u, to %s, had returned was served by %s",
                  returned, name_after (returned), who);
}

/* While no change has returned that this thread has not called by. */
static gboolean
is_up_to_date (const Tally *tally)
{
  return tally->last == atomic_load_explicit (&swap.returned, memory_order_relaxed)
         && !atomic_load_explicit (&swap.is_over, memory_order_relaxed);
}

/* Calls until it is over, and once more; then stays, as threads do that have nothing to do.
 * The eager ones call when a change has returned, and then not before the next: with a connection
 * that nobody has looked at since. */
static void *
caller_main (void *is_eager)
{
  Tally tally = { .last = G_MAXUINT };

  while (!atomic_load_explicit (&swap.is_over, memory_order_acquire))
    {
      call_and_judge (&tally);
      while (is_eager != NULL && is_up_to_date (&tally))
        sched_yield ();
    }
  call_and_judge (&tally);
  add_tally (&tally);
  pthread_barrier_wait (&swap.called);
  pthread_barrier_wait (&swap.leave);
  return NULL;
}

static void *
call_once (void *data)
{
  Tally tally = { .last = G_MAXUINT };

  call_and_judge (&tally);
  add_tally (&tally);
  return NULL;
}

static void *
nurse_main (void *data)
{
  while (!atomic_load_explicit (&swap.is_over, memory_order_acquire))
    {
      pthread_t twins[2];

      for (guint i = 0; i < G_N_ELEMENTS (twins); i++)
        ck_assert_int_eq (pthread_create (&twins[i], NULL, call_once, NULL), 0);
      for (guint i = 0; i < G_N_ELEMENTS (twins); i++)
        pthread_join (twins[i], NULL);
    }
  return NULL;
}

/* Every fourth is given something. */
static void
start (pthread_t *threads, guint n, void *(*thread_main) (void *))
{
  for (guint i = 0; i < n; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, thread_main, i % 4 == 0 ? &swap : NULL),
                      0);
}

static void
join (pthread_t *threads, guint n)
{
  for (guint i = 0; i < n; i++)
    pthread_join (threads[i], NULL);
}

/* Half of the changes follow the one before as fast as possible. */
static void
pause_at_times (GRand *random)
{
  if (g_rand_boolean (random))
    g_usleep ((gulong) g_rand_int_range (random, 0, MAX_PAUSE_US + 1));
}

/* One after the other, each with a call at once when it has returned. */
static void
change (guint n)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (4711);
  Tally tally = { .last = G_MAXUINT };

  for (guint i = 1; i <= n; i++)
    {
      atomic_store_explicit (&swap.begun, i, memory_order_seq_cst);
      tlc_echo_reconfigure (swap.pair.service, endpoint_after (i), "spare-connections", "0", NULL);
      atomic_store_explicit (&swap.returned, i, memory_order_seq_cst);
      call_and_judge (&tally);
      pause_at_times (random);
    }
  add_tally (&tally);
  tlc_thread_detach ();
}

static void
must_drain (void)
{
  g_autoptr (GError) error = NULL;

  if (!tlc_service_drain (swap.pair.service, 10000, &error))
    ck_abort_msg ("%s", error->message);
}

/* All have called once after the last change, and none is calling now. */
static TlcStats
end_calls (const char *at_present, const char *at_gone, guint n_callers)
{
  TlcStats stats;

  atomic_store_explicit (&swap.is_over, true, memory_order_release);
  pthread_barrier_wait (&swap.called);
  must_drain ();
  tlc_service_get_stats (swap.pair.service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.connections_open, n_callers);
  ck_assert_uint_eq (tlc_process_count_connections (at_gone), 0);
  ck_assert_uint_eq (tlc_process_count_connections (at_present), n_callers);
  return stats;
}

/* The callers sleep, and what was theirs is gone; then they exit. */
static void
end (pthread_t *callers, guint n_callers)
{
  ck_assert_uint_eq (tlc_process_count_library_threads (), 1);
  g_clear_pointer (&swap.pair.service, tlc_service_unref);
  ck_assert_uint_eq (tlc_process_count_connections (swap.pair.at_a), 0);
  ck_assert_uint_eq (tlc_process_count_connections (swap.pair.at_b), 0);
  ck_assert (tlc_process_settles (tlc_process_count_library_threads, 0));
  pthread_barrier_wait (&swap.leave);
  join (callers, n_callers);
  tlc_pair_clear (&swap.pair);
}

static void
judge_sum (guint n, const TlcStats *stats)
{
  printf ("# %u changes, %" G_GUINT64_FORMAT " calls, %" G_GUINT64_FORMAT " judged, %"
          G_GUINT64_FORMAT " of them the first by a change; %" G_GUINT64_FORMAT " connects\n",
          n, swap.sum.calls, swap.sum.judged, swap.sum.first, stats->connects);
  ck_assert_uint_eq (stats->calls, swap.sum.calls);
  ck_assert_uint_eq (stats->generation, 1 + n);
  ck_assert_uint_ge (swap.sum.judged, MAX (swap.sum.calls / 10, MIN (n, 1000)));
  ck_assert_uint_ge (swap.sum.first, n / 10);
}

/* Law 2: while the service changes as fast as it can, no call fails, and none goes where it must not. */
START_TEST (test_stress_swap_row_38_storm)
{
  pthread_t callers[N_CALLERS];
  TlcStats stats;

  begin (N_CALLERS);
  start (callers, N_CALLERS, caller_main);
  change (n_changes);
  stats = end_calls (endpoint_after (n_changes), endpoint_after (n_changes + 1), N_CALLERS);
  judge_sum (n_changes, &stats);
  end (callers, N_CALLERS);
}
END_TEST

/* Law 2: threads that are born, call and exit while the service changes are served by what is in force. */
START_TEST (test_stress_swap_row_35_threads_come_and_go)
{
  enum { N_STAY = N_CALLERS / 2 };
  pthread_t callers[N_STAY], nurses[N_NURSES];
  guint n = n_changes / 2;
  TlcStats stats;

  begin (N_STAY);
  start (callers, N_STAY, caller_main);
  start (nurses, N_NURSES, nurse_main);
  change (n);
  atomic_store_explicit (&swap.is_over, true, memory_order_release);
  join (nurses, N_NURSES);
  stats = end_calls (endpoint_after (n), endpoint_after (n + 1), N_STAY);
  judge_sum (n, &stats);
  ck_assert_uint_eq (stats.threads, N_STAY);
  end (callers, N_STAY);
}
END_TEST

static void *
writer_main (void *data)
{
  g_autofree char *both = g_strdup_printf ("%s %s", swap.pair.at_b, swap.pair.at_a);
  const char *const choices[] = { swap.pair.at_a, swap.pair.at_b, both };
  g_autoptr (GRand) random = g_rand_new ();

  for (guint i = 0; i < n_changes / 2; i++)
    {
      tlc_echo_reconfigure (swap.pair.service, choices[g_rand_int_range (random, 0, 3)], NULL);
      pthread_mutex_lock (&swap.lock);
      swap.n_true++;
      pthread_mutex_unlock (&swap.lock);
      pause_at_times (random);
    }
  return NULL;
}

/* Which change a call ran by cannot be told here, until the last. */
START_TEST (stress_swap_by_many)
{
  pthread_t callers[N_CALLERS], writers[N_WRITERS];
  TlcStats stats;

  begin (N_CALLERS);
  atomic_store_explicit (&swap.begun, 1, memory_order_seq_cst); /* nothing is judged */
  start (callers, N_CALLERS, caller_main);
  start (writers, N_WRITERS, writer_main);
  join (writers, N_WRITERS);
  ck_assert_uint_eq (tlc_service_get_generation (swap.pair.service), 1 + swap.n_true);
  tlc_echo_reconfigure (swap.pair.service, endpoint_after (1), NULL);
  atomic_store_explicit (&swap.returned, 1, memory_order_seq_cst);
  stats = end_calls (endpoint_after (1), endpoint_after (2), N_CALLERS);
  printf ("# %u changes by %d threads, %" G_GUINT64_FORMAT " calls, %" G_GUINT64_FORMAT
          " connects\n",
          swap.n_true, N_WRITERS, swap.sum.calls, stats.connects);
  ck_assert_uint_eq (swap.n_true, n_changes / 2 * N_WRITERS);
  ck_assert_uint_eq (stats.calls, swap.sum.calls);
  ck_assert_uint_ge (swap.sum.judged, N_CALLERS);
  end (callers, N_CALLERS);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-swap");
  TCase *tests = tcase_create ("stress-swap");

  if (argc > 1)
    n_changes = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, test_stress_swap_row_38_storm);
  tcase_add_test (tests, test_stress_swap_row_35_threads_come_and_go);
  tcase_add_test (tests, stress_swap_by_many);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
