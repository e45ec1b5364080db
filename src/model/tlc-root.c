/* SPDX-License-Identifier: Apache-2.0 */

/* A root: the one pointer by which readers find a snapshot, and what lies behind it.
 *
 * Readers load the pointer and take a reference inside an RCU read section, and do nothing else
 * in it. Writers hold the lock; a writer fills a snapshot, then makes it reachable by one exchange.
 * The snapshot that it replaced may be in the hands of a reader who has not taken his reference
 * yet: it keeps the root's until the keeper has waited out a grace period. Writers that are faster
 * than grace periods wait for them, so that the number of snapshots stays bounded. */
#include "model/tlc-root.h"

#include <pthread.h>

#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"
#include "model/tlc-rcu.h"

struct _TlcRoot {
  _Atomic (TlcSnapshot *) current; /* writers, under the lock; any thread reads, in a read section */
  /* under the lock: */
  GHashTable *endpoints; /* socket address (GBytes) to TlcEndpoint: those of the snapshots, and
                            those that a connection or a thread still refers to */
  GPtrArray *replaced;   /* await a grace period */
  GPtrArray *reclaiming; /* the keeper is waiting one out for them */
};

/* One for the process: changes are rare and short, and fork() has to know of it. */
static pthread_mutex_t tlc_root_mutex = PTHREAD_MUTEX_INITIALIZER;
/* Some root has fewer snapshots that were replaced. */
static pthread_cond_t tlc_root_reclaimed = PTHREAD_COND_INITIALIZER;

/* The record of @address: the one it has, or a new one. */
static TlcEndpoint *
tlc_root_get_endpoint (TlcRoot *root, const TlcAddress *address)
{
  GBytes *key = g_bytes_new (&address->sockaddr, address->sockaddr_length);
  TlcEndpoint *endpoint = g_hash_table_lookup (root->endpoints, key);

  if (endpoint != NULL)
    {
      g_bytes_unref (key);
      return endpoint;
    }
  endpoint = tlc_endpoint_new (tlc_address_copy (address));
  g_hash_table_insert (root->endpoints, key, endpoint);
  return endpoint;
}

/* One endpoint for each address, however many names it has. */
static void
tlc_root_add_endpoints (TlcRoot *root, TlcSnapshot *snapshot, const TlcAnswer *answer,
                        GHashTable *seen)
{
  for (guint i = 0; i < answer->addresses->len; i++)
    {
      TlcEndpoint *endpoint = tlc_root_get_endpoint (root, answer->addresses->pdata[i]);

      if (g_hash_table_add (seen, endpoint))
        g_ptr_array_add (snapshot->endpoints, tlc_endpoint_ref (endpoint));
    }
}

/* What the same name stood for in @before; NULL when it was not there. */
static const TlcAnswer *
tlc_root_find_last_answer (const TlcSnapshot *before, const TlcAddress *name)
{
  GPtrArray *names = before != NULL && !before->closed ? before->settings->addresses : NULL;

  for (guint i = 0; names != NULL && i < names->len; i++)
    if (tlc_address_equal (names->pdata[i], name))
      return before->answers->pdata[i];
  return NULL;
}

/* Replaces errors among @answers by what their names stood for in @before. */
static gboolean
tlc_root_complete_answers (GPtrArray *answers, const TlcSettings *settings,
                           const TlcSnapshot *before, GError **error)
{
  for (guint i = 0; i < answers->len; i++)
    {
      TlcAnswer *answer = answers->pdata[i];
      const TlcAnswer *last;

      if (answer->error == NULL)
        continue;
      last = tlc_root_find_last_answer (before, settings->addresses->pdata[i]);
      /* Only where the name was asked for. */
      if (last == NULL || !g_error_matches (answer->error, TLC_ERROR, TLC_ERROR_UNAVAILABLE))
        {
          g_propagate_error (error, g_error_copy (answer->error));
          return FALSE;
        }
      answers->pdata[i] = tlc_answer_copy (last);
      tlc_answer_free (answer);
    }
  return TRUE;
}

