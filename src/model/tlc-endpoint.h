/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/tlc-address.h"

/* One address of a service. Snapshots and connections hold references: an endpoint outlives the
 * snapshot that named it for as long as a connection to it is open. Immutable but for the
 * count and what is learnt. */
typedef struct _TlcEndpoint TlcEndpoint;

/* Takes @address over. */
TlcEndpoint *tlc_endpoint_new (TlcAddress *address);
TlcEndpoint *tlc_endpoint_ref (TlcEndpoint *endpoint);
void tlc_endpoint_unref (TlcEndpoint *endpoint);

/* Whether there are references besides the caller's. */
gboolean tlc_endpoint_is_shared (const TlcEndpoint *endpoint);

/* What is learnt about how long its peer lets connections idle: two closes that agree to a tenth make
 * a limit, one connection that is found open well beyond it unmakes it. A server that merely restarts
 * does not look like one that closes what is idle. */
#define TLC_ENDPOINT_IDLE_MIN_US (20 * 1000)
gint64 tlc_endpoint_get_idle_limit (const TlcEndpoint *endpoint); /* 0: none is known */
void tlc_endpoint_note_closed_idle (TlcEndpoint *endpoint, gint64 idle_us);
void tlc_endpoint_note_open_idle (TlcEndpoint *endpoint, gint64 idle_us);

const TlcAddress *tlc_endpoint_get_address (const TlcEndpoint *endpoint);
const char *tlc_endpoint_get_text (const TlcEndpoint *endpoint);
