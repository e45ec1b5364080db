/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when, N times, a service is closed under the full load of 32 threads, and each call ends
 * with its own answer or by TLC_ERROR_CLOSED, which says truly whether it may have run, and within
 * the bound; when what begins later is refused; when at that moment no connection is open; and when
 * afterwards no descriptor, thread or byte is left. Laws 3, 4, 5 and 7.
 *
 * Closed by whom: the main thread, a caller between two of its calls or amid a pipeline, two at once; or
 * by the last reference, which the main thread drops, a caller, or a caller's exit. Under what load: with
 * connections of their own; with four for all, so that most wait; with slow
 * calls, in both ways, which are cut; while half of the threads connect in vain; and where a caller sends
 * requests and comes back for the replies after the close.
 *
 * stress-close [N, 1000 by default [SEED]] */
#include <pthread.h>
#include <stdio.h>

#include "support/tlc-blackhole.h"
#include "support/tlc-caller.h"
#include "support/tlc-holder.h"
#include "support/tlc-lateness.h"
#include "support/tlc-process.h"
#include "support/tlc-tally.h"

#define N_CALLERS 32
#define CAP 4
#define N_SLOW 8
#define MAX_DEEDS 50
#define MAX_DELAY_US 3000
#define CLOSE_TIMEOUT "20ms" /* where it is to be met */
#define WATCHDOG_US (20 * G_USEC_PER_SEC)
#define WARM_UP_ROUNDS 15
/* What malloc may keep for itself. */
#define SLACK (64 * 1024)

typedef enum {
  CLOSED_BY_MAIN,
  CLOSED_BY_CALLER,
  CLOSED_BY_TWO,
  DROPPED_BY_MAIN,
  DROPPED_BY_CALLER,
  DROPPED_BY_EXIT,
  N_WAYS
} Way;

typedef enum {
  LOAD_FREE,
  LOAD_CAPPED,
  LOAD_SLOW,
  LOAD_SLOW_CAPPED,
  LOAD_DIALS,
  LOAD_FORGOTTEN, /* last: it takes a second */
  N_LOADS
} Load;

static const char *const load_names[N_LOADS]
    = { "own connections", "cap of 4", "slow calls", "slow calls, cap of 4", "dials in vain",
        "replies forgotten" };
#define FORGOTTEN_EACH 7 /* so many turns through the others */

typedef struct {
  guint n_rounds;
  guint64 n_good, n_closed[TLC_CALLER_DEEDS][TLC_DELIVERY_ANSWERED + 1];
  TlcLateness closes; /* how long they took */
  gint64 latest_us;   /* a call after the close began */
} Sum;

static guint n_rounds = 1000;
static guint32 seed;

static struct {
  TlcTally *tally;
  TlcServer *server;
  Blackhole hole;
  pthread_key_t early, late; /* their destructors run before the library's, and after */
  Sum sums[N_LOADS];
} stress;

static struct {
  guint number;
  Way way;
  Load load;
  TlcService *service;
  pthread_barrier_t met;
  atomic_int n_may_slow;
  _Atomic gint64 begun_us, longest_us; /* closing, by whoever does it */
  pthread_mutex_t lock;
  pthread_cond_t closed;
  gboolean is_over; /* under the lock */
} turn;

typedef struct {
  TlcCaller caller;
  guint number;
  gboolean closes;
  char id[32];
  pthread_t thread;
} Crew;

/* --- closing --- */

static void
note_most (_Atomic gint64 *most, gint64 value)
{
  gint64 seen = atomic_load (most);

  while (seen < value && !atomic_compare_exchange_weak (most, &seen, value))
    ;
}

/* Whoever closes, in whatever way. */
static void
end_service (void *service)
{
  gint64 begun_us = g_get_monotonic_time (), none = 0, took_us;

  atomic_compare_exchange_strong (&turn.begun_us, &none, begun_us);
  if (turn.way >= DROPPED_BY_MAIN)
    tlc_service_unref (service);
  else
    tlc_service_close (service);
  took_us = g_get_monotonic_time () - begun_us;
  ck_assert_int_lt (took_us, WATCHDOG_US);
  note_most (&turn.longest_us, took_us);
  if (turn.load != LOAD_FORGOTTEN)
    ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (stress.server)), 0);
  pthread_mutex_lock (&turn.lock);
  turn.is_over = TRUE;
  pthread_cond_broadcast (&turn.closed);
  pthread_mutex_unlock (&turn.lock);
}

