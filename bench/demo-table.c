/* SPDX-License-Identifier: Apache-2.0 */

/* The demo's second part: a lock, a pool and TLC against each other, one row for each number of
 * threads; the ways take turns. */

#include "demo.h"

#include <stdio.h>

#include "bench-harness.h"
#include "bench-load.h"
#include "bench-server.h"

#define DEMO_TABLE_DELAY_US 1000

/* The ways of the table, in the order of its columns. */
static const BenchWayKind demo_table_ways[] = { BENCH_WAY_LOCK, BENCH_WAY_POOL, BENCH_WAY_TLC };

typedef struct {
  BenchWay *way;
  guint n_threads;
  gint64 round_us;
} DemoTableSide;

static gboolean
demo_table_round (gpointer data, double *ret_value, GError **error)
{
  DemoTableSide *side = data;
  BenchLoadResult result;

  if (!bench_load_run (side->way, side->n_threads, side->round_us, &result, error))
    return FALSE;
  *ret_value = (double) result.calls / result.seconds;
  return TRUE;
}

static gboolean
demo_table_run_row (const DemoOptions *options, const char *endpoint, guint n_threads,
                    GError **error)
{
  BenchPlan plan = { 0, options->smoke ? 1 : 2 };
  BenchSide sides[G_N_ELEMENTS (demo_table_ways)] = { 0 };
  DemoTableSide data[G_N_ELEMENTS (demo_table_ways)] = { 0 };
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < G_N_ELEMENTS (demo_table_ways); i++)
    {
      data[i].way = bench_way_new (demo_table_ways[i], endpoint, n_threads, n_threads, error);
      data[i].n_threads = n_threads;
      data[i].round_us = options->round_us;
      sides[i]
          = (BenchSide){ bench_way_name (demo_table_ways[i]), demo_table_round, &data[i], NULL };
      ok = data[i].way != NULL;
    }
  ok = ok && bench_run (sides, G_N_ELEMENTS (demo_table_ways), &plan, error);
  if (ok)
    {
      double lock = bench_side_figures (&sides[0]).median;
      double pool = bench_side_figures (&sides[1]).median;
      double tlc = bench_side_figures (&sides[2]).median;

      printf ("  %7u   %14.0f   %16.0f   %10.0f   %11.2f   %11.2f\n", n_threads, lock, pool, tlc,
              tlc / lock, tlc / pool);
      fflush (stdout);
    }
  for (guint i = 0; i < G_N_ELEMENTS (demo_table_ways); i++)
    bench_way_free (data[i].way);
  bench_sides_clear (sides, G_N_ELEMENTS (demo_table_ways));
  return ok;
}

gboolean
demo_table_run (const DemoOptions *options, GError **error)
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
      if (!demo_table_run_row (options, tlc_server_get_endpoint (server), n_threads, error))
        return FALSE;
    }
  printf ("\nA lock makes every thread wait for every reply; a pool of that size does not, but\n"
          "has to be sized, and loses a client that is not returned. Each answer was checked.\n");
  return TRUE;
}
