/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/tlc-call.h"

/* One thread's client for one service, with what is beneath it. */
typedef struct _TlcSlot TlcSlot;

/* Made and freed in the thread that it belongs to. Keeps @core while it lives. */
TlcSlot *tlc_slot_new (TlcCore *core);
void tlc_slot_free (TlcSlot *slot);
gpointer tlc_slot_get_client (TlcSlot *slot);
TlcCall *tlc_slot_get_call (TlcSlot *slot);
/* The seat that its call has claimed; NULL: no call is in flight. */
TlcSeat *tlc_slot_peek_claimed_seat (const TlcSlot *slot);
const TlcCounters *tlc_slot_get_counters (const TlcSlot *slot);
/* Gives up the replies that it waits for, if it is not in the midst of a call. */
void tlc_slot_let_go (const TlcSlot *slot);
/* Whether its thread holds a connection. */
gboolean tlc_slot_is_holding (const TlcSlot *slot);
/* Whether its service never takes calls again. */
gboolean tlc_slot_is_ended (const TlcSlot *slot);
