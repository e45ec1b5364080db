/* SPDX-License-Identifier: Apache-2.0 */

/* The ledger: what the threads of a service did, those that exited included. */
#include "observe/tlc-counters.h"

#include <string.h>

void
tlc_ledger_init (TlcLedger *ledger)
{
  memset (ledger, 0, sizeof *ledger);
  pthread_mutex_init (&ledger->lock, NULL);
}

void
tlc_ledger_clear (TlcLedger *ledger)
{
  g_assert (ledger->living == NULL);
  pthread_mutex_destroy (&ledger->lock);
}

void
tlc_ledger_enter (TlcLedger *ledger, TlcCounters *counters)
{
  pthread_mutex_lock (&ledger->lock);
  counters->next = ledger->living;
  if (ledger->living != NULL)
    ledger->living->previous = counters;
  ledger->living = counters;
  ledger->n_living++;
  pthread_mutex_unlock (&ledger->lock);
}

static void
tlc_ledger_add_counts (guint64 *sums, TlcCounters *counters)
{
  for (guint i = 0; i < TLC_N_COUNTS; i++)
    {
      /* ORDER(counter): relaxed; statistics. */
      sums[i] += atomic_load_explicit (&counters->counts[i], memory_order_relaxed);
    }
}

static void
tlc_ledger_strike_unlocked (TlcLedger *ledger, TlcCounters *counters)
{
  tlc_ledger_add_counts (ledger->departed, counters);
  tlc_histogram_sum_add (&ledger->departed_latency, &counters->latency);
  if (counters->previous != NULL)
    counters->previous->next = counters->next;
  else
    ledger->living = counters->next;
  if (counters->next != NULL)
    counters->next->previous = counters->previous;
  ledger->n_living--;
}

void
tlc_ledger_strike (TlcLedger *ledger, TlcCounters *counters)
{
  pthread_mutex_lock (&ledger->lock);
  tlc_ledger_strike_unlocked (ledger, counters);
  pthread_mutex_unlock (&ledger->lock);
}

void
tlc_ledger_add (TlcLedger *ledger, TlcCount count, guint64 amount)
{
  pthread_mutex_lock (&ledger->lock);
  ledger->departed[count] += amount;
  pthread_mutex_unlock (&ledger->lock);
}

void
tlc_ledger_before_fork (TlcLedger *ledger)
{
  pthread_mutex_lock (&ledger->lock);
}

void
tlc_ledger_after_fork_parent (TlcLedger *ledger)
{
  pthread_mutex_unlock (&ledger->lock);
}

/* Those counters stay where they are: they belong to clients that nobody has any more. */
void
tlc_ledger_after_fork_child (TlcLedger *ledger, const TlcCounters *own)
{
  TlcCounters *next;

  for (TlcCounters *counters = ledger->living; counters != NULL; counters = next)
    {
      next = counters->next;
      if (counters != own)
        tlc_ledger_strike_unlocked (ledger, counters);
    }
  pthread_mutex_unlock (&ledger->lock);
}

static void
tlc_ledger_fill (TlcStats *stats, const guint64 *sums, const TlcHistogramSum *latency)
{
  stats->calls = sums[TLC_COUNT_CALLS];
  stats->failures = sums[TLC_COUNT_FAILURES];
  stats->timeouts = sums[TLC_COUNT_TIMEOUTS];
  stats->retries = sums[TLC_COUNT_RETRIES];
  stats->connects = sums[TLC_COUNT_CONNECTS];
  stats->connect_failures = sums[TLC_COUNT_CONNECT_FAILURES];
  stats->adopted = sums[TLC_COUNT_ADOPTED];
  stats->stolen = sums[TLC_COUNT_STOLEN];
  stats->desyncs_caught = sums[TLC_COUNT_DESYNCS];
  stats->bytes_sent = sums[TLC_COUNT_BYTES_SENT];
  stats->bytes_received = sums[TLC_COUNT_BYTES_RECEIVED];
  stats->latency_p50_us = tlc_histogram_sum_percentile (latency, 500);
  stats->latency_p90_us = tlc_histogram_sum_percentile (latency, 900);
  stats->latency_p99_us = tlc_histogram_sum_percentile (latency, 990);
  stats->latency_p999_us = tlc_histogram_sum_percentile (latency, 999);
  stats->latency_max_us = latency->max_us;
}

void
tlc_ledger_sum (TlcLedger *ledger, TlcStats *stats)
{
  guint64 sums[TLC_N_COUNTS];
  TlcHistogramSum latency;

  pthread_mutex_lock (&ledger->lock);
  memcpy (sums, ledger->departed, sizeof sums);
  latency = ledger->departed_latency;
  for (TlcCounters *counters = ledger->living; counters != NULL; counters = counters->next)
    {
      tlc_ledger_add_counts (sums, counters);
      tlc_histogram_sum_add (&latency, &counters->latency);
    }
  stats->threads = ledger->n_living;
  pthread_mutex_unlock (&ledger->lock);
  tlc_ledger_fill (stats, sums, &latency);
}