static void
await_the_end (void)
{
  pthread_mutex_lock (&turn.lock);
  while (!turn.is_over)
    pthread_cond_wait (&turn.closed, &turn.lock);
  pthread_mutex_unlock (&turn.lock);
}

/* --- who calls --- */

/* The last thing that it does for the service is to end it; whatever it has outstanding then. */
static void
crew_close (Crew *crew)
{
  static atomic_int no_more;
  TlcCaller *caller = &crew->caller;
  gboolean holds;

  /* What does not end by itself it would wait for. */
  caller->n_may_slow = &no_more;
  for (gint32 n = g_rand_int_range (caller->random, 0, MAX_DEEDS); n > 0 && !caller->is_closed; n--)
    tlc_caller_act (caller);
  holds = g_rand_boolean (caller->random) && tlc_client_hold (caller->echo, NULL);
  caller->n_may_slow = &turn.n_may_slow;
  if (g_rand_boolean (caller->random))
    tlc_caller_send (caller);
  if (turn.way == DROPPED_BY_EXIT)
    {
      pthread_key_t key = turn.number % 2 == 0 ? stress.early : stress.late;

      ck_assert_int_eq (pthread_setspecific (key, turn.service), 0);
      return;
    }
  end_service (turn.service);
  caller->n_due = 0; /* it gave them up */
  if (holds)
    tlc_client_release (caller->echo);
  tlc_caller_must_be_refused (caller);
}

static void
crew_call (Crew *crew)
{
  TlcCaller *caller = &crew->caller;
  gboolean forgets = turn.load == LOAD_FORGOTTEN && crew->number % 2 == 1;

  while (!caller->is_closed)
    {
      if (!forgets)
        {
          tlc_caller_act (caller);
          continue;
        }
      tlc_caller_send (caller);
      await_the_end ();
      if (g_rand_boolean (caller->random))
        return;
      tlc_caller_receive (caller);
    }
  tlc_caller_must_be_refused (caller);
  if (g_rand_boolean (caller->random))
    tlc_thread_detach ();
}

/* Callers of an even number have connected when they meet. */
static void *
crew_main (void *data)
{
  Crew *crew = data;

  crew->caller.echo = tlc_echo_client (turn.service);
  if (turn.load == LOAD_DIALS && crew->number % 2 == 0)
    tlc_echo_must_add (turn.service);
  pthread_barrier_wait (&turn.met);
  pthread_barrier_wait (&turn.met);
  if (crew->closes)
    crew_close (crew);
  else
    crew_call (crew);
  return NULL;
}

static void
crew_start (Crew *crew, guint number)
{
  *crew = (Crew){ .number = number };
  crew->closes = number == 0 && turn.way != CLOSED_BY_MAIN && turn.way != DROPPED_BY_MAIN;
  g_snprintf (crew->id, sizeof crew->id, "close-%u-%u", turn.number, number);
  crew->caller.id = crew->id;
  crew->caller.n_may_slow = &turn.n_may_slow;
  crew->caller.random = g_rand_new_with_seed (seed + turn.number * N_CALLERS + number);
  ck_assert_int_eq (pthread_create (&crew->thread, NULL, crew_main, crew), 0);
}

static void
crew_join (Crew *crew)
{
  Sum *sum = &stress.sums[turn.load];
  TlcCaller *caller = &crew->caller;

  ck_assert_int_eq (pthread_join (crew->thread, NULL), 0);
  g_rand_free (caller->random);
  sum->n_good += caller->n_good;
  for (guint deed = 0; deed < TLC_CALLER_DEEDS; deed++)
    for (guint delivery = 0; delivery <= TLC_DELIVERY_ANSWERED; delivery++)
      sum->n_closed[deed][delivery] += caller->n_closed[deed][delivery];
  if (turn.load == LOAD_FORGOTTEN || caller->told_us == 0)
    return;
  ck_assert_int_lt (caller->told_us - turn.begun_us, WATCHDOG_US);
  sum->latest_us = MAX (sum->latest_us, caller->told_us - turn.begun_us);
}

/* --- rounds --- */

