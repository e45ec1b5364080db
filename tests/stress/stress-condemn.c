/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when, of N calls whose replies come around their deadlines while the keeper condemns those that
 * are overdue, none gets another's answer, none is lost though the server closes nothing, and none
 * that times out does so early. Some are begun and forgotten. Laws 3, 5 and 6.
 *
 * stress-condemn [N, 20000 by default] */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/tlc-echo.h"
#include "support/tlc-process.h"

#define N_THREADS 8
#define TIMEOUT_MS 5

static guint n_calls = 20000;

typedef struct {
  TlcService *service;
  atomic_uint next;
  atomic_uint n_answered, n_timed_out, n_forgotten;
} Round;

/* The server answers at once, at the deadline or after it. */
static void
call_around_deadline (Round *round, guint i)
{
  EchoIf *echo = tlc_echo_client (round->service);
  g_autoptr (GError) error = NULL;
  gint64 begun_us = g_get_monotonic_time ();
  gint32 value = 0;

  if (echo_if_take (echo, &value, (gint32) (i % 4) * TIMEOUT_MS / 2, (gint32) i, &error))
    {
      ck_assert_int_eq (value, (gint32) i);
      atomic_fetch_add (&round->n_answered, 1);
      return;
    }
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
  ck_assert_int_ge (g_get_monotonic_time () - begun_us, TIMEOUT_MS * 1000);
  atomic_fetch_add (&round->n_timed_out, 1);
}

/* Sends, lets the keeper find it, and fetches the reply, if it is there, or forgets it. */
static void
call_and_forget (Round *round, guint i)
{
  EchoIf *echo = tlc_echo_client (round->service);
  gint32 value = 0;

  if (!echo_client_send_take (echo, 0, (gint32) i, NULL))
    return;
  g_usleep (TIMEOUT_MS * 1000 + (gulong) (i % 16) * 10000);
  if (i % 3 == 0)
    {
      if (echo_client_recv_take (echo, &value, NULL))
        ck_assert_int_eq (value, (gint32) i);
    }
  else
    tlc_client_reset (echo);
  atomic_fetch_add (&round->n_forgotten, 1);
}

static void *
call_on (void *data)
{
  Round *round = data;
  guint i;

  while ((i = atomic_fetch_add (&round->next, 1)) < n_calls)
    if (i % 61 == 0)
      call_and_forget (round, i);
    else
      call_around_deadline (round, i);
  return NULL;
}

START_TEST (stress_condemn_hits_nobody_else)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  guint fds = tlc_process_count_fds ();
  Round round = { .service = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout",
                                               G_STRINGIFY (TIMEOUT_MS) "ms", NULL) };
  pthread_t threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_on, &round), 0);
  for (guint i = 0; i < N_THREADS; i++)
    pthread_join (threads[i], NULL);
  printf ("# %u calls: %u answered, %u timed out, %u forgotten, none lost\n", n_calls,
          atomic_load (&round.n_answered), atomic_load (&round.n_timed_out),
          atomic_load (&round.n_forgotten));
  ck_assert_uint_gt (atomic_load (&round.n_answered), n_calls / 10);
  ck_assert_uint_gt (atomic_load (&round.n_timed_out), n_calls / 10);
  tlc_service_unref (round.service);
  ck_assert (tlc_process_settles (tlc_process_count_fds, fds));
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-condemn");
  TCase *tests = tcase_create ("stress-condemn");

  if (argc > 1)
    n_calls = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 1200);
  tcase_add_test (tests, stress_condemn_hits_nobody_else);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
