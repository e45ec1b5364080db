/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* A proxy that cuts: each connection that it passes on ends after a random number of bytes, in either
 * direction, or after the reply in which that number was reached, by a close, a reset or a close of
 * one direction. It runs in a thread of its own.
 *
 * Threads: one makes and frees it; count may be asked by any. */
typedef struct _TlcCutter TlcCutter;

/* Passes on to @endpoint, "tcp://127.0.0.1:PORT"; each connection carries at most @max_bytes. */
TlcCutter *tlc_cutter_new (const char *endpoint, guint max_bytes, guint32 seed);
/* Closes what is open. */
void tlc_cutter_free (TlcCutter *cutter);
const char *tlc_cutter_get_endpoint (const TlcCutter *cutter);
guint tlc_cutter_count_cuts (TlcCutter *cutter);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcCutter, tlc_cutter_free)
