/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <pthread.h>
#include <time.h>

static inline gint64
tlc_clock_to_us (const struct timespec *time)
{
  /* tv_nsec is below 10^9: unsigned and short, it divides by one multiplication */
  return (gint64) time->tv_sec * G_USEC_PER_SEC + (guint32) time->tv_nsec / 1000;
}

/* Microseconds of the monotonic clock: deadlines do not follow the wall clock. */
static inline gint64
tlc_clock_now_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return tlc_clock_to_us (&now);
}

/* The same as of the kernel's last tick, up to 10 ms ago (4 at 250 Hz): a third of the price. */
static inline gint64
tlc_clock_last_tick_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC_COARSE, &now);
  return tlc_clock_to_us (&now);
}

/* pthread_cond_wait() that ends at @deadline_us of the monotonic clock: 0, or ETIMEDOUT. */
static inline int
tlc_clock_wait (pthread_cond_t *condition, pthread_mutex_t *mutex, gint64 deadline_us)
{
  struct timespec deadline
      = { deadline_us / G_USEC_PER_SEC, (deadline_us % G_USEC_PER_SEC) * 1000 };

  return pthread_cond_clockwait (condition, mutex, CLOCK_MONOTONIC, &deadline);
}
