/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/tlc-address.h"

/* One address of a service. Snapshots and connections hold references: an endpoint outlives the
 * snapshot that named it for as long as a connection to it is open. Immutable but for the
 * count. */
typedef struct _TlcEndpoint TlcEndpoint;

/* Takes @address over. */
TlcEndpoint *tlc_endpoint_new (TlcAddress *address);
TlcEndpoint *tlc_endpoint_ref (TlcEndpoint *endpoint);
void tlc_endpoint_unref (TlcEndpoint *endpoint);

/* Whether there are references besides the caller's. */
gboolean tlc_endpoint_is_shared (const TlcEndpoint *endpoint);

const TlcAddress *tlc_endpoint_get_address (const TlcEndpoint *endpoint);
const char *tlc_endpoint_get_text (const TlcEndpoint *endpoint);
