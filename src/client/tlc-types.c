/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types: registers generated types before two threads can do so at once, and repairs the finalizers
 * of generated structs and exceptions, which do not chain up: GObject's own never runs, and leaks
 * the object's data list.
 *
 * A repaired class has tlc_types_finalize() in the place of its finalizer; which one that was is
 * kept in a table, looked up for every object freed. One thread at a time registers, under
 * tlc_types_lock, and writes everything here; any number of threads finalize objects meanwhile,
 * without a lock. Entries are added in place and never change; a full table is replaced by one of
 * twice the size and kept, since a finalizer may still be reading it. All of them together are
 * smaller than twice the last.
 */
#include "tlc/types.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>

#include <thrift/c_glib/thrift_application_exception.h>
#include <thrift/c_glib/thrift_struct.h>

#define TLC_TYPES_FIRST_BITS 7 /* 64 types, one mid-sized service, before it grows */

typedef void (*TlcFinalizeFunc) (GObject *object);

typedef struct {
  _Atomic (GType) type;     /* registrar writes, once; finalizers read, acquire; 0: free */
  TlcFinalizeFunc original; /* written before @type */
} TlcTypesEntry;

typedef struct _TlcTypesTable TlcTypesTable;

struct _TlcTypesTable {
  TlcTypesTable *replaced;         /* the smaller one before this; never freed, always reachable */
  TlcFinalizeFunc finalize_object; /* GObject's own */
  guint bits;                      /* 2^bits entries, open addressing */
  guint n_used;                    /* at most half of them: a search always ends. Under the lock */
  TlcTypesEntry entries[];
};

static pthread_mutex_t tlc_types_lock = PTHREAD_MUTEX_INITIALIZER;

/* registrar writes, under the lock; finalizers read, acquire */
static _Atomic (TlcTypesTable *) tlc_types_table;

/* The entry of @type, or the free one where it belongs. */
static TlcTypesEntry *
tlc_types_table_find (TlcTypesTable *table, GType type, GType *ret_found)
{
  gsize mask = ((gsize) 1 << table->bits) - 1;
  /* Fibonacci hashing: types are addresses, whose low bits are all alike */
  guint64 hash = (guint64) type * G_GUINT64_CONSTANT (0x9E3779B97F4A7C15);
  gsize i = (gsize) (hash >> (64 - table->bits));

  for (;; i = (i + 1) & mask)
    {
      /* ORDER(types.publish): acquire; pairs with the release in tlc_types_table_add().
       * Orders: seeing @type -> reading the finalizer beside it. Without: a null one is called.
       * Checked: tests/test-types.c, repair_while_freed under ThreadSanitizer */
      GType found = atomic_load_explicit (&table->entries[i].type, memory_order_acquire);

      if (found == type || found == 0)
        {
          *ret_found = found;
          return &table->entries[i];
        }
    }
}

static void
tlc_types_table_add (TlcTypesTable *table, GType type, TlcFinalizeFunc original)
{
  GType found;
  TlcTypesEntry *entry = tlc_types_table_find (table, type, &found);

  g_assert (found == 0);
  entry->original = original;
  table->n_used++;
  /* ORDER(types.publish): release; pairs with the acquire in tlc_types_table_find().
   * Orders: the store of the finalizer -> the store of @type. Without: a null one is called.
   * Checked: tests/test-types.c, repair_while_freed under ThreadSanitizer */
  atomic_store_explicit (&entry->type, type, memory_order_release);
}

static TlcTypesTable *
tlc_types_table_new (TlcTypesTable *replaced, guint bits)
{
  gsize n_entries = (gsize) 1 << bits;
  TlcTypesTable *table = g_malloc0 (sizeof *table + n_entries * sizeof table->entries[0]);

  table->replaced = replaced;
  table->bits = bits;
  table->finalize_object = G_OBJECT_CLASS (g_type_class_ref (G_TYPE_OBJECT))->finalize;

  for (gsize i = 0; replaced != NULL && i < (gsize) 1 << replaced->bits; i++)
    {
      /* ORDER(types.publish): relaxed; the lock is held, and only its holder writes. */
      GType type = atomic_load_explicit (&replaced->entries[i].type, memory_order_relaxed);

      if (type != 0)
        tlc_types_table_add (table, type, replaced->entries[i].original);
    }

  return table;
}

static TlcTypesTable *
tlc_types_get_table (void)
{
  /* ORDER(types.publish): acquire; pairs with the release in tlc_types_remember_unlocked().
   * Orders: seeing the table -> reading it. Without: it may still read as zeros.
   * Checked: tests/test-types.c, repair_while_freed under ThreadSanitizer */
  return atomic_load_explicit (&tlc_types_table, memory_order_acquire);
}

static void
tlc_types_remember_unlocked (GType type, TlcFinalizeFunc original)
{
  TlcTypesTable *table = tlc_types_get_table ();

  if (table == NULL || table->n_used >= (guint) 1 << (table->bits - 1))
    {
      table = tlc_types_table_new (table, table == NULL ? TLC_TYPES_FIRST_BITS : table->bits + 1);
      /* ORDER(types.publish): release; pairs with the acquire in tlc_types_get_table().
       * Orders: the stores that fill @table -> this one. Without: it may still read as zeros.
       * Checked: tests/test-types.c, repair_while_freed under ThreadSanitizer */
      atomic_store_explicit (&tlc_types_table, table, memory_order_release);
    }

  tlc_types_table_add (table, type, original);
}

/* What finalized objects of @type before the repair. @type itself is found at once, unless it is
 * a hand-made subclass that chains up: then the finalizer asked for is its parent's. */
