/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-connection.h"

typedef struct _TlcCall TlcCall;

/* What a thread may spend on retries: a share of its calls, saved up to so many retries. */
#define TLC_RETRY_SAVINGS_MAX 10

typedef struct {
  guint64 n_calls; /* of the thread, as counted in already */
  guint64 savings; /* in hundredths of a retry */
} TlcRetryBudget;

/* What the threads of a service may spend besides, so that rare calls can be retried too: so many a
 * second, no more at once. */
#define TLC_RETRY_RESERVE 10

typedef struct {
  _Atomic gint64 used_until_us; /* any thread: the time up to which it is used */
} TlcRetryReserve;

/* The connection failed by @io under the call at hand. TRUE: the request may be sent again; it was
 * closed, and waited for as long as is good. FALSE: the call has to fail. */
gboolean tlc_retry (TlcCall *call, TlcIo io);
