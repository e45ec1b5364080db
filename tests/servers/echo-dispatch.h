/* SPDX-License-Identifier: Apache-2.0
 *
 * One request read, dispatched and answered: what thrift_processor_process() does, safely.
 */
#pragma once

#include <glib.h>

#include <thrift/c_glib/protocol/thrift_protocol.h>

#include "echo.h"

G_BEGIN_DECLS

/* FALSE ends the connection: the peer closed it, or sent what is no request.
 * @multiplexed_name: (nullable): requests must be for the service of that name, as
 * ThriftMultiplexedProtocol writes it.
 * @error must not be NULL: generated processors dereference it. */
gboolean echo_dispatch (EchoProcessor *processor, const char *multiplexed_name, ThriftProtocol *in,
                        ThriftProtocol *out, GError **error);

G_END_DECLS
