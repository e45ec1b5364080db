/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-seats.h"

/* A thread that is inside its call ends it at the deadline by itself. */
#define TLC_CONDEMN_GRACE_US (50 * 1000)

/* Shuts down the sockets of calls that are past their deadline by more than TLC_CONDEMN_GRACE_US at
 * @now_us, and ends the holds that are. On the keeper. @name is the service's. Returns when the next is
 * to be looked after; G_MAXINT64: none is under way. *@ret_n_open says how many connections there
 * are. */
gint64 tlc_condemn_overdue (TlcSeats *seats, const char *name, gint64 now_us, guint *ret_n_open);

/* Shuts down the sockets of all calls that are under way, whatever their deadlines. Any thread. */
void tlc_condemn_all (TlcSeats *seats);
