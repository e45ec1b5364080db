/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when, while N threads come, call, hold and go, by a release, for too long, or without one,
 * and the endpoints and the cap of their service change, a connection that is held serves its
 * holder alone from the hold to the release, and one connection serves all of the hold; when what a
 * hold has lost serves nobody again, and nothing replaces it; and when nobody waits in vain. Laws
 * 3, 5, 6 and 7.
 *
 * The servers say over which connection they were asked. A clock that ticks with each call and each
 * hold tells those that began within a hold.
 *
 * stress-hold [N, 400 by default] */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "support/tlc-holder.h"
#include "support/tlc-process.h"

/* So many live at a time. */
#define N_NURSES 8
#define MAX_DEEDS 6
#define MAX_CALLS 4
#define MAX_REST_US 2000
#define HOLD_MS 40
#define HOLD_TIMEOUT G_STRINGIFY (HOLD_MS) "ms"
/* Nobody waits so long but who was forgotten. */
#define FOREVER "20s"
#define DRAIN_MS 20000
/* Of each server; tens of times more than there are threads. */
#define MAX_CONNECTIONS (1 << 20)

static guint n_lives = 400;

/* What is known of a connection. */
typedef struct {
  /* its holder writes: the tick at which it was; 0: nobody holds it. For good, when the hold ended
   * otherwise than by a release. */
  _Atomic guint64 held;
  _Atomic guint64 asked; /* any thread: the tick at which the latest call that it served began */
} Track;

static Track tracks[2][MAX_CONNECTIONS];

typedef struct {
  guint64 calls, holds;
  guint64 overdue, removed; /* holds that were lost so */
  guint64 left;             /* by an exit */
  guint64 refused;          /* calls of holds that were lost */
} Sum;

static struct {
  TlcServer *servers[2];
  const char *at[2];
  TlcService *service;
  atomic_uint n_born, n_nurses_left;
  _Atomic guint64 clock;
  _Atomic guint64 n_begun, n_returned; /* changes: who makes them writes, holders read */
  pthread_mutex_t lock;
  Sum sum; /* under the lock */
} hold;

typedef struct {
  GRand *random;
  EchoIf *echo;
  Sum sum;
  Track *track;             /* of what it holds; NULL: not known */
  guint64 tick;             /* when it was held */
  gint64 begun_us, held_us; /* before the hold, and after */
  guint64 n_returned;       /* before it */
  gboolean is_lost;
} Life;

static gint32
draw (Life *life, gint32 end)
{
  return g_rand_int_range (life->random, 0, end);
}

static guint64
tick (void)
{
  return atomic_fetch_add (&hold.clock, 1) + 1;
}

/* "B#7" */
static Track *
find_track (const char *who)
{
  guint64 number = g_ascii_strtoull (who + 2, NULL, 10);

  ck_assert_uint_lt (number, MAX_CONNECTIONS);
  return &tracks[who[0] - 'A'][number];
}

/* --- who holds nothing --- */

/* Law 3: a call that began after a hold is not served by what is held. */
static void
ask (Life *life)
{
  guint64 began = tick (), asked, held;
  g_autofree char *who = tlc_echo_who (hold.service);
  Track *track = find_track (who);

  asked = atomic_load (&track->asked);
  while (asked < began && !atomic_compare_exchange_weak (&track->asked, &asked, began))
    ;
  /* After that; the holder looks the other way round. */
  held = atomic_load (&track->held);
  ck_assert_msg (held == 0 || began < held,
                 "%s, held since tick %" G_GUINT64_FORMAT
                 ", has served a call of tick %" G_GUINT64_FORMAT,
                 who, held, began);
  life->sum.calls++;
}

/* --- who holds --- */

static void
recognize (Life *life, const char *who)
{
  Track *track = find_track (who);
  guint64 held;

  if (life->track != NULL)
    {
      ck_assert_msg (track == life->track, "the hold has got another connection, %s", who);
      return;
    }
  life->track = track;
  held = atomic_exchange (&track->held, life->tick);
  ck_assert_msg (held == 0, "%s is held by two, or was left by a hold", who);
  ck_assert_msg (atomic_load (&track->asked) < life->tick, "%s is held and has served a call", who);
}

