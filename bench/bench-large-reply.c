/* SPDX-License-Identifier: Apache-2.0 */

/* How long does a large reply take, against C++ Thrift and the stock framed client, and does the
 * time of an element stay what it is when the reply grows a hundredfold?
 *
 * A round is one call, until the reply is decoded; what it returned is freed outside the measured
 * time, on every side, and how many elements came is checked. All sides call one server, which
 * makes and writes the same reply for each. */

#include <stdio.h>

#include "bench-harness.h"
#include "bench-server.h"
#include "bench-ways.h"
#include "stock-clients.h"

#ifdef BENCH_HAVE_CPP
#include "cpp-client.h"
#endif

typedef struct {
  TlcService *service;
  StockClient *stock;
#ifdef BENCH_HAVE_CPP
  CppClient *cpp;
#endif
} LargeClients;

typedef enum {
  LARGE_TLC,
  LARGE_STOCK,
  LARGE_CPP
} LargeWay;

typedef struct {
  LargeClients *clients;
  LargeWay way;
  gboolean structs; /* list<Sample>; else list<i32> */
  gint32 count;
  guint n_calls; /* in a round */
} LargeSide;

typedef struct {
  gboolean smoke;
  int n_turns;
} LargeOptions;

static gboolean
large_check_count (const LargeSide *side, gsize n, GError **error)
{
  if (n == (gsize) side->count)
    return TRUE;
  if (error == NULL || *error == NULL)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "asked for %d elements, got %zu",
                 side->count, n);
  return FALSE;
}

static EchoIf *
large_get_client (const LargeSide *side, GError **error)
{
  return side->way == LARGE_TLC ? tlc_service_get_client (side->clients->service, error)
                                : (gpointer) stock_client_get (side->clients->stock);
}

static gboolean
large_call_c_structs (const LargeSide *side, gint64 *ret_ns, GError **error)
{
  g_autoptr (GPtrArray) samples = g_ptr_array_new_with_free_func (g_object_unref);
  EchoIf *echo = large_get_client (side, error);
  gint64 before = bench_now_ns ();

  if (echo == NULL || !echo_if_samples (echo, &samples, side->count, error))
    return FALSE;
  *ret_ns = bench_now_ns () - before;
  return large_check_count (side, samples->len, error);
}

static gboolean
large_call_c_numbers (const LargeSide *side, gint64 *ret_ns, GError **error)
{
  g_autoptr (GArray) numbers = g_array_new (FALSE, TRUE, sizeof (gint32));
  EchoIf *echo = large_get_client (side, error);
  gint64 before = bench_now_ns ();

  if (echo == NULL || !echo_if_numbers (echo, &numbers, side->count, error))
    return FALSE;
  *ret_ns = bench_now_ns () - before;
  return large_check_count (side, numbers->len, error);
}

static gboolean
large_call_cpp (const LargeSide *side, gint64 *ret_ns, GError **error)
{
#ifdef BENCH_HAVE_CPP
  size_t n = 0;
  gint64 before = bench_now_ns ();
  int ok = side->structs ? cpp_client_samples (side->clients->cpp, side->count, &n)
                         : cpp_client_numbers (side->clients->cpp, side->count, &n);

  *ret_ns = bench_now_ns () - before;
  cpp_client_drop (side->clients->cpp);
  return large_check_count (side, ok ? n : 0, error);
#else
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOSYS, "%d: built without C++", side->way);
  *ret_ns = 0;
  return FALSE;
#endif
}

/* In microseconds a call. */
static gboolean
large_round (gpointer data, double *ret_value, GError **error)
{
  const LargeSide *side = data;
  gint64 sum_ns = 0;

  for (guint i = 0; i < side->n_calls; i++)
    {
      gint64 ns = 0;
      gboolean ok = side->way == LARGE_CPP ? large_call_cpp (side, &ns, error)
                    : side->structs        ? large_call_c_structs (side, &ns, error)
                                           : large_call_c_numbers (side, &ns, error);

      if (!ok)
        return FALSE;
      sum_ns += ns;
    }
  *ret_value = (double) sum_ns / 1000 / side->n_calls;
  return TRUE;
}

static void
large_print_side (const BenchSide *side)
{
  BenchFigures figures = bench_side_figures (side);

  printf ("  %-14s %12.0f %12.0f %12.0f\n", side->name, figures.min, figures.median, figures.p99);
}

static gboolean
large_compare_structs (LargeClients *clients, const LargeOptions *options, GError **error)
{
  gint32 count = options->smoke ? 100 : 10000;
  LargeSide tlc = { clients, LARGE_TLC, TRUE, count, 1 };
  LargeSide cpp = { clients, LARGE_CPP, TRUE, count, 1 };
  BenchSide sides[] = { { "tlc", large_round, &tlc, NULL }, { "cpp", large_round, &cpp, NULL } };
  BenchPlan plan = { options->smoke ? 0 : 5, (guint) options->n_turns };
  guint n_sides = 2;
  BenchRatio ratio;
  BenchSummary *summary;

#ifndef BENCH_HAVE_CPP
  n_sides = 1;
#endif
  if (!bench_run (sides, n_sides, &plan, error))
    {
      bench_sides_clear (sides, n_sides);
      return FALSE;
    }
  printf ("%d structs (i32, string, double), us a call: min, median, p99\n", count);
  summary = bench_summary_new ("large-reply");
  bench_summary_add (summary, "structs", count);
  for (guint i = 0; i < n_sides; i++)
    {
      large_print_side (&sides[i]);
      bench_summary_add_figures (summary, sides[i].name, "us", &sides[i]);
    }
  if (n_sides == 2)
    {
      ratio = bench_side_ratio (&sides[0], &sides[1]);
      printf ("  time by C++'s: %.2f [%.2f, %.2f] (at most 2.5)\n", ratio.median, ratio.low,
              ratio.high);
      bench_summary_add_ratio (summary, "tlc_by_cpp", &ratio);
    }
  bench_summary_print (summary);
  bench_sides_clear (sides, n_sides);
  return TRUE;
}