static gboolean
is_slow (void)
{
  return turn.load == LOAD_SLOW || turn.load == LOAD_SLOW_CAPPED || turn.load == LOAD_FORGOTTEN;
}

static gboolean
is_capped (void)
{
  return turn.load == LOAD_CAPPED || turn.load == LOAD_SLOW_CAPPED;
}

#define SETTINGS \
  "max-connections", is_capped () ? G_STRINGIFY (CAP) : "unlimited", "close-timeout", \
      is_slow () || turn.load == LOAD_DIALS ? CLOSE_TIMEOUT : TLC_CALLER_FOREVER, "call-timeout", \
      TLC_CALLER_FOREVER, "claim-timeout", TLC_CALLER_FOREVER, "connect-timeout", \
      TLC_CALLER_FOREVER, NULL

static void
turn_begin (guint number)
{
  guint each = number / LOAD_FORGOTTEN;

  turn.number = number;
  turn.load = (Load) (number % LOAD_FORGOTTEN);
  if (turn.load == LOAD_SLOW && each % FORGOTTEN_EACH == FORGOTTEN_EACH - 1)
    turn.load = LOAD_FORGOTTEN;
  /* One step further with each turn through the ways: so that each way meets each load. */
  turn.way = (Way) ((each + each / N_WAYS) % N_WAYS);
  turn.is_over = FALSE;
  atomic_store (&turn.begun_us, 0);
  atomic_store (&turn.longest_us, 0);
  /* One connection stays for the others. */
  atomic_store (&turn.n_may_slow, !is_slow () ? 0 : is_capped () ? CAP - 1 : N_SLOW);
  turn.service = tlc_echo_service (tlc_server_get_endpoint (stress.server), SETTINGS);
}

/* From now on who connects does it in vain. */
static void
dig_the_hole (void)
{
  g_autofree char *endpoints
      = g_strdup_printf ("%s %s", stress.hole.endpoint, tlc_server_get_endpoint (stress.server));

  tlc_echo_reconfigure (turn.service, endpoints, SETTINGS);
}

static void
close_from_here (void)
{
  if (turn.way != CLOSED_BY_MAIN && turn.way != CLOSED_BY_TWO && turn.way != DROPPED_BY_MAIN)
    return;
  g_usleep ((gulong) g_random_int_range (0, MAX_DELAY_US));
  end_service (turn.service);
}

/* All are back. */
static void
turn_end (void)
{
  Sum *sum = &stress.sums[turn.load];
  TlcStats stats;

  if (turn.way < DROPPED_BY_MAIN)
    {
      tlc_service_get_stats (turn.service, &stats);
      ck_assert_uint_eq (stats.connections_open, 0);
      ck_assert_uint_eq (stats.connections_busy, 0);
      ck_assert_uint_eq (stats.waiting, 0);
      ck_assert_uint_eq (stats.threads, 0);
      tlc_service_unref (turn.service);
    }
  sum->n_rounds++;
  tlc_lateness_add (&sum->closes, atomic_load (&turn.longest_us));
}

/* The server knows which of them have run. */
static void
check_executions (Crew *crew)
{
  g_autoptr (TlcService) direct = tlc_echo_service (tlc_server_get_endpoint (stress.server), NULL);

  for (guint i = 0; i < N_CALLERS; i++)
    {
      TlcCaller *caller = &crew[i].caller;
      gint32 n = -1;

      ck_assert (echo_if_executions (tlc_echo_client (direct), &n, crew[i].id, NULL));
      ck_assert_msg (n >= caller->n_ran && n <= caller->n_ran + caller->n_may_have_run,
                     "%s ran %d times, was answered %d times, and %d may have run", crew[i].id, n,
                     caller->n_ran, caller->n_may_have_run);
    }
  tlc_thread_detach ();
}

/* It sees the end of what was cut when its handler is back. */
static void
await_server (void)
{
  for (gint64 begun_us = g_get_monotonic_time (); tlc_tally_read (stress.tally).open > 0;)
    {
      ck_assert_int_lt (g_get_monotonic_time () - begun_us, WATCHDOG_US);
      g_usleep (100);
    }
}

