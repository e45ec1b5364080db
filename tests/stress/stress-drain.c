/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N times, each time after the service was told to use the other of two servers, a
 * drain succeeds within 15 seconds, although it may take 20 and the servers answer at once: nobody
 * who drains is forgotten; when at that moment no connection to the server that was taken out is
 * open on our side, although eight threads call all the time, and eight call and sleep; and when
 * no call fails. Laws 2, 5, 6.
 *
 * Sometimes two threads drain at once. Sometimes one looks with a timeout of 0, once or until it
 * succeeds: what it says must be true as well, and FALSE be TLC_ERROR_TIMED_OUT.
 *
 * stress-drain [N, 1000 by default] */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/tlc-pair.h"
#include "support/tlc-sockets.h"

#define N_CALLERS 8
#define N_SLEEPERS 8
#define DRAIN_TIMEOUT_MS 20000
#define DRAIN_TOO_LONG_US (15 * G_USEC_PER_SEC)
#define CLOSE_US 100
/* Our files have lower numbers. */
#define FDS_MAX 128

static guint n_rounds = 1000;

static struct {
  TlcPair pair;
  atomic_bool is_over;
  pthread_mutex_t lock;
  pthread_cond_t wake, asleep;
  guint wave, n_asleep; /* under the lock: how often sleepers were woken; how many sleep since */
  gint64 longest_us;           /* under the lock */
  guint n_drains;              /* under the lock */
  guint n_looks, n_busy_looks; /* the main thread */
} drain;

#ifndef TLC_TEST_SANITIZER
/* In place of libc's, for the library too: slower, so that it shows when something is said to be
 * closed that is not yet. The sanitizers have one of their own. */
int
close (int fd)
{
  if (fd > STDERR_FILENO)
    g_usleep (CLOSE_US);
  return (int) syscall (SYS_close, fd);
}
#endif

static void
call (void)
{
  g_free (tlc_echo_who (drain.pair.service));
}

static void *
caller_main (void *data)
{
  while (!atomic_load_explicit (&drain.is_over, memory_order_acquire))
    call ();
  return NULL;
}

/* Calls once for each wave; one that comes late goes on with the next. */
static void *
sleeper_main (void *data)
{
  pthread_mutex_lock (&drain.lock);
  while (!atomic_load_explicit (&drain.is_over, memory_order_acquire))
    {
      guint wave = drain.wave;

      pthread_mutex_unlock (&drain.lock);
      call ();
      pthread_mutex_lock (&drain.lock);
      if (wave != drain.wave)
        continue;
      drain.n_asleep++;
      pthread_cond_signal (&drain.asleep);
      while (wave == drain.wave)
        pthread_cond_wait (&drain.wake, &drain.lock);
    }
  pthread_mutex_unlock (&drain.lock);
  return NULL;
}

static void
wake_sleepers (void)
{
  pthread_mutex_lock (&drain.lock);
  drain.wave++;
  drain.n_asleep = 0;
  pthread_cond_broadcast (&drain.wake);
  pthread_mutex_unlock (&drain.lock);
}

static void
await_sleepers (void)
{
  pthread_mutex_lock (&drain.lock);
  while (drain.n_asleep < N_SLEEPERS)
    pthread_cond_wait (&drain.asleep, &drain.lock);
  pthread_mutex_unlock (&drain.lock);
}

/* At once after a drain that succeeded. */
static void
check_closed (const char *endpoint)
{
  guint sockets = tlc_sockets_count (endpoint, FDS_MAX);

  if (sockets != 0)
    ck_abort_msg ("drained, and %u sockets lead to %s", sockets, endpoint);
}

/* Drains, and @gone must be unused. Runs in two threads at once now and then. */
static void *
drain_and_check (void *gone)
{
  g_autoptr (GError) error = NULL;
  gint64 begun_us = g_get_monotonic_time (), took_us;

  if (!tlc_service_drain (drain.pair.service, DRAIN_TIMEOUT_MS, &error))
    ck_abort_msg ("%s", error->message);
  took_us = g_get_monotonic_time () - begun_us;
  check_closed (gone);
  if (took_us > DRAIN_TOO_LONG_US)
    ck_abort_msg ("a drain took %" G_GINT64_FORMAT " ms", took_us / 1000);
  pthread_mutex_lock (&drain.lock);
  drain.n_drains++;
  drain.longest_us = MAX (drain.longest_us, took_us);
  pthread_mutex_unlock (&drain.lock);
  return NULL;
}

