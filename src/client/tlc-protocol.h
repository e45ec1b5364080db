/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <thrift/c_glib/protocol/thrift_protocol.h>

#include "client/tlc-call.h"
#include "client/tlc-transport.h"

/* What every protocol of ours does alike: numbers requests, checks replies, decodes a
 * T_EXCEPTION. A subclass encodes and decodes values, and checks each against the reader. It
 * writes to and reads from the call's buffers directly. */
typedef struct {
  ThriftProtocol parent_instance;
  TlcCall *call; /* the transport's */
} TlcProtocol;

typedef struct {
  ThriftProtocolClass parent_class;
  /* Appends the header and tells the call where the name stands. */
  gboolean (*write_header) (TlcProtocol *self, const char *name, gsize name_length,
                            ThriftMessageType type, gint32 sequence, GError **error);
  TlcRefusal (*read_header) (TlcProtocol *self, TlcHeader *ret_header);
} TlcProtocolClass;

#define TLC_TYPE_PROTOCOL (tlc_protocol_get_type ())
GType tlc_protocol_get_type (void);

#define TLC_TYPE_BINARY_PROTOCOL (tlc_binary_protocol_get_type ())
GType tlc_binary_protocol_get_type (void);

/* (transfer full): a protocol of @type on @transport, which it holds a reference to. */
ThriftProtocol *tlc_protocol_new (GType type, TlcTransport *transport);

static inline TlcCall *
tlc_protocol_get_call (ThriftProtocol *protocol)
{
  return ((TlcProtocol *) protocol)->call;
}
