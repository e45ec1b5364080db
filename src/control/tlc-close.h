/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/tlc-core.h"

/* So long calls that were cut may take to come back, after close-timeout. */
#define TLC_CLOSE_CUT_MS 1000

/* No more calls of @core, and those that are under way end by close-timeout, or are cut; when it returns
 * nothing is open, unless some thread does not come back from its call. Any thread, any number of times. */
void tlc_close (TlcCore *core);
/* The same, by close-timeout from @now_us. */
void tlc_close_since (TlcCore *core, gint64 now_us);