/* With a timeout of 0. */
static gboolean
look (const char *gone)
{
  g_autoptr (GError) error = NULL;

  drain.n_looks++;
  if (tlc_service_drain (drain.pair.service, 0, &error))
    {
      check_closed (gone);
      return TRUE;
    }
  drain.n_busy_looks++;
  if (error == NULL || error->domain != TLC_ERROR || error->code != TLC_ERROR_TIMED_OUT)
    ck_abort_msg ("%s", error != NULL ? error->message : "no error");
  return FALSE;
}

/* Once; or again and again, so that the first success comes as early as one can. */
static void
look_at_times (guint round, const char *gone)
{
  gint64 begun_us = g_get_monotonic_time ();

  if (round % 3 == 0)
    look (gone);
  if (round % 3 == 1)
    while (!look (gone))
      if (g_get_monotonic_time () - begun_us > DRAIN_TOO_LONG_US)
        ck_abort_msg ("not drained after %d s", (int) (DRAIN_TOO_LONG_US / G_USEC_PER_SEC));
}

static void
run_round (guint round)
{
  const char *gone = round % 2 == 0 ? drain.pair.at_a : drain.pair.at_b;
  const char *next = round % 2 == 0 ? drain.pair.at_b : drain.pair.at_a;
  pthread_t second;

  /* Sleepers: as they were, calling while things change, or with connections to what will go. */
  if (round % 4 >= 2)
    wake_sleepers ();
  if (round % 4 == 3)
    {
      await_sleepers ();
      ck_assert_uint_ge (tlc_sockets_count (gone, FDS_MAX), N_SLEEPERS);
    }
  tlc_echo_reconfigure (drain.pair.service, next, NULL);
  look_at_times (round, gone);
  if (round % 5 == 0)
    ck_assert_int_eq (pthread_create (&second, NULL, drain_and_check, (void *) gone), 0);
  drain_and_check ((void *) gone);
  if (round % 5 == 0)
    pthread_join (second, NULL);
}

static void
report (void)
{
  TlcStats stats;

  tlc_service_get_stats (drain.pair.service, &stats);
  printf ("# %u rounds, %u drains, the longest %" G_GINT64_FORMAT " us; %u looks, %u of them found "
          "calls; %" G_GUINT64_FORMAT " calls, %" G_GUINT64_FORMAT " connections closed\n",
          n_rounds, drain.n_drains, drain.longest_us, drain.n_looks, drain.n_busy_looks,
          stats.calls, stats.reclaimed_retired);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_ge (stats.reclaimed_retired, n_rounds / 4 * N_SLEEPERS);
  ck_assert_uint_ge (drain.n_busy_looks, n_rounds / 100);
}

START_TEST (stress_drain)
{
  pthread_t threads[N_CALLERS + N_SLEEPERS];

  tlc_pair_init (&drain.pair);
  pthread_mutex_init (&drain.lock, NULL);
  pthread_cond_init (&drain.wake, NULL);
  pthread_cond_init (&drain.asleep, NULL);
  for (guint i = 0; i < N_CALLERS + N_SLEEPERS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL,
                                      i < N_CALLERS ? caller_main : sleeper_main, NULL),
                      0);
  for (guint i = 0; i < n_rounds; i++)
    run_round (i);
  atomic_store_explicit (&drain.is_over, true, memory_order_release);
  wake_sleepers ();
  for (guint i = 0; i < N_CALLERS + N_SLEEPERS; i++)
    pthread_join (threads[i], NULL);
  report ();
  tlc_pair_clear (&drain.pair);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-drain");
  TCase *tests = tcase_create ("stress-drain");

  if (argc > 1)
    n_rounds = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, stress_drain);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
