/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "model/tlc-address.h"
#include "model/tlc-health.h"

/* One address of a service. Snapshots and connections hold references: an endpoint outlives the
 * snapshot that named it for as long as a connection to it is open. */
typedef struct _TlcEndpoint TlcEndpoint;
struct _TlcEndpoint {
  atomic_int ref_count; /* any thread */
  TlcAddress *address;  /* immutable */
  guint64 hash;         /* of the address, the same in each process; immutable */
  /* any thread: after how long idle the peer was last seen to have closed, and after how long it is
   * known to; 0: not yet */
  _Atomic gint64 closed_after_us;
  _Atomic gint64 idle_limit_us;
  /* the ejector's lock: */
  TlcHealth health;
  guint64 n_failures, n_ejections; /* ever */
  gint64 ejected_us;               /* when it was, since it was UP last; 0: it was not */
  /* the same for all to read: the state in the lowest two bits, its time above them */
  _Atomic guint64 posted_health;
  _Atomic guint posted_failures; /* in a row */
  _Atomic gboolean is_doubtful;  /* an answer is worth telling the ejector */
  /* the keeper's, see tlc-prober.h */
  int probe_fd_plus_1; /* 0: none connects */
  guint64 top_up_round; /* see tlc-top-up.h: in which it has failed */
  gint64 probe_us;     /* when the next is due; while it connects: overdue; 0: it is not probed */
  /* any thread: */
  _Atomic gint64 joined_us;    /* since when it is part of the configuration */
  _Atomic guint n_connections; /* open, or being dialled */
  _Atomic guint64 n_calls;     /* answered, as far as their threads have told */
  _Atomic guint latency_us;    /* what calls take lately; 0: not known */
  _Atomic guint in_flight_256; /* how many of them, lately, in 256ths */
  _Atomic gint64 measured_us;  /* when the latency was told last, or somebody set out for it */
};

/* Takes @address over. */
TlcEndpoint *tlc_endpoint_new (TlcAddress *address);
TlcEndpoint *tlc_endpoint_ref (TlcEndpoint *endpoint);
void tlc_endpoint_unref (TlcEndpoint *endpoint);

/* Whether there are references besides the caller's. */
gboolean tlc_endpoint_is_shared (const TlcEndpoint *endpoint);

/* What is learnt about how long its peer lets connections idle: two closes that agree to a tenth make
 * a limit, one connection that is found open well beyond it unmakes it. A server that merely restarts
 * does not look like one that closes what is idle. */
#define TLC_ENDPOINT_IDLE_MIN_US (20 * 1000)
gint64 tlc_endpoint_get_idle_limit (const TlcEndpoint *endpoint); /* 0: none is known */
void tlc_endpoint_note_closed_idle (TlcEndpoint *endpoint, gint64 idle_us);
void tlc_endpoint_note_open_idle (TlcEndpoint *endpoint, gint64 idle_us);

const TlcAddress *tlc_endpoint_get_address (const TlcEndpoint *endpoint);
const char *tlc_endpoint_get_text (const TlcEndpoint *endpoint);

/* --- health, see tlc-ejector.h --- */

/* With the ejector's lock held: lets all see what @endpoint->health has become. */
void tlc_endpoint_post_health_unlocked (TlcEndpoint *endpoint);

/* Whether a probe is to find out how it is, by what was posted of it: one that is ejected; or one that has
 * failed, and that nobody has a connection to. */
gboolean tlc_endpoint_wants_probe (TlcEndpoint *endpoint, gint64 now_us);

/* Its state by now, and since or until when; not how often it was ejected. Any thread. */
static inline TlcHealth
tlc_endpoint_look_at_health (TlcEndpoint *endpoint, gint64 now_us)
{
  /* ORDER(endpoint.health): relaxed; a choice may be made by what was true a moment ago. */
  guint64 posted = atomic_load_explicit (&endpoint->posted_health, memory_order_relaxed);
  TlcHealth health = { .state = (TlcHealthState) (posted & 3), .at_us = (gint64) (posted >> 2) };

  /* ORDER(endpoint.health): relaxed; as above. */
  health.n_failures = atomic_load_explicit (&endpoint->posted_failures, memory_order_relaxed);
  health.state = tlc_health_get_state (&health, now_us);
  return health;
}

/* Whether the ejector wants to know of an answer. */
static inline gboolean
tlc_endpoint_is_doubtful (const TlcEndpoint *endpoint)
{
  /* ORDER(endpoint.health): relaxed; who misses it now sees it after the next answer. */
  return atomic_load_explicit (&endpoint->is_doubtful, memory_order_relaxed);
}

/* --- load, see tlc-balance.h --- */

static inline gint64
tlc_endpoint_get_joined_us (const TlcEndpoint *endpoint)
{
  /* ORDER(endpoint.load): relaxed; as for counts. */
  return atomic_load_explicit (&endpoint->joined_us, memory_order_relaxed);
}

/* A configuration that has it follows one that had not. */
static inline void
tlc_endpoint_join (TlcEndpoint *endpoint, gint64 now_us)
{
  /* ORDER(endpoint.load): relaxed; as for counts. */
  atomic_store_explicit (&endpoint->joined_us, now_us, memory_order_relaxed);
}

static inline guint
tlc_endpoint_count_connections (const TlcEndpoint *endpoint)
{
  /* ORDER(endpoint.load): relaxed; a count. */
  return atomic_load_explicit (&endpoint->n_connections, memory_order_relaxed);
}

/* One connection more, unless there are @max. */
gboolean tlc_endpoint_reserve (TlcEndpoint *endpoint, guint max);
void tlc_endpoint_unreserve (TlcEndpoint *endpoint);
/* @n_calls were answered, in @sum_us all together. */
void tlc_endpoint_note_latency (TlcEndpoint *endpoint, guint n_calls, gint64 sum_us, gint64 now_us);

static inline guint
tlc_endpoint_get_latency_us (const TlcEndpoint *endpoint)
{
  /* ORDER(endpoint.load): relaxed; as for counts. */
  return atomic_load_explicit (&endpoint->latency_us, memory_order_relaxed);
}

/* So many calls were in flight when somebody counted; and how many are, on average of late. */
void tlc_endpoint_note_in_flight (TlcEndpoint *endpoint, guint n_calls);

static inline double
tlc_endpoint_get_in_flight (const TlcEndpoint *endpoint)
{
  /* ORDER(endpoint.load): relaxed; as for counts. */
  return atomic_load_explicit (&endpoint->in_flight_256, memory_order_relaxed) / 256.0;
}
