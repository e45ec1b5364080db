/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N threads, eight alive at a time, have lived on one service while its cap, its endpoints and
 * its time-outs changed all the time: calls, rows, oneways, deadlines that pass, connections that are held,
 * and not released. Each answer is its asker's; what fails says why, and is one of what may fail here; a
 * connection that is held is one and the same until it is lost, and nobody else holds it.
 *
 * Then nothing is missing from the cap: eight threads share two connections and nobody is refused; and
 * nothing is left.
 *
 * stress-cap [N, 2000 by default] */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "support/tlc-echo.h"
#include "support/tlc-holder.h"
#include "support/tlc-process.h"
#include "support/tlc-tally.h"

#define N_ALIVE 8
#define N_LAST_CALLS 100
#define N_CONNECTIONS_MAX 100000

static guint n_lives = 2000;

static struct {
  TlcServer *a, *b;
  TlcService *service;
  atomic_uint next_life;
  atomic_bool is_over;
  _Atomic guint64 n_calls, n_good, n_exhausted, n_timed_out, n_busy, n_lost, n_holds;
  atomic_uchar held[2][N_CONNECTIONS_MAX]; /* by the server's name and its number of the connection */
} cap;

/* --- what a thread does --- */

typedef struct {
  GRand *random;
  EchoIf *echo;
  gboolean is_holding, is_in_row;
} Life;

/* What went wrong is what may: there is no connection in time, no answer in time; what was held is gone,
 * or where a row went. */
static gboolean
forgive (const Life *life, GError *error)
{
  if (g_error_matches (error, TLC_ERROR, TLC_ERROR_EXHAUSTED))
    atomic_fetch_add (&cap.n_exhausted, 1);
  else if (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT))
    atomic_fetch_add (&cap.n_timed_out, 1);
  else if (life->is_in_row && g_error_matches (error, TLC_ERROR, TLC_ERROR_BUSY))
    atomic_fetch_add (&cap.n_busy, 1);
  else if (life->is_holding && g_error_matches (error, TLC_ERROR, TLC_ERROR_CONNECTION_LOST))
    atomic_fetch_add (&cap.n_lost, 1);
  else
    ck_abort_msg ("%s", error->message);
  if (!g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT)
      && tlc_error_get_delivery (error) != TLC_DELIVERY_NOT_SENT)
    ck_abort_msg ("%s", error->message);
  g_error_free (error);
  return FALSE;
}

static gint32
draw (Life *life, gint32 below)
{
  return g_rand_int_range (life->random, 0, below);
}

static void
call (Life *life)
{
  gint32 a = draw (life, 1 << 30), b = draw (life, 1 << 30), sum;
  GError *error = NULL;

  atomic_fetch_add (&cap.n_calls, 1);
  if (!echo_if_add (life->echo, &sum, a, b, &error))
    {
      forgive (life, error);
      return;
    }
  ck_assert_int_eq (sum, a + b);
  atomic_fetch_add (&cap.n_good, 1);
}

static void
call_in_a_hurry (Life *life)
{
  tlc_deadline_push ((guint) draw (life, 5));
  call (life);
  tlc_deadline_pop ();
}

static void
say (Life *life)
{
  GError *error = NULL;

  atomic_fetch_add (&cap.n_calls, 1);
  if (!echo_if_note (life->echo, "stress-cap", &error))
    forgive (life, error);
}

static void
call_in_a_row (Life *life)
{
  enum { N = 3 };
  gint32 a = draw (life, 1 << 30), sum, n_sent = 0;
  GError *error = NULL;

  life->is_in_row = TRUE;
  for (; n_sent < N; n_sent++)
    {
      atomic_fetch_add (&cap.n_calls, 1);
      if (!echo_client_send_add (life->echo, a, n_sent, &error))
        {
          forgive (life, g_steal_pointer (&error));
          break;
        }
    }
  for (gint32 i = 0; i < n_sent; i++)
    {
      if (!echo_client_recv_add (life->echo, &sum, &error))
        {
          forgive (life, g_steal_pointer (&error));
          tlc_client_reset (life->echo);
          break;
        }
      ck_assert_int_eq (sum, a + i);
    }
  life->is_in_row = FALSE;
}

/* --- holding --- */

