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

#include <glib.h>
#include <pthread.h>
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

/* Of this thread: liburcu knows it; its destructors run, and liburcu's has, perhaps. */
extern _Thread_local gboolean tlc_rcu_is_known, tlc_rcu_is_exiting;
/* In the child of a fork() beside other threads: liburcu is not asked any more. Written while there is
 * one thread. */
extern gboolean tlc_rcu_is_left_alone;
/* Read sections of those who do not ask liburcu. */
extern pthread_mutex_t tlc_rcu_stand_in;

/* Makes this thread known to liburcu, which no fork() overtakes. */
void tlc_rcu_register (void);

static inline gboolean
tlc_rcu_is_by_stand_in (void)
{
  return tlc_rcu_is_left_alone || tlc_rcu_is_exiting;
}

/* What it returns is for tlc_rcu_read_unlock(). */
static inline gboolean
tlc_rcu_read_lock (void)
{
  if (G_UNLIKELY (tlc_rcu_is_by_stand_in ()))
    {
      pthread_mutex_lock (&tlc_rcu_stand_in);
      return TRUE;
    }
  if (G_UNLIKELY (!tlc_rcu_is_known))
    tlc_rcu_register ();
  urcu_bp_read_lock ();
  return FALSE;
}

static inline void
tlc_rcu_read_unlock (gboolean by_stand_in)
{
  if (G_UNLIKELY (by_stand_in))
    {
      pthread_mutex_unlock (&tlc_rcu_stand_in);
      return;
    }
#ifdef TLC_THREAD_SANITIZER
  __tsan_release (&tlc_rcu_grace_period);
#endif
  urcu_bp_read_unlock ();
}

/* Waits until every read section that had begun has ended. Never on the way of a call. */
void tlc_rcu_synchronize (void);

/* Whether this thread is inside a read section, perhaps the host program's own: it must not wait
 * for a grace period then, nor for a thread that does. */
gboolean tlc_rcu_is_reading (void);

/* Around fork(). Where the host program has prepared liburcu, or cannot, we leave it to it:
 * @without_liburcu, the same in all three. */
void tlc_rcu_before_fork (gboolean without_liburcu);
void tlc_rcu_after_fork_parent (gboolean without_liburcu);
void tlc_rcu_after_fork_child (gboolean without_liburcu);
/* Whether there is nothing to prepare: a child leaves liburcu alone. */
static inline gboolean
tlc_rcu_is_forked (void)
{
  return tlc_rcu_is_left_alone;
}

/* This thread's destructors run, ours among them. */
static inline void
tlc_rcu_thread_exits (void)
{
  tlc_rcu_is_exiting = TRUE;
}
