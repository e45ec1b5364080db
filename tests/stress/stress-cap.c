/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when, of N threads that come, call and go while the cap of their one service moves between
 * 1, 2, 3 and unlimited, its endpoints between two servers and a port that refuses, and its limits
 * on waiting, each ends; when every answer is its asker's own, and every error one that what was in
 * force during the call excuses; when what a change took away is closed after a drain; when the
 * counters say what the threads have seen, and oneways ran once. Then, under a cap of two, eight
 * threads get all of their calls answered: nothing of the cap is lost. Laws 3, 4, 5 and 7.
 *
 * And when, under a cap that stays, threads that close nothing never have more connections at once,
 * as the servers count them; though these are swapped, and threads fail for want of one.
 *
 * stress-cap [N, 1500 by default, and a quarter as many for each cap that stays] */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/tlc-crowd.h"
#include "support/tlc-process.h"
#include "support/tlc-tally.h"

#define N_CALLERS_AT_LAST 8
#define N_CALLS_AT_LAST 100
#define PATIENCE_MS 20000
#define MAX_PAUSE_US 4000

static guint n_threads = 1500;

static struct {
  TlcTally *tallies[2];
  TlcServer *servers[2];
  const char *at[2];
  int refusing;
  char *at_refusing;
  TlcService *service;
  TlcCrowd crowd;
  guint fds; /* before the service */
} cap;

/* --- what changes --- */

typedef struct {
  const char *max_connections, *endpoints, *claim_timeout, *max_waiting, *min, *spare;
} Change;

#define CHOOSE(random, ...) \
  (((const char *const[]){ __VA_ARGS__ })[g_rand_int_range ( \
      (random), 0, (gint32) G_N_ELEMENTS (((const char *const[]){ __VA_ARGS__ })))])

static void
make (const Change *change)
{
  const gboolean excuses[TLC_EXCUSES] = {
    [TLC_EXCUSE_CAP] = strcmp (change->max_connections, "unlimited") != 0,
    [TLC_EXCUSE_REFUSED] = strstr (change->endpoints, cap.at_refusing) != NULL,
    [TLC_EXCUSE_ALONE] = strcmp (change->endpoints, cap.at_refusing) == 0,
  };

  tlc_crowd_begin_change (&cap.crowd, excuses);
  tlc_echo_reconfigure (cap.service, change->endpoints, "max-connections", change->max_connections,
                        "claim-timeout", change->claim_timeout, "max-waiting", change->max_waiting,
                        "min-connections", change->min, "spare-connections", change->spare,
                        "call-timeout", TLC_CROWD_FOREVER, "connect-timeout", TLC_CROWD_FOREVER,
                        "hold-timeout", TLC_CROWD_FOREVER, NULL);
  tlc_crowd_end_change (&cap.crowd, excuses);
}

static void
must_drain (void)
{
  g_autoptr (GError) error = NULL;

  if (!tlc_service_drain (cap.service, PATIENCE_MS, &error))
    ck_abort_msg ("%s", error->message);
}

/* Laws 2 and 6: what the change took away is closed, though calls go on. */
static void
must_have_settled (const Change *change)
{
  TlcStats stats;

  must_drain ();
  tlc_service_get_stats (cap.service, &stats);
  if (strcmp (change->max_connections, "unlimited") != 0)
    ck_assert_uint_le (stats.connections_open,
                       g_ascii_strtoull (change->max_connections, NULL, 10));
  for (guint i = 0; i < 2; i++)
    if (strstr (change->endpoints, cap.at[i]) == NULL)
      ck_assert_uint_eq (tlc_process_count_connections (cap.at[i]), 0);
}

