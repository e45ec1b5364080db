/* SPDX-License-Identifier: Apache-2.0 */

/* One of three servers answers 20 times slower than the others: what share of the calls does it get, and what
 * do callers see of it, by balance = least-loaded and by spread?
 *
 * Each thread makes so many calls a second, at times that are set beforehand; what a call took counts from
 * then, so that one that had to wait for the one before it is not let off. The sides take turns. */

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include <tlc/tlc.h>

#include "bench-harness.h"
#include "bench-server.h"
#include "echo.h"

#define SLOW_SERVERS 3
#define SLOW_FAST_US 500
#define SLOW_SLOW_US (20 * SLOW_FAST_US)

typedef struct {
  int threads, rate, window_ms, turns;
} SlowPlan;

typedef struct {
  const SlowPlan *plan;
  TlcService *service;
  GArray *shares; /* of double: of the slow one, of an even share; one a turn */
} SlowSide;

typedef struct {
  SlowSide *side;
  gint64 begun_ns;
  guint number;
  GArray *took_us; /* of double */
  GError *error;
  pthread_t thread;
} SlowCaller;

static void *
slow_call (void *data)
{
  SlowCaller *caller = data;
  const SlowPlan *plan = caller->side->plan;
  gint64 n = (gint64) plan->rate * plan->window_ms / 1000;

  for (gint64 i = 0; i < n && caller->error == NULL; i++)
    {
      gint64 due_ns = caller->begun_ns + i * 1000000000 / plan->rate
                      + (gint64) caller->number * 1000000000 / plan->rate / plan->threads;
      struct timespec due = { due_ns / 1000000000, due_ns % 1000000000 };
      EchoIf *echo = tlc_service_get_client (caller->side->service, &caller->error);
      double took_us;
      gint32 sum;

      clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
      if (echo == NULL || !echo_if_add (echo, &sum, 1, 2, &caller->error))
        break;
      took_us = (double) (bench_now_ns () - due_ns) / 1000;
      g_array_append_val (caller->took_us, took_us);
    }
  return NULL;
}

/* Calls answered by the slow one, the last, and by all. */
static void
slow_count (TlcService *service, guint64 *ret_slow, guint64 *ret_all)
{
  guint n;
  g_autofree TlcEndpointStats *stats = tlc_service_get_endpoint_stats (service, &n);

  *ret_all = 0;
  for (guint i = 0; i < n; i++)
    *ret_all += stats[i].calls;
  *ret_slow = stats[n - 1].calls;
}

static gboolean
slow_window (gpointer data, double *ret_value, GError **error)
{
  SlowSide *side = data;
  g_autofree SlowCaller *callers = g_new0 (SlowCaller, side->plan->threads);
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (double));
  guint64 slow_before, before, slow_after, after;
  double share;
  gboolean ok = TRUE;

  slow_count (side->service, &slow_before, &before);
  for (int i = 0; i < side->plan->threads; i++)
    {
      callers[i] = (SlowCaller){ .side = side, .begun_ns = bench_now_ns (), .number = (guint) i,
                                 .took_us = g_array_new (FALSE, FALSE, sizeof (double)) };
      if (pthread_create (&callers[i].thread, NULL, slow_call, &callers[i]) != 0)
        abort ();
    }
  for (int i = 0; i < side->plan->threads; i++)
    {
      pthread_join (callers[i].thread, NULL);
      g_array_append_vals (all, callers[i].took_us->data, callers[i].took_us->len);
      g_array_unref (callers[i].took_us);
      if (callers[i].error != NULL && ok)
        {
          ok = FALSE;
          g_propagate_error (error, g_steal_pointer (&callers[i].error));
        }
      g_clear_error (&callers[i].error);
    }
  slow_count (side->service, &slow_after, &after);
  share = after > before ? (double) (slow_after - slow_before) * SLOW_SERVERS / (double) (after - before) : 0;
  g_array_append_val (side->shares, share);
  *ret_value = all->len > 0 ? bench_quantile (all, 0.99) : 0;
  return ok;
}

