/* SPDX-License-Identifier: Apache-2.0 */

/* How many calls a second do a lock around one client, a pool of clients, a client per thread by
 * hand, and TLC make, at 1, 8 and 64 threads, with a server that answers at once or takes its time?
 *
 * A round is one way for --round-ms; ways take turns. The pool has as many clients as there are
 * threads unless
 * --pool-size says otherwise: its best case, which nobody can know in advance. */

#include <stdio.h>
#include <stdlib.h>

#include "bench-harness.h"
#include "bench-load.h"
#include "bench-server.h"

typedef struct {
  int delay_us;
  int round_ms;
  int n_turns;
  int pool_size; /* 0: as many as threads */
  gboolean smoke;
  char *threads;
} LockedOptions;

typedef struct {
  BenchWay *way;
  guint n_threads;
  gint64 round_us;
  GArray *p99_us; /* of double, one per round */
} LockedSide;

static gboolean
locked_round (gpointer data, double *ret_value, GError **error)
{
  LockedSide *side = data;
  BenchLoadResult result;

  if (!bench_load_run (side->way, side->n_threads, side->round_us, &result, error))
    return FALSE;
  g_array_append_val (side->p99_us, result.p99_us);
  *ret_value = (double) result.calls / result.seconds;
  return TRUE;
}

static void
locked_print (const LockedOptions *options, guint n_threads, const BenchSide *sides,
              const LockedSide *data)
{
  BenchSummary *summary = bench_summary_new ("locked-pooled-per-thread");

  bench_summary_add (summary, "threads", n_threads);
  bench_summary_add (summary, "delay_us", options->delay_us);
  for (guint i = 0; i < BENCH_N_WAYS; i++)
    {
      BenchFigures figures = bench_side_figures (&sides[i]);
      BenchRatio ratio = bench_side_ratio (&sides[i], &sides[BENCH_WAY_LOCK]);

      printf ("%7u  %-7s %10.0f %10.0f %10.0f   %6.2f [%.2f, %.2f]\n", n_threads, sides[i].name,
              figures.min, figures.median, bench_quantile (data[i].p99_us, 0.5), ratio.median,
              ratio.low, ratio.high);
      bench_summary_add_figures (summary, sides[i].name, "per_s", &sides[i]);
      if (i != BENCH_WAY_LOCK)
        {
          g_autofree char *key = g_strconcat (sides[i].name, "_by_lock", NULL);

          bench_summary_add_ratio (summary, key, &ratio);
        }
    }
  bench_summary_print (summary);
}

static gboolean
locked_compare (const LockedOptions *options, const char *endpoint, guint n_threads, GError **error)
{
  BenchPlan plan = { options->smoke ? 0 : 1, (guint) options->n_turns };
  guint pool_size = options->pool_size > 0 ? (guint) options->pool_size : n_threads;
  BenchSide sides[BENCH_N_WAYS] = { 0 };
  LockedSide data[BENCH_N_WAYS] = { 0 };
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < BENCH_N_WAYS; i++)
    {
      data[i].way = bench_way_new ((BenchWayKind) i, endpoint, n_threads, pool_size, error);
      data[i].n_threads = n_threads;
      data[i].round_us = options->round_ms * 1000;
      data[i].p99_us = g_array_new (FALSE, FALSE, sizeof (double));
      sides[i] = (BenchSide){ bench_way_name ((BenchWayKind) i), locked_round, &data[i], NULL };
      ok = data[i].way != NULL;
    }
  ok = ok && bench_run (sides, BENCH_N_WAYS, &plan, error);
  if (ok)
    locked_print (options, n_threads, sides, data);
  for (guint i = 0; i < BENCH_N_WAYS; i++)
    {
      bench_way_free (data[i].way);
      g_clear_pointer (&data[i].p99_us, g_array_unref);
    }
  bench_sides_clear (sides, BENCH_N_WAYS);
  return ok;
}

static gboolean
locked_parse (LockedOptions *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "delay-us", 0, 0, G_OPTION_ARG_INT, &options->delay_us, "What the server takes (0)", "N" },
    { "round-ms", 0, 0, G_OPTION_ARG_INT, &options->round_ms, "Length of a round (500)", "N" },
    { "turns", 0, 0, G_OPTION_ARG_INT, &options->n_turns, "Rounds of each way (9)", "N" },
    { "threads", 0, 0, G_OPTION_ARG_STRING, &options->threads, "Thread counts (1,8,64)", "N,N" },
    { "pool-size", 0, 0, G_OPTION_ARG_INT, &options->pool_size, "Clients in the pool (threads)",
      "N" },
    { "smoke", 0, 0, G_OPTION_ARG_NONE, &options->smoke, "Very short, to see that it works", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- calls a second by way and threads");

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (options->smoke)
    {
      options->round_ms = 20;
      options->n_turns = 1;
    }
  if (options->threads == NULL)
    options->threads = g_strdup (options->smoke ? "1,4" : "1,8,64");
  return TRUE;
}

static gboolean
locked_run (const LockedOptions *options, GError **error)
{
  g_auto (GStrv) counts = g_strsplit (options->threads, ",", -1);
  const char *what = NULL;
  g_autoptr (TlcServer) server = NULL;

  bench_raise_descriptor_limit ();
  server = bench_server_start ((guint) options->delay_us, &what, error);
  if (server == NULL)
    return FALSE;
  printf ("Server: %s, %d us a call.\n", what, options->delay_us);
  printf ("threads  way         calls/s: min    median  p99 in us   by lock [95 %% interval]\n");
  for (guint i = 0; counts[i] != NULL; i++)
    if (!locked_compare (options, tlc_server_get_endpoint (server),
                         (guint) CLAMP (atoi (counts[i]), 1, 4096), error))
      return FALSE;
  return TRUE;
}

int
main (int argc, char **argv)
{
  LockedOptions options = { .round_ms = 500, .n_turns = 9 };
  g_autoptr (GError) error = NULL;
  gboolean ok = locked_parse (&options, &argc, &argv, &error) && locked_run (&options, &error);

  g_free (options.threads);
  if (!ok)
    fprintf (stderr, "bench-locked-pooled-per-thread: %s\n", error->message);
  return ok ? 0 : 1;
}
