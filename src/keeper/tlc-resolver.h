/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keeper/tlc-keeper.h"
#include "model/tlc-answer.h"

/* How long a change of settings waits for the system's resolver. */
#define TLC_RESOLVER_TIMEOUT_MS 10000

/* What addresses stand for: names are asked for on the resolver's thread, each once, the rest is known. Any
 * thread; a service must be open, or about to be: see tlc_worker_hold(). */
typedef struct _TlcInquiry TlcInquiry;

/* @addresses (of TlcAddress) are copied. @job, nullable, which outlives the inquiry, is hastened when the
 * last answer is there. */
TlcInquiry *tlc_inquiry_new (const GPtrArray *addresses, TlcJob *job);
gboolean tlc_inquiry_is_answered (TlcInquiry *inquiry);
void tlc_inquiry_wait (TlcInquiry *inquiry, gint64 deadline_us);
/* One TlcAnswer for each address, in their order: what has not been answered is an error of its own. Frees
 * @inquiry. */
GPtrArray *tlc_inquiry_end (TlcInquiry *inquiry);

/* All of it: asks, and waits until @deadline_us. */
GPtrArray *tlc_resolver_ask (const GPtrArray *addresses, gint64 deadline_us);

/* No service is open: the resolver ends, as soon as the system's resolver lets it. */
void tlc_resolver_stop (void);

/* In the child of fork(), where the lock is held. */
void tlc_resolver_after_fork_child_unlocked (void);
