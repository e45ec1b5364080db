/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The ways for many threads to call one server, behind one face: what the benches and the demo
 * compare. */

#include <tlc/tlc.h>

#include "echo.h"

G_BEGIN_DECLS

typedef enum {
  BENCH_WAY_LOCK,   /* a mutex around one stock client */
  BENCH_WAY_POOL,   /* stock clients, borrowed and returned under a mutex and a condition */
  BENCH_WAY_THREAD, /* a stock client for each thread, by hand: no safety at all, the yardstick */
  BENCH_WAY_TLC,
  BENCH_N_WAYS
} BenchWayKind;

typedef struct _BenchWay BenchWay;

/* What a thread borrowed for one call. */
typedef struct {
  EchoIf *echo;
  gpointer stock; /* the StockClient behind it, if there is one */
} BenchLoan;

/* Settings of BENCH_WAY_TLC's service, for tlc_service_reconfigure() too: a list of endpoints, and
 * all else by default. */
TlcConfig *bench_way_make_config (const char *endpoints, GError **error);

const char *bench_way_name (BenchWayKind kind); /* "lock", "pool", "thread", "tlc" */

/* @pool_size is for BENCH_WAY_POOL. Stock sides connect here, but BENCH_WAY_THREAD, which like TLC
 * connects with each thread's first call; @n_callers threads at most, numbered from 0. */
BenchWay *bench_way_new (BenchWayKind kind, const char *endpoint, guint n_callers, guint pool_size,
                         GError **error);
/* BENCH_WAY_TLC by @config. With @is_locked, a mutex around one client of it, made by the calling
 * thread, which is also the one to free the way: what is written for a client that is shared. A
 * generated client needs mutual exclusion and nothing else, whichever thread it was made in; but
 * tlc_client_...() know it only there. */
BenchWay *bench_way_new_tlc (const TlcConfig *config, gboolean is_locked, GError **error);
/* BENCH_WAY_TLC by a service that is there already, which it takes a reference to. */
BenchWay *bench_way_new_for_service (TlcService *service);
void bench_way_free (BenchWay *way); /* no thread is between borrow and give_back */

/* Threads: any, each with a number of its own. */
gboolean bench_way_borrow (BenchWay *way, guint caller, BenchLoan *ret_loan, GError **error);
void bench_way_give_back (BenchWay *way, const BenchLoan *loan);

TlcService *bench_way_get_service (BenchWay *way); /* NULL but for BENCH_WAY_TLC */

/* How many descriptors this process holds for it at most. */
guint bench_way_count_connections (BenchWayKind kind, guint n_callers, guint pool_size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchWay, bench_way_free)

G_END_DECLS
