/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "model/tlc-answer.h"
#include "model/tlc-endpoint.h"
#include "model/tlc-settings.h"

/* What a configuration says of an endpoint. */
typedef struct {
  guint weight; /* its share, beside those of others of its tier */
  guint tier;   /* calls go to the least one that has an endpoint which takes them */
} TlcPlace;

/* What a service is at one generation: its settings and endpoints. Immutable once published. */
typedef struct _TlcSnapshot TlcSnapshot;
struct _TlcSnapshot {
  atomic_int ref_count; /* any thread */
  guint64 generation;   /* 1 for the first */
  gboolean closed;      /* the service takes no more calls; no endpoints then */
  TlcSettings *settings;
  TlcSnapshot
      *before; /* closed: the last one that was not, whose settings these are; a reference */
  GPtrArray *answers;   /* of TlcAnswer: what each of the settings' addresses stands for */
  GPtrArray *endpoints; /* of TlcEndpoint, in the order of the settings, no two equal */
  GArray *places;       /* of TlcPlace, one for each of them */
};

/* Takes @settings and @answers over; endpoints are to be added. */
TlcSnapshot *tlc_snapshot_new (guint64 generation, TlcSettings *settings, GPtrArray *answers);
/* What a service becomes when it closes: @before with no endpoints. */
TlcSnapshot *tlc_snapshot_new_closed (TlcSnapshot *before);
/* @endpoint, a reference taken over, which it does not have yet; before it is published. */
void tlc_snapshot_add_endpoint (TlcSnapshot *snapshot, TlcEndpoint *endpoint, TlcPlace place);
TlcSnapshot *tlc_snapshot_ref (TlcSnapshot *snapshot);
void tlc_snapshot_unref (TlcSnapshot *snapshot);
/* Compares the pointer alone: @endpoint need not be alive. */
gboolean tlc_snapshot_has_endpoint (const TlcSnapshot *snapshot, const TlcEndpoint *endpoint);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcSnapshot, tlc_snapshot_unref)
