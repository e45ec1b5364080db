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
  guint64 generation; /* the one that it went by last */
  guint turn;         /* the number of the endpoint whose turn it is, beyond the last from the first on */
  gint64 turned_us;   /* since when */
  guint n_failed;     /* since the last pause, and since what was opened was seen to last */
  guint n_pauses;     /* since that, too */
  gint64 pause_until_us;
  gint64 look_at_us; /* when to look again for what peers have closed */
} TlcTopUp;

/* When to go on. */
typedef struct {
  gint64 due_us; /* G_MAXINT64: when something has changed */
  int fd;        /* or when this is writable; -1: there is none */
} TlcTopUpNext;

void tlc_top_up_init (TlcTopUp *top_up, TlcSeats *seats, TlcLedger *ledger);
/* Goes on: never waits, and connects to one endpoint at a time. Where @current is closed, or has no
 * min-connections, it ends. */
TlcTopUpNext tlc_top_up_step (TlcTopUp *top_up, const TlcSnapshot *current);
/* In the child of fork(), before its seats are put in order: what the parent's keeper was at is not
 * ours. */
void tlc_top_up_after_fork_child (TlcTopUp *top_up);
