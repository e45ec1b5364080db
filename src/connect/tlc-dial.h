/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-balance.h"

/* connect-timeout is shared among so many endpoints at most. */
#define TLC_DIAL_SHARES_MAX 4

typedef struct {
  TlcBalance *balance;
  /* in: for which claimed seat; NULL: for none. Where it is given, a socket that connects can be shut down by
   * others, and a snapshot that is no longer in force is not gone on with. */
  TlcSeat *seat;
  /* in, nullable: with a reservation, which is taken over: where to go first */
  TlcEndpoint *first;
  const TlcEndpoint *last; /* in, nullable: where to go only when no other lets us */
  guint failed; /* attempts on one endpoint that did not come up */
  GString *
      reasons; /* in: NULL when nobody asks; else one "endpoint: reason" after the other is added */
} TlcDialReport;

/* For who does not wait. Begins to connect to @endpoint; -1 and errno: it failed at once. */
int tlc_dial_begin (const TlcEndpoint *endpoint);
/* The socket of tlc_dial_begin() is writable: takes it over. NULL and errno: it failed. */
TlcConnection *tlc_dial_end (int fd, TlcEndpoint *endpoint, const TlcSettings *settings);

/* Connects to the first endpoint of @snapshot, in the order of its balance, that lets us, within
 * connect-timeout and by the deadline. NULL: none did. */
TlcConnection *tlc_dial (const TlcSnapshot *snapshot, gint64 deadline_us, TlcDialReport *report);

/* Whether @error, an errno of a dial, speaks against the endpoint. */
gboolean tlc_dial_is_fault_of_endpoint (int error);
