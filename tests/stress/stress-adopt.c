/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N threads, eight of them alive at any time, that make one call each and exit, have had
 * the server accept no more than 16 connections: a thread adopts what one before it has left. And
 * with spare-connections = 0, which is how to have it otherwise, one each. The server counts. Laws 6
 * and 7.
 *
 * stress-adopt [N, 10000 by default] */
#include <pthread.h>
#include <stdio.h>

#include "support/tlc-echo.h"
#include "support/tlc-tally.h"

#define N_ALIVE 8
#define MOST_ACCEPTED 16

static guint n_threads = 10000;

typedef struct {
  TlcTally *tally;
  TlcServer *server;
  TlcService *service;
  pthread_mutex_t lock;
  pthread_cond_t moved;
  guint n_called; /* under the lock: threads call in the order of their birth, or nearly so */
} Churn;

typedef struct {
  Churn *churn;
  guint number;
  pthread_t thread;
} Mortal;

static void
churn_init (Churn *churn, const char *spare_connections)
{
  const char *arguments[] = { "--tally", NULL, NULL };

  churn->tally = tlc_tally_new (NULL);
  ck_assert_ptr_nonnull (churn->tally);
  arguments[1] = tlc_tally_get_path (churn->tally);
  churn->server = tlc_echo_server (arguments);
  churn->service = tlc_echo_service (tlc_server_get_endpoint (churn->server), "spare-connections",
                                     spare_connections, NULL);
  pthread_mutex_init (&churn->lock, NULL);
  pthread_cond_init (&churn->moved, NULL);
  churn->n_called = 0;
}

static void
churn_clear (Churn *churn)
{
  tlc_service_unref (churn->service);
  tlc_server_stop (churn->server);
  tlc_tally_free (churn->tally);
  pthread_cond_destroy (&churn->moved);
  pthread_mutex_destroy (&churn->lock);
}

/* Lives until seven younger ones have called, so that there are eight with a connection of theirs. */
static void *
live (void *data)
{
  Mortal *mortal = data;
  Churn *churn = mortal->churn;

  tlc_echo_must_add (churn->service);
  pthread_mutex_lock (&churn->lock);
  churn->n_called++;
  pthread_cond_broadcast (&churn->moved);
  while (churn->n_called < MIN (mortal->number + N_ALIVE, n_threads))
    pthread_cond_wait (&churn->moved, &churn->lock);
  pthread_mutex_unlock (&churn->lock);
  return NULL;
}

/* Each is born when the eighth before it is gone, and has left what it had. */
static void
churn_run (Churn *churn)
{
  Mortal mortals[N_ALIVE];

  for (guint i = 0; i < n_threads + N_ALIVE; i++)
    {
      Mortal *mortal = &mortals[i % N_ALIVE];

      if (i >= N_ALIVE && i - N_ALIVE < n_threads)
        pthread_join (mortal->thread, NULL);
      *mortal = (Mortal){ .churn = churn, .number = i };
      if (i < n_threads)
        ck_assert_int_eq (pthread_create (&mortal->thread, NULL, live, mortal), 0);
    }
}

/* Returns how many connections were accepted. */
static guint64
churn_count (const char *spare_connections)
{
  TlcTallyFigures tally;
  TlcStats stats;
  Churn churn;

  churn_init (&churn, spare_connections);
  churn_run (&churn);
  tally = tlc_tally_read (churn.tally);
  tlc_service_get_stats (churn.service, &stats);
  ck_assert_uint_eq (stats.calls, n_threads);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.connects, tally.accepted);
  ck_assert_uint_eq (stats.adopted + stats.connects, n_threads);
  printf ("# spare-connections = %s: %u threads, %u alive at a time: %" G_GUINT64_FORMAT
          " connections accepted, at most %" G_GUINT64_FORMAT " open at once\n",
          spare_connections, n_threads, N_ALIVE, tally.accepted, tally.most);
  churn_clear (&churn);
  return tally.accepted;
}

START_TEST (stress_adopt_spares_the_server)
{
  ck_assert_uint_le (churn_count ("8"), MOST_ACCEPTED);
}
END_TEST

START_TEST (stress_adopt_can_be_switched_off)
{
  ck_assert_uint_eq (churn_count ("0"), n_threads);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-adopt");
  TCase *tests = tcase_create ("stress-adopt");

  if (argc > 1)
    n_threads = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 600);
  tcase_add_test (tests, stress_adopt_spares_the_server);
  tcase_add_test (tests, stress_adopt_can_be_switched_off);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
