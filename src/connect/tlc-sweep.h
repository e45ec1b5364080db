/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-seats.h"

/* What is due within so long after a look is seen to at the next one: many threads that go idle one
 * after the other are not as many looks. */
#define TLC_SWEEP_SLACK_US (20 * 1000)
/* How long after a reminder a connection that is too old and in use is looked at again. */
#define TLC_SWEEP_REMIND_US (100 * 1000)

/* Closes connections that at @now_us nobody has used for idle-timeout, but for min-connections of them,
 * and those that are older than max-age. On the keeper. Returns when the next is due; G_MAXINT64: none
 * of those that are there. */
gint64 tlc_sweep (TlcSeats *seats, const TlcSettings *settings, gint64 now_us);
