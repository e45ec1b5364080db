/* SPDX-License-Identifier: Apache-2.0 */

/* fork(): the child has the memory of all threads and no thread but the one that forked. So that it
 * finds our locks free, what they guard whole, and liburcu's registry without the threads that are
 * gone, all are taken before and set right after.
 *
 * The handlers are registered when the library is loaded, before anybody else's that may use us:
 * what is registered first prepares last. liburcu's own preparation blocks all signals and holds
 * its locks, and done twice it waits for itself: where all signals are blocked already the host
 * program has done it, and ours steps aside; or where the program says so. */
#include "tlc/fork.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "client/tlc-thread.h"
#include "keeper/tlc-keeper.h"
#include "keeper/tlc-resolver.h"
#include "keeper/tlc-watch.h"
#include "model/tlc-cancel.h"
#include "model/tlc-rcu.h"
#include "model/tlc-root.h"

/* A TlcForkPreparer. Any thread writes; whoever forks reads. */
static atomic_int tlc_fork_preparer = TLC_FORK_PREPARER_AUTO;

/* Whether liburcu is prepared by others, or not at all. Of the forking thread, from prepare to the
 * handler that follows; the locks guard it. */
static gboolean tlc_fork_without_rcu;

/* Those between 31 and SIGRTMIN are glibc's own: it takes them out of every mask. */
static gboolean
tlc_fork_can_be_blocked (int signal)
{
  return signal != SIGKILL && signal != SIGSTOP && (signal < 32 || signal >= SIGRTMIN);
}

void
tlc_fork_set_preparer (TlcForkPreparer preparer)
{
  g_return_if_fail (preparer <= TLC_FORK_PREPARER_HOST);

  /* ORDER(fork.preparer): relaxed; the program sees to it that it is before the fork. */
  atomic_store_explicit (&tlc_fork_preparer, (int) preparer, memory_order_relaxed);
}

static gboolean
tlc_fork_is_all_blocked (void)
{
  sigset_t blocked;

  if (pthread_sigmask (SIG_BLOCK, NULL, &blocked) != 0)
    return FALSE;
  for (int signal = 1; signal < NSIG; signal++)
    if (tlc_fork_can_be_blocked (signal) && sigismember (&blocked, signal) == 0)
      return FALSE;
  return TRUE;
}

static gboolean
tlc_fork_is_prepared_by_host (void)
{
  /* ORDER(fork.preparer): relaxed; see tlc_fork_set_preparer(). */
  switch (atomic_load_explicit (&tlc_fork_preparer, memory_order_relaxed))
    {
    case TLC_FORK_PREPARER_TLC:
      return FALSE;
    case TLC_FORK_PREPARER_HOST:
      return TRUE;
    default:
      return tlc_fork_is_all_blocked ();
    }
}

/* liburcu first: it waits for a grace period that is under way, and meanwhile nobody must wait for us.
 * (Whoever holds one of our locks does not enter a read section.) A thread that is inside a read
 * section itself would wait for ever. */
static void
tlc_fork_prepare (void)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  gboolean without_rcu
      = tlc_rcu_is_forked () || tlc_fork_is_prepared_by_host () || tlc_rcu_is_reading ();

  tlc_rcu_before_fork (without_rcu);
  tlc_root_lock ();
  tlc_core_before_fork ();
  tlc_worker_lock ();
  tlc_fork_without_rcu = without_rcu;
}

static void
tlc_fork_parent (void)
{
  gboolean without_rcu = tlc_fork_without_rcu;

  tlc_worker_unlock ();
  tlc_core_after_fork_parent ();
  tlc_root_unlock ();
  tlc_rcu_after_fork_parent (without_rcu);
}

static TlcCoreOwn
tlc_fork_peek_own (const TlcCore *core)
{
  return (TlcCoreOwn){ tlc_thread_peek_claimed_seat (core), tlc_thread_peek_counters (core) };
}

static void
tlc_fork_child (void)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  gboolean without_rcu = tlc_fork_without_rcu;

  tlc_keeper_after_fork_child_unlocked ();
  tlc_resolver_after_fork_child_unlocked ();
  tlc_watch_after_fork_child_unlocked ();
  tlc_worker_unlock ();
  tlc_core_after_fork_child (tlc_fork_peek_own);
  tlc_root_after_fork_child ();
  tlc_rcu_after_fork_child (without_rcu);
}

static void __attribute__ ((constructor))
tlc_fork_register (void)
{
  pthread_atfork (tlc_fork_prepare, tlc_fork_parent, tlc_fork_child);
}
