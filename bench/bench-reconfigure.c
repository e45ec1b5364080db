/* SPDX-License-Identifier: Apache-2.0 */

/* What do 1,000 reconfigurations a second cost those who call? Three kinds of change, each on a
 * service of its own: settings alone; the list of endpoints, with nobody's connection lost; a swap
 * of servers, in which every change retires every connection and each call connects anew.
 *
 * Threads call without a pause. A turn is three windows of time: a quiet one, one in which the main
 * thread reconfigures, and a quiet one again. From each, the 99th percentile of what calls took, as
 * their callers saw it. The second window by the first is the answer; the third by the first is
 * what the machine makes of no difference at all. */

#include <stdio.h>
#include <time.h>

#include "bench-harness.h"
#include "bench-load.h"
#include "bench-server.h"

/* How long a window runs before it is measured, so that what one leaves, such as threads that have
 * to connect, is not counted in the next. */
#define RECONFIGURE_SETTLE_US 20000

typedef struct {
  int threads;
  int delay_us;
  int rate; /* per second */
  int window_ms;
  int turns;
  gboolean smoke;
} ReconfigureOptions;

/* Two configurations to alternate between; a quiet window has the first. */
typedef struct {
  const char *name;
  const char *endpoints[2]; /* letters of servers */
  const char *call_timeout[2];
} ReconfigureKind;

static const ReconfigureKind reconfigure_kinds[] = {
  { "settings", { "A", "A" }, { "5s", "6s" } },
  { "endpoints", { "A", "AB" }, { "5s", "5s" } },
  { "swap", { "A", "B" }, { "5s", "5s" } },
};

typedef struct {
  const ReconfigureOptions *options;
  BenchWay *way;
  BenchLoad *load;
  TlcConfig *configs[2];
  guint64 n_changes;
} ReconfigureRun;

typedef enum {
  RECONFIGURE_QUIET,
  RECONFIGURE_BUSY,
  RECONFIGURE_QUIET_AGAIN,
  RECONFIGURE_N_SIDES
} ReconfigureSideKind;

typedef struct {
  ReconfigureRun *run;
  gboolean is_busy;
  GArray *calls_per_s;   /* of double, one per window, warm-up included */
  GArray *changes_per_s; /* likewise */
} ReconfigureSide;

static gboolean
reconfigure_change (ReconfigureRun *run, guint which, GError **error)
{
  if (!tlc_service_reconfigure (bench_way_get_service (run->way), run->configs[which], error))
    return FALSE;
  run->n_changes++;
  return TRUE;
}

/* So many microseconds of changes, each at its time; one that is late does not put off those after
 * it. */
static gboolean
reconfigure_storm (ReconfigureRun *run, gint64 microseconds, GError **error)
{
  gint64 start_ns = bench_now_ns ();
  gint64 n = microseconds * run->options->rate / 1000000;

  for (gint64 i = 1; i <= n && bench_now_ns () < start_ns + microseconds * 1000; i++)
    {
      gint64 due_ns = start_ns + i * 1000000000 / run->options->rate;
      struct timespec due = { due_ns / 1000000000, due_ns % 1000000000 };

      clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
      if (!reconfigure_change (run, i & 1, error))
        return FALSE;
    }
  return TRUE;
}

/* FALSE without an error when a call failed: bench_load_stop() knows which. */
static gboolean
reconfigure_pass (ReconfigureSide *side, gint64 microseconds, BenchLoadResult *ret_result,
                  GError **error)
{
  ReconfigureRun *run = side->run;
  gboolean ok = side->is_busy ? reconfigure_storm (run, microseconds, error)
                              : bench_load_wait (run->load, microseconds);

  bench_load_lap (run->load, ret_result);
  return ok && ret_result->failures == 0;
}

static gboolean
reconfigure_window (gpointer data, double *ret_value, GError **error)
{
  ReconfigureSide *side = data;
  ReconfigureRun *run = side->run;
  BenchLoadResult result;
  guint64 n_before;
  double rate;

  if (!reconfigure_pass (side, RECONFIGURE_SETTLE_US, &result, error))
    return FALSE;
  n_before = run->n_changes;
  if (!reconfigure_pass (side, (gint64) run->options->window_ms * 1000, &result, error))
    return FALSE;
  *ret_value = result.p99_us;
  rate = (double) result.calls / result.seconds;
  g_array_append_val (side->calls_per_s, rate);
  rate = (double) (run->n_changes - n_before) / result.seconds;
  g_array_append_val (side->changes_per_s, rate);
  return !side->is_busy || reconfigure_change (run, 0, error);
}

