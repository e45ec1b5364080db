/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-seats.h"

/* What was opened so short a time ago has not proved yet that it lasts. */
#define TLC_HANGUP_YOUNG_US (2 * G_USEC_PER_SEC)

/* What a look at the connections that nobody uses has found. */
typedef struct {
  guint n_closed;        /* their peers had closed them, so we have, too */
  guint n_unused;        /* of these, young ones over which nothing was ever sent */
  const TlcEndpoint *unused_at; /* where one of them led, for comparison only */
  gint64 last_proved_us; /* of those that last, when the youngest was opened; 0: there is none */
} TlcHangup;

/* Closes the connections that nobody uses and whose peers have closed them, at @now_us. On the keeper.
 * One system call for each that nobody uses. */
void tlc_hangup_look (TlcSeats *seats, gint64 now_us, TlcHangup *ret_hangup);
