/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#if !defined(TLC_INSIDE) && !defined(TLC_COMPILATION)
#error "Only <tlc/tlc.h> can be included directly."
#endif

#include <glib.h>

#include <tlc/version.h>

G_BEGIN_DECLS

/**
 * TlcForkPreparer:
 * @TLC_FORK_PREPARER_AUTO: the library, unless all signals are blocked when its handler runs: then
 *   the program has called `urcu_bp_before_fork()`, which blocks them
 * @TLC_FORK_PREPARER_TLC: the library, also where all signals are blocked, since the program does not
 *   prepare liburcu, and blocks signals for reasons of its own
 * @TLC_FORK_PREPARER_HOST: the program, by liburcu's handlers around each `fork()`
 *
 * Who prepares liburcu's bp flavour for `fork()`. Done twice it waits for itself, for ever and with all
 * signals blocked; not at all, a child that uses it waits for threads that are its parent's.
 *
 * Since: 0.1
 */
typedef enum {
  TLC_FORK_PREPARER_AUTO,
  TLC_FORK_PREPARER_TLC,
  TLC_FORK_PREPARER_HOST,
} TlcForkPreparer;

/**
 * tlc_fork_set_preparer:
 * @preparer: who prepares liburcu
 *
 * Says who prepares liburcu for the process's calls of `fork()` that follow. Few programs need it:
 * those whose handlers of `pthread_atfork()` call liburcu's and were registered before this library
 * was loaded (%TLC_FORK_PREPARER_HOST; handlers that are registered later it sees at work by itself), and
 * those that fork with all signals blocked and use liburcu in the child (%TLC_FORK_PREPARER_TLC).
 *
 * Whatever is set, the library prepares what is its own. A child has its parent's setting.
 *
 * Threads: any; must have returned before the `fork()` that it is about begins.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_fork_set_preparer (TlcForkPreparer preparer);

G_END_DECLS
