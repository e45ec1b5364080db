/* SPDX-License-Identifier: Apache-2.0 */

/* Turns, order statistics and the summary line that every bench shares. */

#include "bench-harness.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

gint64
bench_now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (gint64) now.tv_sec * 1000000000 + now.tv_nsec;
}

gboolean
bench_run (BenchSide *sides, guint n_sides, const BenchPlan *plan, GError **error)
{
  for (guint i = 0; i < n_sides; i++)
    sides[i].values = g_array_new (FALSE, FALSE, sizeof (double));
  for (guint turn = 0; turn < plan->n_warm_up + plan->n_turns; turn++)
    for (guint i = 0; i < n_sides; i++)
      {
        double value = 0;

        if (!sides[i].func (sides[i].data, &value, error))
          {
            g_prefix_error (error, "%s: ", sides[i].name);
            return FALSE;
          }
        if (turn >= plan->n_warm_up)
          g_array_append_val (sides[i].values, value);
      }
  return TRUE;
}

void
bench_sides_clear (BenchSide *sides, guint n_sides)
{
  for (guint i = 0; i < n_sides; i++)
    g_clear_pointer (&sides[i].values, g_array_unref);
}

static int
bench_compare_doubles (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a;
  double y = *(const double *) b;

  return x < y ? -1 : x > y;
}

static GArray *
bench_sorted (const GArray *values)
{
  GArray *sorted = g_array_copy ((GArray *) values);

  g_array_sort (sorted, bench_compare_doubles);
  return sorted;
}

/* The middle of an even number is between two. */
static double
bench_sorted_median (const GArray *sorted)
{
  guint n = sorted->len;

  if (n == 0)
    return NAN;
  return (g_array_index (sorted, double, (n - 1) / 2) + g_array_index (sorted, double, n / 2)) / 2;
}

double
bench_quantile (const GArray *values, double fraction)
{
  g_autoptr (GArray) sorted = bench_sorted (values);
  guint rank;

  if (sorted->len == 0)
    return NAN;
  rank = (guint) ceil (fraction * sorted->len);
  return g_array_index (sorted, double, CLAMP (rank, 1, sorted->len) - 1);
}

BenchFigures
bench_side_figures (const BenchSide *side)
{
  g_autoptr (GArray) sorted = bench_sorted (side->values);

  return (BenchFigures){
    .min = bench_quantile (side->values, 0),
    .median = bench_sorted_median (sorted),
    .p99 = bench_quantile (side->values, 0.99),
  };
}

/* The largest rank r, counted from 0, so that the values of rank r and n-1-r enclose the median
 * with a probability of at least 95 %: how many of n values lie below the median is binomial with p
 * = 1/2. */
static guint
bench_interval_rank (guint n)
{
  double probability = pow (0.5, n);
  double below = 0;
  guint rank = 0;

  for (guint k = 0; k < n / 2; k++)
    {
      below += probability;
      if (2 * below > 0.05)
        break;
      rank = k;
      probability *= (double) (n - k) / (k + 1);
    }
  return rank;
}

BenchRatio
bench_side_ratio (const BenchSide *side, const BenchSide *base)
{
  g_autoptr (GArray) ratios = g_array_new (FALSE, FALSE, sizeof (double));
  guint n = MIN (side->values->len, base->values->len);
  guint rank = bench_interval_rank (n);

  for (guint i = 0; i < n; i++)
    {
      double ratio
          = g_array_index (side->values, double, i) / g_array_index (base->values, double, i);

      g_array_append_val (ratios, ratio);
    }
  if (n == 0)
    return (BenchRatio){ NAN, NAN, NAN };
  g_array_sort (ratios, bench_compare_doubles);
  return (BenchRatio){
    .median = bench_sorted_median (ratios),
    .low = g_array_index (ratios, double, rank),
    .high = g_array_index (ratios, double, n - 1 - rank),
  };
}

BenchSummary *
bench_summary_new (const char *bench)
{
  BenchSummary *summary = g_string_new (NULL);

  g_string_printf (summary, "SUMMARY bench=%s", bench);
  return summary;
}

void
bench_summary_add (BenchSummary *summary, const char *key, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (text, sizeof text, "%.6g", value);
  g_string_append_printf (summary, " %s=%s", key, text);
}

static void
bench_summary_add_joined (BenchSummary *summary, const char *a, const char *b, const char *unit,
                          double value)
{
  g_autofree char *key = g_strconcat (a, "_", b, unit != NULL ? "_" : NULL, unit, NULL);

  bench_summary_add (summary, key, value);
}

void
bench_summary_add_figures (BenchSummary *summary, const char *prefix, const char *unit,
                           const BenchSide *side)
{
  BenchFigures figures = bench_side_figures (side);

  bench_summary_add_joined (summary, prefix, "min", unit, figures.min);
  bench_summary_add_joined (summary, prefix, "median", unit, figures.median);
  bench_summary_add_joined (summary, prefix, "p99", unit, figures.p99);
}

void
bench_summary_add_ratio (BenchSummary *summary, const char *prefix, const BenchRatio *ratio)
{
  bench_summary_add_joined (summary, prefix, "median", NULL, ratio->median);
  bench_summary_add_joined (summary, prefix, "low", NULL, ratio->low);
  bench_summary_add_joined (summary, prefix, "high", NULL, ratio->high);
}

void
bench_summary_print (BenchSummary *summary)
{
  printf ("%s\n", summary->str);
  fflush (stdout);
  g_string_free (summary, TRUE);
}
