/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* A server that answers the first request of one connection with given bytes, on any wire: what no
 * builder of messages would build. Then it waits until the library closes.
 *
 * Threads: it runs in one of its own; the others belong to the test. */
typedef struct _TlcRawPeer TlcRawPeer;

/* The four wires. */
typedef struct {
  const char *protocol, *transport;
} TlcRawWire;

#define TLC_RAW_WIRES 4
extern const TlcRawWire tlc_raw_wires[TLC_RAW_WIRES];

/* What is answered: @header: the header of a right reply goes before @bytes, framed where the wire is. */
TlcRawPeer *tlc_raw_peer_new (const TlcRawWire *wire, gboolean header, GByteArray *bytes);
const char *tlc_raw_peer_get_endpoint (const TlcRawPeer *peer);
/* Ends our direction of the connection once the bytes are out. Before the call. */
void tlc_raw_peer_then_finish (TlcRawPeer *peer);
/* Whether the library closed the connection; waits for that, and frees. */
gboolean tlc_raw_peer_free (TlcRawPeer *peer);
