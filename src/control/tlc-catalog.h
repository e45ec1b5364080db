/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "control/tlc-directory.h"
#include "keeper/tlc-notifier.h"
#include "model/tlc-services-file.h"

typedef struct _TlcFollow TlcFollow;

/* What is behind the handle of a registry: its services, and what they are made by. The handle holds one
 * reference and each job of the keeper's another. */
typedef struct {
  atomic_int ref_count; /* any thread */
  TlcRoot *root;
  TlcDirectory directory;
  TlcNotifier *notifier;
  TlcJob reclaim; /* the keeper's, after a change */
  /* under the root's lock: */
  gboolean is_ended;   /* the handle is gone */
  guint64 last_ticket; /* of the load that began last */
  guint64 ticket;      /* of the one that is in force */
  GPtrArray *files;    /* of TlcServicesFile: those before, and the one in force */
  char *path;          /* the last one that was loaded, absolute; NULL: none was */
  GBytes *loaded;      /* what was in it then */
  TlcFollow *follow;   /* NULL: no file is */
} TlcCatalog;

/* So many files can be gone back to. */
#define TLC_CATALOG_FILES_MAX 8

TlcCatalog *tlc_catalog_new (void);
TlcCatalog *tlc_catalog_ref (TlcCatalog *catalog);
void tlc_catalog_unref (TlcCatalog *catalog);
/* The handle goes: closes all services, together, and lets go of them. */
void tlc_catalog_end (TlcCatalog *catalog);

/* The slow way to a service: a name that is asked for the first time, or cannot be had. */
TlcService *tlc_catalog_bind (TlcCatalog *catalog, const char *name, GType client_type,
                              GError **error);
/* A change is published: has the keeper free what it replaced. */
void tlc_catalog_reclaim (TlcCatalog *catalog);
/* The service of @member; NULL: nobody has asked for it yet. */
static inline TlcService *
tlc_member_get_service (TlcMember *member)
{
  /* ORDER(member.service): acquire; pairs with the store in tlc_catalog_bind(): the service is filled. */
  return atomic_load_explicit (&member->service, memory_order_acquire);
}

static inline gboolean
tlc_member_is_open (TlcMember *member)
{
  /* ORDER(member.open): relaxed; what keeps calls away is the snapshot. */
  return atomic_load_explicit (&member->is_open, memory_order_relaxed);
}
