/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/tlc-core.h"

/* Connects, by the calling thread's client, until that has succeeded once, or @deadline_us. */
gboolean tlc_ready_wait (TlcCore *core, gint64 deadline_us, GError **error);