static void
make_any (GRand *random)
{
  g_autofree char *both = g_strdup_printf ("%s %s", cap.at[0], cap.at[1]);
  g_autofree char *refusing_first = g_strdup_printf ("%s %s", cap.at_refusing, cap.at[0]);
  g_autofree char *refusing_last = g_strdup_printf ("%s %s", cap.at[1], cap.at_refusing);
  Change change = {
    .max_connections = CHOOSE (random, "1", "2", "3", "unlimited"),
    .endpoints = CHOOSE (random, cap.at[0], cap.at[0], cap.at[0], cap.at[1], cap.at[1], cap.at[1],
                         both, both, refusing_first, refusing_last, cap.at_refusing),
    .claim_timeout = CHOOSE (random, "1ms", "20ms", TLC_CROWD_FOREVER, TLC_CROWD_FOREVER),
    .max_waiting = CHOOSE (random, "0", "2", "1024", "1024", "1024", "1024"),
    .min = CHOOSE (random, "0", "1"),
    .spare = CHOOSE (random, "0", "8"),
  };

  make (&change);
  if (g_rand_int_range (random, 0, 8) == 0)
    must_have_settled (&change);
}

/* The server has seen the last connection to it close. */
static void
await_left (guint server)
{
  for (guint i = 0; tlc_tally_read (cap.tallies[server]).open > 0; i++)
    {
      ck_assert_msg (i < PATIENCE_MS, "drained, and the server has connections");
      g_usleep (1000);
    }
}

/* --- before and after --- */

/* A port that is taken, and where nobody listens. */
static void
refuse (void)
{
  struct sockaddr_in address = {
    .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
  };
  socklen_t length = sizeof address;

  cap.refusing = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (cap.refusing, (struct sockaddr *) &address, length), 0);
  ck_assert_int_eq (getsockname (cap.refusing, (struct sockaddr *) &address, &length), 0);
  cap.at_refusing = g_strdup_printf ("tcp://127.0.0.1:%u", ntohs (address.sin_port));
}

static void
cap_begin (void)
{
  memset (&cap, 0, sizeof cap);
  for (guint i = 0; i < 2; i++)
    {
      cap.tallies[i] = tlc_tally_new (NULL);
      ck_assert_ptr_nonnull (cap.tallies[i]);
      cap.servers[i] = tlc_echo_server (
          (const char *const[]){ "--tally", tlc_tally_get_path (cap.tallies[i]), NULL });
      cap.at[i] = tlc_server_get_endpoint (cap.servers[i]);
    }
  refuse ();
  cap.fds = tlc_process_count_fds ();
  cap.service = tlc_echo_service (cap.at[0], NULL);
}

/* Nothing of the service is left. */
static void
cap_end (void)
{
  g_clear_pointer (&cap.service, tlc_service_unref);
  ck_assert (tlc_process_settles (tlc_process_count_fds, cap.fds));
  ck_assert (tlc_process_settles (tlc_process_count_library_threads, 0));
  for (guint i = 0; i < 2; i++)
    {
      tlc_server_stop (cap.servers[i]);
      tlc_tally_free (cap.tallies[i]);
    }
  close (cap.refusing);
  g_free (cap.at_refusing);
}

static void *
call_at_last (void *data)
{
  for (guint i = 0; i < N_CALLS_AT_LAST; i++)
    tlc_echo_must_add (cap.service);
  return NULL;
}

/* What was sent ran once, what may have been sent once at most. */
static void
must_have_run (void)
{
  gint64 n = 0, enough = (gint64) cap.crowd.sum.notes;

  for (guint i = 0; i < PATIENCE_MS && n < enough; i++, g_usleep (1000))
    {
      n = 0;
      for (guint server = 0; server < 2; server++)
        {
          g_autoptr (TlcService) service = tlc_echo_service (cap.at[server], NULL);
          gint32 executions = 0;

          ck_assert (
              echo_if_executions (tlc_echo_client (service), &executions, TLC_CROWD_NOTE, NULL));
          n += executions;
          tlc_thread_detach ();
        }
    }
  ck_assert_int_ge (n, enough);
  ck_assert_int_le (n, enough + (gint64) cap.crowd.sum.doubtful_notes);
}

