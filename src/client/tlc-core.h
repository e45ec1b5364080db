/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib-object.h>
#include <stdatomic.h>

#include "client/tlc-retry.h"
#include "connect/tlc-seats.h"
#include "connect/tlc-balance.h"
#include "connect/tlc-prober.h"
#include "connect/tlc-top-up.h"
#include "keeper/tlc-keeper.h"
#include "observe/tlc-counters.h"

/* What the threads of a service share. The program's handle holds one reference and each
 * thread's transport another, so it outlives the handle until the last thread has let go of its
 * client. */
typedef struct {
  atomic_int ref_count; /* any thread */
  guint32 index;        /* where threads look for their slot; taken again after the core is gone */
  guint64 id;           /* never taken again: tells whether what a thread finds there is ours */
  char *name;
  GType client_type;
  atomic_bool is_closed; /* with the root's lock; any thread reads */
  atomic_bool is_ended;  /* set once, likewise: it stays closed, and threads may forget their clients */
  _Atomic gint64 closed_us; /* when it was closed for the time being, likewise */
  TlcBranch *branch;     /* with a reference to its root */
  TlcSeats seats;
  TlcEjector ejector;
  TlcBalance balance;
  TlcProber prober;
  TlcLedger ledger;
  TlcRetryReserve retry_reserve;
  TlcTopUp top_up;
  TlcJob reclaim;    /* the keeper's, after a change */
  TlcJob watch;      /* the keeper's, while connections are open */
  TlcJob top_up_job; /* the keeper's, when fewer are open than should be */
  TlcJob probe_job;  /* the keeper's, while endpoints are probed */
} TlcCore;

/* How long a change waits while the snapshots of earlier ones await their readers. */
#define TLC_CORE_ROOM_TIMEOUT_MS 10000

/* Takes @branch's reference to its root over; @first is what is in force there. To be topped up. */
TlcCore *tlc_core_new (const char *name, GType client_type, TlcBranch *branch,
                       const TlcSnapshot *first);
TlcCore *tlc_core_ref (TlcCore *core);
void tlc_core_unref (TlcCore *core);
/* Puts @settings in force, which with what their addresses stand for are taken over, or changes
 * nothing. Calls that begin after it returned go by them; what is not needed any more and no call
 * uses is closed before it returns. Any thread, one after the other. */
gboolean tlc_core_reconfigure (TlcCore *core, TlcSettings *settings, GPtrArray *answers,
                               GError **error);
/* No more calls, ever: what no call uses is closed now, the rest at the end of its call. */
void tlc_core_end (TlcCore *core);
/* A connection is open: sees to it that the keeper looks after its calls and holds. */
void tlc_core_keep_watch (TlcCore *core, const TlcSettings *settings);
/* Connections may be fewer now: sees to it that the keeper opens others in advance, if it is to. */
void tlc_core_top_up (TlcCore *core);
/* Whether it takes no calls, now or ever. */
gboolean tlc_core_is_closed (const TlcCore *core);
gboolean tlc_core_is_ended (const TlcCore *core);

/* For who changes several services together. With the root's lock held, before @next is published. */
void tlc_core_announce_unlocked (TlcCore *core, const TlcSnapshot *next);
/* After that, without the lock: closes what was retired and no call uses; where the service is closed now,
 * sends those away who wait. */
void tlc_core_follow_change (TlcCore *core);

/* What the forking thread has of a core, and the child has, too; %NULL: nothing. */
typedef struct {
  const TlcSeat *claimed;
  const TlcCounters *counters;
} TlcCoreOwn;

/* Around fork(): the locks of all cores. */
void tlc_core_before_fork (void);
void tlc_core_after_fork_parent (void);
void tlc_core_after_fork_child (TlcCoreOwn (*peek_own) (const TlcCore *core));