static TlcConfig *
reconfigure_make_config (const ReconfigureKind *kind, guint which, TlcServer *const servers[2],
                         GError **error)
{
  g_autoptr (GString) endpoints = g_string_new (NULL);
  g_autoptr (TlcConfig) config = NULL;

  for (const char *letter = kind->endpoints[which]; *letter != '\0'; letter++)
    g_string_append_printf (endpoints, "%s ", tlc_server_get_endpoint (servers[*letter - 'A']));
  config = bench_way_make_config (g_strchomp (endpoints->str), error);
  if (config == NULL || !tlc_config_set (config, "call-timeout", kind->call_timeout[which], error))
    return NULL;
  return g_steal_pointer (&config);
}

static void
reconfigure_print_head (const ReconfigureOptions *options, const char *what)
{
  printf ("%d threads call servers that take %d us: %s.\n"
          "Quiet windows and windows with %d reconfigurations a second, %d ms each, in turns; "
          "what 99 %%\nof calls took at most, and its ratio, quiet = 1, with 95 %% interval\n"
          "change     changes/s   calls/s: quiet  changing   p99 us: quiet  changing   "
          "changing by quiet    quiet by quiet\n",
          options->threads, options->delay_us, what, options->rate, options->window_ms);
  fflush (stdout);
}

static void
reconfigure_print (const ReconfigureKind *kind, const BenchSide *sides, const ReconfigureSide *data,
                   const BenchLoadResult *result)
{
  BenchRatio ratio = bench_side_ratio (&sides[RECONFIGURE_BUSY], &sides[RECONFIGURE_QUIET]);
  BenchRatio itself = bench_side_ratio (&sides[RECONFIGURE_QUIET_AGAIN], &sides[RECONFIGURE_QUIET]);
  double rate = bench_quantile (data[RECONFIGURE_BUSY].changes_per_s, 0.5);
  double quiet = bench_quantile (data[RECONFIGURE_QUIET].calls_per_s, 0.5);
  double busy = bench_quantile (data[RECONFIGURE_BUSY].calls_per_s, 0.5);
  BenchSummary *summary = bench_summary_new ("reconfigure");
  TlcStats stats;

  tlc_service_get_stats (bench_way_get_service (data[RECONFIGURE_BUSY].run->way), &stats);
  printf ("%-9s %10.0f %16.0f %9.0f %15.0f %9.0f   %.3f [%.3f, %.3f]   %.3f [%.3f, %.3f]\n",
          kind->name, rate, quiet, busy, bench_side_figures (&sides[RECONFIGURE_QUIET]).median,
          bench_side_figures (&sides[RECONFIGURE_BUSY]).median, ratio.median, ratio.low, ratio.high,
          itself.median, itself.low, itself.high);
  g_string_append_printf (summary, " change=%s", kind->name);
  bench_summary_add (summary, "changes_per_s", rate);
  bench_summary_add (summary, "quiet_calls_per_s", quiet);
  bench_summary_add (summary, "changing_calls_per_s", busy);
  for (guint i = 0; i < RECONFIGURE_N_SIDES; i++)
    {
      g_autofree char *prefix = g_strconcat (sides[i].name, "_p99", NULL);

      bench_summary_add_figures (summary, prefix, "us", &sides[i]);
    }
  bench_summary_add_ratio (summary, "p99_ratio", &ratio);
  bench_summary_add_ratio (summary, "p99_against_itself", &itself);
  bench_summary_add (summary, "calls", (double) result->all_calls);
  bench_summary_add (summary, "failed", (double) result->failures);
  bench_summary_add (summary, "connects", (double) stats.connects);
  bench_summary_print (summary);
}

