/* SPDX-License-Identifier: Apache-2.0 */

/* A root: the one pointer by which readers find snapshots, and what lies behind it.
 *
 * Readers load the pointer and take a reference to a snapshot inside an RCU read section, and do nothing
 * else in it. Writers hold the lock; a writer fills a table, then makes it reachable by one exchange.
 * The table that it replaced may be in the hands of a reader who has not taken his reference
 * yet: it stays until the keeper has waited out a grace period. Writers that are faster
 * than grace periods wait for them, so that the number of tables stays bounded. */
#include "model/tlc-root.h"

#include <pthread.h>

#include "model/tlc-branch.h"
#include "model/tlc-clock.h"
#include "model/tlc-rcu.h"

struct _TlcRoot {
  atomic_int ref_count;         /* any thread */
  _Atomic (TlcTable *) current; /* writers, under the lock; any thread reads, in a read section. NULL: none yet */
  /* under the lock: */
  GPtrArray *branches;   /* of TlcBranch, by place */
  GPtrArray *replaced;   /* of TlcTable: await a grace period */
  GPtrArray *reclaiming; /* the keeper is waiting one out for them */
};

/* One for the process: changes are rare and short, and fork() has to know of it. */
static pthread_mutex_t tlc_root_mutex = PTHREAD_MUTEX_INITIALIZER;
/* Some root has fewer tables that were replaced. */
static pthread_cond_t tlc_root_reclaimed = PTHREAD_COND_INITIALIZER;

static TlcTable *
tlc_table_new (guint64 generation, guint n_snapshots)
{
  TlcTable *table = g_malloc0 (sizeof *table + n_snapshots * sizeof table->snapshots[0]);

  table->generation = generation;
  table->n_snapshots = n_snapshots;
  return table;
}

static void
tlc_table_free (gpointer data)
{
  TlcTable *table = data;

  for (guint i = 0; table != NULL && i < table->n_snapshots; i++)
    tlc_snapshot_unref (table->snapshots[i]);
  g_free (table);
}

void
tlc_table_set (TlcTable *table, guint place, TlcSnapshot *snapshot)
{
  g_assert (place < table->n_snapshots);
  tlc_snapshot_unref (table->snapshots[place]);
  table->snapshots[place] = snapshot;
}

TlcRoot *
tlc_root_new (void)
{
  TlcRoot *root = g_new0 (TlcRoot, 1);

  atomic_init (&root->ref_count, 1);
  root->branches = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_branch_free);
  root->replaced = g_ptr_array_new_with_free_func (tlc_table_free);
  root->reclaiming = g_ptr_array_new_with_free_func (tlc_table_free);
  return root;
}

TlcRoot *
tlc_root_ref (TlcRoot *root)
{
  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already. */
  atomic_fetch_add_explicit (&root->ref_count, 1, memory_order_relaxed);
  return root;
}

