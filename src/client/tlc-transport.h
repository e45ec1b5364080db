/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <thrift/c_glib/transport/thrift_transport.h>

#include "client/tlc-call.h"

/* The face that a call shows to generated code: a ThriftTransport whose flush sends. */
typedef struct _TlcTransport TlcTransport;

#define TLC_TYPE_TRANSPORT (tlc_transport_get_type ())
GType tlc_transport_get_type (void);

/* (transfer full): a transport for one thread's calls on @core. */
TlcTransport *tlc_transport_new (TlcCore *core);
TlcCall *tlc_transport_get_call (TlcTransport *transport);