/* Only what took too long, or was taken away, is lost; and then for good. */
static void
judge_loss (Life *life, const GError *error)
{
  gint64 held_us = g_get_monotonic_time () - life->begun_us;

  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  if (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT))
    {
      ck_assert_msg (held_us >= HOLD_MS * 1000, "%s", error->message);
      life->sum.overdue += !life->is_lost;
    }
  else
    {
      ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONNECTION_LOST), "%s",
                     error->message);
      ck_assert_msg (held_us >= HOLD_MS * 1000 || atomic_load (&hold.n_begun) != life->n_returned,
                     "%s", error->message);
      life->sum.removed += !life->is_lost;
    }
  life->is_lost = TRUE;
}

static void
call_in_hold (Life *life)
{
  gboolean is_overdue = g_get_monotonic_time () - life->held_us >= HOLD_MS * 1000;
  g_autoptr (GError) error = NULL;
  g_autofree char *who = NULL;

  if (!identity_if_who (IDENTITY_IF (life->echo), &who, &error))
    {
      judge_loss (life, error);
      life->sum.refused++;
      return;
    }
  ck_assert_msg (!life->is_lost, "what was held is lost, and %s has taken its place", who);
  ck_assert_msg (!is_overdue, "%s is held for too long, and has served a call", who);
  recognize (life, who);
}

static void
must_hold (Life *life)
{
  g_autoptr (GError) error = NULL;

  if (!tlc_client_hold (life->echo, &error))
    ck_abort_msg ("%s", error->message);
}

/* FALSE: there is nothing to hold any more. */
static gboolean
hold_again (Life *life)
{
  g_autoptr (GError) error = NULL;

  if (tlc_client_hold (life->echo, &error))
    return TRUE;
  judge_loss (life, error);
  return FALSE;
}

/* Sometimes for longer than it may. */
static void
rest (Life *life)
{
  gint32 us = draw (life, 10) == 0 ? HOLD_MS * 500 + draw (life, HOLD_MS * 1500)
                                   : draw (life, MAX_REST_US);

  if (draw (life, 2) == 0)
    g_usleep ((gulong) us);
}

/* Calls, with holds inside of the hold that are released again. */
static void
hold_and_call (Life *life)
{
  life->n_returned = atomic_load (&hold.n_returned);
  life->begun_us = g_get_monotonic_time ();
  must_hold (life);
  life->held_us = g_get_monotonic_time ();
  life->tick = tick ();
  life->track = NULL;
  life->is_lost = FALSE;
  life->sum.holds++;
  for (gint32 n = 1 + draw (life, MAX_CALLS); n > 0; n--)
    {
      gint32 most = draw (life, 3), depth = 0;

      while (depth < most && hold_again (life))
        depth++;
      call_in_hold (life);
      rest (life);
      for (gint32 i = 0; i < depth; i++)
        tlc_client_release (life->echo);
    }
}

static void
release (Life *life)
{
  if (life->track != NULL && !life->is_lost)
    atomic_store (&life->track->held, 0);
  tlc_client_release (life->echo);
}

static void
sum_add (const Sum *sum)
{
  pthread_mutex_lock (&hold.lock);
  hold.sum.calls += sum->calls;
  hold.sum.holds += sum->holds;
  hold.sum.overdue += sum->overdue;
  hold.sum.removed += sum->removed;
  hold.sum.left += sum->left;
  hold.sum.refused += sum->refused;
  pthread_mutex_unlock (&hold.lock);
}

static void *
live (void *seed)
{
  Life life = { .random = g_rand_new_with_seed (GPOINTER_TO_UINT (seed)) };

  life.echo = tlc_echo_client (hold.service);
  for (gint32 n = 1 + draw (&life, MAX_DEEDS); n > 0; n--)
    if (draw (&life, 3) == 0)
      {
        hold_and_call (&life);
        release (&life);
      }
    else
      ask (&life);
  if (draw (&life, 4) == 0)
    {
      hold_and_call (&life);
      life.sum.left++;
    }
  sum_add (&life.sum);
  g_rand_free (life.random);
  return NULL;
}

static void *
nurse_main (void *seed)
{
  guint number;

  while ((number = atomic_fetch_add (&hold.n_born, 1)) < n_lives)
    {
      guint32 own_seed = GPOINTER_TO_UINT (seed) + number;
      pthread_t thread;

      ck_assert_int_eq (pthread_create (&thread, NULL, live, GUINT_TO_POINTER (own_seed)), 0);
      ck_assert_int_eq (pthread_join (thread, NULL), 0);
    }
  atomic_fetch_sub (&hold.n_nurses_left, 1);
  return NULL;
}

/* --- what changes meanwhile --- */

