/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How much later than they were to things ended, in microseconds; and how late a thread is that only
 * sleeps, at the same time on the same machine, which is not the library's doing. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include <glib.h>

typedef struct {
  pthread_mutex_t lock;
  GArray *us; /* of gint64, under the lock */
} TlcLateness;

static inline void
tlc_lateness_init (TlcLateness *lateness)
{
  pthread_mutex_init (&lateness->lock, NULL);
  lateness->us = g_array_new (FALSE, FALSE, sizeof (gint64));
}

static inline void
tlc_lateness_clear (TlcLateness *lateness)
{
  g_array_unref (lateness->us);
  pthread_mutex_destroy (&lateness->lock);
}

/* Any thread. */
static inline void
tlc_lateness_add (TlcLateness *lateness, gint64 us)
{
  pthread_mutex_lock (&lateness->lock);
  g_array_append_val (lateness->us, us);
  pthread_mutex_unlock (&lateness->lock);
}

static inline int
tlc_lateness_compare (gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return x < y ? -1 : x > y;
}

/* The others are through with it, as with what follows. 0 where there is none. */
static inline gint64
tlc_lateness_quantile (TlcLateness *lateness, guint permille)
{
  if (lateness->us->len == 0)
    return 0;
  g_array_sort (lateness->us, tlc_lateness_compare);
  return g_array_index (lateness->us, gint64, (guint64) (lateness->us->len - 1) * permille / 1000);
}

static inline void
tlc_lateness_print (TlcLateness *lateness, const char *what)
{
  printf ("# %s: %u; late in us: median %" G_GINT64_FORMAT ", p90 %" G_GINT64_FORMAT
          ", p99 %" G_GINT64_FORMAT ", p99.9 %" G_GINT64_FORMAT ", most %" G_GINT64_FORMAT "\n",
          what, lateness->us->len, tlc_lateness_quantile (lateness, 500),
          tlc_lateness_quantile (lateness, 900), tlc_lateness_quantile (lateness, 990),
          tlc_lateness_quantile (lateness, 999), tlc_lateness_quantile (lateness, 1000));
}

/* The thread that only sleeps. */
typedef struct {
  TlcLateness lateness;
  atomic_bool is_stopped;
  pthread_t thread;
} TlcSleeper;

#define TLC_SLEEPER_NAP_US 1000

static inline void *
tlc_sleeper_main (void *data)
{
  TlcSleeper *sleeper = data;

  while (!atomic_load_explicit (&sleeper->is_stopped, memory_order_relaxed))
    {
      gint64 due_us = g_get_monotonic_time () + TLC_SLEEPER_NAP_US;
      struct timespec due = { due_us / G_USEC_PER_SEC, (due_us % G_USEC_PER_SEC) * 1000 };

      clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
      tlc_lateness_add (&sleeper->lateness, g_get_monotonic_time () - due_us);
    }
  return NULL;
}

static inline void
tlc_sleeper_start (TlcSleeper *sleeper)
{
  tlc_lateness_init (&sleeper->lateness);
  atomic_init (&sleeper->is_stopped, FALSE);
  if (pthread_create (&sleeper->thread, NULL, tlc_sleeper_main, sleeper) != 0)
    g_error ("no thread to sleep");
}

/* Prints how late it was, and returns the worst. */
static inline gint64
tlc_sleeper_stop (TlcSleeper *sleeper)
{
  gint64 most_us;

  atomic_store_explicit (&sleeper->is_stopped, TRUE, memory_order_relaxed);
  pthread_join (sleeper->thread, NULL);
  tlc_lateness_print (&sleeper->lateness, "naps of 1 ms beside them");
  most_us = tlc_lateness_quantile (&sleeper->lateness, 1000);
  tlc_lateness_clear (&sleeper->lateness);
  return most_us;
}
