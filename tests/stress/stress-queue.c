/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when, of N waits for two seats, with deadlines that pass before, while and after their turn
 * comes, each ends, none before its deadline but by a seat, and seats go to those that wait in the
 * order of their coming, at no time to more than two; and when in N meetings of a thread that comes
 * to wait with one that leaves the seat for good, the one never sleeps while the other's seat is free
 * (law 5).
 *
 * stress-queue [N, 10000 by default, and ten times as many meetings] */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "model/tlc-clock.h"
#include "support/tlc-lateness.h"
#include "support/tlc-meeting.h"
#include "support/tlc-seats-fixture.h"

#define CAP 2
/* They wait for one another, so that all are in the queue together. */
#define N_IN_LINE 12
/* Nobody waits so long but who was forgotten. */
#define FOREVER_US (20 * G_USEC_PER_SEC)
/* The promise is a tenth of it, and not for a machine that has other things to do. */
#define LATE_US 100000

static guint n_waits = 10000;

static void
capped_init (Fixture *fixture, const char *cap)
{
  fixture_init_by (fixture, tlc_room_settings ("unix:@nobody-listens-here", "max-connections", cap,
                                               NULL));
}

static struct {
  Fixture fixture;
  GRand *random;         /* the main thread's */
  TlcLateness lateness;  /* of those that timed out */
  atomic_uint n_ended;   /* in this round */
  atomic_uint n_holders; /* of seats */
  atomic_uint n_granted, n_late_grants;
  pthread_mutex_t turn; /* whoever gives a seat away; under it: */
  guint n_places;
  guint places[CAP]; /* of each seat: in which place it was given away last */
} line;

typedef struct {
  pthread_t thread;
  gint64 deadline_us;
  guint dawdle; /* with the seat */
  guint place;  /* in which it was served; 0: it was not */
} Waiter;

/* The number is drawn and the seat given away in one: so numbers are in the order of grants. */
static void
pass_on (TlcHome *home)
{
  pthread_mutex_lock (&line.turn);
  line.places[home->seat->index] = ++line.n_places;
  tlc_seats_release (line.fixture.seats, home);
  pthread_mutex_unlock (&line.turn);
  /* Law 3: what was given away is another's, who may have it yet. */
  if (tlc_seat_claim_home (home))
    {
      ck_assert_uint_lt (atomic_fetch_add (&line.n_holders, 1), CAP);
      atomic_fetch_sub (&line.n_holders, 1);
      tlc_seats_release (line.fixture.seats, home);
    }
}

static void
use_seat (Waiter *waiter, TlcHome *home)
{
  ck_assert_uint_lt (atomic_fetch_add (&line.n_holders, 1), CAP);
  ck_assert_uint_lt (home->seat->index, CAP);
  waiter->place = line.places[home->seat->index];
  for (guint i = 0; i < waiter->dawdle; i++)
    sched_yield ();
  atomic_fetch_sub (&line.n_holders, 1);
}

static void *
stand_in_line (void *data)
{
  Waiter *waiter = data;
  TlcHome home = { NULL, 0 };
  TlcQueueRequest nothing = { 0 };
  TlcQueueVerdict verdict = tlc_queue_wait (line.fixture.seats, &home, &nothing, 0, G_MAXUINT,
                                            waiter->deadline_us);
  gint64 late_us = tlc_clock_now_us () - waiter->deadline_us;

  if (verdict == TLC_QUEUE_GRANTED)
    {
      atomic_fetch_add (&line.n_granted, 1);
      atomic_fetch_add (&line.n_late_grants, late_us >= 0);
      use_seat (waiter, &home);
      pass_on (&home);
    }
  else
    {
      ck_assert_int_eq (verdict, TLC_QUEUE_TIMED_OUT);
      ck_assert_int_ge (late_us, 0);
      tlc_lateness_add (&line.lateness, late_us);
    }
  atomic_fetch_add (&line.n_ended, 1);
  return NULL;
}

/* Some have no time left, most some of it, others enough. */
static gint64
draw_deadline (void)
{
  switch (g_rand_int_range (line.random, 0, 4))
    {
    case 0:
      return tlc_clock_now_us ();
    case 1:
      return tlc_clock_now_us () + FOREVER_US;
    default:
      return tlc_clock_now_us () + g_rand_int_range (line.random, 0, 4000);
    }
}

/* Starts one that waits; returns when it does, or has done so. */
static void
send_into_line (Waiter *waiter, guint n_before)
{
  guint n_ended;

  *waiter = (Waiter){
    .deadline_us = draw_deadline (),
    .dawdle = (guint) g_rand_int_range (line.random, 0, 20),
  };
  ck_assert_int_eq (pthread_create (&waiter->thread, NULL, stand_in_line, waiter), 0);
  do
    {
      sched_yield ();
      n_ended = atomic_load (&line.n_ended); /* first: one that ends now is not counted twice */
    }
  while (n_ended + tlc_queue_count (&line.fixture.seats->queue) <= n_before);
}

