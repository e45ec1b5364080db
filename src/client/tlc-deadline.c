/* SPDX-License-Identifier: Apache-2.0 */

/* The deadlines that a thread has pushed, which bound all of its calls. All of it is the thread's
 * own.
 *
 * What lies on the stack are the deadlines to go back to. One that is pushed beyond its end tightens
 * the last, for as long as that lasts: a call may then end earlier than it had to, never later. */
#include "client/tlc-deadline.h"

#include "tlc/client.h"

#include "model/tlc-clock.h"

_Thread_local gint64 tlc_deadline_us;

static _Thread_local gint64 tlc_deadline_before_us[TLC_DEADLINE_DEPTH_MAX];
static _Thread_local guint tlc_deadline_depth;

gint64
tlc_deadline_bound (gint64 deadline_us)
{
  return tlc_deadline_is_pushed () ? MIN (deadline_us, tlc_deadline_us) : deadline_us;
}

void
tlc_deadline_push (guint timeout_ms)
{
  if (tlc_deadline_depth < TLC_DEADLINE_DEPTH_MAX)
    tlc_deadline_before_us[tlc_deadline_depth] = tlc_deadline_us;
  tlc_deadline_depth++;
  tlc_deadline_us = tlc_deadline_bound (tlc_clock_now_us () + (gint64) timeout_ms * 1000);
}

void
tlc_deadline_pop (void)
{
  g_return_if_fail (tlc_deadline_depth > 0);

  if (--tlc_deadline_depth < TLC_DEADLINE_DEPTH_MAX)
    tlc_deadline_us = tlc_deadline_before_us[tlc_deadline_depth];
}
