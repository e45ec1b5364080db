/* SPDX-License-Identifier: Apache-2.0 */

/* What does it bring to have several requests on the way, by generated send_x() and recv_x(), instead
 * of one after the other?
 *
 * A round is so many calls of add() by one thread: by echo_if_add(), one at a time, and in rows of 4,
 * 16 and 64. All sides have the same service, and so one connection to one server. */

#include <stdio.h>

#include <tlc/tlc.h>

#include "bench-harness.h"
#include "bench-server.h"
#include "echo.h"

#define PIPELINE_ROW_MAX 64

typedef struct {
  gboolean smoke;
  int n_turns;
} PipelineOptions;

typedef struct {
  TlcService *service;
  guint n_in_row; /* 1: plain calls */
  guint n_calls;  /* in a round */
} PipelineSide;

static gboolean
pipeline_check (gint32 sum, guint i, GError **error)
{
  if (sum == (gint32) i + 1)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "add(%u, 1) is %d", i, sum);
  return FALSE;
}

static gboolean
pipeline_call (EchoIf *echo, guint i, GError **error)
{
  gint32 sum = 0;

  return echo_if_add (echo, &sum, (gint32) i, 1, error) && pipeline_check (sum, i, error);
}

static gboolean
pipeline_row (EchoIf *echo, guint first, guint n, GError **error)
{
  gint32 sum = 0;

  for (guint i = first; i < first + n; i++)
    if (!echo_client_send_add (echo, (gint32) i, 1, error))
      return FALSE;
  for (guint i = first; i < first + n; i++)
    if (!echo_client_recv_add (echo, &sum, error) || !pipeline_check (sum, i, error))
      return FALSE;
  return TRUE;
}

/* In calls a second. */
static gboolean
pipeline_round (gpointer data, double *ret_value, GError **error)
{
  const PipelineSide *side = data;
  EchoIf *echo = tlc_service_get_client (side->service, error);
  gint64 before_ns = bench_now_ns ();

  for (guint i = 0; echo != NULL && i < side->n_calls; i += side->n_in_row)
    if (side->n_in_row == 1 ? !pipeline_call (echo, i, error)
                            : !pipeline_row (echo, i, side->n_in_row, error))
      return FALSE;
  *ret_value = (double) side->n_calls * 1e9 / (double) (bench_now_ns () - before_ns);
  return echo != NULL;
}

static void
pipeline_print (BenchSide *sides, guint n_sides)
{
  BenchSummary *summary = bench_summary_new ("pipeline");

  printf ("calls a second: min, median; by one at a time\n");
  for (guint i = 0; i < n_sides; i++)
    {
      BenchFigures figures = bench_side_figures (&sides[i]);
      BenchRatio ratio = bench_side_ratio (&sides[i], &sides[0]);

      printf ("  %-16s %10.0f %10.0f   %5.2f [%.2f, %.2f]\n", sides[i].name, figures.min,
              figures.median, ratio.median, ratio.low, ratio.high);
      bench_summary_add (summary, sides[i].name, figures.median);
    }
  bench_summary_print (summary);
}

static gboolean
pipeline_compare (TlcService *service, const PipelineOptions *options, GError **error)
{
  const guint n_in_row[] = { 1, 4, 16, PIPELINE_ROW_MAX };
  const char *const names[] = { "one_at_a_time", "in_rows_of_4", "in_rows_of_16", "in_rows_of_64" };
  PipelineSide data[G_N_ELEMENTS (n_in_row)];
  BenchSide sides[G_N_ELEMENTS (n_in_row)] = { 0 };
  BenchPlan plan = { options->smoke ? 0 : 3, (guint) options->n_turns };
  gboolean ok;

  for (guint i = 0; i < G_N_ELEMENTS (n_in_row); i++)
    {
      data[i] = (PipelineSide){ service, n_in_row[i], options->smoke ? PIPELINE_ROW_MAX : 6400 };
      sides[i] = (BenchSide){ names[i], pipeline_round, &data[i], NULL };
    }
  ok = bench_run (sides, G_N_ELEMENTS (n_in_row), &plan, error);
  if (ok)
    pipeline_print (sides, G_N_ELEMENTS (n_in_row));
  bench_sides_clear (sides, G_N_ELEMENTS (n_in_row));
  return ok;
}

static gboolean
pipeline_bench (const PipelineOptions *options, GError **error)
{
  const char *what;
  g_autoptr (TlcServer) server = bench_server_start (0, &what, error);
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (TlcService) service = NULL;
  gboolean ok;

  if (server == NULL
      || !tlc_config_set (config, "endpoints", tlc_server_get_endpoint (server), error))
    return FALSE;
  service = tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, error);
  if (service == NULL)
    return FALSE;
  printf ("One thread, %s that answers at once, %d turns.\n", what, options->n_turns);
  ok = pipeline_compare (service, options, error);
  tlc_thread_detach ();
  return ok;
}

int
main (int argc, char **argv)
{
  PipelineOptions options = { FALSE, 0 };
  GOptionEntry entries[]
      = { { "smoke", 0, 0, G_OPTION_ARG_NONE, &options.smoke, "Run briefly, as a test", NULL },
          { "turns", 0, 0, G_OPTION_ARG_INT, &options.n_turns, "Measured turns", "N" },
          { 0 } };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      fprintf (stderr, "bench-pipeline: %s\n", error->message);
      return 2;
    }
  if (options.n_turns <= 0)
    options.n_turns = options.smoke ? 1 : 31;
  if (pipeline_bench (&options, &error))
    return 0;
  fprintf (stderr, "bench-pipeline: %s\n", error->message);
  return 1;
}
