/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#if !defined(TLC_INSIDE) && !defined(TLC_COMPILATION)
#error "Only <tlc/tlc.h> can be included directly."
#endif

#include <glib.h>

#include <tlc/version.h>

G_BEGIN_DECLS

/**
 * tlc_thread_detach:
 *
 * Frees the calling thread's clients of all services and closes their connections now, instead of
 * when the thread exits. Pointers from tlc_service_get_client() become invalid in this thread; the
 * next tlc_service_get_client() makes a new client.
 *
 * For threads that never exit but are done with calling, and for the main thread, whose
 * thread-local data nobody frees when main() returns.
 *
 * Threads: any; acts on the calling thread alone. Not while a generated function
 * of this thread runs.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_thread_detach (void);

G_END_DECLS
