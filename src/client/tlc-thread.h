/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/tlc-slot.h"

typedef struct {
  guint64 service_id; /* 0: nothing here */
  gpointer client;    /* the slot's */
  TlcSlot *slot;
} TlcThreadEntry;

/* The calling thread's clients, by the index of their service. */
typedef struct {
  gsize n_entries;
  TlcThreadEntry *entries;
} TlcThreadTable;

/* initial-exec: one load from the thread pointer, where the general model would call a function. */
extern _Thread_local TlcThreadTable tlc_thread_table __attribute__ ((tls_model ("initial-exec")));

/* Makes the calling thread's client for @core, which it has none for. */
gpointer tlc_thread_make_client (TlcCore *core, GError **error) G_GNUC_NO_INLINE;

/* The calling thread's slot for @core, made if there is none yet. */
TlcSlot *tlc_thread_get_slot (TlcCore *core, GError **error);

/* The seat that the calling thread's call on @core has claimed; NULL: none is in flight. */
TlcSeat *tlc_thread_peek_claimed_seat (const TlcCore *core);

/* Of the calling thread's client for @core; NULL: it has none. */
const TlcCounters *tlc_thread_peek_counters (const TlcCore *core);

/* Whether the calling thread holds a connection of @core. */
gboolean tlc_thread_is_holding (const TlcCore *core);

/* Gives up the replies on @core that the calling thread has not fetched. */
void tlc_thread_let_go (const TlcCore *core);

/* The calling thread's slot that has @client; NULL: none has. */
TlcSlot *tlc_thread_find_slot (gconstpointer client);

/* The calling thread's client for the service with that index and id; NULL: none yet. */
static inline gpointer
tlc_thread_peek_client (guint32 index, guint64 id)
{
  const TlcThreadEntry *entry;

  if (G_UNLIKELY (index >= tlc_thread_table.n_entries))
    return NULL;
  entry = &tlc_thread_table.entries[index];
  return G_LIKELY (entry->service_id == id) ? entry->client : NULL;
}
