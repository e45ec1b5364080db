/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keeper/tlc-worker.h"
#include "model/tlc-answer.h"
#include "model/tlc-settings.h"

/* How long a change of settings waits for the system's resolver. */
#define TLC_RESOLVER_TIMEOUT_MS 10000

/* What the addresses of @settings stand for, one TlcAnswer for each: names are asked for on the
 * resolver's thread, the rest is known. What is not answered by @deadline_us is an error of its
 * own. Any thread; a service must be open, or about to be: see tlc_worker_hold(). */
GPtrArray *tlc_resolver_ask (const TlcSettings *settings, gint64 deadline_us);

/* No service is open: the resolver ends, as soon as the system's resolver lets it. */
void tlc_resolver_stop (void);

/* In the child of fork(), where the lock is held. */
void tlc_resolver_after_fork_child_unlocked (void);
