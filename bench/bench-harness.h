/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Compares sides that do the same work: each round of one side is followed by a round of the next
 * (A B A B ...), so that what disturbs the machine disturbs all of them, and ratios are taken
 * within a turn. Everything here is for one thread. */

#include <glib.h>

G_BEGIN_DECLS

/* One round: does the work once, writes what it measured. FALSE stops the comparison. */
typedef gboolean (*BenchFunc) (gpointer data, double *ret_value, GError **error);

typedef struct {
  const char *name;
  BenchFunc func;
  gpointer data;
  GArray *values; /* of double, one per measured turn; made by bench_run() */
} BenchSide;

typedef struct {
  guint n_warm_up; /* turns first, not counted */
  guint n_turns;
} BenchPlan;

typedef struct {
  double min;
  double median;
  double p99;
} BenchFigures;

/* The median of the turns' ratios, and the interval that holds the true median with a probability
 * of at least 95 %: order statistics, no assumption about how times are distributed. With fewer
 * than six turns it is the whole range, and the probability is less. */
typedef struct {
  double median;
  double low;
  double high;
} BenchRatio;

gint64 bench_now_ns (void);

gboolean bench_run (BenchSide *sides, guint n_sides, const BenchPlan *plan, GError **error);
void bench_sides_clear (BenchSide *sides, guint n_sides);

BenchFigures bench_side_figures (const BenchSide *side);
BenchRatio bench_side_ratio (const BenchSide *side, const BenchSide *base);

/* The value that a share of @fraction does not exceed. */
double bench_quantile (const GArray *values, double fraction);

/* One line "SUMMARY bench=NAME key=value ...", for scripts. */
typedef GString BenchSummary;
BenchSummary *bench_summary_new (const char *bench);
void bench_summary_add (BenchSummary *summary, const char *key, double value);
void bench_summary_add_figures (BenchSummary *summary, const char *prefix, const char *unit,
                                const BenchSide *side);
void bench_summary_add_ratio (BenchSummary *summary, const char *prefix, const BenchRatio *ratio);
void bench_summary_print (BenchSummary *summary); /* transfer full */

G_END_DECLS
