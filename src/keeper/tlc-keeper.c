/* SPDX-License-Identifier: Apache-2.0 */

/* The keeper: a thread that runs jobs when they are due. It sleeps in poll() until the earliest is,
 * or until somebody wakes it through the eventfd; it never looks at the clock in vain.
 *
 * Jobs lie in a list, the earliest first, linked through themselves: scheduling allocates nothing
 * and cannot fail, also in the child of a fork() in which the allocator's locks are anybody's. */
#include "keeper/tlc-keeper.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"

static void tlc_keeper_main (void);

static TlcWorker tlc_keeper = TLC_WORKER_INIT ("tlc-keeper", tlc_keeper_main);
/* Under the workers' lock: */
static TlcJob *tlc_keeper_jobs;        /* by due_us */
static TlcJob *tlc_keeper_running;     /* the one that the thread is at */
static int tlc_keeper_wake_fd = -1;    /* an eventfd, while the thread runs */

static void
tlc_keeper_link_unlocked (TlcJob *job)
{
  TlcJob *previous = NULL, *next = tlc_keeper_jobs;

  for (; next != NULL && next->due_us <= job->due_us; next = next->next)
    previous = next;
  job->previous = previous;
  job->next = next;
  *(previous != NULL ? &previous->next : &tlc_keeper_jobs) = job;
  if (next != NULL)
    next->previous = job;
  job->is_scheduled = TRUE;
}

static void
tlc_keeper_unlink_unlocked (TlcJob *job)
{
  *(job->previous != NULL ? &job->previous->next : &tlc_keeper_jobs) = job->next;
  if (job->next != NULL)
    job->next->previous = job->previous;
  job->next = job->previous = NULL;
  job->is_scheduled = FALSE;
}

static void
tlc_keeper_wake_unlocked (void)
{
  if (tlc_keeper_wake_fd >= 0)
    eventfd_write (tlc_keeper_wake_fd, 1); /* fails when the counter is full: then it is awake */
}

static void
tlc_keeper_close_wake_fd_unlocked (void)
{
  if (tlc_keeper_wake_fd >= 0)
    close (tlc_keeper_wake_fd);
  tlc_keeper_wake_fd = -1;
}

static gboolean
tlc_keeper_start_unlocked (GError **error)
{
  if (tlc_keeper_wake_fd < 0)
    tlc_keeper_wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (tlc_keeper_wake_fd < 0)
    {
      tlc_error_set (error, TLC_ERROR_EXHAUSTED, TLC_DELIVERY_NOT_SENT,
                     "thread tlc-keeper does not start: eventfd: %s", g_strerror (errno));
      return FALSE;
    }
  if (tlc_worker_start_unlocked (&tlc_keeper, error))
    return TRUE;
  tlc_keeper_close_wake_fd_unlocked ();
  return FALSE;
}

gboolean
tlc_keeper_start (GError **error)
{
  gboolean is_running;

  tlc_worker_lock ();
  is_running = tlc_keeper_start_unlocked (error);
  tlc_worker_unlock ();
  return is_running;
}

gboolean
tlc_keeper_schedule (TlcJob *job, gint64 due_us)
{
  gboolean is_new;

  tlc_worker_lock ();
  is_new = !job->is_scheduled;
  if (is_new || due_us < job->due_us)
    {
      if (!is_new)
        tlc_keeper_unlink_unlocked (job);
      job->due_us = due_us;
      tlc_keeper_link_unlocked (job);
      if (tlc_keeper_jobs == job)
        tlc_keeper_wake_unlocked ();
    }
  tlc_worker_unlock ();
  return is_new;
}

void
tlc_keeper_hasten (TlcJob *job, gint64 due_us)
{
  tlc_worker_lock ();
  if (job->is_scheduled && due_us < job->due_us)
    {
      tlc_keeper_unlink_unlocked (job);
      job->due_us = due_us;
      tlc_keeper_link_unlocked (job);
      tlc_keeper_wake_unlocked ();
    }
  tlc_worker_unlock ();
}

/* The job to run now; NULL: none is due. */
static TlcJob *
tlc_keeper_take_unlocked (void)
{
  TlcJob *job = tlc_keeper_jobs;

  if (job == NULL || (tlc_worker_is_wanted_unlocked () && job->due_us > tlc_clock_now_us ()))
    return NULL;
  tlc_keeper_unlink_unlocked (job);
  return job;
}

/* Until the first job is due, or somebody wakes us. */
static void
tlc_keeper_sleep (int wake_fd, gint64 due_us)
{
  gint64 left_us = MAX (due_us - tlc_clock_now_us (), 0);
  struct timespec left = { left_us / G_USEC_PER_SEC, (left_us % G_USEC_PER_SEC) * 1000 };
  struct pollfd pollfd = { .fd = wake_fd, .events = POLLIN };
  eventfd_t count;

  if (ppoll (&pollfd, 1, due_us < G_MAXINT64 ? &left : NULL, NULL) > 0)
    eventfd_read (wake_fd, &count);
}

/* The reference goes when the job is no longer known to be running: the child of a fork() must not
 * find one that is gone. */
static void
tlc_keeper_run (TlcJob *job)
{
  job->run (job);
  tlc_worker_lock ();
  tlc_keeper_running = NULL;
  tlc_worker_unlock ();
  job->drop (job);
}

static void
tlc_keeper_main (void)
{
  tlc_worker_lock ();
  while (tlc_keeper_jobs != NULL || tlc_worker_is_wanted_unlocked ())
    {
      gint64 due_us = tlc_keeper_jobs != NULL ? tlc_keeper_jobs->due_us : G_MAXINT64;
      int wake_fd = tlc_keeper_wake_fd;
      TlcJob *job = tlc_keeper_take_unlocked ();

      tlc_keeper_running = job;
      tlc_worker_unlock ();
      if (job != NULL)
        tlc_keeper_run (job);
      else
        tlc_keeper_sleep (wake_fd, due_us);
      tlc_worker_lock ();
    }
  tlc_keeper_close_wake_fd_unlocked ();
  tlc_worker_end_unlocked (&tlc_keeper);
  tlc_worker_unlock ();
}

/* Jobs that came with a fork() and that nobody has run since. */
static void
tlc_keeper_drop_jobs (void)
{
  for (;;)
    {
      TlcJob *job = NULL;

      tlc_worker_lock ();
      if (!tlc_keeper.is_running && !tlc_worker_is_wanted_unlocked ())
        job = tlc_keeper_take_unlocked ();
      tlc_worker_unlock ();
      if (job == NULL)
        return;
      job->drop (job);
    }
}

void
tlc_keeper_stop (void)
{
  tlc_worker_lock ();
  tlc_keeper_wake_unlocked ();
  tlc_worker_unlock ();
  tlc_worker_join (&tlc_keeper);
  tlc_keeper_drop_jobs ();
}

void
tlc_keeper_after_fork_child_unlocked (void)
{
  tlc_keeper_close_wake_fd_unlocked (); /* the parent's thread reads the same one */
  /* What the parent's thread was at is done from the beginning by ours. */
  if (tlc_keeper_running != NULL && !tlc_keeper_running->is_scheduled)
    tlc_keeper_link_unlocked (tlc_keeper_running);
  tlc_keeper_running = NULL;
  tlc_worker_after_fork_child_unlocked (&tlc_keeper);
}
