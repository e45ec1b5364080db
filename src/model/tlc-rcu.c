/* SPDX-License-Identifier: Apache-2.0 */

/* What liburcu's bp flavour does not do by itself: fork().
 *
 * A thread becomes known to liburcu at its first read section, and unknown when it exits. Both take a
 * lock that urcu_bp_before_fork() does not: where another thread of the parent has it, nobody in the
 * child becomes known, or ends, ever. So threads become known under a lock of ours, which fork() waits
 * for; and a child of a process with several threads does not ask liburcu again. It has a stand-in, a
 * mutex, which is as good where sections are as short and as rare as ours: who has taken it and let it go
 * has waited for all who were inside.
 *
 * A thread whose destructors run goes by the stand-in, too: liburcu has forgotten it, and would have to
 * come to know it again, and forget it again, after us. */
#include "model/tlc-rcu.h"

#include <sched.h>
#include <sys/single_threaded.h>
#include <time.h>

_Thread_local gboolean tlc_rcu_is_known, tlc_rcu_is_exiting;
gboolean tlc_rcu_is_left_alone;
pthread_mutex_t tlc_rcu_stand_in = PTHREAD_MUTEX_INITIALIZER;

#ifdef TLC_THREAD_SANITIZER
char tlc_rcu_grace_period;
#endif

/* Whoever becomes known to liburcu. */
static pthread_mutex_t tlc_rcu_register_lock = PTHREAD_MUTEX_INITIALIZER;
/* Of the forking thread; the stand-in guards them. */
static gboolean tlc_rcu_has_register_lock, tlc_rcu_forks_alone;

/* How often fork() asks for that lock: the thread that has it may be waiting for liburcu's, so both are
 * let go of in between. */
#define TLC_RCU_FORK_TRIES 1000
/* A thread that exits has let go of liburcu's registry, and has a few instructions to go with the lock
 * that we cannot take. */
#define TLC_RCU_EXIT_NS (50 * 1000)

void
tlc_rcu_register (void)
{
  pthread_mutex_lock (&tlc_rcu_register_lock);
  urcu_bp_register_thread ();
  pthread_mutex_unlock (&tlc_rcu_register_lock);
  tlc_rcu_is_known = TRUE;
}

void
tlc_rcu_synchronize (void)
{
  if (!tlc_rcu_is_left_alone)
    urcu_bp_synchronize_rcu ();
#ifdef TLC_THREAD_SANITIZER
  __tsan_acquire (&tlc_rcu_grace_period);
#endif
  pthread_mutex_lock (&tlc_rcu_stand_in);
  pthread_mutex_unlock (&tlc_rcu_stand_in);
}

gboolean
tlc_rcu_is_reading (void)
{
  if (tlc_rcu_is_by_stand_in ())
    return FALSE;
  if (!tlc_rcu_is_known)
    tlc_rcu_register ();
  return urcu_bp_read_ongoing () != 0;
}

/* liburcu's locks, and ours with them. */
static gboolean
tlc_rcu_lock_all (void)
{
  const struct timespec exits = { 0, TLC_RCU_EXIT_NS };
  guint n_tries = 1;

  urcu_bp_before_fork ();
  while (pthread_mutex_trylock (&tlc_rcu_register_lock) != 0)
    {
      if (n_tries++ == TLC_RCU_FORK_TRIES)
        return FALSE;
      urcu_bp_after_fork_parent ();
      sched_yield ();
      urcu_bp_before_fork ();
    }
  nanosleep (&exits, NULL);
  return TRUE;
}

void
tlc_rcu_before_fork (gboolean without_liburcu)
{
  gboolean has_register_lock = !without_liburcu && tlc_rcu_lock_all ();

  pthread_mutex_lock (&tlc_rcu_stand_in);
  tlc_rcu_has_register_lock = has_register_lock;
  tlc_rcu_forks_alone = __libc_single_threaded;
}

void
tlc_rcu_after_fork_parent (gboolean without_liburcu)
{
  gboolean has_register_lock = tlc_rcu_has_register_lock;

  pthread_mutex_unlock (&tlc_rcu_stand_in);
  if (has_register_lock)
    pthread_mutex_unlock (&tlc_rcu_register_lock);
  if (!without_liburcu)
    urcu_bp_after_fork_parent ();
}

void
tlc_rcu_after_fork_child (gboolean without_liburcu)
{
  if (!tlc_rcu_forks_alone)
    tlc_rcu_is_left_alone = TRUE;
  if (tlc_rcu_has_register_lock)
    pthread_mutex_unlock (&tlc_rcu_register_lock);
  pthread_mutex_unlock (&tlc_rcu_stand_in);
  if (!without_liburcu)
    urcu_bp_after_fork_child ();
}
