/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Jobs that write down what becomes of them, and a keeper that has them: for tests of what it does
 * with them, and of its thread. */
#include <pthread.h>
#include <stdatomic.h>

#include "keeper/tlc-keeper.h"
#include "support/tlc-tasks.h"

#define KEEPER "tlc-keeper" /* the name of its thread */
#define HOUR_US (G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC)

static char diary[1024]; /* of the jobs' names: upper case when run, lower case when dropped */
static atomic_uint diary_length;

static inline void
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

static inline void
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

static inline void
task_drop (TlcJob *job)
{
  diary_note (g_ascii_tolower (((Task *) job)->name));
}

#define TASK(letter) { .job = { .run = task_run, .drop = task_drop }, .name = (letter) }

/* Waits until so much is in the diary; what is then must be @expected. */
static inline void
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

static inline void
gate_run (TlcJob *job)
{
  Gate *gate = (Gate *) job;

  pthread_barrier_wait (&gate->inside);
  pthread_barrier_wait (&gate->open);
}

static inline void
gate_drop (TlcJob *job)
{
}

static inline void
gate_close (Gate *gate)
{
  *gate = (Gate){ .job = { .run = gate_run, .drop = gate_drop } };
  pthread_barrier_init (&gate->inside, NULL, 2);
  pthread_barrier_init (&gate->open, NULL, 2);
  ck_assert (tlc_keeper_schedule (&gate->job, 0));
  pthread_barrier_wait (&gate->inside);
}

static inline void
keeper_open (void)
{
  tlc_worker_hold ();
  ck_assert (tlc_keeper_start (NULL));
}

static inline void
keeper_close (void)
{
  if (tlc_worker_drop ())
    tlc_keeper_stop ();
}
