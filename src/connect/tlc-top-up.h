/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-balance.h"
#include "observe/tlc-counters.h"

/* Connections that are opened in advance, min-connections in all, those of threads included. The
 * keeper's alone. */
typedef struct {
  TlcSeats *seats;
  TlcBalance *balance;
  TlcLedger *ledger;
  TlcHome home;          /* claimed while it connects; else there is no seat */
  TlcEndpoint *endpoint; /* a reference and a reservation, while it connects */
  int fd;                /* while it connects */
  gint64 deadline_us;
  guint64 generation; /* the one that it went by last */
  guint64 round;      /* from 1 on: another after a change, a pause, and when what was opened was seen to last */
  gint64 failed_us;   /* when an endpoint did last */
  guint n_pauses;     /* since what was opened was seen to last */
  gint64 pause_until_us;
  gint64 look_at_us; /* when to look again for what peers have closed */
} TlcTopUp;

/* When to go on. */
typedef struct {
  gint64 due_us; /* G_MAXINT64: when something has changed */
  int fd;        /* or when this is writable; -1: there is none */
} TlcTopUpNext;

void tlc_top_up_init (TlcTopUp *top_up, TlcBalance *balance, TlcLedger *ledger);
/* Goes on: never waits, and connects to one endpoint at a time. Where @current is closed, or has no
 * min-connections, it ends. */
TlcTopUpNext tlc_top_up_step (TlcTopUp *top_up, const TlcSnapshot *current);
/* In the child of fork(), before its seats are put in order: what the parent's keeper was at is not
 * ours. */
void tlc_top_up_after_fork_child (TlcTopUp *top_up);
