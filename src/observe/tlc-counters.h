/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "tlc/stats.h"

#include "observe/tlc-histogram.h"

typedef enum {
  TLC_COUNT_CALLS,
  TLC_COUNT_FAILURES,
  TLC_COUNT_TIMEOUTS,
  TLC_COUNT_CONNECTS,
  TLC_COUNT_CONNECT_FAILURES,
  TLC_COUNT_DESYNCS,
  TLC_COUNT_RETRIES,
  TLC_COUNT_ADOPTED,
  TLC_COUNT_STOLEN,
  TLC_COUNT_BYTES_SENT,
  TLC_COUNT_BYTES_RECEIVED,
  TLC_N_COUNTS
} TlcCount;

/* What one thread did on one service. Its owner alone adds, so no addition needs a lock prefix. */
typedef struct _TlcCounters TlcCounters;
struct _TlcCounters {
  _Atomic guint64 counts[TLC_N_COUNTS]; /* owner writes; tlc_ledger_sum() reads */
  TlcHistogram latency;                 /* likewise */
  TlcCounters *next, *previous;         /* the ledger's lock */
};

/* The counters of a service: those of living threads, and the sum of those that left. The lock
 * is taken when a thread comes, when it leaves and when somebody asks; never by a call. */
typedef struct {
  pthread_mutex_t lock;
  TlcCounters *living;
  guint n_living;
  guint64 departed[TLC_N_COUNTS];
  TlcHistogramSum departed_latency;
} TlcLedger;

void tlc_ledger_init (TlcLedger *ledger);
void tlc_ledger_clear (TlcLedger *ledger);
/* Enters zeroed @counters; strikes them out after adding them to what the departed did. */
void tlc_ledger_enter (TlcLedger *ledger, TlcCounters *counters);
void tlc_ledger_strike (TlcLedger *ledger, TlcCounters *counters);
/* What was done by no thread of the program. */
void tlc_ledger_add (TlcLedger *ledger, TlcCount count, guint64 amount);
/* Around fork(). In the child the threads of the parent are gone, but the one whose counters are @own,
 * nullable; what the others did is counted. */
void tlc_ledger_before_fork (TlcLedger *ledger);
void tlc_ledger_after_fork_parent (TlcLedger *ledger);
void tlc_ledger_after_fork_child (TlcLedger *ledger, const TlcCounters *own);
/* Fills in what counters know. */
void tlc_ledger_sum (TlcLedger *ledger, TlcStats *stats);

static inline void
tlc_counters_add (TlcCounters *counters, TlcCount count, guint64 amount)
{
  /* ORDER(counter): relaxed; statistics, written by one thread. */
  guint64 value = atomic_load_explicit (&counters->counts[count], memory_order_relaxed);

  atomic_store_explicit (&counters->counts[count], value + amount, memory_order_relaxed);
}
