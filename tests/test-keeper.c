/* SPDX-License-Identifier: Apache-2.0 */

/* The keeper: when jobs run and are dropped. */
#include "keeper/tlc-keeper.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "model/tlc-clock.h"
#include "support/tlc-jobs.h"
#include "support/tlc-process.h"

/* --- jobs --- */

/* Jobs run in the order in which they are due, not in which they were scheduled; each is dropped
 * after it ran. */
START_TEST (test_keeper_runs_in_the_order_of_due_times)
{
  static Task a = TASK ('A'), b = TASK ('B'), c = TASK ('C'), d = TASK ('D');
  gint64 now_us = tlc_clock_now_us ();
  Gate gate;

  keeper_open ();
  gate_close (&gate);
  ck_assert (tlc_keeper_schedule (&c.job, now_us + 20000));
  ck_assert (tlc_keeper_schedule (&a.job, now_us - 1000));
  ck_assert (tlc_keeper_schedule (&d.job, now_us + 40000));
  ck_assert (tlc_keeper_schedule (&b.job, now_us + 10000));
  pthread_barrier_wait (&gate.open);
  assert_diary ("AaBbCcDd");
  keeper_close ();
  assert_diary ("AaBbCcDd");
}
END_TEST

/* No job runs before its time, whether the keeper is at work or asleep when it is scheduled. */
START_TEST (test_keeper_runs_nothing_before_its_time)
{
  static Task tasks[26];
  gint64 due_us[G_N_ELEMENTS (tasks)];
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  keeper_open ();
  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    {
      tasks[i] = (Task) TASK ((char) ('A' + i));
      due_us[i] = tlc_clock_now_us () + g_rand_int_range (random, 0, 100000);
      ck_assert (tlc_keeper_schedule (&tasks[i].job, due_us[i]));
    }
  while (atomic_load_explicit (&diary_length, memory_order_acquire) < 2 * G_N_ELEMENTS (tasks))
    poll (NULL, 0, 1);
  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    ck_assert_int_ge (tasks[i].ran_us, due_us[i]);
  keeper_close ();
}
END_TEST

/* Scheduled while it is scheduled: not anew, so it runs once, at the earliest of the times; a later
 * one changes nothing. */
START_TEST (test_keeper_earliest_time_wins)
{
  static Task a = TASK ('A'), b = TASK ('B'), c = TASK ('C');
  gint64 now_us = tlc_clock_now_us ();
  Gate gate;

  keeper_open ();
  gate_close (&gate);
  ck_assert (tlc_keeper_schedule (&a.job, now_us + HOUR_US));
  ck_assert (tlc_keeper_schedule (&b.job, now_us + 20000));
  ck_assert (tlc_keeper_schedule (&c.job, now_us + 30000));
  ck_assert (!tlc_keeper_schedule (&a.job, now_us + 40000));
  ck_assert (!tlc_keeper_schedule (&a.job, now_us + 10000));
  ck_assert (!tlc_keeper_schedule (&b.job, now_us + HOUR_US));
  ck_assert (!tlc_keeper_schedule (&c.job, now_us + 30000));
  pthread_barrier_wait (&gate.open);
  assert_diary ("AaBbCc");
  keeper_close ();
  assert_diary ("AaBbCc");
}
END_TEST

/* An earlier time wakes the keeper, which sleeps until a later one. */
START_TEST (test_keeper_wakes_for_an_earlier_time)
{
  static Task a = TASK ('A'), b = TASK ('B');

  keeper_open ();
  ck_assert (tlc_keeper_schedule (&b.job, tlc_clock_now_us () + HOUR_US));
  while (task_read_status (tasks_await (KEEPER, 1), "\nvoluntary_ctxt_switches:", 10) == 0)
    poll (NULL, 0, 1);
  ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us ()));
  assert_diary ("Aa");
  ck_assert (!tlc_keeper_schedule (&b.job, tlc_clock_now_us ()));
  assert_diary ("AaBb");
  keeper_close ();
}
END_TEST

/* A job may schedule itself while it runs, for it is not scheduled then; each time is dropped. */
START_TEST (test_keeper_job_schedules_itself)
{
  static Task a = TASK ('A');
  g_autoptr (GString) expected = g_string_new ("Aa");

  for (a.n_again = 0; a.n_again < 200; a.n_again++)
    g_string_append (expected, "Aa");
  keeper_open ();
  ck_assert (tlc_keeper_schedule (&a.job, 0));
  assert_diary (expected->str);
  keeper_close ();
  ck_assert_str_eq (diary, expected->str);
}
END_TEST

/* A job at work until the gate is opened, that goes on in an hour unless it is hastened. */
static void
gate_run_hourly (TlcJob *job)
{
  static guint n_runs;

  diary_note ('G');
  if (n_runs++ > 0)
    return;
  gate_run (job);
  ck_assert (tlc_keeper_schedule (job, tlc_clock_now_us () + HOUR_US));
}