static void
run_round (guint number)
{
  static Crew crew[N_CALLERS];

  turn_begin (number);
  for (guint i = 0; i < N_CALLERS; i++)
    crew_start (&crew[i], i);
  pthread_barrier_wait (&turn.met);
  if (turn.load == LOAD_DIALS)
    dig_the_hole ();
  pthread_barrier_wait (&turn.met);
  close_from_here ();
  for (guint i = 0; i < N_CALLERS; i++)
    crew_join (&crew[i]);
  turn_end ();
  check_executions (crew);
}

/* --- the sum --- */

static void
report (const char *name, Sum *sum)
{
  guint64 n[TLC_DELIVERY_ANSWERED + 1] = { 0 };

  for (guint deed = 0; deed < TLC_CALLER_DEEDS; deed++)
    for (guint delivery = 0; delivery <= TLC_DELIVERY_ANSWERED; delivery++)
      n[delivery] += sum->n_closed[deed][delivery];
  printf ("# %s: closed %u times; calls: %" G_GUINT64_FORMAT " answered, closed: %" G_GUINT64_FORMAT
          " not sent, %" G_GUINT64_FORMAT " may have run, %" G_GUINT64_FORMAT
          " answered; a close took %.1f ms, at most %.1f ms, the last call %.1f ms\n",
          name, sum->n_rounds, sum->n_good, n[TLC_DELIVERY_NOT_SENT], n[TLC_DELIVERY_UNKNOWN],
          n[TLC_DELIVERY_ANSWERED], (double) tlc_lateness_quantile (&sum->closes, 500) / 1e3,
          (double) tlc_lateness_quantile (&sum->closes, 1000) / 1e3, (double) sum->latest_us / 1e3);
  tlc_lateness_clear (&sum->closes);
}

static void *
do_nothing (void *data)
{
  return data;
}

static void
stress_begin (void)
{
  const char *arguments[3] = { "--tally" };

  stress.tally = tlc_tally_new (NULL);
  ck_assert_ptr_nonnull (stress.tally);
  arguments[1] = tlc_tally_get_path (stress.tally);
  stress.server = tlc_echo_server (arguments);
  blackhole_init (&stress.hole, AF_INET);
  pthread_barrier_init (&turn.met, NULL, N_CALLERS + 1);
  pthread_mutex_init (&turn.lock, NULL);
  pthread_cond_init (&turn.closed, NULL);
  for (guint load = 0; load < N_LOADS; load++)
    tlc_lateness_init (&stress.sums[load].closes);
  ck_assert_int_eq (pthread_key_create (&stress.early, end_service), 0);
  /* With the first one the thread sanitizer starts its own. */
  tlc_holder_elsewhere (do_nothing, NULL);
}

/* Law 7: of a service that is closed under the load of many threads nothing is left, and each of their calls
 * ends with an answer, or as closed. */
START_TEST (test_stress_close_row_43_under_load)
{
  guint fds, threads;
  gsize allocated = 0;

  stress_begin ();
  threads = tlc_process_count_threads ();
  fds = tlc_process_count_fds ();
  for (guint i = 0; i < WARM_UP_ROUNDS + n_rounds; i++)
    {
      run_round (i);
      if (i == 0) /* the library has its key now */
        ck_assert_int_eq (pthread_key_create (&stress.late, end_service), 0);
      ck_assert_uint_eq (tlc_process_count_fds (), fds);
      ck_assert (tlc_process_settles (tlc_process_count_threads, threads));
      if (i == WARM_UP_ROUNDS)
        allocated = tlc_process_allocated ();
      if (i >= WARM_UP_ROUNDS)
        ck_assert_uint_le (tlc_process_allocated (), allocated + SLACK);
    }
  await_server ();
  for (guint load = 0; load < N_LOADS; load++)
    report (load_names[load], &stress.sums[load]);
  printf ("# afterwards: %u fds and %u threads, as before; %+ld bytes\n", fds, threads,
          (long) (tlc_process_allocated () - allocated));
  blackhole_clear (&stress.hole);
  tlc_server_stop (stress.server);
  tlc_tally_free (stress.tally);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-close");
  TCase *tests = tcase_create ("stress-close");

  if (argc > 1)
    n_rounds = (guint) atoi (argv[1]);
  seed = argc > 2 ? (guint32) strtoul (argv[2], NULL, 10) : g_random_int ();
  printf ("# seed %u\n", seed);
  fflush (stdout);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, test_stress_close_row_43_under_load);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