/* The windows of one kind, in turns, while the threads call. */
static gboolean
reconfigure_measure (ReconfigureRun *run, const ReconfigureKind *kind, GError **error)
{
  static const char *const names[RECONFIGURE_N_SIDES] = { "quiet", "changing", "quiet_again" };
  const ReconfigureOptions *options = run->options;
  BenchPlan plan = { options->smoke ? 0 : 1, (guint) options->turns };
  BenchSide sides[RECONFIGURE_N_SIDES] = { 0 };
  ReconfigureSide data[RECONFIGURE_N_SIDES] = { 0 };
  BenchLoadResult result;
  g_autoptr (GError) call_error = NULL;
  gboolean ok;

  for (guint i = 0; i < RECONFIGURE_N_SIDES; i++)
    {
      data[i] = (ReconfigureSide){ run, i == RECONFIGURE_BUSY,
                                   g_array_new (FALSE, FALSE, sizeof (double)),
                                   g_array_new (FALSE, FALSE, sizeof (double)) };
      sides[i] = (BenchSide){ names[i], reconfigure_window, &data[i], NULL };
    }
  run->load = bench_load_start (run->way, (guint) options->threads);
  ok = bench_run (sides, RECONFIGURE_N_SIDES, &plan, error);
  if (!bench_load_stop (run->load, &result, &call_error))
    {
      /* A call that failed says more than what came of it. */
      g_clear_error (error);
      g_propagate_prefixed_error (
          error, g_steal_pointer (&call_error),
          "%" G_GUINT64_FORMAT " calls failed, the first one: ", result.failures);
      ok = FALSE;
    }
  if (ok)
    reconfigure_print (kind, sides, data, &result);
  for (guint i = 0; i < RECONFIGURE_N_SIDES; i++)
    {
      g_array_unref (data[i].calls_per_s);
      g_array_unref (data[i].changes_per_s);
    }
  bench_sides_clear (sides, RECONFIGURE_N_SIDES);
  return ok;
}

static gboolean
reconfigure_run_kind (const ReconfigureOptions *options, const ReconfigureKind *kind,
                      TlcServer *const servers[2], GError **error)
{
  ReconfigureRun run = { .options = options };
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < 2; i++)
    ok = (run.configs[i] = reconfigure_make_config (kind, i, servers, error)) != NULL;
  if (ok)
    run.way = bench_way_new (BENCH_WAY_TLC, tlc_server_get_endpoint (servers[0]),
                             (guint) options->threads, 0, error);
  ok = run.way != NULL && reconfigure_measure (&run, kind, error);
  if (!ok)
    g_prefix_error (error, "%s: ", kind->name);
  bench_way_free (run.way);
  for (guint i = 0; i < 2; i++)
    tlc_config_free (run.configs[i]);
  return ok;
}

static gboolean
reconfigure_run (const ReconfigureOptions *options, GError **error)
{
  const char *what = NULL;
  TlcServer *servers[2] = { NULL, NULL };
  gboolean ok = TRUE;

  bench_raise_descriptor_limit ();
  for (guint i = 0; ok && i < 2; i++)
    {
      servers[i]
          = bench_server_start_named (i == 0 ? "A" : "B", (guint) options->delay_us, &what, error);
      ok = servers[i] != NULL;
    }
  if (ok)
    reconfigure_print_head (options, what);
  for (guint i = 0; ok && i < G_N_ELEMENTS (reconfigure_kinds); i++)
    ok = reconfigure_run_kind (options, &reconfigure_kinds[i], servers, error);
  for (guint i = 0; i < 2; i++)
    tlc_server_stop (servers[i]);
  return ok;
}

static gboolean
reconfigure_parse (ReconfigureOptions *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "threads", 0, 0, G_OPTION_ARG_INT, &options->threads, "Threads that call (16)", "N" },
    { "delay-us", 0, 0, G_OPTION_ARG_INT, &options->delay_us, "What a server takes (1000)", "N" },
    { "rate", 0, 0, G_OPTION_ARG_INT, &options->rate, "Changes a second (1000)", "N" },
    { "window-ms", 0, 0, G_OPTION_ARG_INT, &options->window_ms, "Length of a window (500)", "N" },
    { "turns", 0, 0, G_OPTION_ARG_INT, &options->turns, "Turns of three windows (41)", "N" },
    { "smoke", 0, 0, G_OPTION_ARG_NONE, &options->smoke, "Very short, to see that it works", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- calls while settings change");

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (options->smoke)
    {
      options->window_ms = 40;
      options->turns = 1;
    }
  options->threads = CLAMP (options->threads, 1, 4096);
  options->delay_us = MAX (options->delay_us, 0);
  options->rate = CLAMP (options->rate, 1, 1000000);
  options->window_ms = MAX (options->window_ms, 1);
  options->turns = MAX (options->turns, 1);
  return TRUE;
}

int
main (int argc, char **argv)
{
  ReconfigureOptions options
      = { .threads = 16, .delay_us = 1000, .rate = 1000, .window_ms = 500, .turns = 41 };
  g_autoptr (GError) error = NULL;
  gboolean ok
      = reconfigure_parse (&options, &argc, &argv, &error) && reconfigure_run (&options, &error);

  if (!ok)
    fprintf (stderr, "bench-reconfigure: %s\n", error->message);
  return ok ? 0 : 1;
}
