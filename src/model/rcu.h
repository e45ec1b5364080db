/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The only includer of <urcu/...>. The flavour is bp: it registers threads by itself and
 * survives readers that are cancelled or exit, since the threads are the host program's and not
 * ours to register. The small functions are inlined; a warm call enters no read section.
 *
 * Pointers are published and read by C11 atomics rather than by liburcu's macros, which liburcu
 * 0.13 turns into a plain load and a library call that ThreadSanitizer cannot follow. The
 * sanitizer learns of grace periods here: what was done inside a read section happened before
 * what follows tlc_rcu_synchronize(). */
#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/urcu-bp.h>

#include <stdatomic.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TLC_THREAD_SANITIZER 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define TLC_THREAD_SANITIZER 1
#endif

#ifdef TLC_THREAD_SANITIZER
extern void __tsan_acquire (void *address);
extern void __tsan_release (void *address);
extern char tlc_rcu_grace_period; /* an address that stands for it */
#endif

static inline void
tlc_rcu_read_lock (void)
{
  urcu_bp_read_lock ();
}

static inline void
tlc_rcu_read_unlock (void)
{
#ifdef TLC_THREAD_SANITIZER
  __tsan_release (&tlc_rcu_grace_period);
#endif
  urcu_bp_read_unlock ();
}

/* Waits until every read section that had begun has ended. Never on the way of a call. */
static inline void
tlc_rcu_synchronize (void)
{
  urcu_bp_synchronize_rcu ();
#ifdef TLC_THREAD_SANITIZER
  __tsan_acquire (&tlc_rcu_grace_period);
#endif
}

/* Whether this thread is inside a read section, perhaps the host program's own: it must not wait
 * for a grace period then, nor for a thread that does. */
static inline int
tlc_rcu_is_reading (void)
{
  return urcu_bp_read_ongoing ();
}

static inline void
tlc_rcu_before_fork (void)
{
  urcu_bp_before_fork ();
}

static inline void
tlc_rcu_after_fork_parent (void)
{
  urcu_bp_after_fork_parent ();
}

static inline void
tlc_rcu_after_fork_child (void)
{
  urcu_bp_after_fork_child ();
}