/* All seats are taken while they come, one after the other; then they are given away. */
static void
run_line (Waiter *waiters, guint n)
{
  TlcHome homes[CAP] = { { NULL, 0 } };
  guint place = 0;

  for (guint i = 0; i < CAP; i++)
    ck_assert (seats_claim (line.fixture.seats, &homes[i]));
  atomic_store (&line.n_ended, 0);
  for (guint i = 0; i < n; i++)
    send_into_line (&waiters[i], i);
  for (guint i = 0; i < CAP; i++)
    pass_on (&homes[i]);
  for (guint i = 0; i < n; i++)
    pthread_join (waiters[i].thread, NULL);
  for (guint i = 0; i < n; i++)
    {
      ck_assert_msg (waiters[i].place == 0 || waiters[i].place > place,
                     "number %u was served in place %u, one before it in place %u", i,
                     waiters[i].place, place);
      place = MAX (place, waiters[i].place);
    }
}

START_TEST (stress_queue_first_come_first_served)
{
  Waiter waiters[N_IN_LINE];
  TlcSleeper sleeper;
  guint32 seed = g_random_int ();
  gint64 nap_us;

  printf ("# seed %u\n", seed);
  line.random = g_rand_new_with_seed (seed);
  capped_init (&line.fixture, G_STRINGIFY (CAP));
  pthread_mutex_init (&line.turn, NULL);
  tlc_lateness_init (&line.lateness);
  tlc_sleeper_start (&sleeper);
  for (guint n = 0; n < n_waits; n += N_IN_LINE)
    run_line (waiters, MIN (N_IN_LINE, n_waits - n));
  printf ("# %u waits, %u seats granted, %u of them as the deadline passed\n", n_waits,
          atomic_load (&line.n_granted), atomic_load (&line.n_late_grants));
  tlc_lateness_print (&line.lateness, "timed out");
  nap_us = tlc_sleeper_stop (&sleeper);
  ck_assert_uint_eq (line.lateness.us->len + atomic_load (&line.n_granted), n_waits);
  ck_assert_int_le (tlc_lateness_quantile (&line.lateness, 1000), LATE_US + nap_us);
  tlc_lateness_clear (&line.lateness);
  g_rand_free (line.random);
  fixture_clear (&line.fixture);
}
END_TEST

static struct {
  Fixture fixture;
  _Atomic guint64 round, answered; /* who leaves begins a round, who waits ends it */
} meeting;

static void *
comer_main (void *data)
{
  TlcSeats *seats = meeting.fixture.seats;

  for (guint64 round = 1; round <= 10 * (guint64) n_waits; round++)
    {
      TlcHome home = { NULL, 0 };
      TlcQueueRequest nothing = { 0 };
      TlcQueueVerdict verdict;

      wait_for (&meeting.round, round);
      dawdle (round * 7 % 61);
      /* It has looked, and found the seat taken. */
      verdict = tlc_queue_wait (seats, &home, &nothing, 0, 1, tlc_clock_now_us () + FOREVER_US);
      ck_assert_msg (verdict == TLC_QUEUE_GRANTED, "forgotten in meeting %" G_GUINT64_FORMAT,
                     round);
      tlc_seats_release (seats, &home);
      atomic_store_explicit (&meeting.answered, round, memory_order_release);
    }
  return NULL;
}

START_TEST (stress_queue_nobody_is_forgotten)
{
  TlcHome home = { NULL, 0 };
  pthread_t comer;

  capped_init (&meeting.fixture, "1");
  ck_assert_int_eq (pthread_create (&comer, NULL, comer_main, NULL), 0);
  for (guint64 round = 1; round <= 10 * (guint64) n_waits; round++)
    {
      ck_assert (seats_claim (meeting.fixture.seats, &home));
      atomic_store_explicit (&meeting.round, round, memory_order_release);
      dawdle (round * 5 % 97);
      tlc_seats_release (meeting.fixture.seats, &home);
      wait_for (&meeting.answered, round);
    }
  pthread_join (comer, NULL);
  printf ("# %u meetings, nobody forgotten\n", 10 * n_waits);
  fixture_clear (&meeting.fixture);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-queue");
  TCase *tests = tcase_create ("stress-queue");

  if (argc > 1)
    n_waits = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, stress_queue_first_come_first_served);
  tcase_add_test (tests, stress_queue_nobody_is_forgotten);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
