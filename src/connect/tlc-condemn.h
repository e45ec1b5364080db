/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-seats.h"

/* A thread that comes for its reply at the last moment is told by itself that it is late. */
#define TLC_CONDEMN_GRACE_US (50 * 1000)

/* Closes the connections of calls whose threads are elsewhere, and of holds, that are past their deadline
 * by more than TLC_CONDEMN_GRACE_US at @now_us. On the keeper. @name is the service's. Returns when the
 * next is to be looked after, or should be over by itself; G_MAXINT64: none is under way. *@ret_n_open says
 * how many connections there are. */
gint64 tlc_condemn_overdue (TlcSeats *seats, const char *name, gint64 now_us, guint *ret_n_open);

/* Ends the conversations of all calls that are under way, whatever their deadlines, but of those that have
 * begun by a generation after @newest, a stamp. Any thread. */
void tlc_condemn_all (TlcSeats *seats, guint64 newest);

/* Says that thread @number of service @name has held a connection for @held_us, which is too long. */
void tlc_condemn_report_hold (TlcSeats *seats, const char *name, gint32 number, gint64 held_us);
