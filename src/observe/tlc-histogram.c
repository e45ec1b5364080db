/* SPDX-License-Identifier: Apache-2.0 */

/* Latency histograms: sums over threads and percentiles. */
#include "observe/tlc-histogram.h"

void
tlc_histogram_sum_add (TlcHistogramSum *sum, TlcHistogram *histogram)
{
  guint32 max_us;

  for (guint i = 0; i < TLC_HISTOGRAM_BUCKETS; i++)
    {
      /* ORDER(counter): relaxed; statistics. */
      guint32 n = atomic_load_explicit (&histogram->buckets[i], memory_order_relaxed);

      sum->buckets[i] += n;
      sum->n += n;
    }
  /* ORDER(counter): relaxed; statistics. */
  max_us = atomic_load_explicit (&histogram->max_us, memory_order_relaxed);
  sum->max_us = MAX (sum->max_us, max_us);
}

/* The largest value that falls into a bucket. */
static guint64
tlc_histogram_bucket_limit (guint bucket)
{
  guint octave = bucket / 8 + 2;

  if (bucket < 8)
    return bucket;
  return ((guint64) (8 + bucket % 8 + 1) << (octave - 3)) - 1;
}

guint64
tlc_histogram_sum_percentile (const TlcHistogramSum *sum, guint per_mille)
{
  guint64 wanted = (sum->n * per_mille + 999) / 1000, seen = 0;

  if (sum->n == 0)
    return 0;
  for (guint i = 0; i < TLC_HISTOGRAM_BUCKETS; i++)
    {
      seen += sum->buckets[i];
      if (seen >= wanted)
        return MIN (tlc_histogram_bucket_limit (i), sum->max_us);
    }
  return sum->max_us;
}
