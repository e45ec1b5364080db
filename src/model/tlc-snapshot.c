/* SPDX-License-Identifier: Apache-2.0 */

/* Snapshots: filled by one writer, then published (tlc-root) and only read. Whoever reads one
 * holds a reference, for as long as a dial takes or a seat is judged: no thread keeps a snapshot
 * alive between its calls. */
#include "model/tlc-snapshot.h"

static TlcSnapshot *
tlc_snapshot_alloc (guint64 generation)
{
  TlcSnapshot *snapshot = g_new0 (TlcSnapshot, 1);

  atomic_init (&snapshot->ref_count, 1);
  snapshot->generation = generation;
  snapshot->endpoints = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_endpoint_unref);
  snapshot->places = g_array_new (FALSE, FALSE, sizeof (TlcPlace));
  return snapshot;
}

TlcSnapshot *
tlc_snapshot_new (guint64 generation, TlcSettings *settings, GPtrArray *answers)
{
  TlcSnapshot *snapshot = tlc_snapshot_alloc (generation);

  snapshot->settings = settings;
  snapshot->answers = answers;
  return snapshot;
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

void
tlc_snapshot_add_endpoint (TlcSnapshot *snapshot, TlcEndpoint *endpoint, TlcPlace place)
{
  g_ptr_array_add (snapshot->endpoints, endpoint);
  g_array_append_val (snapshot->places, place);
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
  g_array_unref (snapshot->places);
  g_clear_pointer (&snapshot->answers, g_ptr_array_unref);
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
