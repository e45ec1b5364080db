/* SPDX-License-Identifier: Apache-2.0 */

/* The demo: sixteen threads call a real server through TLC for ten seconds with a live line, then
 * the three ways to call from many threads are measured against each other. scripts/demo runs it;
 * about 20 seconds. Ends with 1 as soon as a call fails. */

#include <stdio.h>
#include <unistd.h>

#include "bench-harness.h"
#include "bench-load.h"
#include "bench-server.h"

#define DEMO_LOAD_THREADS 16
#define DEMO_TABLE_DELAY_US 1000
#define DEMO_SPARE_DESCRIPTORS 32 /* of the server or of us, besides connections */

typedef struct {
  gboolean smoke;
  gint64 load_us;   /* the first part */
  gint64 round_us;  /* one measurement of one way */
  guint max_threads;
} DemoOptions;

typedef struct {
  gboolean is_terminal;
  gint64 period_us;
  BenchLoadResult last;
} DemoLine;

/* The ways of the table, in the order of its columns. */
static const BenchWayKind demo_ways[] = { BENCH_WAY_LOCK, BENCH_WAY_POOL, BENCH_WAY_TLC };

static void
demo_print_line (DemoLine *line, BenchLoad *load, TlcService *service)
{
  BenchLoadResult now;
  TlcStats stats;
  double rate;

  bench_load_read (load, &now);
  tlc_service_get_stats (service, &stats);
  rate = (double) (now.calls - line->last.calls) / (now.seconds - line->last.seconds);
  line->last = now;
  printf ("%s  %4.1f s   %10" G_GUINT64_FORMAT " calls   %8.0f calls/s   %" G_GUINT64_FORMAT
          " failed   %" G_GUINT64_FORMAT
          " connections   half within %.0f us, 99 %% within %.0f us%s",
          line->is_terminal ? "\r" : "", now.seconds, now.calls, rate, now.failures,
          stats.connections_open, now.p50_us, now.p99_us, line->is_terminal ? "  " : "\n");
  fflush (stdout);
}

/* What TLC counted must be what the threads made. */
static gboolean
demo_check_load (BenchWay *way, const BenchLoadResult *result, GError **error)
{
  TlcStats stats;

  tlc_service_get_stats (bench_way_get_service (way), &stats);
  printf ("\n%" G_GUINT64_FORMAT " calls in %.1f s, each answer checked: %.0f calls/s, %"
          G_GUINT64_FORMAT " failed.\n",
          result->calls, result->seconds, (double) result->calls / result->seconds,
          result->failures);
  printf ("With those before and after the clock: %" G_GUINT64_FORMAT ". TLC's statistics say: %"
          G_GUINT64_FORMAT " calls, %" G_GUINT64_FORMAT " connects, %" G_GUINT64_FORMAT
          " failures.\n\n",
          result->all_calls, stats.calls, stats.connects, stats.failures);
  if (stats.failures == 0 && stats.calls == result->all_calls)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
               "TLC's statistics are not what its callers saw");
  return FALSE;
}

static gboolean
demo_run_load (const DemoOptions *options, GError **error)
{
  DemoLine line = { .is_terminal = isatty (STDOUT_FILENO) == 1 };
  const char *what = NULL;
  g_autoptr (TlcServer) server = bench_server_start (0, &what, error);
  g_autoptr (BenchWay) way = NULL;
  BenchLoadResult result;
  BenchLoad *load;
  gint64 end;

  if (server == NULL)
    return FALSE;
  way = bench_way_new (BENCH_WAY_TLC, tlc_server_get_endpoint (server), DEMO_LOAD_THREADS, 0,
                       error);
  if (way == NULL)
    return FALSE;
  printf (
      "%d threads share one TlcService and call add(i32, i32) for %.0f s, each by its own client.\n"
      "Server: %s, at %s, answers at once.\n\n",
      DEMO_LOAD_THREADS, (double) options->load_us / 1e6, what, tlc_server_get_endpoint (server));
  line.period_us = line.is_terminal ? 200000 : 1000000;
  load = bench_load_start (way, DEMO_LOAD_THREADS);
  end = bench_now_ns () / 1000 + options->load_us;
  for (gint64 left = options->load_us; left > 0; left = end - bench_now_ns () / 1000)
    {
      if (!bench_load_wait (load, MIN (line.period_us, left)))
        break;
      demo_print_line (&line, load, bench_way_get_service (way));
    }
  if (!bench_load_stop (load, &result, error))
    {
      printf ("\n");
      return FALSE;
    }
  return demo_check_load (way, &result, error);
}

typedef struct {
  BenchWay *way;
  guint n_threads;
  gint64 round_us;
} DemoSide;

