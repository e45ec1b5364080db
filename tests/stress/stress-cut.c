/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N calls, over connections that are cut at random points, have each run as often as their
 * errors say: a request that is not idempotent at most once, one that was "not sent" never, one that
 * was answered once; an idempotent one at most max-attempts times. The server counts. Law 4.
 *
 * stress-cut [N, 100000 by default, over all wires and settings together [SEED]] */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "support/tlc-cutter.h"
#include "support/tlc-echo.h"
#include "support/tlc-process.h"

#define N_THREADS 4
#define ATTEMPTS_MAX 3
/* A connection carries some ten calls: a good share of them are hit. */
#define BYTES_MAX 1500

static guint n_calls = 100000;
static guint32 seed;

typedef enum {
  ENDED_WELL,
  ENDED_NOT_SENT,
  ENDED_UNKNOWN,
  ENDED_ANSWERED,
  N_ENDS
} End;

typedef struct {
  const char *protocol, *transport, *retry;
} Kind;

static const Kind kinds[] = {
  { "binary", "framed", "never" },     { "binary", "framed", "unsent" },
  { "compact", "framed", "unsent" },   { "binary", "buffered", "unsent" },
  { "compact", "buffered", "unsent" }, { "binary", "framed", "idempotent" },
  { "compact", "buffered", "idempotent" },
};

typedef struct {
  TlcService *service;
  guint n;
  atomic_uint next;
  guint8 *ends; /* by number of the call; written by its caller */
} Round;

/* Every eighth is a oneway. */
static gboolean
is_note (guint i)
{
  return i % 8 == 7;
}

static End
end_of (gboolean ok, const GError *error)
{
  if (ok)
    return ENDED_WELL;
  ck_assert_msg (error != NULL && error->domain == TLC_ERROR, "%s",
                 error != NULL ? error->message : "no error");
  switch (tlc_error_get_delivery (error))
    {
    case TLC_DELIVERY_NOT_SENT:
      return ENDED_NOT_SENT;
    case TLC_DELIVERY_ANSWERED:
      return ENDED_ANSWERED;
    default:
      return ENDED_UNKNOWN;
    }
}

static void *
call_on (void *data)
{
  Round *round = data;
  guint i;

  while ((i = atomic_fetch_add (&round->next, 1)) < round->n)
    {
      g_autofree char *id = g_strdup_printf ("cut-%u", i);
      g_autoptr (GError) error = NULL;
      EchoIf *echo = tlc_echo_client (round->service);
      gint32 n_runs = 0;
      gboolean ok = is_note (i) ? echo_if_note (echo, id, &error)
                                : echo_if_run (echo, &n_runs, id, &error);

      round->ends[i] = (guint8) end_of (ok, error);
    }
  return NULL;
}

static void
call_all (Round *round)
{
  pthread_t threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_on, round), 0);
  for (guint i = 0; i < N_THREADS; i++)
    pthread_join (threads[i], NULL);
}

static void
check_call (EchoIf *echo, const Kind *kind, guint i, End end)
{
  gint32 most = g_str_equal (kind->retry, "idempotent") && !is_note (i) ? ATTEMPTS_MAX : 1;
  g_autofree char *id = g_strdup_printf ("cut-%u", i);
  g_autoptr (GError) error = NULL;
  gint32 n_runs = -1;

  ck_assert_msg (echo_if_executions (echo, &n_runs, id, &error), "%s",
                 error != NULL ? error->message : "");
  ck_assert_msg (n_runs >= 0 && n_runs <= most, "%s: %s ran %d times", kind->retry, id, n_runs);
  if (end == ENDED_NOT_SENT)
    ck_assert_msg (n_runs == 0, "%s: %s was not sent and ran %d times", kind->retry, id, n_runs);
  if ((end == ENDED_WELL && !is_note (i)) || end == ENDED_ANSWERED)
    ck_assert_msg (n_runs > 0, "%s: %s was answered and did not run", kind->retry, id);
}

static void
check_all (const Round *round, const Kind *kind, const char *endpoint)
{
  g_autoptr (TlcService) direct = tlc_echo_service (endpoint, "protocol", kind->protocol,
                                                    "transport", kind->transport, NULL);

  for (guint i = 0; i < round->n; i++)
    check_call (tlc_echo_client (direct), kind, i, round->ends[i]);
  tlc_thread_detach ();
}

static void
print_round (const Round *round, const Kind *kind, guint n_cuts)
{
  guint n[N_ENDS] = { 0 };
  TlcStats stats;

  for (guint i = 0; i < round->n; i++)
    n[round->ends[i]]++;
  tlc_service_get_stats (round->service, &stats);
  printf ("# %s %s, retry %s: %u calls, %u cuts, %" G_GUINT64_FORMAT
          " retries; %u succeeded, %u not sent, %u may have run, %u answered\n",
          kind->protocol, kind->transport, kind->retry, round->n, n_cuts, stats.retries,
          n[ENDED_WELL], n[ENDED_NOT_SENT], n[ENDED_UNKNOWN], n[ENDED_ANSWERED]);
  ck_assert_uint_gt (n[ENDED_WELL], round->n / 2);
  ck_assert_uint_gt (n_cuts, round->n / 100);
}

START_TEST (stress_cut_each_runs_as_often_as_its_error_says)
{
  const Kind *kind = &kinds[_i];
  const char *const args[]
      = { "--protocol", kind->protocol, "--transport", kind->transport, NULL };
  g_autoptr (TlcServer) server = tlc_echo_server (args);
  guint fds = tlc_process_count_fds ();
  TlcCutter *cutter
      = tlc_cutter_new (tlc_server_get_endpoint (server), BYTES_MAX, seed + (guint32) _i);
  Round round = { .n = MAX (n_calls / (guint) G_N_ELEMENTS (kinds), 100) };

  round.ends = g_malloc0 (round.n);
  round.service = tlc_echo_service (tlc_cutter_get_endpoint (cutter), "protocol", kind->protocol,
                                    "transport", kind->transport, "retry", kind->retry,
                                    "max-attempts", G_STRINGIFY (ATTEMPTS_MAX),
                                    "idempotent-methods", "run, note", "retry-budget", "100%",
                                    NULL);
  call_all (&round);
  print_round (&round, kind, tlc_cutter_count_cuts (cutter));
  tlc_service_unref (round.service);
  tlc_cutter_free (cutter);
  check_all (&round, kind, tlc_server_get_endpoint (server));
  g_free (round.ends);
  ck_assert (tlc_process_settles (tlc_process_count_library_threads, 0));
  ck_assert_uint_eq (tlc_process_count_fds (), fds);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-cut");
  TCase *tests = tcase_create ("stress-cut");

  if (argc > 1)
    n_calls = (guint) atoi (argv[1]);
  seed = argc > 2 ? (guint32) strtoul (argv[2], NULL, 10) : g_random_int ();
  printf ("# seed %u\n", seed);
  fflush (stdout);
  tcase_set_timeout (tests, 1200);
  tcase_add_loop_test (tests, stress_cut_each_runs_as_often_as_its_error_says, 0,
                       G_N_ELEMENTS (kinds));
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
