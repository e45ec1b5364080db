/* SPDX-License-Identifier: Apache-2.0 */
/* What the process takes of memory, as the kernel counts it. */

#include "support/tlc-harness.h"

#include <stdio.h>
#include <string.h>

gsize
tlc_harness_get_memory (const char *key)
{
  g_autofree char *status = NULL;
  const char *line;

  ck_assert (g_file_get_contents ("/proc/self/status", &status, NULL, NULL));
  line = strstr (status, key);
  ck_assert_ptr_nonnull (line);
  return (gsize) g_ascii_strtoull (line + strlen (key) + 1, NULL, 10) * 1024;
}

void
tlc_harness_reset_peak (void)
{
  FILE *file = fopen ("/proc/self/clear_refs", "w");

  ck_assert_ptr_nonnull (file);
  ck_assert_int_ge (fputs ("5", file), 0);
  ck_assert_int_eq (fclose (file), 0);
}

/* What the first call of a process takes is not the question. */
static void
tlc_harness_warm_up (void)
{
  TlcWire *right = tlc_wire_new ();

  tlc_wire_reply_begin (right, "ping");
  tlc_wire_reply_end (right);
  tlc_harness_takes (right, tlc_harness_ping);
}

gsize
tlc_harness_measure_space (void)
{
  tlc_harness_warm_up ();
  return tlc_harness_get_memory ("VmPeak");
}

void
tlc_harness_assert_space (gsize before, gsize margin)
{
  ck_assert_uint_lt (tlc_harness_get_memory ("VmPeak") - before,
                     TLC_HARNESS_SANITIZED ? MAX (margin, 1 << 30) : margin);
}

gsize
tlc_harness_measure_resident (void)
{
  tlc_harness_warm_up ();
  tlc_harness_reset_peak ();
  return tlc_harness_get_memory ("VmRSS");
}

void
tlc_harness_assert_resident (gsize before, gsize most)
{
  gsize peak = tlc_harness_get_memory ("VmHWM");

  if (!TLC_HARNESS_SANITIZED)
    ck_assert_msg (peak <= before + most,
                   "the process has grown by %" G_GSIZE_FORMAT " bytes, %" G_GSIZE_FORMAT
                   " are promised",
                   peak - before, most);
}
