/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keeper/tlc-keeper.h"
#include "model/tlc-answer.h"

/* How long a change of settings waits for the system's resolver. */
#define TLC_RESOLVER_TIMEOUT_MS 10000

/* What some addresses stand for: names are asked for on the resolver's thread, equal ones once, the
 * rest is known. Whoever makes it ends or cancels it, from any thread, one at a time; meanwhile the
 * workers are held: see tlc_worker_hold(). */
typedef struct _TlcInquiry TlcInquiry;

/* Asks what all @addresses, of TlcAddress, copied, stand for. @job, nullable, is hastened (see
 * tlc_keeper_hasten()) when the last answer is there; it outlives the inquiry. */
TlcInquiry *tlc_inquiry_new (GPtrArray *addresses, TlcJob *job);
/* Whether to wait no longer. In the child of a fork() it is: what was not answered by then never is. */
gboolean tlc_inquiry_is_answered (TlcInquiry *inquiry);
/* One TlcAnswer for each address, in order: what is not answered is an error of its own. Frees
 * @inquiry. */
GPtrArray *tlc_inquiry_end (TlcInquiry *inquiry);
/* The same without answers; takes NULL. */
void tlc_inquiry_cancel (TlcInquiry *inquiry);

/* The answers that there are by @deadline_us; see tlc_inquiry_end(). */
GPtrArray *tlc_resolver_ask (GPtrArray *addresses, gint64 deadline_us);

/* No service is open: the resolver ends, as soon as the system's resolver lets it. */
void tlc_resolver_stop (void);

/* In the child of fork(), where the lock is held; after the keeper's. */
void tlc_resolver_after_fork_child_unlocked (void);
