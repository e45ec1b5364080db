/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-seats.h"
#include "model/tlc-snapshot.h"

typedef struct {
  /* in: for which claimed seat, and of which row; NULL: for none. Where they are given, a socket that
   * connects can be shut down by others, and a snapshot that is no longer in force is not gone on with. */
  TlcSeats *seats;
  TlcSeat *seat;
  guint failed; /* attempts on one endpoint that did not come up */
  GString *
      reasons; /* in: NULL when nobody asks; else one "endpoint: reason" after the other is added */
} TlcDialReport;

/* For who does not wait. Begins to connect to @endpoint; -1 and errno: it failed at once. */
int tlc_dial_begin (const TlcEndpoint *endpoint);
/* The socket of tlc_dial_begin() is writable: takes it over. NULL and errno: it failed. */
TlcConnection *tlc_dial_end (int fd, TlcEndpoint *endpoint, const TlcSettings *settings);

/* Connects to the first endpoint of @snapshot, in its order, that lets us, within
 * connect-timeout and by the deadline; to @last, nullable, only where no other does. NULL: none
 * did. */
TlcConnection *tlc_dial (const TlcSnapshot *snapshot, const TlcEndpoint *last, gint64 deadline_us,
                         TlcDialReport *report);
