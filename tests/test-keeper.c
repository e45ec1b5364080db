/* SPDX-License-Identifier: Apache-2.0 */

/* The keeper: when jobs run and are dropped, and when its thread starts, sleeps and ends. */
#include "keeper/tlc-keeper.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/rcu.h"
#include "model/tlc-clock.h"
#include "support/tlc-check.h"

#define WATCHDOG_US (G_GINT64_CONSTANT (30) * G_USEC_PER_SEC)
#define HOUR_US (G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC)

/* --- jobs that write down what becomes of them --- */

static char diary[1024]; /* of the jobs' names: upper case when run, lower case when dropped */
static atomic_uint diary_length;

static void
diary_note (char letter)
{
  /* The release that tells whoever counts the letters that this one is there. */
  guint at = atomic_load_explicit (&diary_length, memory_order_relaxed);

  ck_assert_uint_lt (at + 1, sizeof diary);
  diary[at] = letter;
  atomic_store_explicit (&diary_length, at + 1, memory_order_release);
}

typedef struct {
  TlcJob job; /* first */
  char name;
  gint64 ran_us;
  guint n_again; /* how often it is to schedule itself again */
} Task;

static void
task_run (TlcJob *job)
{
  Task *task = (Task *) job;

  task->ran_us = tlc_clock_now_us ();
  diary_note (task->name);
  if (task->n_again > 0)
    {
      task->n_again--;
      ck_assert (tlc_keeper_schedule (job, tlc_clock_now_us () + 100));
      ck_assert (!tlc_keeper_schedule (job, tlc_clock_now_us () + 50));
    }
}

static void
task_drop (TlcJob *job)
{
  diary_note (g_ascii_tolower (((Task *) job)->name));
}

#define TASK(letter) { .job = { .run = task_run, .drop = task_drop }, .name = (letter) }

/* Waits until so much is in the diary; what is then must be @expected. */
static void
assert_diary (const char *expected)
{
  gint64 deadline_us = tlc_clock_now_us () + WATCHDOG_US;

  while (atomic_load_explicit (&diary_length, memory_order_acquire) < strlen (expected))
    {
      ck_assert_msg (tlc_clock_now_us () < deadline_us, "\"%s\" and no more", diary);
      poll (NULL, 0, 1);
    }
  ck_assert_str_eq (diary, expected);
}

/* A job at which the keeper stays until the gate is opened: what is scheduled meanwhile is in its
 * list together, however slow the machine. */
typedef struct {
  TlcJob job; /* first */
  pthread_barrier_t inside, open;
} Gate;

static void
gate_run (TlcJob *job)
{
  Gate *gate = (Gate *) job;

  pthread_barrier_wait (&gate->inside);
  pthread_barrier_wait (&gate->open);
}

static void
gate_drop (TlcJob *job)
{
}

static void
gate_close (Gate *gate)
{
  *gate = (Gate){ .job = { .run = gate_run, .drop = gate_drop } };
  pthread_barrier_init (&gate->inside, NULL, 2);
  pthread_barrier_init (&gate->open, NULL, 2);
  ck_assert (tlc_keeper_schedule (&gate->job, 0));
  pthread_barrier_wait (&gate->inside);
}

static void
keeper_open (void)
{
  tlc_worker_hold ();
  ck_assert (tlc_keeper_start (NULL));
}

static void
keeper_close (void)
{
  if (tlc_worker_drop ())
    tlc_keeper_stop ();
}

/* --- its thread, as the kernel sees it --- */

/* The keepers among the threads of this process, and of the last one the id. */
static guint
count_keepers (guint *ret_id)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *id;
  guint n = 0;

  ck_assert_ptr_nonnull (dir);
  while ((id = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/comm", id);
      g_autofree char *name = NULL;

      /* A thread may end while we look at it. */
      if (!g_file_get_contents (path, &name, NULL, NULL) || !g_str_equal (name, "tlc-keeper\n"))
        continue;
      n++;
      *ret_id = (guint) g_ascii_strtoull (id, NULL, 10);
    }
  return n;
}

/* It takes its name a little after it was started, and is gone a little after it was joined. */
static guint
wait_for_keepers (guint n)
{
  gint64 deadline_us = tlc_clock_now_us () + WATCHDOG_US;
  guint id = 0;

  while (count_keepers (&id) != n)
    {
      ck_assert_msg (tlc_clock_now_us () < deadline_us, "%u keepers, not %u", count_keepers (&id),
                     n);
      poll (NULL, 0, 1);
    }
  return id;
}

