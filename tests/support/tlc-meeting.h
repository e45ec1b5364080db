/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Two threads that meet again and again, each time at another point. */
#include <sched.h>
#include <stdatomic.h>

#include <glib.h>

/* Turns of waiting before the processor is left to others: they meet only while both run. */
#define PATIENCE 2000

static inline void
wait_for (_Atomic guint64 *counter, guint64 value)
{
  for (guint turns = 0; atomic_load_explicit (counter, memory_order_acquire) < value; turns++)
    if (turns % PATIENCE == PATIENCE - 1)
      sched_yield ();
}

/* A little time, so that the two do not always meet at the same point. */
static inline void
dawdle (guint64 turns)
{
  for (_Atomic guint64 turn = 0; turn < turns; turn++)
    ;
}