static void
change (const char *endpoints, const char *max_connections)
{
  atomic_fetch_add (&hold.n_begun, 1);
  tlc_echo_reconfigure (hold.service, endpoints, "max-connections", max_connections, "hold-timeout",
                        HOLD_TIMEOUT, "claim-timeout", FOREVER, "call-timeout", FOREVER,
                        "connect-timeout", FOREVER, NULL);
  atomic_fetch_add (&hold.n_returned, 1);
}

static void
change_at_random (GRand *random)
{
  g_autofree char *both = g_strdup_printf ("%s %s", hold.at[0], hold.at[1]);
  const char *const endpoints[] = { hold.at[0], hold.at[1], both };
  const char *const caps[] = { "1", "2", "3" };

  change (endpoints[g_rand_int_range (random, 0, 3)], caps[g_rand_int_range (random, 0, 3)]);
  g_usleep ((gulong) g_rand_int_range (random, 0, 50000));
}

static void
hold_begin (void)
{
  pthread_mutex_init (&hold.lock, NULL);
  for (guint i = 0; i < 2; i++)
    {
      hold.servers[i] = tlc_holder_server (i == 0 ? "A" : "B");
      hold.at[i] = tlc_server_get_endpoint (hold.servers[i]);
    }
}

/* All threads are gone: nothing is busy, and nothing left when the service is. */
static TlcStats
hold_end (guint fds)
{
  g_autoptr (GError) error = NULL;
  TlcStats stats;

  if (!tlc_service_drain (hold.service, DRAIN_MS, &error))
    ck_abort_msg ("%s", error->message);
  tlc_service_get_stats (hold.service, &stats);
  ck_assert_uint_eq (stats.connections_busy, 0);
  ck_assert_uint_eq (stats.waiting, 0);
  ck_assert_uint_eq (stats.threads, 0);
  ck_assert_uint_eq (stats.desyncs_caught, 0);
  tlc_service_unref (hold.service);
  ck_assert (tlc_process_settles (tlc_process_count_fds, fds));
  ck_assert (tlc_process_settles (tlc_process_count_library_threads, 0));
  for (guint i = 0; i < 2; i++)
    tlc_server_stop (hold.servers[i]);
  pthread_mutex_destroy (&hold.lock);
  return stats;
}

START_TEST (stress_hold_is_its_holders)
{
  g_autoptr (GRand) random = g_rand_new ();
  guint32 seed = g_rand_int (random);
  pthread_t nurses[N_NURSES];
  const Sum *sum = &hold.sum;
  TlcStats stats;
  guint fds;

  hold_begin ();
  fds = tlc_process_count_fds ();
  hold.service = tlc_echo_service (hold.at[0], NULL);
  change_at_random (random);
  printf ("# seed %u\n", seed);
  atomic_store (&hold.n_nurses_left, N_NURSES);
  for (guint i = 0; i < N_NURSES; i++)
    ck_assert_int_eq (pthread_create (&nurses[i], NULL, nurse_main, GUINT_TO_POINTER (seed)), 0);
  while (atomic_load (&hold.n_nurses_left) > 0)
    change_at_random (random);
  for (guint i = 0; i < N_NURSES; i++)
    ck_assert_int_eq (pthread_join (nurses[i], NULL), 0);
  change (hold.at[0], "1");
  for (guint i = 0; i < N_NURSES; i++)
    tlc_echo_must_add (hold.service);
  tlc_thread_detach ();
  stats = hold_end (fds);
  printf ("# %u threads, %" G_GUINT64_FORMAT " changes: %" G_GUINT64_FORMAT
          " calls, %" G_GUINT64_FORMAT " holds, of them %" G_GUINT64_FORMAT
          " overdue, %" G_GUINT64_FORMAT " taken away, %" G_GUINT64_FORMAT
          " left by an exit; %" G_GUINT64_FORMAT " calls refused; %" G_GUINT64_FORMAT " connects\n",
          n_lives, atomic_load (&hold.n_returned), sum->calls, sum->holds, sum->overdue,
          sum->removed, sum->left, sum->refused, stats.connects);
  ck_assert_uint_eq (stats.failures, sum->refused);
  ck_assert_uint_gt (sum->calls, n_lives);
  ck_assert_uint_gt (sum->overdue + sum->removed, n_lives / 100);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-hold");
  TCase *tests = tcase_create ("stress-hold");

  if (argc > 1)
    n_lives = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, stress_hold_is_its_holders);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