/* The number after @key in the thread's status. */
static guint64
read_status (guint id, const char *key, guint base)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%u/status", id);
  g_autofree char *status = NULL;
  const char *line;

  ck_assert (g_file_get_contents (path, &status, NULL, NULL));
  line = strstr (status, key);
  ck_assert_ptr_nonnull (line);
  return g_ascii_strtoull (line + strlen (key), NULL, base);
}

/* How long the thread has been on a processor, in ticks of the kernel's clock. */
static guint
read_ticks (guint id)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%u/stat", id);
  g_autofree char *stat = NULL;
  guint user, system;

  ck_assert (g_file_get_contents (path, &stat, NULL, NULL));
  ck_assert_int_eq (sscanf (strrchr (stat, ')'),
                            ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %u %u", &user, &system),
                    2);
  return user + system;
}

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

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
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  keeper_open ();
  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    {
      tasks[i] = (Task) TASK ((char) ('A' + i));
      ck_assert (tlc_keeper_schedule (&tasks[i].job,
                                      tlc_clock_now_us () + g_rand_int_range (random, 0, 100000)));
    }
  while (atomic_load_explicit (&diary_length, memory_order_acquire) < 2 * G_N_ELEMENTS (tasks))
    poll (NULL, 0, 1);
  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    ck_assert_int_ge (tasks[i].ran_us, tasks[i].job.due_us);
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
  while (read_status (wait_for_keepers (1), "\nvoluntary_ctxt_switches:", 10) == 0)
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

/* Where nothing runs, jobs are dropped and not run. */
START_TEST (test_keeper_drops_jobs_that_nothing_runs)
{
  static Task a = TASK ('A'), b = TASK ('B');
  guint id;

  tlc_worker_hold ();
  ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us () + HOUR_US));
  ck_assert (tlc_keeper_schedule (&b.job, 0));
  ck_assert_uint_eq (count_keepers (&id), 0);
  keeper_close ();
  ck_assert_str_eq (diary, "ba");
}
END_TEST

/* --- its thread --- */

/* Law 10: no thread before the first need, one then, by its name, which blocks all signals. */
START_TEST (test_keeper_thread_is_quiet)
{
  guint64 blocked;
  guint id;

  tlc_worker_hold ();
  ck_assert_uint_eq (count_keepers (&id), 0);
  ck_assert (tlc_keeper_start (NULL));
  ck_assert (tlc_keeper_start (NULL));
  blocked = read_status (wait_for_keepers (1), "SigBlk:", 16);
  /* 32 and 33 are glibc's own, the other two nobody's. */
  for (int signal = 1; signal < NSIG; signal++)
    if (signal != SIGKILL && signal != SIGSTOP && signal != 32 && signal != 33)
      ck_assert_msg (blocked >> (signal - 1) & 1, "signal %d is not blocked", signal);
  keeper_close ();
  wait_for_keepers (0);
}
END_TEST

/* Law 7: it ends with the last who holds it, not before, and has run by then what it had, due or
 * not. */
START_TEST (test_keeper_ends_with_the_last_holder)
{
  static Task a = TASK ('A'), b = TASK ('B');
  guint id;

  keeper_open ();
  tlc_worker_hold ();
  ck_assert (tlc_keeper_schedule (&b.job, tlc_clock_now_us () + 2 * HOUR_US));
  ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us () + HOUR_US));
  ck_assert (!tlc_worker_drop ());
  tlc_keeper_stop (); /* wakes it, and it finds that it is wanted */
  wait_for_keepers (1);
  ck_assert_str_eq (diary, "");
  ck_assert (tlc_worker_drop ());
  tlc_keeper_stop ();
  ck_assert_str_eq (diary, "AaBb");
  wait_for_keepers (0);
  ck_assert_uint_eq (count_keepers (&id), 0);
}
END_TEST

/* Law 7: it starts again for who comes next, and nothing is left of it each time. */
START_TEST (test_keeper_starts_again)
{
  static Task a = TASK ('A');
  g_autoptr (GString) expected = g_string_new (NULL);
  guint fds = count_fds ();

  for (guint i = 0; i < 200; i++)
    {
      keeper_open ();
      ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us () + HOUR_US));
      keeper_close ();
      g_string_append (expected, "Aa");
      ck_assert_str_eq (diary, expected->str);
      ck_assert_uint_eq (count_fds (), fds);
    }
  wait_for_keepers (0);
}
END_TEST

