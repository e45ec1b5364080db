/* SPDX-License-Identifier: Apache-2.0 */

/* What does max-connections cost?
 *
 * Of 64 threads at 4 connections, by 4 threads that have one each, at a server that takes 1 ms: both
 * have 4 calls on the way, so the rest is what taking turns costs. And of max-connections = 1, by a
 * mutex around one client, as a program would have it otherwise, at 8 and 64 threads and a server that
 * takes 1 ms, where it is the limit, or answers at once, where the hand-over is.
 *
 * A round is one side for --round-ms; the two take turns, each with a server of its own, that counts
 * its connections. What fairness costs is in the ratio; what it brings stands beside it: the calls of
 * the thread that made fewest and of the one that made most, by those of the mean thread. */

#include <stdio.h>

#include "bench-harness.h"
#include "bench-load.h"
#include "bench-server.h"
#include "tlc-tally.h"

typedef struct {
  int round_ms;
  int n_turns;
  int question; /* from 1; 0: all */
  gboolean smoke;
} MaxOptions;

typedef struct {
  const char *name;
  guint n_threads;
  const char *max_connections;
  gboolean is_locked;
} MaxSide;

typedef struct {
  guint delay_us;
  MaxSide sides[2]; /* by the second one */
} MaxQuestion;

static const MaxQuestion max_questions[] = {
  { 1000, { { "64_at_4", 64, "4", FALSE }, { "4_own", 4, "unlimited", FALSE } } },
  { 1000, { { "8_at_1", 8, "1", FALSE }, { "8_mutex", 8, "unlimited", TRUE } } },
  { 1000, { { "64_at_1", 64, "1", FALSE }, { "64_mutex", 64, "unlimited", TRUE } } },
  { 0, { { "8_at_1", 8, "1", FALSE }, { "8_mutex", 8, "unlimited", TRUE } } },
  { 0, { { "64_at_1", 64, "1", FALSE }, { "64_mutex", 64, "unlimited", TRUE } } },
};

typedef struct {
  const MaxSide *side;
  gint64 round_us;
  TlcTally *tally;
  TlcServer *server;
  BenchWay *way;
  /* of double, one a round: */
  GArray *least; /* by the mean */
  GArray *most;
  GArray *p99_us;
} MaxRun;

static void
max_run_clear (MaxRun *run)
{
  bench_way_free (run->way);
  tlc_server_stop (run->server);
  tlc_tally_free (run->tally);
  g_clear_pointer (&run->least, g_array_unref);
  g_clear_pointer (&run->most, g_array_unref);
  g_clear_pointer (&run->p99_us, g_array_unref);
}

static gboolean
max_run_start (MaxRun *run, const MaxSide *side, guint delay_us, const char **ret_what,
               GError **error)
{
  g_autoptr (TlcConfig) config = NULL;

  run->side = side;
  run->least = g_array_new (FALSE, FALSE, sizeof (double));
  run->most = g_array_new (FALSE, FALSE, sizeof (double));
  run->p99_us = g_array_new (FALSE, FALSE, sizeof (double));
  run->tally = tlc_tally_new (error);
  if (run->tally == NULL)
    return FALSE;
  run->server = bench_server_start_counted (run->tally, delay_us, ret_what, error);
  if (run->server == NULL)
    return FALSE;
  config = bench_way_make_config (tlc_server_get_endpoint (run->server), error);
  if (config == NULL || !tlc_config_set (config, "max-connections", side->max_connections, error))
    return FALSE;
  run->way = bench_way_new_tlc (config, side->is_locked, error);
  return run->way != NULL;
}

/* In calls a second. */
static gboolean
max_round (gpointer data, double *ret_value, GError **error)
{
  MaxRun *run = data;
  BenchLoadResult result;
  double mean, least, most;

  if (!bench_load_run (run->way, run->side->n_threads, run->round_us, &result, error))
    return FALSE;
  mean = (double) result.calls / run->side->n_threads;
  least = (double) result.least_calls / mean;
  most = (double) result.most_calls / mean;
  g_array_append_val (run->least, least);
  g_array_append_val (run->most, most);
  g_array_append_val (run->p99_us, result.p99_us);
  *ret_value = (double) result.calls / result.seconds;
  return TRUE;
}

