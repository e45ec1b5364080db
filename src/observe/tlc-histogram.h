/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <stdatomic.h>

/* Latencies by octave, eight buckets to the octave: a percentile is at most 12.5 % too high. Up
 * to 2^30 us. */
#define TLC_HISTOGRAM_BUCKETS 232
#define TLC_HISTOGRAM_LIMIT_US ((1u << 30) - 1)

/* One thread's. */
typedef struct {
  _Atomic guint32 buckets[TLC_HISTOGRAM_BUCKETS]; /* owner writes; the ledger reads */
  _Atomic guint32 max_us;                         /* likewise */
} TlcHistogram;

/* Many threads'. */
typedef struct {
  guint64 buckets[TLC_HISTOGRAM_BUCKETS];
  guint64 n;
  guint32 max_us;
} TlcHistogramSum;

void tlc_histogram_sum_add (TlcHistogramSum *sum, TlcHistogram *histogram);
/* What @per_mille of the values do not exceed, as the upper bound of a bucket; 0 without any
 * values. */
guint64 tlc_histogram_sum_percentile (const TlcHistogramSum *sum, guint per_mille);

static inline guint
tlc_histogram_bucket (guint32 us)
{
  guint octave;

  if (us < 8)
    return us;
  octave = 31 - (guint) __builtin_clz (us);
  return (octave - 2) * 8 + ((us >> (octave - 3)) & 7);
}

static inline void
tlc_histogram_record (TlcHistogram *histogram, gint64 us)
{
  guint32 value = (guint32) CLAMP (us, 0, TLC_HISTOGRAM_LIMIT_US);
  _Atomic guint32 *bucket = &histogram->buckets[tlc_histogram_bucket (value)];

  /* ORDER(counter): relaxed; statistics, written by one thread. */
  atomic_store_explicit (bucket, atomic_load_explicit (bucket, memory_order_relaxed) + 1,
                         memory_order_relaxed);
  if (value > atomic_load_explicit (&histogram->max_us, memory_order_relaxed))
    atomic_store_explicit (&histogram->max_us, value, memory_order_relaxed);
}