/* It sleeps while nothing is due: it neither wakes to look at the clock nor stays awake for it. */
START_TEST (test_keeper_sleeps_while_nothing_is_due)
{
  static Task a = TASK ('A'), b = TASK ('B');
  guint64 switches;
  guint id, ticks;

  keeper_open ();
  ck_assert (tlc_keeper_schedule (&b.job, tlc_clock_now_us () + HOUR_US));
  ck_assert (tlc_keeper_schedule (&a.job, 0));
  assert_diary ("Aa");
  id = wait_for_keepers (1);
  switches = read_status (id, "\nvoluntary_ctxt_switches:", 10);
  ticks = read_ticks (id);
  poll (NULL, 0, 1500); /* nothing is waited for: it is the time in which it could */
  ck_assert_uint_le (read_status (id, "\nvoluntary_ctxt_switches:", 10), switches + 3);
  ck_assert_uint_le (read_ticks (id), ticks + 3);
  keeper_close ();
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
  guint fds = count_fds ();

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
  wait_for_keepers (0);
  ck_assert_uint_gt (n_scheduled, 0);
  ck_assert_uint_eq (n_run, n_scheduled);
  ck_assert_uint_eq (n_dropped, n_scheduled);
  for (guint i = 0; i < N_JOBS; i++)
    shared_unref (&jobs[i]->job);
  ck_assert_uint_eq (n_freed, N_JOBS);
  ck_assert_uint_eq (count_fds (), fds);
}
END_TEST

/* --- who must not wait --- */

static void
wait_for_readers (TlcJob *job)
{
  tlc_rcu_synchronize ();
  task_run (job);
}

/* Stopping inside a read section does not wait for a keeper that waits for that section. */
START_TEST (test_keeper_stop_inside_a_read_section)
{
  static Task a = TASK ('A');
  gint64 began_us;

  a.job.run = wait_for_readers;
  keeper_open ();
  tlc_rcu_read_lock ();
  ck_assert (tlc_keeper_schedule (&a.job, 0));
  began_us = tlc_clock_now_us ();
  keeper_close ();
  ck_assert_int_lt (tlc_clock_now_us () - began_us, TLC_WORKER_END_MS * 1000 / 2);
  ck_assert_str_eq (diary, "");
  tlc_rcu_read_unlock ();
  assert_diary ("Aa");
  wait_for_keepers (0);
}
END_TEST

static void
close_from_within (TlcJob *job)
{
  keeper_close ();
  task_run (job);
}

/* Nor does the keeper wait for itself, when a job lets go of the last hold. */
START_TEST (test_keeper_stop_on_its_own_thread)
{
  static Task a = TASK ('A'), b = TASK ('B');
  gint64 began_us = tlc_clock_now_us ();

  a.job.run = close_from_within;
  keeper_open ();
  ck_assert (tlc_keeper_schedule (&b.job, tlc_clock_now_us () + HOUR_US));
  ck_assert (tlc_keeper_schedule (&a.job, 0));
  assert_diary ("AaBb");
  ck_assert_int_lt (tlc_clock_now_us () - began_us, TLC_WORKER_END_MS * 1000 / 2);
  wait_for_keepers (0);
}
END_TEST

/* --- fork --- */

/* In the child of a fork() the job that the parent's keeper was at is scheduled again; the parent's
 * goes on. */
START_TEST (test_keeper_child_begins_anew)
{
  Gate gate;
  pid_t child;
  int status;

  keeper_open ();
  gate_close (&gate);
  tlc_worker_lock (); /* as the library's handlers do, which this program does not have */
  child = fork ();
  if (child == 0)
    {
      tlc_keeper_after_fork_child_unlocked ();
      tlc_worker_unlock ();
      _exit (tlc_keeper_schedule (&gate.job, 0) ? 1 : 0);
    }
  tlc_worker_unlock ();
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert_int_eq (status, 0);
  pthread_barrier_wait (&gate.open);
  keeper_close ();
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
  tcase_add_test (tests, test_keeper_drops_jobs_that_nothing_runs);
  tcase_add_test (tests, test_keeper_thread_is_quiet);
  tcase_add_test (tests, test_keeper_ends_with_the_last_holder);
  tcase_add_test (tests, test_keeper_starts_again);
  tcase_add_test (tests, test_keeper_sleeps_while_nothing_is_due);
  tcase_add_test (tests, test_keeper_from_many_threads);
  tcase_add_test (tests, test_keeper_stop_inside_a_read_section);
  tcase_add_test (tests, test_keeper_stop_on_its_own_thread);
  tcase_add_test (tests, test_keeper_child_begins_anew);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
