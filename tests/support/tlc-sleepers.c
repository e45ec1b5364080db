/* SPDX-License-Identifier: Apache-2.0 */

/* Threads that sleep most of the time. */
#include "support/tlc-sleepers.h"

static void *
tlc_sleeper_main (void *data)
{
  TlcSleepers *sleepers = data;

  for (;;)
    {
      pthread_barrier_wait (&sleepers->meet);
      if (sleepers->is_over)
        return NULL;
      tlc_echo_must_add (sleepers->service);
      pthread_barrier_wait (&sleepers->meet);
    }
}

void
tlc_sleepers_start (TlcSleepers *sleepers, TlcService *service, guint n)
{
  *sleepers = (TlcSleepers){ .service = service, .n = n };
  pthread_barrier_init (&sleepers->meet, NULL, n + 1);
  sleepers->threads = g_new (pthread_t, n);
  for (guint i = 0; i < n; i++)
    ck_assert_int_eq (pthread_create (&sleepers->threads[i], NULL, tlc_sleeper_main, sleepers), 0);
}

void
tlc_sleepers_call (TlcSleepers *sleepers)
{
  pthread_barrier_wait (&sleepers->meet);
  pthread_barrier_wait (&sleepers->meet);
}

void
tlc_sleepers_end (TlcSleepers *sleepers)
{
  sleepers->is_over = TRUE;
  pthread_barrier_wait (&sleepers->meet);
  for (guint i = 0; i < sleepers->n; i++)
    ck_assert_int_eq (pthread_join (sleepers->threads[i], NULL), 0);
  pthread_barrier_destroy (&sleepers->meet);
  g_free (sleepers->threads);
}