static TlcSnapshot *
tlc_root_make (TlcRoot *root, TlcSettings *settings, GPtrArray *answers, const TlcSnapshot *before,
               GError **error)
{
  guint64 generation = before != NULL ? before->generation + 1 : 1;
  g_autoptr (TlcSnapshot) next = tlc_snapshot_new (generation, settings, answers);
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  g_assert (answers->len == settings->addresses->len);
  if (!tlc_root_complete_answers (answers, settings, before, error))
    return NULL;
  for (guint i = 0; i < answers->len; i++)
    tlc_root_add_endpoints (root, next, answers->pdata[i], seen);
  return g_steal_pointer (&next);
}

TlcRoot *
tlc_root_new (TlcSettings *settings, GPtrArray *answers, GError **error)
{
  g_autoptr (TlcRoot) root = g_new0 (TlcRoot, 1);
  TlcSnapshot *first;

  root->endpoints = g_hash_table_new_full (g_bytes_hash, g_bytes_equal,
                                           (GDestroyNotify) g_bytes_unref,
                                           (GDestroyNotify) tlc_endpoint_unref);
  root->replaced = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_snapshot_unref);
  root->reclaiming = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_snapshot_unref);
  first = tlc_root_make (root, settings, answers, NULL, error);
  atomic_init (&root->current, first);
  return first != NULL ? g_steal_pointer (&root) : NULL;
}

void
tlc_root_free (TlcRoot *root)
{
  if (root == NULL)
    return;
  /* ORDER(snapshot.publish): relaxed; no other thread is left. */
  tlc_snapshot_unref (atomic_load_explicit (&root->current, memory_order_relaxed));
  g_ptr_array_unref (root->replaced);
  g_ptr_array_unref (root->reclaiming);
  g_hash_table_unref (root->endpoints);
  g_free (root);
}

TlcSnapshot *
tlc_root_read (TlcRoot *root)
{
  gboolean by_stand_in = tlc_rcu_read_lock ();
  TlcSnapshot *snapshot;

  /* ORDER(snapshot.publish): seq_cst; pairs with the exchange in tlc_root_publish_unlocked(). Acquire
   * is for the contents; the rest for who dials by it: see seat.endpoint.
   * Without: a reader follows the new pointer into a snapshot that is not filled yet.
   * Checked: tests/stress/stress-snapshot.c */
  snapshot = atomic_load_explicit (&root->current, memory_order_seq_cst);
  tlc_snapshot_ref (snapshot);
  tlc_rcu_read_unlock (by_stand_in);
  return snapshot;
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

TlcSnapshot *
tlc_root_peek_unlocked (TlcRoot *root)
{
  /* ORDER(snapshot.publish): relaxed; the lock is held, and only its holder writes. */
  return atomic_load_explicit (&root->current, memory_order_relaxed);
}

TlcSnapshot *
tlc_root_make_next_unlocked (TlcRoot *root, TlcSettings *settings, GPtrArray *answers,
                             GError **error)
{
  return tlc_root_make (root, settings, answers, tlc_root_peek_unlocked (root), error);
}

/* A record that nothing but the table refers to is of no use. */
static gboolean
tlc_root_is_unused (gpointer key, gpointer endpoint, gpointer data)
{
  return !tlc_endpoint_is_shared (endpoint);
}

void
tlc_root_publish_unlocked (TlcRoot *root, TlcSnapshot *next)
{
  /* ORDER(snapshot.publish): seq_cst; pairs with the load in tlc_root_read().
   * Orders:  the stores that filled @next  ->  the store that makes it reachable. */
  TlcSnapshot *before = atomic_exchange_explicit (&root->current, next, memory_order_seq_cst);

  g_ptr_array_add (root->replaced, before);
}

char *
tlc_root_describe_endpoint (TlcRoot *root, const TlcEndpoint *endpoint)
{
  GHashTableIter iter;
  gpointer known;
  char *text = NULL;

  tlc_root_lock ();
  g_hash_table_iter_init (&iter, root->endpoints);
  while (text == NULL && g_hash_table_iter_next (&iter, NULL, &known))
    if (known == endpoint)
      text = g_strdup (tlc_endpoint_get_text (known));
  tlc_root_unlock ();
  return text;
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
  g_hash_table_foreach_remove (root->endpoints, tlc_root_is_unused, NULL);
  pthread_cond_broadcast (&tlc_root_reclaimed);
  tlc_root_unlock ();
}

void
tlc_root_after_fork_child (void)
{
  tlc_root_reclaimed = (pthread_cond_t) PTHREAD_COND_INITIALIZER; /* its waiters are the parent's */
  tlc_root_unlock ();
}
