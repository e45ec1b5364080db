/* SPDX-License-Identifier: Apache-2.0 */

/* What a thread has: a table of clients, and a destructor that frees them when it exits.
 *
 * The table is thread-local, so nobody else ever looks into it. The pthread key exists for its
 * destructor alone. Destructors of other keys may call us after ours ran: then the table and the
 * key are set up anew, and glibc comes round again, four times in all. A thread that asks after our
 * third run is refused. What cannot be seen is a thread whose very first call comes in the fourth
 * round, after our key's turn: its client is freed with the process. */
#include "client/tlc-thread.h"

#include <limits.h>
#include <string.h>

#include "tlc/client.h"

#include "model/tlc-cancel.h"
#include "model/tlc-error-private.h"
#include "model/tlc-rcu.h"

_Thread_local TlcThreadTable tlc_thread_table;
static _Thread_local guint tlc_thread_exits; /* how often the destructor has run */

static pthread_key_t tlc_thread_key;
static pthread_once_t tlc_thread_key_once = PTHREAD_ONCE_INIT;
static int tlc_thread_key_error;

static void
tlc_thread_free_entry (TlcThreadEntry *entry)
{
  TlcSlot *slot = g_steal_pointer (&entry->slot);

  entry->service_id = 0;
  entry->client = NULL;
  if (slot != NULL)
    tlc_slot_free (slot);
}

void
tlc_thread_detach (void)
{
  /* Nobody comes back for what is left of the table. */
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();

  for (gsize i = 0; i < tlc_thread_table.n_entries; i++)
    tlc_thread_free_entry (&tlc_thread_table.entries[i]);
  tlc_thread_table.n_entries = 0;
  g_clear_pointer (&tlc_thread_table.entries, g_free);
}

static void
tlc_thread_exit (void *value)
{
  tlc_thread_exits++;
  tlc_rcu_thread_exits ();
  tlc_thread_detach ();
}

static void
tlc_thread_make_key (void)
{
  tlc_thread_key_error = pthread_key_create (&tlc_thread_key, tlc_thread_exit);
}

/* Sees to it that the destructor runs when this thread exits. */
static gboolean
tlc_thread_arm (const TlcCore *core, GError **error)
{
  int status;

  if (tlc_thread_exits >= PTHREAD_DESTRUCTOR_ITERATIONS - 1)
    {
      tlc_error_set (error, TLC_ERROR_EXHAUSTED, TLC_DELIVERY_NOT_SENT,
                     "%s: no more clients for a thread that is exiting (not sent)", core->name);
      return FALSE;
    }
  pthread_once (&tlc_thread_key_once, tlc_thread_make_key);
  status = tlc_thread_key_error;
  if (status == 0)
    status = pthread_setspecific (tlc_thread_key, &tlc_thread_table);
  if (status != 0)
    tlc_error_set (error, TLC_ERROR_EXHAUSTED, TLC_DELIVERY_NOT_SENT,
                   "%s: no thread-local storage: %s (not sent)", core->name, g_strerror (status));
  return status == 0;
}

/* Frees the clients of services that are closed, whose memory this thread alone keeps. */
static void
tlc_thread_prune (void)
{
  for (gsize i = 0; i < tlc_thread_table.n_entries; i++)
    {
      TlcThreadEntry *entry = &tlc_thread_table.entries[i];

      if (entry->slot != NULL && tlc_slot_is_ended (entry->slot))
        tlc_thread_free_entry (entry);
    }
}

static TlcThreadEntry *
tlc_thread_get_entry (guint32 index)
{
  TlcThreadTable *table = &tlc_thread_table;

  if (index >= table->n_entries)
    {
      gsize n = MAX ((gsize) index + 1, table->n_entries * 2);

      table->entries = g_renew (TlcThreadEntry, table->entries, n);
      memset (table->entries + table->n_entries, 0,
              (n - table->n_entries) * sizeof *table->entries);
      table->n_entries = n;
    }
  return &table->entries[index];
}

gpointer
tlc_thread_make_client (TlcCore *core, GError **error)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  TlcThreadEntry *entry;

  if (!tlc_thread_arm (core, error))
    return NULL;
  tlc_thread_prune ();
  entry = tlc_thread_get_entry (core->index);
  tlc_thread_free_entry (entry);
  entry->slot = tlc_slot_new (core);
  entry->client = tlc_slot_get_client (entry->slot);
  entry->service_id = core->id;
  return entry->client;
}

static const TlcSlot *
tlc_thread_peek_slot (const TlcCore *core)
{
  if (tlc_thread_peek_client (core->index, core->id) == NULL)
    return NULL;
  return tlc_thread_table.entries[core->index].slot;
}

TlcSlot *
tlc_thread_get_slot (TlcCore *core, GError **error)
{
  if (tlc_thread_peek_client (core->index, core->id) == NULL
      && tlc_thread_make_client (core, error) == NULL)
    return NULL;
  return tlc_thread_table.entries[core->index].slot;
}

TlcSeat *
tlc_thread_peek_claimed_seat (const TlcCore *core)
{
  const TlcSlot *slot = tlc_thread_peek_slot (core);

  return slot != NULL ? tlc_slot_peek_claimed_seat (slot) : NULL;
}

const TlcCounters *
tlc_thread_peek_counters (const TlcCore *core)
{
  const TlcSlot *slot = tlc_thread_peek_slot (core);

  return slot != NULL ? tlc_slot_get_counters (slot) : NULL;
}

gboolean
tlc_thread_is_holding (const TlcCore *core)
{
  const TlcSlot *slot = tlc_thread_peek_slot (core);

  return slot != NULL && tlc_slot_is_holding (slot);
}

void
tlc_thread_let_go (const TlcCore *core)
{
  const TlcSlot *slot = tlc_thread_peek_slot (core);

  if (slot != NULL)
    tlc_slot_let_go (slot);
}

TlcSlot *
tlc_thread_find_slot (gconstpointer client)
{
  for (gsize i = 0; client != NULL && i < tlc_thread_table.n_entries; i++)
    if (tlc_thread_table.entries[i].client == client)
      return tlc_thread_table.entries[i].slot;
  return NULL;
}