void
tlc_root_unref (TlcRoot *root)
{
  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (root == NULL
      || atomic_fetch_sub_explicit (&root->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  /* ORDER(snapshot.publish): relaxed; no other thread is left. */
  tlc_table_free (atomic_load_explicit (&root->current, memory_order_relaxed));
  g_ptr_array_unref (root->replaced);
  g_ptr_array_unref (root->reclaiming);
  g_ptr_array_unref (root->branches);
  g_free (root);
}

/* In a read section. */
static const TlcTable *
tlc_root_load (TlcRoot *root)
{
  /* ORDER(snapshot.publish): seq_cst; pairs with the exchange in tlc_root_publish_unlocked(). Acquire
   * is for the contents; the rest for who dials by it, see seat.endpoint, and for who leaves a seat and
   * looks whether it was published before that: see seats.attention.
   * Without: a reader follows the new pointer into a snapshot that is not filled yet.
   * Checked: tests/stress/stress-snapshot.c */
  return atomic_load_explicit (&root->current, memory_order_seq_cst);
}

TlcSnapshot *
tlc_root_read (TlcRoot *root, guint place)
{
  gboolean by_stand_in = tlc_rcu_read_lock ();
  TlcSnapshot *snapshot = tlc_snapshot_ref (tlc_root_load (root)->snapshots[place]);

  tlc_rcu_read_unlock (by_stand_in);
  return snapshot;
}

guint64
tlc_root_get_generation (TlcRoot *root)
{
  gboolean by_stand_in = tlc_rcu_read_lock ();
  const TlcTable *table = tlc_root_load (root);
  guint64 generation = table != NULL ? table->generation : 0;

  tlc_rcu_read_unlock (by_stand_in);
  return generation;
}

void
tlc_root_lock (void)
{
  pthread_mutex_lock (&tlc_root_mutex);
}

void
tlc_root_unlock (void)
{
  pthread_mutex_unlock (&tlc_root_mutex);
}

static gboolean
tlc_root_has_room (const TlcRoot *root)
{
  return root->replaced->len + root->reclaiming->len < TLC_ROOT_REPLACED_MAX;
}

gboolean
tlc_root_wait_for_room_unlocked (TlcRoot *root, gint64 deadline_us)
{
  while (!tlc_root_has_room (root))
    if (tlc_clock_wait (&tlc_root_reclaimed, &tlc_root_mutex, deadline_us) != 0)
      return tlc_root_has_room (root);
  return TRUE;
}

static TlcTable *
tlc_root_get_table_unlocked (TlcRoot *root)
{
  /* ORDER(snapshot.publish): relaxed; the lock is held, and only its holder writes. */
  return atomic_load_explicit (&root->current, memory_order_relaxed);
}

void
tlc_root_add_unlocked (TlcRoot *root, TlcBranch *branch)
{
  branch->place = root->branches->len;
  g_ptr_array_add (root->branches, branch);
}

TlcSnapshot *
tlc_root_peek_unlocked (TlcRoot *root, guint place)
{
  const TlcTable *table = tlc_root_get_table_unlocked (root);

  return table != NULL && place < table->n_snapshots ? table->snapshots[place] : NULL;
}

TlcTable *
tlc_root_copy_table_unlocked (TlcRoot *root)
{
  const TlcTable *table = tlc_root_get_table_unlocked (root);
  TlcTable *next = tlc_table_new (table != NULL ? table->generation + 1 : 1, root->branches->len);

  for (guint i = 0; table != NULL && i < table->n_snapshots; i++)
    next->snapshots[i] = tlc_snapshot_ref (table->snapshots[i]);
  return next;
}

void
tlc_root_publish_unlocked (TlcRoot *root, TlcTable *next)
{
  /* ORDER(snapshot.publish): seq_cst; pairs with the load in tlc_root_load().
   * Orders:  the stores that filled @next  ->  the store that makes it reachable. */
  TlcTable *before = atomic_exchange_explicit (&root->current, next, memory_order_seq_cst);

  if (before != NULL)
    g_ptr_array_add (root->replaced, before);
}

void
tlc_root_reclaim (TlcRoot *root)
{
  tlc_root_lock ();
  /* What is there already is from a keeper that fork() left behind in the parent. */
  for (guint i = 0; i < root->replaced->len; i++)
    g_ptr_array_add (root->reclaiming, root->replaced->pdata[i]);
  g_free (g_ptr_array_steal (root->replaced, NULL));
  tlc_root_unlock ();

  /* Readers that loaded one of these pointers take their reference before this returns.
   * Without: a reader counts up in freed memory. Checked: tests/stress/stress-snapshot.c */
  tlc_rcu_synchronize ();

  tlc_root_lock ();
  g_ptr_array_set_size (root->reclaiming, 0);
  for (guint i = 0; i < root->branches->len; i++)
    tlc_endpoint_table_prune (((TlcBranch *) root->branches->pdata[i])->endpoints);
  pthread_cond_broadcast (&tlc_root_reclaimed);
  tlc_root_unlock ();
}

void
tlc_root_after_fork_child (void)
{
  tlc_root_reclaimed = (pthread_cond_t) PTHREAD_COND_INITIALIZER; /* its waiters are the parent's */
  tlc_root_unlock ();
}
