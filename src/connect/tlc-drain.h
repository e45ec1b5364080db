/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-seats.h"

/* What a drain that ran out of time, or cannot succeed, has found. */
typedef struct {
  guint n_claimed;             /* calls on what was taken out, or not looked at since */
  gboolean own;                /* one of them is the drainer's own */
  const TlcEndpoint *endpoint; /* of the oldest; perhaps gone: for tlc_branch_describe_endpoint() */
  gint32 thread;
  gint64 since_us;
} TlcDrainReport;

/* Waits until no call and no connection is left on an endpoint that is not in the generation
 * that was in force at the beginning. FALSE: the deadline has passed, or such a call is the calling
 * thread's own, in the seat @own, and it would wait for itself; see *@ret_report. Any thread, any
 * number at once. */
gboolean tlc_drain (TlcSeats *seats, const TlcSeat *own, gint64 deadline_us,
                    TlcDrainReport *ret_report);
