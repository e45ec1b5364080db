/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/tlc-core.h"

/* One thread's client for one service, with what is beneath it. */
typedef struct _TlcSlot TlcSlot;

/* Made and freed in the thread that it belongs to. Keeps @core while it lives. */
TlcSlot *tlc_slot_new (TlcCore *core);
void tlc_slot_free (TlcSlot *slot);
gpointer tlc_slot_get_client (TlcSlot *slot);
/* Whether its call is in flight on a connection that was not looked at since @generation. */
gboolean tlc_slot_is_in_call_before (const TlcSlot *slot, guint64 generation);
/* Whether its service takes no more calls. */
gboolean tlc_slot_is_closed (const TlcSlot *slot);
