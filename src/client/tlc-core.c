/* SPDX-License-Identifier: Apache-2.0 */

/* The core of a service: its root, its seats, its ledger, and the number by which threads find
 * their slot. */
#include "client/tlc-core.h"

#include <stdbool.h>
#include <string.h>

/* Services that exist, by index: a free one is taken again, so that the tables of threads stay
 * short. */
static pthread_mutex_t tlc_core_index_lock = PTHREAD_MUTEX_INITIALIZER;
static guint8 *tlc_core_index_taken; /* under the lock, as what follows */
static guint32 tlc_core_index_size;
static guint64 tlc_core_last_id;

static void
tlc_core_take_index (TlcCore *core)
{
  guint32 index;

  pthread_mutex_lock (&tlc_core_index_lock);
  for (index = 0; index < tlc_core_index_size && tlc_core_index_taken[index]; index++)
    ;
  if (index == tlc_core_index_size)
    {
      guint32 size = MAX (16, tlc_core_index_size * 2);

      tlc_core_index_taken = g_realloc (tlc_core_index_taken, size);
      memset (tlc_core_index_taken + tlc_core_index_size, 0, size - tlc_core_index_size);
      tlc_core_index_size = size;
    }
  tlc_core_index_taken[index] = 1;
  core->index = index;
  core->id = ++tlc_core_last_id;
  pthread_mutex_unlock (&tlc_core_index_lock);
}

static void
tlc_core_return_index (TlcCore *core)
{
  pthread_mutex_lock (&tlc_core_index_lock);
  tlc_core_index_taken[core->index] = 0;
  pthread_mutex_unlock (&tlc_core_index_lock);
}

TlcCore *
tlc_core_new (const char *name, GType client_type, TlcSnapshot *first)
{
  TlcCore *core = g_aligned_alloc0 (1, sizeof (TlcCore), TLC_CACHE_LINE);

  atomic_init (&core->ref_count, 1);
  core->name = g_strdup (name);
  core->client_type = client_type;
  core->root = tlc_root_new (first);
  tlc_seats_init (&core->seats, core->root);
  tlc_ledger_init (&core->ledger);
  tlc_core_take_index (core);
  return core;
}

TlcCore *
tlc_core_ref (TlcCore *core)
{
  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already. */
  atomic_fetch_add_explicit (&core->ref_count, 1, memory_order_relaxed);
  return core;
}

void
tlc_core_unref (TlcCore *core)
{
  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (atomic_fetch_sub_explicit (&core->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  tlc_core_return_index (core);
  tlc_seats_clear (&core->seats);
  tlc_ledger_clear (&core->ledger);
  tlc_root_free (core->root);
  g_free (core->name);
  g_aligned_free (core);
}

void
tlc_core_close (TlcCore *core)
{
  g_autoptr (TlcSnapshot) before = tlc_root_read (core->root);

  /* ORDER(core.closed): relaxed; tells threads that they may let go, whenever they see it. What
   * keeps calls away is the snapshot. */
  atomic_store_explicit (&core->is_closed, true, memory_order_relaxed);
  tlc_seats_publish (&core->seats, tlc_snapshot_new_closed (before));
  tlc_seats_sweep_retired (&core->seats);
}

gboolean
tlc_core_is_closed (const TlcCore *core)
{
  /* ORDER(core.closed): relaxed; see tlc_core_close(). */
  return atomic_load_explicit (&core->is_closed, memory_order_relaxed);
}
