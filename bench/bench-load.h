/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Load: threads that call add() one way, as fast as they can, until told to stop; each checks the
 * sum it gets. A thread stops for good at its first failed call. */

#include "bench-ways.h"

G_BEGIN_DECLS

typedef struct _BenchLoad BenchLoad;

/* What was done since bench_load_start() returned, or since the last lap. */
typedef struct {
  guint64 calls; /* answered rightly */
  guint64 failures;
  double seconds;
  double p50_us; /* 0 when nothing was called */
  double p99_us;
  /* of bench_load_stop() only: */
  guint64 all_calls; /* calls, with the first ones and those that ended late */
  guint64 least_calls, most_calls; /* how many of @calls the threads made that made fewest and most */
} BenchLoadResult;

/* Starts @n_threads threads and lets them go together once each has made a first call, which is not
 * counted: connecting is not what is measured. */
BenchLoad *bench_load_start (BenchWay *way, guint n_threads);
void bench_load_read (BenchLoad *load, BenchLoadResult *ret_result);

/* What was done since the last lap, or since the start; begins the next one. The failures are all
 * there were. Threads: one at a time. */
void bench_load_lap (BenchLoad *load, BenchLoadResult *ret_result);

/* Lets @microseconds pass; returns early, FALSE, when a call failed. */
gboolean bench_load_wait (BenchLoad *load, gint64 microseconds);

/* FALSE, with the first error, if any call failed; frees @load either way. */
gboolean bench_load_stop (BenchLoad *load, BenchLoadResult *ret_result, GError **error);

/* The three in one: calls for @microseconds. */
gboolean bench_load_run (BenchWay *way, guint n_threads, gint64 microseconds,
                         BenchLoadResult *ret_result, GError **error);

G_END_DECLS