/* Which connection it is that is held; NULL: it is lost. */
static char *
ask_who (Life *life)
{
  GError *error = NULL;
  char *who = NULL;

  atomic_fetch_add (&cap.n_calls, 1);
  if (identity_if_who (IDENTITY_IF (life->echo), &who, &error))
    return who;
  forgive (life, error);
  return NULL;
}

static atomic_uchar *
find_mark (const char *who)
{
  guint64 number = g_ascii_strtoull (strchr (who, '#') + 1, NULL, 10);

  ck_assert_uint_lt (number, N_CONNECTIONS_MAX);
  return &cap.held[who[0] == 'A' ? 0 : 1][number];
}

/* Some calls over what is held. Nobody else holds it, and it stays the same. */
static void
use_what_is_held (Life *life)
{
  g_autofree char *first = ask_who (life);
  atomic_uchar *mark;

  if (first == NULL)
    return;
  mark = find_mark (first);
  ck_assert_msg (atomic_exchange (mark, 1) == 0, "%s is held by two", first);
  for (gint32 i = draw (life, 4); i > 0; i--)
    {
      g_autofree char *who = NULL;

      if (draw (life, 4) == 0)
        g_usleep ((gulong) draw (life, 3000));
      who = ask_who (life);
      if (who == NULL)
        break;
      ck_assert_str_eq (who, first);
    }
  atomic_store (mark, 0);
}

static void
hold (Life *life, gboolean is_released)
{
  GError *error = NULL;

  if (!tlc_client_hold (life->echo, &error))
    {
      forgive (life, error);
      return;
    }
  atomic_fetch_add (&cap.n_holds, 1);
  life->is_holding = TRUE;
  use_what_is_held (life);
  if (!is_released)
    return;
  tlc_client_release (life->echo);
  life->is_holding = FALSE;
}

/* A quarter of the threads that hold do so to their end. */
static void *
life_main (void *data)
{
  Life life = { g_rand_new_with_seed (GPOINTER_TO_UINT (data)), tlc_echo_client (cap.service), FALSE, FALSE };

  for (gint32 i = draw (&life, 12); i > 0 && !life.is_holding; i--)
    switch (draw (&life, 8))
      {
      case 0:
        hold (&life, draw (&life, 4) > 0);
        break;
      case 1:
        call_in_a_hurry (&life);
        break;
      case 2:
        call_in_a_row (&life);
        break;
      case 3:
        say (&life);
        break;
      default:
        call (&life);
      }
  g_rand_free (life.random);
  return NULL;
}

/* One after the other, while there are some to be lived. */
static void *
nurse_main (void *data)
{
  for (guint n; (n = atomic_fetch_add (&cap.next_life, 1)) < n_lives;)
    {
      pthread_t thread;

      ck_assert_int_eq (pthread_create (&thread, NULL, life_main, GUINT_TO_POINTER (n + 1)), 0);
      ck_assert_int_eq (pthread_join (thread, NULL), 0);
    }
  return NULL;
}

/* --- what changes meanwhile --- */

static void *
change_until_over (void *data)
{
  const char *a = tlc_server_get_endpoint (cap.a), *b = tlc_server_get_endpoint (cap.b);
  g_autofree char *both = g_strdup_printf ("%s %s", a, b);
  g_autofree char *refused = g_strdup_printf ("unix:@nobody-listens-here %s", b);
  const char *const endpoints[] = { a, b, both, refused };
  const char *const caps[] = { "1", "2", "3", "unlimited" };
  const char *const claims[] = { "20ms", "1s" };
  const char *const holds[] = { "2ms", "30s" };
  g_autoptr (GRand) random = g_rand_new_with_seed (5);

  while (!atomic_load (&cap.is_over))
    {
      tlc_echo_reconfigure (cap.service, endpoints[g_rand_int_range (random, 0, 4)], "max-connections",
                            caps[g_rand_int_range (random, 0, 4)], "claim-timeout",
                            claims[g_rand_int_range (random, 0, 2)], "hold-timeout",
                            holds[g_rand_int_range (random, 0, 2)], "max-waiting",
                            g_rand_boolean (random) ? "3" : "1024", NULL);
      g_usleep ((gulong) g_rand_int_range (random, 0, 4000));
    }
  return NULL;
}

