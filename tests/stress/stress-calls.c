/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N calls, with structs, strings, declared and undeclared exceptions, have left no more
 * malloc'd memory than the first thousand did: 0 bytes a call. (Stock c_glib loses 68 bytes for
 * each object.)
 *
 * stress-calls [N, 100000 by default] */
#include <stdio.h>
#include <string.h>

#include "support/tlc-echo.h"
#include "support/tlc-process.h"

static guint n_calls = 100000;

static void
call_with_struct (EchoIf *echo, gint32 n)
{
  g_autoptr (GObject) point = g_object_new (TYPE_POINT, "x", n, "y", -n, NULL);
  g_autoptr (GObject) back = g_object_new (TYPE_POINT, NULL);
  Point *ret = POINT (back);

  ck_assert (echo_if_echo_point (echo, &ret, POINT (point), NULL));
  ck_assert (ret->x == n && ret->y == -n);
}

static void
call_with_structs (EchoIf *echo)
{
  g_autoptr (GPtrArray) samples = g_ptr_array_new_with_free_func (g_object_unref);

  ck_assert (echo_if_samples (echo, &samples, 3, NULL));
  ck_assert_uint_eq (samples->len, 3);
  ck_assert_str_eq (SAMPLE (samples->pdata[2])->name, "sample-2");
}

static void
call_that_fails (EchoIf *echo, gint32 code)
{
  g_autoptr (GError) error = NULL;
  Rejected *rejected = NULL;
  NotFound *not_found = NULL;
  gint32 value = 0;

  ck_assert (!echo_if_fail (echo, &value, code, &rejected, &not_found, &error));
  ck_assert_ptr_nonnull (error);
  ck_assert ((code == 1) == (rejected != NULL));
  ck_assert ((code == 2) == (not_found != NULL));
  g_clear_object (&rejected);
  g_clear_object (&not_found);
}

static void
run_calls (TlcService *service, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      EchoIf *echo = tlc_echo_client (service);

      if (i % 5 == 0)
        call_with_structs (echo);
      else if (i % 5 <= 2)
        call_with_struct (echo, (gint32) i);
      else
        call_that_fails (echo, (gint32) (i % 3 + 1));
    }
}

START_TEST (stress_calls_leak_nothing)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  gsize allocated;
  gssize grown;
  TlcStats stats;

  run_calls (service, 1000);
  allocated = tlc_process_allocated ();
  run_calls (service, n_calls);
  grown = (gssize) tlc_process_allocated () - (gssize) allocated;
  printf ("# %u calls: %+ld bytes\n", n_calls, (long) grown);
  ck_assert_int_le (grown, n_calls / 100);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.calls, n_calls + 1000);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.failures, 0);
  tlc_thread_detach ();
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-calls");
  TCase *tests = tcase_create ("stress-calls");

  if (argc > 1)
    n_calls = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 1200);
  tcase_add_test (tests, stress_calls_leak_nothing);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
