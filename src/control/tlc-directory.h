/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "control/tlc-service-private.h"

/* A service of a registry: a name that some file has had. */
typedef struct {
  char *name;
  guint32 hash;
  TlcBranch *branch; /* the root's; immutable */
  /* the root's lock to write, any thread reads: */
  _Atomic (TlcService *) service; /* set once; NULL: nobody has asked for it. A reference */
  atomic_bool is_open;            /* in force */
} TlcMember;

/* The members of a registry by name. There are only ever more of them, so who reads needs no lock and no
 * read section: what he finds stays until the registry goes, and so do tables that have become too small.
 *
 *   find     any thread
 *   add      with the root's lock
 *   clear    no other thread is left */
typedef struct _TlcDirectoryTable TlcDirectoryTable;
typedef struct {
  _Atomic (TlcDirectoryTable *) current; /* add writes, find reads */
  GPtrArray *members;                    /* of TlcMember, under the root's lock: in the order of coming */
} TlcDirectory;

void tlc_directory_init (TlcDirectory *directory);
void tlc_directory_clear (TlcDirectory *directory);
/* NULL: there is none. */
TlcMember *tlc_directory_find (TlcDirectory *directory, const char *name);
/* A member of that name, which is not there yet; not open. */
TlcMember *tlc_directory_add_unlocked (TlcDirectory *directory, const char *name,
                                       TlcBranch *branch);
