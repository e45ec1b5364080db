/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-seats.h"

/* What a drain that ran out of time, or cannot succeed, has found. */
typedef struct {
  guint n_claimed;             /* calls on connections that were not looked at since the change */
  const TlcEndpoint *endpoint; /* of the oldest; perhaps gone: for tlc_root_describe_endpoint() */
  gint32 thread;
  gint64 claimed_us;
} TlcDrainReport;

/* Waits until no call and no connection is left on an endpoint that is not in the generation
 * that was in force at the beginning. FALSE: the deadline has passed; see *@ret_report. Any thread,
 * any number at once; not one with such a call of its own, which would wait for itself. */
gboolean tlc_drain (TlcSeats *seats, gint64 deadline_us, TlcDrainReport *ret_report);
