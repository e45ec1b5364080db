/* SPDX-License-Identifier: Apache-2.0 */

/* A thread of the library's own, the keeper: when it starts, sleeps and ends, and who does not wait
 * for it. */
#include "keeper/tlc-worker.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/tlc-clock.h"
#include "model/tlc-rcu.h"
#include "support/tlc-jobs.h"
#include "support/tlc-process.h"

/* --- its thread --- */

/* Law 10: no thread before the first need, one then, by its name, which blocks all signals. */
START_TEST (test_worker_thread_is_quiet)
{
  guint id;

  tlc_worker_hold ();
  ck_assert_uint_eq (tasks_count (KEEPER, &id), 0);
  ck_assert (tlc_keeper_start (NULL));
  ck_assert (tlc_keeper_start (NULL));
  task_assert_blocks_signals (tasks_await (KEEPER, 1));
  keeper_close ();
  tasks_await (KEEPER, 0);
}
END_TEST

/* Law 7: it ends with the last who holds it, not before, and has run by then what it had, due or
 * not. */
START_TEST (test_worker_ends_with_the_last_holder)
{
  static Task a = TASK ('A'), b = TASK ('B');
  guint id;

  keeper_open ();
  tlc_worker_hold ();
  ck_assert (tlc_keeper_schedule (&b.job, tlc_clock_now_us () + 2 * HOUR_US));
  ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us () + HOUR_US));
  ck_assert (!tlc_worker_drop ());
  tlc_keeper_stop (); /* wakes it, and it finds that it is wanted */
  tasks_await (KEEPER, 1);
  ck_assert_str_eq (diary, "");
  ck_assert (tlc_worker_drop ());
  tlc_keeper_stop ();
  ck_assert_str_eq (diary, "AaBb");
  tasks_await (KEEPER, 0);
  ck_assert_uint_eq (tasks_count (KEEPER, &id), 0);
}
END_TEST

/* Law 7: it starts again for who comes next, and nothing is left of it each time. */
START_TEST (test_worker_starts_again)
{
  static Task a = TASK ('A');
  g_autoptr (GString) expected = g_string_new (NULL);
  guint fds = tlc_process_count_fds ();

  for (guint i = 0; i < 200; i++)
    {
      keeper_open ();
      ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us () + HOUR_US));
      keeper_close ();
      g_string_append (expected, "Aa");
      ck_assert_str_eq (diary, expected->str);
      ck_assert_uint_eq (tlc_process_count_fds (), fds);
    }
  tasks_await (KEEPER, 0);
}
END_TEST

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

/* It sleeps while nothing is due: it neither wakes to look at the clock nor stays awake for it. */
START_TEST (test_worker_sleeps_while_nothing_is_due)
{
  static Task a = TASK ('A'), b = TASK ('B');
  guint64 switches;
  guint id, ticks;

  keeper_open ();
  ck_assert (tlc_keeper_schedule (&b.job, tlc_clock_now_us () + HOUR_US));
  ck_assert (tlc_keeper_schedule (&a.job, 0));
  assert_diary ("Aa");
  id = tasks_await (KEEPER, 1);
  switches = task_read_status (id, "\nvoluntary_ctxt_switches:", 10);
  ticks = read_ticks (id);
  poll (NULL, 0, 1500); /* nothing is waited for: it is the time in which it could */
  ck_assert_uint_le (task_read_status (id, "\nvoluntary_ctxt_switches:", 10), switches + 3);
  ck_assert_uint_le (read_ticks (id), ticks + 3);
  keeper_close ();
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
START_TEST (test_worker_stop_inside_a_read_section)
{
  static Task a = TASK ('A');
  gboolean by_stand_in;
  gint64 began_us;

  a.job.run = wait_for_readers;
  keeper_open ();
  by_stand_in = tlc_rcu_read_lock ();
  ck_assert (tlc_keeper_schedule (&a.job, 0));
  began_us = tlc_clock_now_us ();
  keeper_close ();
  ck_assert_int_lt (tlc_clock_now_us () - began_us, TLC_WORKER_END_MS * 1000 / 2);
  ck_assert_str_eq (diary, "");
  tlc_rcu_read_unlock (by_stand_in);
  assert_diary ("Aa");
  tasks_await (KEEPER, 0);
}
END_TEST

static void
close_from_within (TlcJob *job)
{
  keeper_close ();
  task_run (job);
}

/* Nor does the keeper wait for itself, when a job lets go of the last hold. */
START_TEST (test_worker_stop_on_its_own_thread)
{
  static Task a = TASK ('A'), b = TASK ('B');
  gint64 began_us = tlc_clock_now_us ();

  a.job.run = close_from_within;
  keeper_open ();
  ck_assert (tlc_keeper_schedule (&b.job, tlc_clock_now_us () + HOUR_US));
  ck_assert (tlc_keeper_schedule (&a.job, 0));
  assert_diary ("AaBb");
  ck_assert_int_lt (tlc_clock_now_us () - began_us, TLC_WORKER_END_MS * 1000 / 2);
  tasks_await (KEEPER, 0);
}
END_TEST

/* --- fork --- */

/* In the child of a fork() the job that the parent's keeper was at is scheduled again; the parent's
 * goes on. */
START_TEST (test_worker_child_begins_anew)
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
  Suite *suite = suite_create ("worker");
  TCase *tests = tcase_create ("worker");

  tcase_add_test (tests, test_worker_thread_is_quiet);
  tcase_add_test (tests, test_worker_ends_with_the_last_holder);
  tcase_add_test (tests, test_worker_starts_again);
  tcase_add_test (tests, test_worker_sleeps_while_nothing_is_due);
  tcase_add_test (tests, test_worker_stop_inside_a_read_section);
  tcase_add_test (tests, test_worker_stop_on_its_own_thread);
  tcase_add_test (tests, test_worker_child_begins_anew);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