static TlcService *
slow_make_service (const char *endpoints, const char *balance, const SlowPlan *plan, GError **error)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autofree char *spare = g_strdup_printf ("%d", plan->threads);

  if (!tlc_config_set (config, "endpoints", endpoints, error) || !tlc_config_set (config, "balance", balance, error)
      || !tlc_config_set (config, "spare-connections", spare, error))
    return NULL;
  return tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, error);
}

static gboolean
slow_compare (const SlowPlan *plan, const char *endpoints, GError **error)
{
  static const char *const balances[] = { "least-loaded", "spread" };
  const BenchPlan turns = { .n_warm_up = 1, .n_turns = (guint) plan->turns };
  SlowSide sides[2] = { { .plan = plan }, { .plan = plan } };
  BenchSide bench[2] = { { .name = NULL }, { .name = NULL } };
  gboolean ok = TRUE;

  for (guint i = 0; i < 2; i++)
    {
      sides[i].service = slow_make_service (endpoints, balances[i], plan, error);
      sides[i].shares = g_array_new (FALSE, FALSE, sizeof (double));
      bench[i] = (BenchSide){ .name = balances[i], .func = slow_window, .data = &sides[i] };
      ok = ok && sides[i].service != NULL;
    }
  ok = ok && bench_run (bench, 2, &turns, error);
  for (guint i = 0; ok && i < 2; i++)
    {
      g_array_remove_index (sides[i].shares, 0); /* the warm-up's */
      printf ("%-12s  the slow server has %.3f of an even share; p99 %.0f us (medians of %d turns)\n", balances[i],
              bench_quantile (sides[i].shares, 0.5), bench_side_figures (&bench[i]).median, plan->turns);
    }
  if (ok)
    {
      BenchRatio ratio = bench_side_ratio (&bench[0], &bench[1]);

      printf ("p99, least-loaded by spread: %.3f [%.3f, %.3f]\n", ratio.median, ratio.low, ratio.high);
      printf ("least-loaded gives it less than a fifth of an even share: %s\n",
              bench_quantile (sides[0].shares, 0.5) < 0.2 ? "held" : "NOT HELD");
    }
  bench_sides_clear (bench, 2);
  for (guint i = 0; i < 2; i++)
    {
      g_array_unref (sides[i].shares);
      tlc_service_unref (sides[i].service);
    }
  return ok;
}

int
main (int argc, char **argv)
{
  SlowPlan plan = { .threads = 32, .rate = 50, .window_ms = 4000, .turns = 7 };
  g_autoptr (GError) error = NULL;
  TlcServer *servers[SLOW_SERVERS] = { NULL };
  const char *what;
  gboolean ok = TRUE;

  if (argc > 1 && g_str_equal (argv[1], "--smoke"))
    plan = (SlowPlan){ .threads = 4, .rate = 50, .window_ms = 300, .turns = 1 };
  for (guint i = 0; ok && i < SLOW_SERVERS; i++)
    {
      servers[i] = bench_server_start (i + 1 < SLOW_SERVERS ? SLOW_FAST_US : SLOW_SLOW_US, &what, &error);
      ok = servers[i] != NULL;
    }
  if (ok)
    {
      g_autofree char *endpoints
          = g_strjoin (" ", tlc_server_get_endpoint (servers[0]), tlc_server_get_endpoint (servers[1]),
                       tlc_server_get_endpoint (servers[2]), NULL);

      printf ("%d threads, %d calls a second each, %s: %d us, %d us and %d us a call\n", plan.threads, plan.rate, what,
              SLOW_FAST_US, SLOW_FAST_US, SLOW_SLOW_US);
      ok = slow_compare (&plan, endpoints, &error);
    }
  for (guint i = 0; i < SLOW_SERVERS; i++)
    tlc_server_stop (servers[i]);
  if (!ok)
    fprintf (stderr, "bench-slow-server: %s\n", error != NULL ? error->message : "failed");
  return ok ? 0 : 1;
}