static gboolean
demo_round (gpointer data, double *ret_value, GError **error)
{
  DemoSide *side = data;
  BenchLoadResult result;

  if (!bench_load_run (side->way, side->n_threads, side->round_us, &result, error))
    return FALSE;
  *ret_value = (double) result.calls / result.seconds;
  return TRUE;
}

static gboolean
demo_run_row (const DemoOptions *options, const char *endpoint, guint n_threads, GError **error)
{
  BenchPlan plan = { 0, options->smoke ? 1 : 2 };
  BenchSide sides[G_N_ELEMENTS (demo_ways)] = { 0 };
  DemoSide data[G_N_ELEMENTS (demo_ways)] = { 0 };
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < G_N_ELEMENTS (demo_ways); i++)
    {
      data[i].way = bench_way_new (demo_ways[i], endpoint, n_threads, n_threads, error);
      data[i].n_threads = n_threads;
      data[i].round_us = options->round_us;
      sides[i] = (BenchSide){ bench_way_name (demo_ways[i]), demo_round, &data[i], NULL };
      ok = data[i].way != NULL;
    }
  ok = ok && bench_run (sides, G_N_ELEMENTS (demo_ways), &plan, error);
  if (ok)
    {
      double lock = bench_side_figures (&sides[0]).median;
      double pool = bench_side_figures (&sides[1]).median;
      double tlc = bench_side_figures (&sides[2]).median;

      printf ("  %7u   %14.0f   %16.0f   %10.0f   %11.2f   %11.2f\n", n_threads, lock, pool, tlc,
              tlc / lock, tlc / pool);
      fflush (stdout);
    }
  for (guint i = 0; i < G_N_ELEMENTS (demo_ways); i++)
    bench_way_free (data[i].way);
  bench_sides_clear (sides, G_N_ELEMENTS (demo_ways));
  return ok;
}

static gboolean
demo_run_table (const DemoOptions *options, GError **error)
{
  const guint counts[] = { 1, 8, 64 };
  const char *what = NULL;
  g_autoptr (TlcServer) server = bench_server_start (DEMO_TABLE_DELAY_US, &what, error);
  guint last = 0;

  if (server == NULL)
    return FALSE;
  printf (
      "Three ways to call a server that takes 1 ms for a call, in calls/s; the ways take turns.\n"
      "  lock: one stock client, a mutex around each call\n"
      "  pool: as many stock clients as threads, borrowed and returned under mutex and condition\n"
      "  TLC:  tlc_service_get_client() before each call, nothing to return\n"
      "Server: %s.\n\n"
      "  threads        lock, of 1   pool, of threads          TLC   TLC by lock   TLC by pool\n",
      what);
  fflush (stdout);
  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    {
      guint n_threads = MIN (counts[i], options->max_threads);

      if (n_threads == last)
        continue;
      last = n_threads;
      if (!demo_run_row (options, tlc_server_get_endpoint (server), n_threads, error))
        return FALSE;
    }
  printf ("\nA lock makes every thread wait for every reply; a pool of that size does not, but\n"
          "has to be sized, and loses a client that is not returned. Each answer was checked.\n");
  return TRUE;
}

/* Connections of the pool and of TLC are open at the same time, and the server has the other ends.
 */
static guint
demo_fit_threads (guint wanted, guint descriptors)
{
  guint fitting = descriptors > DEMO_SPARE_DESCRIPTORS + 8
                      ? (descriptors - DEMO_SPARE_DESCRIPTORS) / 2
                      : 4;

  if (fitting < wanted)
    printf ("This system allows %u open files: at most %u threads instead of %u.\n\n", descriptors,
            fitting, wanted);
  return MIN (fitting, wanted);
}

int
main (int argc, char **argv)
{
  DemoOptions options = { FALSE, 10000000, 500000, 64 };
  const GOptionEntry entries[] = {
    { "smoke", 0, 0, G_OPTION_ARG_NONE, &options.smoke, "Very short, to see that it works", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- shows what TLC is for");
  g_autoptr (GError) error = NULL;
  gboolean ok;

  g_option_context_add_main_entries (context, entries, NULL);
  ok = g_option_context_parse (context, &argc, &argv, &error);
  if (options.smoke)
    options = (DemoOptions){ TRUE, 200000, 20000, 4 };
  options.max_threads = demo_fit_threads (options.max_threads, bench_raise_descriptor_limit ());
  ok = ok && demo_run_load (&options, &error) && demo_run_table (&options, &error);
  if (!ok)
    fprintf (stderr, "demo: %s\n", error->message);
  return ok ? 0 : 1;
}
