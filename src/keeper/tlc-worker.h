/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <pthread.h>

#include "tlc/error.h"

/* A thread of the library's own. There are two, tlc-keeper and tlc-resolver; each starts when it is
 * first needed and ends with the last service. All signals are blocked in them. */
typedef struct {
  const char *name;    /* at most 15 bytes */
  void (*main) (void); /* until tlc_worker_is_wanted_unlocked() is FALSE; then _end_unlocked() */
  /* under the lock: */
  gboolean is_running;
  gboolean is_occupied; /* by something that has no bound: nobody waits for the end of that */
  pthread_t thread;     /* while it runs */
  pthread_cond_t ended;
} TlcWorker;

#define TLC_WORKER_INIT(thread_name, thread_main) \
  { .name = (thread_name), .main = (thread_main), .ended = PTHREAD_COND_INITIALIZER }

/* The one lock of this room: who wants the workers, their jobs and requests. Held for a few
 * instructions, or while a thread is created; never while anything is waited for. */
void tlc_worker_lock (void);
void tlc_worker_unlock (void);
/* Waits on @condition, letting go of the lock: 0, or ETIMEDOUT. G_MAXINT64: without a deadline. */
int tlc_worker_wait_unlocked (pthread_cond_t *condition, gint64 deadline_us);

/* Starts @worker unless it runs. FALSE and TLC_ERROR_EXHAUSTED when the system gives no thread. */
gboolean tlc_worker_start_unlocked (TlcWorker *worker, GError **error);
/* The worker's own: whether any service is open. */
gboolean tlc_worker_is_wanted_unlocked (void);
/* The worker's last act. */
void tlc_worker_end_unlocked (TlcWorker *worker);

/* A service is open. */
void tlc_worker_hold (void);
/* It is not any more. TRUE: it was the last; the workers are to be woken, so that they see it. */
gboolean tlc_worker_drop (void);
/* Waits until @worker has ended, unless it is wanted again, or occupied, or would wait for the
 * calling thread in its turn. At most TLC_WORKER_END_MS. */
void tlc_worker_join (TlcWorker *worker);

#define TLC_WORKER_END_MS 10000

/* In the child of fork(), where no worker runs, and the lock is held since before. */
void tlc_worker_after_fork_child_unlocked (TlcWorker *worker);
