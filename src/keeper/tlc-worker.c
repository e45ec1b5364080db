/* SPDX-License-Identifier: Apache-2.0 */

/* The library's own threads: how they start, and how they end.
 *
 * They are detached. A worker decides to end and says so under the same hold of the lock, so a
 * service that opens meanwhile either keeps it from ending or starts another. */
#include "keeper/tlc-worker.h"

#include <signal.h>

#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"
#include "model/tlc-rcu.h"

static pthread_mutex_t tlc_worker_mutex = PTHREAD_MUTEX_INITIALIZER;
static guint tlc_worker_n_holders; /* under the lock */

void
tlc_worker_lock (void)
{
  pthread_mutex_lock (&tlc_worker_mutex);
}

void
tlc_worker_unlock (void)
{
  pthread_mutex_unlock (&tlc_worker_mutex);
}

int
tlc_worker_wait_unlocked (pthread_cond_t *condition, gint64 deadline_us)
{
  if (deadline_us == G_MAXINT64)
    return pthread_cond_wait (condition, &tlc_worker_mutex);
  return tlc_clock_wait (condition, &tlc_worker_mutex, deadline_us);
}

static void *
tlc_worker_run (void *data)
{
  TlcWorker *worker = data;

  pthread_setname_np (pthread_self (), worker->name);
  worker->main ();
  return NULL;
}

/* With all signals blocked from its first instruction on: the host's handlers are not for us. */
static int
tlc_worker_create (TlcWorker *worker)
{
  pthread_attr_t attributes;
  sigset_t signals;
  int status = pthread_attr_init (&attributes);

  if (status != 0)
    return status;
  sigfillset (&signals);
  status = pthread_attr_setsigmask_np (&attributes, &signals);
  if (status == 0)
    status = pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  if (status == 0)
    status = pthread_create (&worker->thread, &attributes, tlc_worker_run, worker);
  pthread_attr_destroy (&attributes);
  return status;
}

gboolean
tlc_worker_start_unlocked (TlcWorker *worker, GError **error)
{
  int status = worker->is_running ? 0 : tlc_worker_create (worker);

  if (status != 0)
    {
      tlc_error_set (error, TLC_ERROR_EXHAUSTED, TLC_DELIVERY_NOT_SENT,
                     "thread %s does not start: %s", worker->name, g_strerror (status));
      return FALSE;
    }
  worker->is_running = TRUE;
  return TRUE;
}

gboolean
tlc_worker_is_wanted_unlocked (void)
{
  return tlc_worker_n_holders > 0;
}

void
tlc_worker_end_unlocked (TlcWorker *worker)
{
  worker->is_running = FALSE;
  pthread_cond_broadcast (&worker->ended);
}

void
tlc_worker_hold (void)
{
  tlc_worker_lock ();
  tlc_worker_n_holders++;
  tlc_worker_unlock ();
}

gboolean
tlc_worker_drop (void)
{
  gboolean was_last;

  tlc_worker_lock ();
  was_last = --tlc_worker_n_holders == 0;
  tlc_worker_unlock ();
  return was_last;
}

static gboolean
tlc_worker_is_ending_unlocked (const TlcWorker *worker)
{
  return worker->is_running && !worker->is_occupied && !tlc_worker_is_wanted_unlocked ()
         && !pthread_equal (worker->thread, pthread_self ());
}

void
tlc_worker_join (TlcWorker *worker)
{
  gint64 deadline_us = tlc_clock_now_us () + TLC_WORKER_END_MS * 1000;

  /* It may be waiting for a grace period, which does not come while we are reading. */
  if (tlc_rcu_is_reading ())
    return;
  tlc_worker_lock ();
  while (tlc_worker_is_ending_unlocked (worker))
    if (tlc_worker_wait_unlocked (&worker->ended, deadline_us) != 0)
      break;
  tlc_worker_unlock ();
}

void
tlc_worker_after_fork_child_unlocked (TlcWorker *worker)
{
  worker->is_running = worker->is_occupied = FALSE;
  worker->ended = (pthread_cond_t) PTHREAD_COND_INITIALIZER;
}
