/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N children, forked amid threads that begin to read and exit, all read, change and reclaim
 * (law 7: no hang): whatever lock the parent's threads had at that moment, their own or liburcu's.
 *
 * stress-fork [N, 2000 by default] */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/tlc-clock.h"
#include "support/tlc-room.h"

#define N_PARENTS 4
#define WATCHDOG_US (30 * G_USEC_PER_SEC)

static guint n_forks = 2000;
static TlcBranch *branch;
static atomic_bool is_over;
static atomic_ulong n_threads;

static void *
read_once (void *data)
{
  g_autoptr (TlcSnapshot) snapshot = tlc_branch_read (branch);

  return snapshot->generation > 0 ? branch : NULL;
}

/* In a thread of its own, which liburcu does not know yet, and forgets again. */
static gboolean
read_elsewhere (void)
{
  pthread_t thread;
  void *result;

  return pthread_create (&thread, NULL, read_once, NULL) == 0
         && pthread_join (thread, &result) == 0 && result == branch;
}

static void *
come_and_go (void *data)
{
  while (!atomic_load (&is_over))
    {
      ck_assert (read_elsewhere ());
      atomic_fetch_add (&n_threads, 1);
    }
  return NULL;
}

/* What a child does, and its keeper. */
static gboolean
live (void)
{
  for (guint i = 0; i < 3; i++)
    {
      if (!read_elsewhere ())
        return FALSE;
      tlc_root_lock ();
      tlc_branch_publish_unlocked (
          branch, tlc_room_next_unlocked (branch, tlc_room_settings ("unix:@nobody-listens-here", NULL)));
      tlc_root_unlock ();
      tlc_root_reclaim (branch->root);
    }
  return TRUE;
}

static gboolean
ends_well (pid_t child)
{
  gint64 deadline_us = tlc_clock_now_us () + WATCHDOG_US;
  int status;

  while (waitpid (child, &status, WNOHANG) == 0)
    {
      if (tlc_clock_now_us () > deadline_us)
        {
          kill (child, SIGKILL);
          waitpid (child, &status, 0);
          return FALSE;
        }
      g_usleep (100);
    }
  return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

START_TEST (stress_fork)
{
  pthread_t threads[N_PARENTS];

  branch = tlc_room_branch (tlc_room_settings ("unix:@nobody-listens-here", NULL));
  for (guint i = 0; i < N_PARENTS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, come_and_go, NULL), 0);
  ck_assert_ptr_nonnull (read_once (NULL)); /* liburcu knows this thread before it forks */
  for (guint i = 0; i < n_forks; i++)
    {
      pid_t child = fork ();

      if (child == 0)
        _exit (live () ? 0 : 1);
      ck_assert_int_gt (child, 0);
      ck_assert_msg (ends_well (child), "child %u of %u hangs, or fails", i + 1, n_forks);
    }
  atomic_store (&is_over, TRUE);
  for (guint i = 0; i < N_PARENTS; i++)
    pthread_join (threads[i], NULL);
  printf ("# %u forks beside %lu threads that came and went\n", n_forks, atomic_load (&n_threads));
  tlc_branch_drop (branch);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-fork");
  TCase *tests = tcase_create ("stress-fork");

  if (argc > 1)
    n_forks = (guint) g_ascii_strtoull (argv[1], NULL, 10);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, stress_fork);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
