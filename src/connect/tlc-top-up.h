/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-seats.h"
#include "observe/tlc-counters.h"

/* Connections that are opened in advance, min-connections in all, those of threads included. The
 * keeper's alone. */
typedef struct {
  TlcSeats *seats;
  TlcLedger *ledger;
  TlcHome home;          /* claimed while it connects; else there is no seat */
  TlcEndpoint *endpoint; /* a reference, while it connects */
  int fd;                /* while it connects */
  gint64 deadline_us;
  guint n_failed; /* in a row */
  gint64 pause_until_us;
} TlcTopUp;

/* When to go on. */
typedef struct {
  gint64 due_us; /* G_MAXINT64: when something has changed */
  int fd;        /* or when this is writable; -1: there is none */
} TlcTopUpNext;

void tlc_top_up_init (TlcTopUp *top_up, TlcSeats *seats, TlcLedger *ledger);
/* Goes on: never waits, and connects to one endpoint at a time. Where @current is closed it ends.
 */
TlcTopUpNext tlc_top_up_step (TlcTopUp *top_up, const TlcSnapshot *current);
/* In the child of fork(), before its seats are put in order: what the parent's keeper was at is not
 * ours. */
void tlc_top_up_after_fork_child (TlcTopUp *top_up);
