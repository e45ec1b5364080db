/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A line of /proc/self/status that counts memory, "VmPeak" or "VmRSS", in bytes; and the highest
 * that VmRSS was since the last reset. */
gsize tlc_harness_get_memory (const char *key);
void tlc_harness_reset_peak (void);

/* What follows is to be held against what is now: address space, or the highest that resident
 * memory is from now on. One call is made before, on a server of its own. */
gsize tlc_harness_measure_space (void);
gsize tlc_harness_measure_resident (void);

/* That it has grown by less than @margin; by no more than @most. With a sanitizer, by less than a
 * GiB; not at all looked at. */
void tlc_harness_assert_space (gsize before, gsize margin);
void tlc_harness_assert_resident (gsize before, gsize most);

/* Sanitizers take memory of their own, and keep what is freed. */
#ifdef TLC_TEST_SANITIZER
#define TLC_HARNESS_SANITIZED 1
#else
#define TLC_HARNESS_SANITIZED 0
#endif

G_END_DECLS
