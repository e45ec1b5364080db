/* SPDX-License-Identifier: Apache-2.0 */

/* Names to services, without a lock: a hash table with open addresses that only grows. A place is filled
 * once; when half of them are, a table of twice the size is filled and published, and the old one is kept
 * for those who are still looking in it. A name that is added while somebody looks he finds or does not. */
#include "control/tlc-directory.h"

#include <string.h>

#define TLC_DIRECTORY_SIZE_MIN 16 /* a power of two, as all sizes */

struct _TlcDirectoryTable {
  TlcDirectoryTable *before; /* half as large; NULL: it is the first */
  guint32 mask;              /* its size - 1 */
  _Atomic (TlcMember *) places[];
};

/* FNV-1a. */
static guint32
tlc_directory_hash (const char *name)
{
  guint32 hash = 2166136261u;

  for (const unsigned char *at = (const unsigned char *) name; *at != '\0'; at++)
    hash = (hash ^ *at) * 16777619u;
  return hash;
}

static TlcDirectoryTable *
tlc_directory_table_new (guint32 size, TlcDirectoryTable *before)
{
  TlcDirectoryTable *table = g_malloc0 (sizeof *table + size * sizeof table->places[0]);

  table->before = before;
  table->mask = size - 1;
  return table;
}

/* The place of @name, or the free one where it would be. */
static guint32
tlc_directory_table_search (TlcDirectoryTable *table, const char *name, guint32 hash,
                            TlcMember **ret_member)
{
  for (guint32 i = hash & table->mask;; i = (i + 1) & table->mask)
    {
      /* ORDER(directory.place): acquire; pairs with the store in tlc_directory_table_put(): the member is
       * filled. */
      TlcMember *member = atomic_load_explicit (&table->places[i], memory_order_acquire);

      *ret_member = member;
      if (member == NULL || (member->hash == hash && strcmp (member->name, name) == 0))
        return i;
    }
}

static void
tlc_directory_table_put (TlcDirectoryTable *table, TlcMember *member)
{
  TlcMember *other;
  guint32 i = tlc_directory_table_search (table, member->name, member->hash, &other);

  g_assert (other == NULL);
  /* ORDER(directory.place): release; pairs with the load in tlc_directory_table_search(). */
  atomic_store_explicit (&table->places[i], member, memory_order_release);
}

void
tlc_directory_init (TlcDirectory *directory)
{
  directory->members = g_ptr_array_new ();
  atomic_init (&directory->current, tlc_directory_table_new (TLC_DIRECTORY_SIZE_MIN, NULL));
}

static void
tlc_member_free (TlcMember *member)
{
  g_free (member->name);
  g_free (member);
}

void
tlc_directory_clear (TlcDirectory *directory)
{
  /* ORDER(directory.table): relaxed; no other thread is left. */
  TlcDirectoryTable *table = atomic_load_explicit (&directory->current, memory_order_relaxed);
  TlcDirectoryTable *before;

  for (; table != NULL; table = before)
    {
      before = table->before;
      g_free (table);
    }
  for (guint i = 0; i < directory->members->len; i++)
    tlc_member_free (directory->members->pdata[i]);
  g_ptr_array_unref (directory->members);
}

static TlcDirectoryTable *
tlc_directory_get_table (TlcDirectory *directory)
{
  /* ORDER(directory.table): acquire; pairs with the store in tlc_directory_grow_unlocked(): its places are
   * filled, or empty. */
  return atomic_load_explicit (&directory->current, memory_order_acquire);
}

TlcMember *
tlc_directory_find (TlcDirectory *directory, const char *name)
{
  TlcMember *member;

  tlc_directory_table_search (tlc_directory_get_table (directory), name, tlc_directory_hash (name),
                              &member);
  return member;
}

/* For one more. */
static void
tlc_directory_grow_unlocked (TlcDirectory *directory)
{
  TlcDirectoryTable *table = tlc_directory_get_table (directory);
  TlcDirectoryTable *larger;

  if (directory->members->len < (table->mask + 1) / 2)
    return;
  larger = tlc_directory_table_new ((table->mask + 1) * 2, table);
  for (guint i = 0; i < directory->members->len; i++)
    tlc_directory_table_put (larger, directory->members->pdata[i]);
  /* ORDER(directory.table): release; pairs with the load in tlc_directory_get_table(). */
  atomic_store_explicit (&directory->current, larger, memory_order_release);
}

TlcMember *
tlc_directory_add_unlocked (TlcDirectory *directory, const char *name, TlcBranch *branch)
{
  TlcMember *member = g_new0 (TlcMember, 1);

  member->name = g_strdup (name);
  member->hash = tlc_directory_hash (name);
  member->branch = branch;
  tlc_directory_grow_unlocked (directory);
  g_ptr_array_add (directory->members, member);
  tlc_directory_table_put (tlc_directory_get_table (directory), member);
  return member;
}
