/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "model/tlc-endpoint.h"
#include "model/tlc-settings.h"

/* What a service is at one generation: its settings and endpoints. Immutable once published. */
typedef struct _TlcSnapshot TlcSnapshot;
struct _TlcSnapshot {
  atomic_int ref_count; /* any thread */
  guint64 generation;   /* 1 for the first */
  gboolean closed;      /* the service takes no more calls; no endpoints then */
  TlcSettings *settings;
  TlcSnapshot
      *before; /* closed: the last one that was not, whose settings these are; a reference */
  GPtrArray *endpoints; /* of TlcEndpoint, in the order of the settings */
};

/* Resolves the names among the addresses, which may block. Takes @settings over. */
TlcSnapshot *tlc_snapshot_new (guint64 generation, TlcSettings *settings, GError **error);
/* What a service becomes when it closes: @before with no endpoints. */
TlcSnapshot *tlc_snapshot_new_closed (TlcSnapshot *before);
TlcSnapshot *tlc_snapshot_ref (TlcSnapshot *snapshot);
void tlc_snapshot_unref (TlcSnapshot *snapshot);
gboolean tlc_snapshot_has_endpoint (const TlcSnapshot *snapshot, const TlcEndpoint *endpoint);

/* The place where readers find the snapshot in force. */
typedef struct _TlcRoot TlcRoot;

/* Takes @first over. */
TlcRoot *tlc_root_new (TlcSnapshot *first);
void tlc_root_free (TlcRoot *root); /* no reader is left */
/* A reference to the snapshot in force. Any thread; no lock. */
TlcSnapshot *tlc_root_read (TlcRoot *root);
/* Puts @next, taken over, in force. The one before is kept until tlc_root_free(), for readers
 * that are about to take their reference. */
void tlc_root_publish (TlcRoot *root, TlcSnapshot *next);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcSnapshot, tlc_snapshot_unref)
