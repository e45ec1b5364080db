/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <string.h>
#include <thrift/c_glib/protocol/thrift_protocol.h>

#include "client/tlc-call.h"
#include "client/tlc-transport.h"

/* What every protocol of ours does alike: numbers requests, checks replies, decodes a
 * T_EXCEPTION. A subclass encodes and decodes values, and checks each against the reader. It
 * writes to and reads from the call's buffers directly. */
typedef struct {
  ThriftProtocol parent_instance;
  TlcCall *call; /* the transport's */
  char *prefix;  /* before each method's name, for a server of several services; NULL: none */
} TlcProtocol;

typedef struct {
  ThriftProtocolClass parent_class;
  /* Appends the header, in which self->prefix and @name stand as one, and tells the call where
   * @name stands: replies have that alone. */
  gboolean (*write_header) (TlcProtocol *self, const char *name, ThriftMessageType type,
                            gint32 sequence, GError **error);
  TlcRefusal (*read_header) (TlcProtocol *self, TlcHeader *ret_header);
  /* A string or a binary, copied with a NUL behind it; NULL and 0 where it is refused. */
  gint32 (*read_bytes) (ThriftProtocol *protocol, char **ret_bytes, guint32 *ret_length,
                        GError **error);
  gsize (*min_size) (guint8 type); /* the fewest bytes of a value; 0: there is no such type */
  const TlcWalker *walker;
} TlcProtocolClass;

#define TLC_TYPE_PROTOCOL (tlc_protocol_get_type ())
GType tlc_protocol_get_type (void);

#define TLC_TYPE_BINARY_PROTOCOL (tlc_binary_protocol_get_type ())
GType tlc_binary_protocol_get_type (void);

#define TLC_TYPE_COMPACT_PROTOCOL (tlc_compact_protocol_get_type ())
GType tlc_compact_protocol_get_type (void);

/* (transfer full): a protocol of @type on @transport, which it holds a reference to; for the service
 * of that name among those of a server, unless it is NULL. */
ThriftProtocol *tlc_protocol_new (GType type, TlcTransport *transport,
                                  const char *multiplexed_name);

/* For subclasses. The reply cannot be decoded: fails the call and returns -1. */
gint32 tlc_protocol_refuse (ThriftProtocol *protocol, TlcRefusal refusal, GError **error) TLC_COLD;
/* A copy of the @length bytes at the reader's cursor, which is moved on, with a NUL behind them.
 * Returns @length, or -1. */
gint32 tlc_protocol_copy_bytes (ThriftProtocol *protocol, gint32 length, char **ret_bytes,
                                guint32 *ret_length, GError **error);

static inline gsize
tlc_protocol_get_prefix_length (const TlcProtocol *self)
{
  return G_LIKELY (self->prefix == NULL) ? 0 : strlen (self->prefix);
}

static inline TlcCall *
tlc_protocol_get_call (ThriftProtocol *protocol)
{
  return ((TlcProtocol *) protocol)->call;
}
