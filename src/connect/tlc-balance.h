/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-ejector.h"

/* Which endpoint a seat's connection leads to: chosen when it is dialled, and looked at again now and then
 * by the thread that uses it. One for each service; any thread, no lock. */
typedef struct {
  TlcSeats *seats;
  TlcEjector *ejector;
  guint64 seed;                /* so that processes do not all choose alike */
  _Atomic gint64 surveyed_us;  /* any thread: when calls in flight were counted last */
} TlcBalance;

/* How often a thread that calls looks whether its connection should lead elsewhere. */
#define TLC_BALANCE_INTERVAL_US (200 * 1000)

void tlc_balance_init (TlcBalance *balance, TlcSeats *seats, TlcEjector *ejector, guint64 seed);

/* What a choice is for. */
typedef struct {
  const TlcSnapshot *snapshot;
  guint seat;                  /* its number: the same has the same preferences */
  const TlcEndpoint *last;     /* nullable: the others first */
  GPtrArray *tried;            /* nullable: of TlcEndpoint, not again */
  gboolean is_for_call;        /* which may be the trial of one that was ejected */
  gint64 now_us;
} TlcChoice;

/* The endpoint to connect to, with a reservation, which whoever asked gives back when he has connected, or
 * failed. %NULL: all were tried. Without a reference: the snapshot has it. */
TlcEndpoint *tlc_balance_pick (TlcBalance *balance, const TlcChoice *choice);
/* The endpoint that a connection to @current should be given up for, with a reservation; %NULL: none. */
TlcEndpoint *tlc_balance_reconsider (TlcBalance *balance, const TlcChoice *choice,
                                     const TlcEndpoint *current);
