/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/tlc-call.h"

/* From now on all calls of @call go over one connection, until tlc_hold_end() was called as often.
 * FALSE: there is none to be had; nothing is held. */
gboolean tlc_hold_begin (TlcCall *call, GError **error);
void tlc_hold_end (TlcCall *call);

/* For the call that goes on in a hold, on the claimed seat. FALSE: what was held is gone, or was
 * held for too long, and the call has failed. */
gboolean tlc_hold_check (TlcCall *call, GError **error);
/* The call has failed, since what was held is gone. Returns FALSE. */
gboolean tlc_hold_fail (TlcCall *call, GError **error);
