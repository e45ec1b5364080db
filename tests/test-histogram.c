/* SPDX-License-Identifier: Apache-2.0 */

/* Latency histograms. */
#include "observe/tlc-histogram.h"

#include "support/tlc-check.h"

/* Each value falls into a bucket whose upper bound is at most an eighth above it. */
START_TEST (test_histogram_bucket_bounds_its_values)
{
  for (guint32 us = 0; us < TLC_HISTOGRAM_LIMIT_US; us += 1 + us / 100)
    {
      TlcHistogram histogram = { 0 };
      TlcHistogramSum sum = { 0 };
      guint64 found;

      tlc_histogram_record (&histogram, us);
      tlc_histogram_record (&histogram, TLC_HISTOGRAM_LIMIT_US);
      tlc_histogram_sum_add (&sum, &histogram);
      found = tlc_histogram_sum_percentile (&sum, 500);
      ck_assert_uint_ge (found, us);
      ck_assert_uint_le (found, us + us / 8);
    }
}
END_TEST

/* Percentiles count values, and the maximum is exact. */
START_TEST (test_histogram_percentiles)
{
  TlcHistogram histogram = { 0 };
  TlcHistogramSum sum = { 0 };

  ck_assert_uint_eq (tlc_histogram_sum_percentile (&sum, 990), 0);
  for (gint64 i = 1; i <= 1000; i++)
    tlc_histogram_record (&histogram, i <= 990 ? 5 : 100003);
  tlc_histogram_sum_add (&sum, &histogram);
  ck_assert_uint_eq (tlc_histogram_sum_percentile (&sum, 500), 5);
  ck_assert_uint_eq (tlc_histogram_sum_percentile (&sum, 990), 5);
  ck_assert_uint_ge (tlc_histogram_sum_percentile (&sum, 999), 100003);
  ck_assert_uint_eq (sum.max_us, 100003);
}
END_TEST

/* Values that no clock should give do no harm. */
START_TEST (test_histogram_takes_any_value)
{
  TlcHistogram histogram = { 0 };
  TlcHistogramSum sum = { 0 };

  tlc_histogram_record (&histogram, -1);
  tlc_histogram_record (&histogram, G_MAXINT64);
  tlc_histogram_sum_add (&sum, &histogram);
  ck_assert_uint_eq (sum.n, 2);
  ck_assert_uint_eq (sum.buckets[0], 1);
  ck_assert_uint_eq (sum.max_us, TLC_HISTOGRAM_LIMIT_US);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("histogram");
  TCase *tests = tcase_create ("histogram");

  tcase_add_test (tests, test_histogram_bucket_bounds_its_values);
  tcase_add_test (tests, test_histogram_percentiles);
  tcase_add_test (tests, test_histogram_takes_any_value);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
