/* SPDX-License-Identifier: Apache-2.0 */

/* Snapshots and the root that publishes them. A writer fills a snapshot, then makes it
 * reachable by one store; readers load the pointer and take a reference inside an RCU read
 * section, and do nothing else in it. Only the owner of the root publishes, one at a time.
 *
 * A snapshot that was replaced keeps the root's reference until the root goes. That is one
 * snapshot for each service in its life, since closing is the only change there is. */
#include "model/tlc-snapshot.h"

#include "model/rcu.h"

#ifdef TLC_THREAD_SANITIZER
char tlc_rcu_grace_period;
#endif

struct _TlcRoot {
  _Atomic (TlcSnapshot *) current; /* the owner writes; any thread reads, in a read section */
  GPtrArray *replaced;             /* the owner */
};

static TlcSnapshot *
tlc_snapshot_alloc (guint64 generation)
{
  TlcSnapshot *snapshot = g_new0 (TlcSnapshot, 1);

  atomic_init (&snapshot->ref_count, 1);
  snapshot->generation = generation;
  snapshot->endpoints = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_endpoint_unref);
  return snapshot;
}

/* One endpoint for each address, however many names it has. */
static void
tlc_snapshot_add (TlcSnapshot *snapshot, GHashTable *seen, const TlcAddress *address)
{
  if (g_hash_table_add (seen, g_bytes_new (&address->sockaddr, address->sockaddr_length)))
    g_ptr_array_add (snapshot->endpoints, tlc_endpoint_new (tlc_address_copy (address)));
}

TlcSnapshot *
tlc_snapshot_new (guint64 generation, TlcSettings *settings, GError **error)
{
  g_autoptr (TlcSnapshot) snapshot = tlc_snapshot_alloc (generation);
  g_autoptr (GHashTable) seen
      = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);

  snapshot->settings = settings;
  for (guint i = 0; i < settings->addresses->len; i++)
    {
      g_autoptr (GPtrArray) resolved = tlc_address_resolve (settings->addresses->pdata[i], error);

      if (resolved == NULL)
        return NULL;
      for (guint j = 0; j < resolved->len; j++)
        tlc_snapshot_add (snapshot, seen, resolved->pdata[j]);
    }
  return g_steal_pointer (&snapshot);
}

TlcSnapshot *
tlc_snapshot_new_closed (TlcSnapshot *before)
{
  TlcSnapshot *snapshot = tlc_snapshot_alloc (before->generation + 1);

  snapshot->closed = TRUE;
  snapshot->before = tlc_snapshot_ref (before);
  snapshot->settings = before->settings;
  return snapshot;
}

TlcSnapshot *
tlc_snapshot_ref (TlcSnapshot *snapshot)
{
  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already, or reads under RCU. */
  atomic_fetch_add_explicit (&snapshot->ref_count, 1, memory_order_relaxed);
  return snapshot;
}

void
tlc_snapshot_unref (TlcSnapshot *snapshot)
{
  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (snapshot == NULL
      || atomic_fetch_sub_explicit (&snapshot->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  g_ptr_array_unref (snapshot->endpoints);
  if (snapshot->before != NULL)
    tlc_snapshot_unref (snapshot->before);
  else
    tlc_settings_free (snapshot->settings);
  g_free (snapshot);
}

gboolean
tlc_snapshot_has_endpoint (const TlcSnapshot *snapshot, const TlcEndpoint *endpoint)
{
  return g_ptr_array_find (snapshot->endpoints, endpoint, NULL);
}

TlcRoot *
tlc_root_new (TlcSnapshot *first)
{
  TlcRoot *root = g_new0 (TlcRoot, 1);

  atomic_init (&root->current, first);
  root->replaced = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_snapshot_unref);
  return root;
}

void
tlc_root_free (TlcRoot *root)
{
  /* ORDER(snapshot.publish): relaxed; no other thread is left. */
  tlc_snapshot_unref (atomic_load_explicit (&root->current, memory_order_relaxed));
  g_ptr_array_unref (root->replaced);
  g_free (root);
}

TlcSnapshot *
tlc_root_read (TlcRoot *root)
{
  TlcSnapshot *snapshot;

  tlc_rcu_read_lock ();
  /* ORDER(snapshot.publish): acquire; pairs with the exchange in tlc_root_publish().
   * Without: a reader follows the new pointer into a snapshot that is not filled yet. */
  snapshot = atomic_load_explicit (&root->current, memory_order_acquire);
  tlc_snapshot_ref (snapshot);
  tlc_rcu_read_unlock ();
  return snapshot;
}

void
tlc_root_publish (TlcRoot *root, TlcSnapshot *next)
{
  /* ORDER(snapshot.publish): release; pairs with the acquire in tlc_root_read().
   * Orders:  the stores that filled @next  ->  the store that makes it reachable. */
  TlcSnapshot *before = atomic_exchange_explicit (&root->current, next, memory_order_acq_rel);

  g_ptr_array_add (root->replaced, before);
}
