/* SPDX-License-Identifier: Apache-2.0 */

/* The keeper: a thread that runs jobs when they are due. It sleeps in poll() until the earliest is,
 * or until somebody wakes it through the eventfd; it never looks at the clock in vain.
 *
 * A job may wait for a socket, too: that lies in the same poll().
 *
 * Jobs lie in a list, the earliest first, linked through themselves: scheduling allocates nothing
 * and cannot fail, also in the child of a fork() in which the allocator's locks are anybody's. */
#include "keeper/tlc-keeper.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/tlc-cancel.h"
#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"

static void tlc_keeper_main (void);

static TlcWorker tlc_keeper = TLC_WORKER_INIT ("tlc-keeper", tlc_keeper_main);
/* Under the workers' lock: */
static TlcJob *tlc_keeper_jobs;        /* by due_us */
static TlcJob *tlc_keeper_running;     /* the one that the thread is at */
static int tlc_keeper_wake_fd = -1;    /* an eventfd, while the thread runs */

/* So many sockets are polled at once, those of the jobs that are due first; others when some of them
 * are through. */
#define TLC_KEEPER_POLLED_MAX 64

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

/* Puts @job, scheduled or not, where it belongs by @due_us. */
static void
tlc_keeper_move_unlocked (TlcJob *job, gint64 due_us)
{
  if (job->is_scheduled)
    tlc_keeper_unlink_unlocked (job);
  job->due_us = due_us;
  tlc_keeper_link_unlocked (job);
}

/* When @job, which is not scheduled, is to run: at @due_us, or earlier if it was hastened while it
 * runs. */
static gint64
tlc_keeper_hear_unlocked (const TlcJob *job, gint64 due_us)
{
  return job == tlc_keeper_running ? MIN (due_us, job->due_us) : due_us;
}

static void
tlc_keeper_wake_unlocked (void)
{
  /* With the lock in hand. */
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

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
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  gboolean is_running;

  tlc_worker_lock ();
  is_running = tlc_keeper_start_unlocked (error);
  tlc_worker_unlock ();
  return is_running;
}

gboolean
tlc_keeper_is_self (void)
{
  gboolean is_self;

  tlc_worker_lock ();
  is_self = tlc_keeper.is_running && pthread_equal (tlc_keeper.thread, pthread_self ());
  tlc_worker_unlock ();
  return is_self;
}

gboolean
tlc_keeper_schedule (TlcJob *job, gint64 due_us)
{
  gboolean is_new;

  tlc_worker_lock ();
  is_new = !job->is_scheduled;
  if (is_new)
    due_us = tlc_keeper_hear_unlocked (job, due_us);
  if (is_new || due_us < job->due_us)
    {
      tlc_keeper_move_unlocked (job, due_us);
      if (tlc_keeper_jobs == job)
        tlc_keeper_wake_unlocked ();
    }
  tlc_worker_unlock ();
  return is_new;
}

gboolean
tlc_keeper_schedule_io (TlcJob *job, int fd, short events, gint64 due_us)
{
  gboolean is_new;

  tlc_worker_lock ();
  is_new = !job->is_scheduled;
  if (is_new)
    {
      job->fd_plus_1 = fd + 1;
      job->events = events;
      tlc_keeper_move_unlocked (job, tlc_keeper_hear_unlocked (job, due_us));
      tlc_keeper_wake_unlocked ();
    }
  tlc_worker_unlock ();
  return is_new;
}

void
tlc_keeper_hasten_unlocked (TlcJob *job, gint64 due_us)
{
  if (job->is_scheduled && due_us < job->due_us)
    {
      tlc_keeper_move_unlocked (job, due_us);
      tlc_keeper_wake_unlocked ();
    }
  else
    job->due_us = MIN (job->due_us, due_us); /* heard if it runs */
}

void
tlc_keeper_hasten (TlcJob *job, gint64 due_us)
{
  tlc_worker_lock ();
  tlc_keeper_hasten_unlocked (job, due_us);
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
  job->due_us = G_MAXINT64;
  job->fd_plus_1 = 0;
  return job;
}

/* What to poll, the eventfd first; returns how many. */
static guint
tlc_keeper_gather_unlocked (struct pollfd *polled)
{
  guint n = 0;

  polled[n++] = (struct pollfd) { .fd = tlc_keeper_wake_fd, .events = POLLIN };
  for (TlcJob *job = tlc_keeper_jobs; job != NULL && n < TLC_KEEPER_POLLED_MAX; job = job->next)
    if (job->fd_plus_1 != 0)
      polled[n++] = (struct pollfd) { .fd = job->fd_plus_1 - 1, .events = job->events };
  return n;
}

/* The job that waits for @fd is due. */
static void
tlc_keeper_note_ready_unlocked (int fd)
{
  TlcJob *job;

  for (job = tlc_keeper_jobs; job != NULL && job->fd_plus_1 != fd + 1; job = job->next)
    ;
  if (job != NULL)
    tlc_keeper_move_unlocked (job, 0);
}

/* Until the first job is due, a socket is ready, or somebody wakes us. With the lock, which it lets go
 * of meanwhile. Allocates nothing: what a thread of ours leaves in the heap would pin the host's
 * memory. */
static void
tlc_keeper_sleep_unlocked (void)
{
  gint64 due_us = tlc_keeper_jobs != NULL ? tlc_keeper_jobs->due_us : G_MAXINT64;
  gint64 left_us = MAX (due_us - tlc_clock_now_us (), 0);
  struct timespec left = { left_us / G_USEC_PER_SEC, (left_us % G_USEC_PER_SEC) * 1000 };
  struct pollfd polled[TLC_KEEPER_POLLED_MAX];
  guint n = tlc_keeper_gather_unlocked (polled);
  eventfd_t count;
  int n_ready;

  tlc_worker_unlock ();
  n_ready = ppoll (polled, n, due_us < G_MAXINT64 ? &left : NULL, NULL);
  if (n_ready > 0 && polled[0].revents != 0)
    eventfd_read (polled[0].fd, &count);
  tlc_worker_lock ();
  for (guint i = 1; n_ready > 0 && i < n; i++)
    if (polled[i].revents != 0)
      tlc_keeper_note_ready_unlocked (polled[i].fd);
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
      TlcJob *job = tlc_keeper_take_unlocked ();

      if (job == NULL)
        {
          tlc_keeper_sleep_unlocked ();
          continue;
        }
      tlc_keeper_running = job;
      tlc_worker_unlock ();
      tlc_keeper_run (job);
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
  /* Sockets that it waits for are closed there. */
  for (TlcJob *job = tlc_keeper_jobs; job != NULL; job = job->next)
    job->fd_plus_1 = 0;
  /* What the parent's thread was at is done from the beginning by ours. */
  if (tlc_keeper_running != NULL && !tlc_keeper_running->is_scheduled)
    tlc_keeper_move_unlocked (tlc_keeper_running, 0);
  tlc_keeper_running = NULL;
  tlc_worker_after_fork_child_unlocked (&tlc_keeper);
}
