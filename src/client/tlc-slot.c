/* SPDX-License-Identifier: Apache-2.0 */

/* A slot: the generated client of one thread for one service, and the protocol and transport
 * beneath it. */
#include "client/tlc-slot.h"

#include "client/tlc-framing.h"
#include "client/tlc-protocol.h"

struct _TlcSlot {
  TlcCore *core; /* by the transport's reference */
  TlcTransport *transport;
  ThriftProtocol *protocol;
  GObject *client;
};

/* What the service's servers speak, which does not change while it runs. */
static ThriftProtocol *
tlc_slot_make_protocol (TlcSlot *slot)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (slot->core->branch);
  const TlcSettings *settings = current->settings;
  GType type = settings->protocol == TLC_PROTOCOL_COMPACT ? TLC_TYPE_COMPACT_PROTOCOL
                                                          : TLC_TYPE_BINARY_PROTOCOL;
  ThriftProtocol *protocol = tlc_protocol_new (type, slot->transport, settings->multiplexed_name);

  if (settings->transport == TLC_TRANSPORT_BUFFERED)
    tlc_call_set_framing (tlc_protocol_get_call (protocol), &tlc_framing_buffered,
                          ((TlcProtocolClass *) G_OBJECT_GET_CLASS (protocol))->walker);
  return protocol;
}

TlcSlot *
tlc_slot_new (TlcCore *core)
{
  TlcSlot *slot = g_new0 (TlcSlot, 1);

  slot->core = core;
  slot->transport = tlc_transport_new (core);
  slot->protocol = tlc_slot_make_protocol (slot);
  slot->client = g_object_new (core->client_type, "input_protocol", slot->protocol,
                               "output_protocol", slot->protocol, NULL);
  return slot;
}

/* The client first: it holds no references to its protocols. */
void
tlc_slot_free (TlcSlot *slot)
{
  g_object_unref (slot->client);
  g_object_unref (slot->protocol);
  g_object_unref (slot->transport);
  g_free (slot);
}

gpointer
tlc_slot_get_client (TlcSlot *slot)
{
  return slot->client;
}

TlcCall *
tlc_slot_get_call (TlcSlot *slot)
{
  return tlc_transport_get_call (slot->transport);
}

gboolean
tlc_slot_is_ended (const TlcSlot *slot)
{
  return tlc_core_is_ended (slot->core);
}

TlcSeat *
tlc_slot_peek_claimed_seat (const TlcSlot *slot)
{
  const TlcCall *call = tlc_transport_get_call (slot->transport);

  return call->is_claimed && tlc_seat_is_ours (&call->home) ? call->home.seat : NULL;
}

const TlcCounters *
tlc_slot_get_counters (const TlcSlot *slot)
{
  return &tlc_transport_get_call (slot->transport)->counters;
}

void
tlc_slot_let_go (const TlcSlot *slot)
{
  TlcCall *call = tlc_transport_get_call (slot->transport);

  if (call->state == TLC_CALL_AWAITING)
    tlc_call_reset (call);
}

gboolean
tlc_slot_is_holding (const TlcSlot *slot)
{
  return tlc_transport_get_call (slot->transport)->n_holds > 0;
}