/* Few turns: the stock transport takes a time that grows with the square of the reply. */
static gboolean
large_compare_stock (LargeClients *clients, const LargeOptions *options, GError **error)
{
  gint32 count = options->smoke ? 100 : 10000;
  LargeSide tlc = { clients, LARGE_TLC, TRUE, count, 1 };
  LargeSide stock = { clients, LARGE_STOCK, TRUE, count, 1 };
  BenchSide sides[]
      = { { "tlc", large_round, &tlc, NULL }, { "stock", large_round, &stock, NULL } };
  BenchPlan plan = { 0, (guint) MIN (options->n_turns, 7) };
  gboolean ok = bench_run (sides, 2, &plan, error);

  if (ok)
    {
      BenchRatio ratio = bench_side_ratio (&sides[1], &sides[0]);
      BenchSummary *summary = bench_summary_new ("large-reply-stock");

      printf ("%d structs, against the stock framed client, us a call: min, median, p99\n", count);
      large_print_side (&sides[0]);
      large_print_side (&sides[1]);
      printf ("  stock's time by ours: %.1f [%.1f, %.1f]\n", ratio.median, ratio.low, ratio.high);
      bench_summary_add (summary, "structs", count);
      bench_summary_add_ratio (summary, "stock_by_tlc", &ratio);
      bench_summary_print (summary);
    }
  bench_sides_clear (sides, 2);
  return ok;
}

static gboolean
large_compare_growth (LargeClients *clients, const LargeOptions *options, GError **error)
{
  gint32 few = options->smoke ? 100 : 10000;
  gint32 many = options->smoke ? 1000 : 1000000;
  LargeSide short_side = { clients, LARGE_TLC, FALSE, few, options->smoke ? 1 : 20 };
  LargeSide long_side = { clients, LARGE_TLC, FALSE, many, 1 };
  g_autofree char *few_name = g_strdup_printf ("tlc, %d", few);
  g_autofree char *many_name = g_strdup_printf ("tlc, %d", many);
  BenchSide sides[] = { { many_name, large_round, &long_side, NULL },
                        { few_name, large_round, &short_side, NULL } };
  BenchPlan plan = { options->smoke ? 0 : 2, (guint) MIN (options->n_turns, 21) };
  gboolean ok = bench_run (sides, 2, &plan, error);

  if (ok)
    {
      BenchRatio ratio = bench_side_ratio (&sides[0], &sides[1]);
      BenchSummary *summary = bench_summary_new ("large-reply-growth");
      double scale = (double) few / many;

      ratio = (BenchRatio){ ratio.median * scale, ratio.low * scale, ratio.high * scale };
      printf ("list<i32>, us a call: min, median, p99\n");
      large_print_side (&sides[1]);
      large_print_side (&sides[0]);
      printf ("  time per element, %d by %d: %.2f [%.2f, %.2f] (at most 1.5)\n", many, few,
              ratio.median, ratio.low, ratio.high);
      bench_summary_add_ratio (summary, "per_element", &ratio);
      bench_summary_print (summary);
    }
  bench_sides_clear (sides, 2);
  return ok;
}

static gboolean
large_connect (LargeClients *clients, const char *endpoint, GError **error)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();

#ifdef BENCH_HAVE_CPP
  guint64 port = 0;

  g_ascii_string_to_unsigned (strrchr (endpoint, ':') + 1, 10, 1, G_MAXUINT16, &port, NULL);
  clients->cpp = cpp_client_new ("127.0.0.1", (unsigned) port);
  if (clients->cpp == NULL)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "the C++ client cannot connect");
      return FALSE;
    }
#endif
  clients->stock = stock_client_new (endpoint, error);
  if (clients->stock == NULL || !tlc_config_set (config, "endpoints", endpoint, error))
    return FALSE;
  clients->service = tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, error);
  return clients->service != NULL;
}

static void
large_disconnect (LargeClients *clients)
{
  tlc_thread_detach ();
  tlc_service_unref (clients->service);
  stock_client_free (clients->stock);
#ifdef BENCH_HAVE_CPP
  cpp_client_free (clients->cpp);
#endif
}

int
main (int argc, char **argv)
{
  LargeOptions options = { FALSE, 51 };
  const GOptionEntry entries[] = {
    { "turns", 0, 0, G_OPTION_ARG_INT, &options.n_turns, "Rounds of each side (51)", "N" },
    { "smoke", 0, 0, G_OPTION_ARG_NONE, &options.smoke, "Very short, to see that it works", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- the time of large replies");
  g_autoptr (TlcServer) server = NULL;
  g_autoptr (GError) error = NULL;
  LargeClients clients = { 0 };
  const char *what = NULL;
  gboolean ok;

  g_option_context_add_main_entries (context, entries, NULL);
  ok = g_option_context_parse (context, &argc, &argv, &error) &&
       (server = bench_server_start (0, &what, &error)) != NULL &&
       large_connect (&clients, tlc_server_get_endpoint (server), &error);
  if (options.smoke)
    options.n_turns = 2;
  if (ok)
    printf ("Server: %s.\n", what);
  ok = ok && large_compare_structs (&clients, &options, &error) &&
       large_compare_stock (&clients, &options, &error) &&
       large_compare_growth (&clients, &options, &error);
  large_disconnect (&clients);
  if (!ok)
    fprintf (stderr, "bench-large-reply: %s\n", error != NULL ? error->message : "a call failed");
  return ok ? 0 : 1;
}