static void
max_print (const MaxQuestion *question, const BenchSide *sides, MaxRun *runs)
{
  BenchSummary *summary = bench_summary_new ("max-connections");
  BenchRatio ratio = bench_side_ratio (&sides[0], &sides[1]);

  bench_summary_add (summary, "delay_us", question->delay_us);
  for (guint i = 0; i < G_N_ELEMENTS (question->sides); i++)
    {
      BenchFigures figures = bench_side_figures (&sides[i]);
      TlcTallyFigures tally = tlc_tally_read (runs[i].tally);

      printf ("%8u  %-9s %9.0f %9.0f %9.0f   %5.2f %5.2f   %8" G_GUINT64_FORMAT,
              question->delay_us, sides[i].name, figures.min, figures.median,
              bench_quantile (runs[i].p99_us, 0.5), bench_quantile (runs[i].least, 0.5),
              bench_quantile (runs[i].most, 0.5), tally.most);
      if (i == 0)
        printf ("   %5.3f [%.3f, %.3f]", ratio.median, ratio.low, ratio.high);
      printf ("\n");
      bench_summary_add_figures (summary, sides[i].name, "per_s", &sides[i]);
    }
  bench_summary_add_ratio (summary, "ratio", &ratio);
  bench_summary_add (summary, "least_by_mean", bench_quantile (runs[0].least, 0.5));
  bench_summary_add (summary, "most_open", (double) tlc_tally_read (runs[0].tally).most);
  bench_summary_print (summary);
}

static gboolean
max_ask (const MaxOptions *options, const MaxQuestion *question, const char **ret_what,
         GError **error)
{
  BenchPlan plan = { options->smoke ? 0 : 1, (guint) options->n_turns };
  BenchSide sides[G_N_ELEMENTS (question->sides)] = { 0 };
  MaxRun runs[G_N_ELEMENTS (question->sides)] = { 0 };
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < G_N_ELEMENTS (sides); i++)
    {
      runs[i].round_us = options->round_ms * 1000;
      ok = max_run_start (&runs[i], &question->sides[i], question->delay_us, ret_what, error);
      sides[i] = (BenchSide){ question->sides[i].name, max_round, &runs[i], NULL };
    }
  ok = ok && bench_run (sides, G_N_ELEMENTS (sides), &plan, error);
  if (ok)
    max_print (question, sides, runs);
  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    max_run_clear (&runs[i]);
  bench_sides_clear (sides, G_N_ELEMENTS (sides));
  return ok;
}

static gboolean
max_parse (MaxOptions *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "round-ms", 0, 0, G_OPTION_ARG_INT, &options->round_ms, "Length of a round (500)", "N" },
    { "turns", 0, 0, G_OPTION_ARG_INT, &options->n_turns, "Rounds of each side (9)", "N" },
    { "question", 0, 0, G_OPTION_ARG_INT, &options->question, "Only the Nth", "N" },
    { "smoke", 0, 0, G_OPTION_ARG_NONE, &options->smoke, "Very short, to see that it works", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- what max-connections costs");

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (options->smoke)
    {
      options->round_ms = 20;
      options->n_turns = 1;
    }
  return TRUE;
}

static gboolean
max_run_all (const MaxOptions *options, GError **error)
{
  const char *what = NULL;

  printf ("server us  side      calls/s: min    median  p99 in us   least  most by mean   "
          "most open   by the other [95 %% interval]\n");
  for (guint i = 0; i < G_N_ELEMENTS (max_questions); i++)
    if ((options->question == 0 || options->question == (int) i + 1)
        && !max_ask (options, &max_questions[i], &what, error))
      return FALSE;
  printf ("Server: %s. %d rounds of %d ms each.\n", what, options->n_turns, options->round_ms);
  return TRUE;
}

int
main (int argc, char **argv)
{
  MaxOptions options = { .round_ms = 500, .n_turns = 9 };
  g_autoptr (GError) error = NULL;

  if (max_parse (&options, &argc, &argv, &error) && max_run_all (&options, &error))
    return 0;
  fprintf (stderr, "bench-max-connections: %s\n", error->message);
  return 1;
}