static TlcFinalizeFunc
tlc_types_get_original (TlcTypesTable *table, GType type)
{
  for (; table != NULL && type != 0; type = g_type_parent (type))
    {
      GType found;
      TlcTypesEntry *entry = tlc_types_table_find (table, type, &found);

      if (found != 0)
        return entry->original;
    }

  return NULL;
}

/* The finalizer of repaired classes.
 *
 * GObject's own only clears the data list (in 2.74 and since 2.0), so a second run finds nothing to
 * do: should a later Thrift chain up by itself, this repair costs a call and breaks nothing. */
static void
tlc_types_finalize (GObject *object)
{
  TlcTypesTable *table = tlc_types_get_table ();
  TlcFinalizeFunc original = tlc_types_get_original (table, G_OBJECT_TYPE (object));

  if (G_UNLIKELY (original == NULL))
    {
      /* GLib reads the class without ordering, so where loads overtake each other a class repaired
       * this very moment may be seen before its entry. Whoever repairs holds the lock until both
       * are there. */
      pthread_mutex_lock (&tlc_types_lock);
      table = tlc_types_get_table ();
      pthread_mutex_unlock (&tlc_types_lock);
      original = tlc_types_get_original (table, G_OBJECT_TYPE (object));
      g_assert (original != NULL);
    }

  original (object);
  table->finalize_object (object);
}

/* Repairs a class, and before it those it inherits from, down from the generated one: the child of
 * ThriftStruct. Only that one's finalizer is wrapped: a subclass is made by hand, and hands make
 * finalizers chain up, to the repaired one; wrapped too, it would look itself up there and call
 * itself for ever. A subclass without a finalizer of its own may still carry its parent's from
 * before the repair. */
static TlcFinalizeFunc
tlc_types_repair_unlocked (GType type)
{
  GType parent = g_type_parent (type);
  GObjectClass *klass;
  TlcFinalizeFunc original;

  klass = g_type_class_ref (type); /* for good: a class made anew would come unrepaired */

  if (parent != THRIFT_TYPE_STRUCT)
    original = tlc_types_repair_unlocked (parent);
  else
    {
      GObjectClass *parent_class = g_type_class_peek_parent (klass);

      original = tlc_types_get_original (tlc_types_get_table (), type);
      if (original != NULL)
        return original; /* repaired, even if somebody has wrapped our finalizer since */
      if (klass->finalize == parent_class->finalize)
        return NULL; /* frees nothing of its own, and what it inherits runs already */

      original = klass->finalize;
      tlc_types_remember_unlocked (type, original);
    }

  if (klass->finalize == original)
    {
      _Atomic (TlcFinalizeFunc) *finalize = (_Atomic (TlcFinalizeFunc) *) &klass->finalize;

      /* ORDER(types.publish): release; pairs with GLib's plain load, hence the second look under
       * the lock in tlc_types_finalize(). Orders: the stores of the entry -> this one.
       * Without: it is looked for before it is there. Checked: likewise */
      atomic_store_explicit (finalize, tlc_types_finalize, memory_order_release);
    }

  return original;
}

static gboolean
tlc_types_register_unlocked (GType type)
{
  if (type == 0)
    return FALSE;

  /* an interface may pass for a ThriftStruct too, by what it requires, but has no class */
  if (G_TYPE_FUNDAMENTAL (type) == G_TYPE_OBJECT)
    {
      if (type != THRIFT_TYPE_STRUCT && g_type_is_a (type, THRIFT_TYPE_STRUCT))
        tlc_types_repair_unlocked (type);
      else
        g_type_class_ref (type); /* clients: made here, not by the threads that race to be first */
    }

  return TRUE;
}

/* GObject never forgets a type: its class, and what it calls, have to stay. Where generated code is in a
 * plugin, that one stays loaded, from now on. dlclose() of it changes nothing, and dlopen() finds it there,
 * where a second copy would register the same types, in vain. */
static void
tlc_types_pin (const TlcTypeFunc *types, gsize n_types)
{
  struct link_map *map, *pinned = NULL;
  Dl_info info;

  for (gsize i = 0; i < n_types; i++)
    {
      if (types[i] == NULL
          || dladdr1 ((void *) types[i], &info, (void **) &map, RTLD_DL_LINKMAP) == 0 || map == pinned)
        continue;
      pinned = map;
      /* The program itself has no name, and does not go. */
      if (map->l_name[0] != '\0')
        dlopen (map->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
}

void
tlc_register_types (const TlcTypeFunc *types, gsize n_types)
{
  g_autoptr (GArray) failed = NULL;

  g_return_if_fail (types != NULL || n_types == 0);

  failed = g_array_new (FALSE, FALSE, sizeof (gsize));

  /* Not under our lock: whoever loads a plugin has the loader's, and then wants ours. */
  tlc_types_pin (types, n_types);

  pthread_mutex_lock (&tlc_types_lock);
  tlc_types_register_unlocked (THRIFT_TYPE_APPLICATION_EXCEPTION);
  for (gsize i = 0; i < n_types; i++)
    {
      if (types[i] == NULL || !tlc_types_register_unlocked (types[i]()))
        g_array_append_val (failed, i);
    }
  pthread_mutex_unlock (&tlc_types_lock);

  /* not before: the program's log handler runs without our lock */
  for (guint i = 0; i < failed->len; i++)
    g_critical ("tlc_register_types: type function %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                " gave no type: was it used by two threads before it was registered?",
                g_array_index (failed, gsize, i), n_types);
}
