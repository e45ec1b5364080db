/* SPDX-License-Identifier: Apache-2.0 */

/* All of them: each place is kept by a nurse, who has the next one live in it when the last has
 * gone.
 *
 * A change may be under way when a call begins and when it ends: so threads are told of an excuse
 * before it is in force, and that it no longer is after that. */
#include "support/tlc-crowd.h"

#include <stdio.h>

#include "support/tlc-life.h"

static void
tlc_crowd_add (TlcCrowd *crowd, const TlcCrowdSum *sum)
{
  pthread_mutex_lock (&crowd->lock);
  crowd->sum.good += sum->good;
  for (guint i = 0; i < G_N_ELEMENTS (sum->failed); i++)
    crowd->sum.failed[i] += sum->failed[i];
  crowd->sum.failed_holds += sum->failed_holds;
  crowd->sum.given_up += sum->given_up;
  crowd->sum.forgotten += sum->forgotten;
  crowd->sum.notes += sum->notes;
  crowd->sum.doubtful_notes += sum->doubtful_notes;
  pthread_mutex_unlock (&crowd->lock);
}

static void *
tlc_crowd_nurse (void *data)
{
  TlcCrowd *crowd = data;
  guint number;

  while ((number = atomic_fetch_add (&crowd->n_born, 1)) < crowd->n_due)
    {
      g_autoptr (GRand) random = g_rand_new_with_seed (crowd->seed + number);
      TlcLife life = { .crowd = crowd, .random = random };
      pthread_t thread;

      ck_assert_int_eq (pthread_create (&thread, NULL, tlc_life_main, &life), 0);
      ck_assert_int_eq (pthread_join (thread, NULL), 0);
      tlc_crowd_add (crowd, &life.sum);
    }
  atomic_fetch_sub (&crowd->n_nurses, 1);
  return NULL;
}

void
tlc_crowd_start (TlcCrowd *crowd, TlcService *service, guint n_due, gboolean is_gentle)
{
  crowd->service = service;
  crowd->n_due = n_due;
  crowd->is_gentle = is_gentle;
  crowd->seed = g_random_int ();
  printf ("# seed %u\n", crowd->seed);
  pthread_mutex_init (&crowd->lock, NULL);
  atomic_store (&crowd->n_nurses, TLC_CROWD_SIZE);
  for (guint i = 0; i < TLC_CROWD_SIZE; i++)
    ck_assert_int_eq (pthread_create (&crowd->nurses[i], NULL, tlc_crowd_nurse, crowd), 0);
}

gboolean
tlc_crowd_is_there (TlcCrowd *crowd)
{
  return atomic_load (&crowd->n_nurses) > 0;
}

void
tlc_crowd_join (TlcCrowd *crowd)
{
  for (guint i = 0; i < TLC_CROWD_SIZE; i++)
    ck_assert_int_eq (pthread_join (crowd->nurses[i], NULL), 0);
  pthread_mutex_destroy (&crowd->lock);
}

/* It is odd while the excuse holds. */
static void
tlc_crowd_turn (TlcCrowd *crowd, guint excuse, gboolean holds)
{
  if ((atomic_load (&crowd->excuses[excuse]) % 2 == 1) != holds)
    atomic_fetch_add (&crowd->excuses[excuse], 1);
}

void
tlc_crowd_begin_change (TlcCrowd *crowd, const gboolean *excuses)
{
  atomic_fetch_add (&crowd->n_begun, 1);
  for (guint i = 0; i < TLC_EXCUSES; i++)
    if (excuses[i])
      tlc_crowd_turn (crowd, i, TRUE);
}

void
tlc_crowd_end_change (TlcCrowd *crowd, const gboolean *excuses)
{
  for (guint i = 0; i < TLC_EXCUSES; i++)
    if (!excuses[i])
      tlc_crowd_turn (crowd, i, FALSE);
  atomic_fetch_add (&crowd->n_returned, 1);
}

static void
tlc_crowd_print (const TlcCrowd *crowd, const TlcStats *stats)
{
  const TlcCrowdSum *sum = &crowd->sum;

  printf (
      "# %u threads, %" G_GUINT64_FORMAT " changes: %" G_GUINT64_FORMAT " good, %" G_GUINT64_FORMAT
      " exhausted, %" G_GUINT64_FORMAT " timed out, %" G_GUINT64_FORMAT
      " refused, %" G_GUINT64_FORMAT " lost, %" G_GUINT64_FORMAT " busy, %" G_GUINT64_FORMAT
      " given up or forgotten; %" G_GUINT64_FORMAT " connects, %" G_GUINT64_FORMAT
      " adopted, %" G_GUINT64_FORMAT " stolen\n",
      crowd->n_due, atomic_load (&crowd->n_returned), sum->good, sum->failed[TLC_ERROR_EXHAUSTED],
      sum->failed[TLC_ERROR_TIMED_OUT], sum->failed[TLC_ERROR_UNAVAILABLE],
      sum->failed[TLC_ERROR_CONNECTION_LOST], sum->failed[TLC_ERROR_BUSY],
      sum->given_up + sum->forgotten, stats->connects, stats->adopted, stats->stolen);
}

TlcStats
tlc_crowd_must_add_up (TlcCrowd *crowd, guint patience_ms)
{
  const TlcCrowdSum *sum = &crowd->sum;
  guint64 failed = sum->given_up;
  TlcStats stats;

  for (guint i = 0; i < G_N_ELEMENTS (sum->failed); i++)
    failed += sum->failed[i];
  tlc_service_get_stats (crowd->service, &stats);
  /* The keeper may be opening one in advance. */
  for (guint i = 0; i < patience_ms && stats.connections_busy > 0; i++)
    {
      g_usleep (1000);
      tlc_service_get_stats (crowd->service, &stats);
    }
  tlc_crowd_print (crowd, &stats);
  ck_assert_uint_eq (stats.connections_busy, 0);
  ck_assert_uint_eq (stats.waiting, 0);
  ck_assert_uint_eq (stats.threads, 0);
  ck_assert_uint_eq (stats.calls, sum->good + failed + sum->forgotten);
  ck_assert_uint_eq (stats.failures, failed);
  ck_assert_uint_eq (stats.timeouts, sum->failed[TLC_ERROR_TIMED_OUT]);
  ck_assert_uint_eq (stats.desyncs_caught, 0);
  ck_assert_uint_eq (stats.generation, 1 + atomic_load (&crowd->n_returned));
  return stats;
}
