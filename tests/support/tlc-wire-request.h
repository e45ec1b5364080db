/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Requests as a scripted server needs them, on the wire that the environment names: where one ends,
 * what it asks, and what a server that works would answer. */

#include "support/tlc-wire.h"

G_BEGIN_DECLS

/* A request, taken apart. */
typedef struct {
  guint connection; /* on which connection it came, in order of their acceptance */
  guint8 type;      /* T_CALL, T_ONEWAY */
  gint32 seqid;
  char *name;
  GBytes *frame;    /* as it came, framing included */
  gsize body;       /* where the arguments begin in @frame */
} TlcWireRequest;

/* How long the message at the head of @data is, framing included; 0 while that cannot be told. Of
 * what is no message all is the length. */
gsize tlc_wire_measure (const guint8 *data, gsize length);

/* Takes apart the message @data; %NULL when it is none. */
TlcWireRequest *tlc_wire_request_new (const guint8 *data, gsize length);
void tlc_wire_request_free (TlcWireRequest *request);

/* The i32 field @id of a request that has only i32 arguments. */
gint32 tlc_wire_request_get_i32 (const TlcWireRequest *request, int id);

/* What a server that works answers: "add" adds, "ping" is void, "echo_..." gives its argument
 * back, other methods are unknown. %NULL for a oneway request. */
TlcWire *tlc_wire_answer (const TlcWireRequest *request);

G_END_DECLS