static void
live_all (void)
{
  pthread_t nurses[N_ALIVE], changer;

  ck_assert_int_eq (pthread_create (&changer, NULL, change_until_over, NULL), 0);
  for (guint i = 0; i < N_ALIVE; i++)
    ck_assert_int_eq (pthread_create (&nurses[i], NULL, nurse_main, NULL), 0);
  for (guint i = 0; i < N_ALIVE; i++)
    ck_assert_int_eq (pthread_join (nurses[i], NULL), 0);
  atomic_store (&cap.is_over, TRUE);
  ck_assert_int_eq (pthread_join (changer, NULL), 0);
}

/* --- what is left --- */

static void *
call_last (void *data)
{
  for (guint i = 0; i < N_LAST_CALLS; i++)
    tlc_echo_must_add (cap.service);
  return NULL;
}

/* Two connections to @endpoints are what two connections should be. */
static void
share_two (const char *endpoints)
{
  g_autoptr (GError) error = NULL;
  pthread_t threads[N_ALIVE];
  TlcStats stats;

  tlc_echo_reconfigure (cap.service, endpoints, "max-connections", "2", "claim-timeout", "15s",
                        "call-timeout", "60s", NULL);
  if (!tlc_service_drain (cap.service, 20000, &error))
    ck_abort_msg ("%s", error->message);
  for (guint i = 0; i < N_ALIVE; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_last, NULL), 0);
  for (guint i = 0; i < N_ALIVE; i++)
    ck_assert_int_eq (pthread_join (threads[i], NULL), 0);
  tlc_service_get_stats (cap.service, &stats);
  ck_assert_uint_eq (stats.connections_busy, 0);
  ck_assert_uint_eq (stats.waiting, 0);
  ck_assert_uint_le (stats.connections_open, 2);
  ck_assert_uint_eq (stats.threads, 0);
  ck_assert_uint_eq (stats.desyncs_caught, 0);
}

/* Also where the connections are those that were there before; and no more are seen by the server. */
static void
share (void)
{
  g_autoptr (TlcTally) tally = tlc_tally_new (NULL);
  g_autoptr (TlcServer) server
      = tlc_echo_server ((const char *const[]){ "--tally", tlc_tally_get_path (tally), NULL });
  g_autofree char *both = g_strdup_printf ("%s %s", tlc_server_get_endpoint (cap.a),
                                           tlc_server_get_endpoint (cap.b));
  guint64 n_calls = cap.n_calls + 2 * N_ALIVE * N_LAST_CALLS;
  TlcStats stats;

  share_two (both);
  share_two (tlc_server_get_endpoint (server));
  ck_assert_uint_le (tlc_tally_read (tally).most, 2);
  tlc_service_get_stats (cap.service, &stats);
  /* One of a row that is refused before it begins is none. */
  ck_assert_uint_le (stats.calls, n_calls);
  ck_assert_uint_ge (stats.calls, n_calls - cap.n_busy);
  tlc_service_unref (cap.service);
}

START_TEST (stress_cap)
{
  guint fds = tlc_process_count_fds ();

  cap.a = tlc_holder_server ("A");
  cap.b = tlc_holder_server ("B");
  cap.service = tlc_echo_service (tlc_server_get_endpoint (cap.a), "max-connections", "1", NULL);
  live_all ();
  printf ("# %u threads, %" G_GUINT64_FORMAT " calls, %" G_GUINT64_FORMAT " good, %" G_GUINT64_FORMAT
          " exhausted, %" G_GUINT64_FORMAT " timed out; %" G_GUINT64_FORMAT " holds, %" G_GUINT64_FORMAT
          " calls of holds that were lost\n",
          n_lives, cap.n_calls, cap.n_good, cap.n_exhausted, cap.n_timed_out, cap.n_holds, cap.n_lost);
  ck_assert_uint_gt (cap.n_good, 0);
  ck_assert_uint_gt (cap.n_exhausted, 0);
  ck_assert_uint_gt (cap.n_timed_out, 0);
  ck_assert_uint_gt (cap.n_lost, 0);
  share ();
  tlc_server_stop (cap.a);
  tlc_server_stop (cap.b);
  ck_assert_uint_eq (tlc_process_count_fds (), fds);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-cap");
  TCase *tests = tcase_create ("stress-cap");

  if (argc > 1)
    n_lives = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, stress_cap);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