/* Nobody is left, and two seats are in use: both, or callers would wait for ever. */
static void
must_be_whole (void)
{
  const Change last = { "2", cap.at[0], TLC_CROWD_FOREVER, "1024", "0", "8" };
  pthread_t threads[N_CALLERS_AT_LAST];
  TlcStats before, after;

  make (&last);
  must_drain ();
  before = tlc_crowd_must_add_up (&cap.crowd, PATIENCE_MS);
  ck_assert_uint_le (before.connections_open, 2);
  ck_assert_uint_eq (tlc_process_count_connections (cap.at[0]), before.connections_open);
  ck_assert_uint_eq (tlc_process_count_connections (cap.at[1]), 0);
  for (guint i = 0; i < N_CALLERS_AT_LAST; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_at_last, NULL), 0);
  for (guint i = 0; i < N_CALLERS_AT_LAST; i++)
    ck_assert_int_eq (pthread_join (threads[i], NULL), 0);
  tlc_service_get_stats (cap.service, &after);
  ck_assert_uint_eq (after.calls - before.calls, N_CALLERS_AT_LAST * N_CALLS_AT_LAST);
  ck_assert_uint_eq (after.failures, before.failures);
  ck_assert_uint_le (before.connections_open + after.connects - before.connects, 2);
  ck_assert_uint_eq (after.connections_busy, 0);
  ck_assert_uint_eq (after.waiting, 0);
}

START_TEST (stress_cap_moves)
{
  g_autoptr (GRand) random = g_rand_new ();

  cap_begin ();
  make_any (random);
  tlc_crowd_start (&cap.crowd, cap.service, n_threads, FALSE);
  while (tlc_crowd_is_there (&cap.crowd))
    {
      make_any (random);
      g_usleep ((gulong) g_rand_int_range (random, 0, MAX_PAUSE_US));
    }
  tlc_crowd_join (&cap.crowd);
  must_be_whole ();
  must_have_run ();
  ck_assert_uint_gt (cap.crowd.sum.good, n_threads);
  for (guint code = TLC_ERROR_UNAVAILABLE; code <= TLC_ERROR_TIMED_OUT; code++)
    ck_assert_uint_gt (cap.crowd.sum.failed[code], n_threads / 100);
  cap_end ();
}
END_TEST

/* From one server to the other and back, never before the last connection to it is gone. */
static void
change_and_swap (GRand *random, const char *max_connections)
{
  guint server = 0;

  while (tlc_crowd_is_there (&cap.crowd))
    {
      Change change = {
        .max_connections = max_connections,
        .endpoints = cap.at[server],
        .claim_timeout = CHOOSE (random, "1ms", "20ms", TLC_CROWD_FOREVER, TLC_CROWD_FOREVER),
        .max_waiting = CHOOSE (random, "0", "2", "1024", "1024", "1024", "1024"),
        .min = CHOOSE (random, "0", "1"),
        .spare = "8",
      };

      make (&change);
      if (g_rand_boolean (random))
        {
          must_drain ();
          await_left (1 - server);
          server = 1 - server;
        }
      g_usleep ((gulong) g_rand_int_range (random, 0, MAX_PAUSE_US));
    }
}

START_TEST (stress_cap_stays)
{
  const char *max_connections = ((const char *const[]){ "1", "2", "3" })[_i];
  g_autoptr (GRand) random = g_rand_new ();
  TlcTallyFigures figures[2];
  Change first = { max_connections, NULL, "1ms", "1024", "0", "8" };
  TlcStats stats;

  cap_begin ();
  first.endpoints = cap.at[0];
  make (&first);
  tlc_crowd_start (&cap.crowd, cap.service, n_threads / 4, TRUE);
  change_and_swap (random, max_connections);
  tlc_crowd_join (&cap.crowd);
  stats = tlc_crowd_must_add_up (&cap.crowd, PATIENCE_MS);
  for (guint i = 0; i < 2; i++)
    {
      figures[i] = tlc_tally_read (cap.tallies[i]);
      ck_assert_uint_le (figures[i].most, (guint) _i + 1);
    }
  ck_assert_uint_eq (stats.connects, figures[0].accepted + figures[1].accepted);
  ck_assert (_i > 0 || cap.crowd.sum.failed[TLC_ERROR_EXHAUSTED] > 0);
  must_have_run ();
  cap_end ();
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-cap");
  TCase *tests = tcase_create ("stress-cap");

  if (argc > 1)
    n_threads = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, stress_cap_moves);
  tcase_add_loop_test (tests, stress_cap_stays, 0, 3);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
