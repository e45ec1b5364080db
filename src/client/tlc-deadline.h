/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "model/tlc-cold.h"

/* The calling thread's tightest deadline, of the monotonic clock; 0, as a thread starts: it has none. */
extern _Thread_local gint64 tlc_deadline_us __attribute__ ((tls_model ("initial-exec")));

/* What bounds a call that would otherwise end at @deadline_us, by a deadline that is pushed. */
gint64 tlc_deadline_bound (gint64 deadline_us) TLC_COLD;

static inline gboolean
tlc_deadline_is_pushed (void)
{
  return tlc_deadline_us != 0;
}