/* Who has a reason to hasten a job that is at work, with what was true before, does not have to wait
 * for it. */
START_TEST (test_keeper_hastens_what_runs)
{
  static Task a = TASK ('A');
  static Gate gate;

  gate = (Gate){ .job = { .run = gate_run_hourly, .drop = gate_drop } };
  pthread_barrier_init (&gate.inside, NULL, 2);
  pthread_barrier_init (&gate.open, NULL, 2);
  keeper_open ();
  ck_assert (tlc_keeper_schedule (&gate.job, 0));
  pthread_barrier_wait (&gate.inside);
  tlc_keeper_hasten (&gate.job, tlc_clock_now_us ());
  tlc_keeper_hasten (&a.job, 0); /* neither at work nor scheduled: it stays so */
  pthread_barrier_wait (&gate.open);
  assert_diary ("GG");
  ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us () + HOUR_US));
  ck_assert_str_eq (diary, "GG");
  keeper_close ();
  assert_diary ("GGAa");
}
END_TEST

/* Where nothing runs, jobs are dropped and not run. */
START_TEST (test_keeper_drops_jobs_that_nothing_runs)
{
  static Task a = TASK ('A'), b = TASK ('B');
  guint id;

  tlc_worker_hold ();
  ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us () + HOUR_US));
  ck_assert (tlc_keeper_schedule (&b.job, 0));
  ck_assert_uint_eq (tasks_count (KEEPER, &id), 0);
  keeper_close ();
  ck_assert_str_eq (diary, "ba");
}
END_TEST

/* --- all at once --- */

#define N_JOBS 16
#define N_ROUNDS 20000

/* Each scheduling holds a reference; who lets go of the last one frees the job. */
typedef struct {
  TlcJob job; /* first */
  atomic_uint references;
} Shared;

static atomic_ulong n_scheduled, n_run, n_dropped, n_freed;

static void
shared_unref (TlcJob *job)
{
  if (atomic_fetch_sub (&((Shared *) job)->references, 1) != 1)
    return;
  g_free (job);
  atomic_fetch_add (&n_freed, 1);
}

static void
shared_run (TlcJob *job)
{
  atomic_fetch_add (&n_run, 1);
}

static void
shared_drop (TlcJob *job)
{
  atomic_fetch_add (&n_dropped, 1);
  shared_unref (job);
}

static void *
hold_schedule_drop (void *data)
{
  Shared **jobs = data;
  g_autoptr (GRand) random = g_rand_new_with_seed (GPOINTER_TO_UINT (&random));

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      Shared *shared = jobs[g_rand_int_range (random, 0, N_JOBS)];

      keeper_open ();
      /* The reference comes first: the job may have been run and dropped when we are told. */
      atomic_fetch_add (&shared->references, 1);
      if (tlc_keeper_schedule (&shared->job,
                               tlc_clock_now_us () + g_rand_int_range (random, -500, 500)))
        atomic_fetch_add (&n_scheduled, 1);
      else
        shared_unref (&shared->job);
      keeper_close ();
    }
  return NULL;
}

/* Law 7: whoever comes and goes beside others, each scheduling that was new has its run and its
 * drop, and nothing is left. */
START_TEST (test_keeper_from_many_threads)
{
  Shared *jobs[N_JOBS];
  pthread_t threads[8];
  guint fds = tlc_process_count_fds ();

  for (guint i = 0; i < N_JOBS; i++)
    {
      jobs[i] = g_new0 (Shared, 1);
      jobs[i]->job.run = shared_run;
      jobs[i]->job.drop = shared_drop;
      jobs[i]->references = 1;
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, hold_schedule_drop, jobs), 0);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    pthread_join (threads[i], NULL);
  tasks_await (KEEPER, 0);
  ck_assert_uint_gt (n_scheduled, 0);
  ck_assert_uint_eq (n_run, n_scheduled);
  ck_assert_uint_eq (n_dropped, n_scheduled);
  for (guint i = 0; i < N_JOBS; i++)
    shared_unref (&jobs[i]->job);
  ck_assert_uint_eq (n_freed, N_JOBS);
  ck_assert_uint_eq (tlc_process_count_fds (), fds);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("keeper");
  TCase *tests = tcase_create ("keeper");

  tcase_add_test (tests, test_keeper_runs_in_the_order_of_due_times);
  tcase_add_test (tests, test_keeper_runs_nothing_before_its_time);
  tcase_add_test (tests, test_keeper_earliest_time_wins);
  tcase_add_test (tests, test_keeper_wakes_for_an_earlier_time);
  tcase_add_test (tests, test_keeper_job_schedules_itself);
  tcase_add_test (tests, test_keeper_hastens_what_runs);
  tcase_add_test (tests, test_keeper_drops_jobs_that_nothing_runs);
  tcase_add_test (tests, test_keeper_from_many_threads);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
