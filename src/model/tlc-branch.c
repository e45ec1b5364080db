/* SPDX-License-Identifier: Apache-2.0 */

/* A branch: from settings and what their names stand for to the next snapshot of one service. Nothing
 * is published here without a writer who holds the root's lock. */
#include "model/tlc-branch.h"

#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"

/* Priorities are 16 bits wide: an item that comes later is always behind. */
#define TLC_BRANCH_TIERS_OF_ITEM (1u << 16)

/* Where an address of the @item-th of the settings' has its place. */
static TlcPlace
tlc_branch_get_place (const TlcSettings *settings, guint item, const TlcAddress *address)
{
  guint first_tier
      = settings->balance == TLC_BALANCE_ORDERED ? item * TLC_BRANCH_TIERS_OF_ITEM : 0;

  return (TlcPlace){ .weight = address->weight, .tier = first_tier + address->priority };
}

/* One endpoint for each address, however many names it has. */
static void
tlc_branch_add_endpoints (TlcBranch *branch, TlcSnapshot *snapshot, guint item,
                          const TlcSnapshot *before, GHashTable *seen, gint64 now_us)
{
  const TlcAnswer *answer = snapshot->answers->pdata[item];

  for (guint i = 0; i < answer->addresses->len; i++)
    {
      const TlcAddress *address = answer->addresses->pdata[i];
      TlcEndpoint *endpoint = tlc_endpoint_table_get (branch->endpoints, address);

      if (!g_hash_table_add (seen, endpoint))
        continue;
      if (before == NULL || !tlc_snapshot_has_endpoint (before, endpoint))
        tlc_endpoint_join (endpoint, now_us);
      tlc_snapshot_add_endpoint (snapshot, tlc_endpoint_ref (endpoint),
                                 tlc_branch_get_place (snapshot->settings, item, address));
    }
}

/* What the same name stood for in @before; NULL when it was not there. */
static const TlcAnswer *
tlc_branch_find_last_answer (const TlcSnapshot *before, const TlcAddress *name)
{
  GPtrArray *names = before != NULL && !before->closed ? before->settings->addresses : NULL;

  for (guint i = 0; names != NULL && i < names->len; i++)
    if (tlc_address_equal (names->pdata[i], name))
      return before->answers->pdata[i];
  return NULL;
}

/* Replaces errors among @answers by what their names stood for in @before. */
static gboolean
tlc_branch_complete_answers (GPtrArray *answers, const TlcSettings *settings,
                             const TlcSnapshot *before, GError **error)
{
  for (guint i = 0; i < answers->len; i++)
    {
      TlcAnswer *answer = answers->pdata[i];
      const TlcAnswer *last;

      if (answer->error == NULL)
        continue;
      last = tlc_branch_find_last_answer (before, settings->addresses->pdata[i]);
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

TlcSnapshot *
tlc_branch_make_next_unlocked (TlcBranch *branch, TlcSettings *settings, GPtrArray *answers,
                               GError **error)
{
  const TlcSnapshot *before = tlc_branch_peek_unlocked (branch);
  guint64 generation = before != NULL ? before->generation + 1 : 1;
  g_autoptr (TlcSnapshot) next = tlc_snapshot_new (generation, settings, answers);
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  gint64 now_us = tlc_clock_now_us ();

  g_assert (answers->len == settings->addresses->len);
  if (!tlc_branch_complete_answers (answers, settings, before, error))
    return NULL;
  for (guint i = 0; i < answers->len; i++)
    tlc_branch_add_endpoints (branch, next, i, before, seen, now_us);
  return g_steal_pointer (&next);
}

TlcBranch *
tlc_branch_new (TlcRoot *root)
{
  TlcBranch *branch = g_new0 (TlcBranch, 1);

  branch->root = root;
  branch->endpoints = tlc_endpoint_table_new ();
  branch->place = G_MAXUINT;
  return branch;
}

TlcBranch *
tlc_branch_new_alone (TlcSettings *settings, GPtrArray *answers, GError **error)
{
  g_autoptr (TlcRoot) root = tlc_root_new ();
  TlcBranch *branch = tlc_branch_new (root);
  TlcSnapshot *first;

  tlc_root_lock ();
  tlc_root_add_unlocked (root, branch);
  first = tlc_branch_make_next_unlocked (branch, settings, answers, error);
  if (first != NULL)
    tlc_branch_publish_unlocked (branch, first);
  tlc_root_unlock ();
  if (first == NULL)
    return NULL;
  (void) g_steal_pointer (&root); /* by its branch */
  return branch;
}

void
tlc_branch_free (TlcBranch *branch)
{
  tlc_endpoint_table_free (branch->endpoints);
  g_free (branch);
}

guint64
tlc_branch_get_generation (const TlcBranch *branch)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (branch);

  return current->generation;
}

TlcSnapshot *
tlc_branch_peek_unlocked (const TlcBranch *branch)
{
  return tlc_root_peek_unlocked (branch->root, branch->place);
}

void
tlc_branch_publish_unlocked (TlcBranch *branch, TlcSnapshot *next)
{
  TlcTable *table = tlc_root_copy_table_unlocked (branch->root);

  tlc_table_set (table, branch->place, next);
  tlc_root_publish_unlocked (branch->root, table);
}

char *
tlc_branch_describe_endpoint (TlcBranch *branch, const TlcEndpoint *endpoint)
{
  char *text;

  tlc_root_lock ();
  text = tlc_endpoint_table_describe (branch->endpoints, endpoint);
  tlc_root_unlock ();
  return text;
}
