/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-connection.h"

/* What a look at a connection that was idle says. */
typedef enum {
  TLC_IDLE_GOOD,
  TLC_IDLE_CLOSED, /* by its peer */
  TLC_IDLE_SPOKE,  /* its peer said something unasked */
  TLC_IDLE_OLD     /* its peer is about to close it, as far as we have learnt */
} TlcIdleVerdict;

/* Whether a connection that nobody used for @idle_us can carry another request; and what that
 * teaches about its endpoint. One system call, two where the peer has closed. */
TlcIdleVerdict tlc_idle_look (TlcConnection *connection, gint64 idle_us);

/* After how long idle connections to @endpoint, nullable, are to be looked at. */
gint64 tlc_idle_get_look_after (const TlcEndpoint *endpoint, gint64 check_after_idle_us);
