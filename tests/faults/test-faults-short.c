/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that move a few bytes at a time, docs/faults.md, row 25. Needs tests/support/tlc-shim.c,
 * linked in or preloaded. */

#include <dlfcn.h>

#include "support/tlc-harness.h"
#include "support/tlc-shim.h"

static void
shorten_calls (const char *rules)
{
  TlcShimSetFunc set = (TlcShimSetFunc) dlsym (RTLD_DEFAULT, "tlc_shim_set");

  ck_assert_msg (set != NULL, "tlc-shim is neither linked in, its symbols exported, nor preloaded");
  ck_assert_int_eq (set (rules), 0);
}

static gsize
count_calls (const char *call)
{
  TlcShimCountFunc count = (TlcShimCountFunc) dlsym (RTLD_DEFAULT, "tlc_shim_count");

  ck_assert_ptr_nonnull (count);
  return (gsize) count (call);
}

/* Law 3: a send or receive that moves little is gone on with, until the message is whole. */
START_TEST (test_faults_row_25_few_bytes_at_a_time)
{
  const guint most[] = { 1, 2, 3, 5, 1000 };
  const guint n_bytes = most[(guint) _i % G_N_ELEMENTS (most)];
  g_autofree char *rule = g_strdup_printf ("short:%u", n_bytes);
  g_autoptr (GError) error = NULL;
  TlcHarness harness;
  TlcStats stats;

  tlc_harness_begin (&harness, _i < 5 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "30s", NULL);

  shorten_calls (rule);
  for (guint i = 0; i < 20; i++)
    tlc_echo_must_add (harness.service);
  tlc_harness_must_echo (&harness, 0);
  tlc_harness_must_echo (&harness, 5000);
  tlc_harness_must_echo (&harness, 100000);
  ck_assert (tlc_harness_everything (tlc_echo_client (harness.service), &error));
  ck_assert (echo_if_note (tlc_echo_client (harness.service), "request", &error));
  tlc_echo_must_add (harness.service);

  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_ge (count_calls ("send") + count_calls ("sendmsg"), stats.bytes_sent / n_bytes);
  ck_assert_uint_ge (count_calls ("recv") + count_calls ("recvmsg"),
                     stats.bytes_received / n_bytes);
  shorten_calls (NULL);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-short");
  TCase *tcase = tcase_create ("short");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_25_few_bytes_at_a_time, 0, 10);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
