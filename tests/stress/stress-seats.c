/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when in N rounds, while eight threads claim and release their seats without a pause and
 * one changes the endpoint some times and sweeps, nobody who claimed after a change had been
 * published is left with a connection to the endpoint that it took out (law 2), and when all have
 * stopped no seat holds one, whoever was interrupted wherever (law 6).
 *
 * What stress-swap and stress-drain show of a service, without the calls: there a thread is a
 * thousandth of its time between the look at the generation and the seat that it leaves, here a
 * tenth.
 *
 * stress-seats [N, 500 by default] */
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "support/tlc-seats-fixture.h"

#define N_THREADS 8
/* In one round: odd, so that it ends elsewhere than it began. */
#define N_CHANGES 15

static guint n_rounds = 500;

static struct {
  Fixture fixture;
  _Atomic guint begun, returned; /* changes: the main thread writes, all read */
  atomic_bool is_stopped, is_over;
  pthread_barrier_t start, stop;
  _Atomic guint64 n_claims, n_judged, n_dials; /* any thread, when it stops */
} stress;

typedef struct {
  TlcHome home;
  guint64 n_claims, n_judged, n_dials;
} Claimant;

static const char *
endpoint_after (guint change)
{
  return change % 2 == 0 ? "unix:@nobody-listens-here" : "unix:@nobody-listens-there";
}

/* A connection to nobody, by the snapshot in force. */
static void
dial (Claimant *claimant)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (stress.fixture.branch);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  claimant->n_dials++;
  tlc_seat_put_connection (
      claimant->home.seat,
      tlc_connection_new (fd, current->endpoints->pdata[0], current->settings));
}

/* As a call does: see tlc_call_connect(). */
static void
claim_and_release (Claimant *claimant)
{
  TlcSeats *seats = stress.fixture.seats;
  guint returned = atomic_load_explicit (&stress.returned, memory_order_seq_cst), begun;
  const char *endpoint;

  if (!seats_claim (seats, &claimant->home))
    ck_abort_msg ("no seat");
  tlc_seats_refresh (seats, claimant->home.seat);
  while (claimant->home.seat->connection == NULL)
    {
      dial (claimant);
      tlc_seats_refresh (seats, claimant->home.seat);
    }
  endpoint = tlc_endpoint_get_text (claimant->home.seat->connection->endpoint);
  begun = atomic_load_explicit (&stress.begun, memory_order_seq_cst);
  if (begun == returned && !g_str_equal (endpoint, endpoint_after (returned)))
    ck_abort_msg ("claimed after change %u, to %s, with a connection to %s", returned,
                  endpoint_after (returned), endpoint);
  tlc_seats_release (seats, &claimant->home);
  claimant->n_claims++;
  claimant->n_judged += begun == returned;
}

static void *
claimant_main (void *data)
{
  Claimant claimant = { 0 };

  for (;;)
    {
      pthread_barrier_wait (&stress.start);
      if (atomic_load_explicit (&stress.is_over, memory_order_relaxed))
        break;
      do
        claim_and_release (&claimant);
      while (!atomic_load_explicit (&stress.is_stopped, memory_order_relaxed));
      pthread_barrier_wait (&stress.stop);
    }
  atomic_fetch_add_explicit (&stress.n_claims, claimant.n_claims, memory_order_relaxed);
  atomic_fetch_add_explicit (&stress.n_judged, claimant.n_judged, memory_order_relaxed);
  atomic_fetch_add_explicit (&stress.n_dials, claimant.n_dials, memory_order_relaxed);
  return NULL;
}

/* Nobody claims now: what is FREE was left so by its last claimant, and not swept. */
static void
check_seats (guint change)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (stress.fixture.branch);
  TlcSeat *seat;

  for (TlcSeatsIter iter = { 0 }; (seat = tlc_seats_next (stress.fixture.seats, &iter)) != NULL;)
    if (seat->connection != NULL
        && !tlc_snapshot_has_endpoint (current, seat->connection->endpoint))
      ck_abort_msg ("after change %u, to %s, a seat was left with a connection to %s", change,
                    endpoint_after (change),
                    tlc_endpoint_get_text (seat->connection->endpoint));
}

static void
change_to (guint change)
{
  atomic_store_explicit (&stress.begun, change, memory_order_seq_cst);
  fixture_change (&stress.fixture, tlc_room_settings (endpoint_after (change), NULL));
  atomic_store_explicit (&stress.returned, change, memory_order_seq_cst);
}

/* The threads go on until the sweep has come and gone: each leaves its seat at least once more. */
static void
run_round (guint round)
{
  atomic_store_explicit (&stress.is_stopped, false, memory_order_relaxed);
  pthread_barrier_wait (&stress.start);
  sched_yield (); /* many will be interrupted, each somewhere */
  for (guint i = 1; i <= N_CHANGES; i++)
    change_to (round * N_CHANGES + i);
  tlc_seats_follow_change (stress.fixture.seats);
  atomic_store_explicit (&stress.is_stopped, true, memory_order_relaxed);
  pthread_barrier_wait (&stress.stop);
  check_seats ((round + 1) * N_CHANGES);
  tlc_root_reclaim (stress.fixture.branch->root);
}

START_TEST (stress_seats)
{
  pthread_t threads[N_THREADS];

  fixture_init (&stress.fixture);
  pthread_barrier_init (&stress.start, NULL, N_THREADS + 1);
  pthread_barrier_init (&stress.stop, NULL, N_THREADS + 1);
  for (guint i = 0; i < N_THREADS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, claimant_main, NULL), 0);
  for (guint i = 0; i < n_rounds; i++)
    run_round (i);
  atomic_store_explicit (&stress.is_over, true, memory_order_relaxed);
  pthread_barrier_wait (&stress.start);
  for (guint i = 0; i < N_THREADS; i++)
    pthread_join (threads[i], NULL);
  printf ("# %u changes, %" G_GUINT64_FORMAT " claims, %" G_GUINT64_FORMAT " judged, %"
          G_GUINT64_FORMAT " dials\n",
          n_rounds * N_CHANGES, stress.n_claims, stress.n_judged, stress.n_dials);
  fixture_clear (&stress.fixture);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-seats");
  TCase *tests = tcase_create ("stress-seats");

  if (argc > 1)
    n_rounds = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, stress_seats);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
