/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N threads, 100 at a time, have made one call each with the right answer, and then
 * fds, threads, slots, connections and malloc'd memory are what they were after the first hundred.
 * Law 7.
 *
 * stress-threads [N, 10000 by default] */
#include <pthread.h>
#include <stdio.h>

#include "support/tlc-echo.h"
#include "support/tlc-process.h"

#define AT_ONCE 100

/* What malloc may keep for itself, a hundredth of what one leaked client in a hundred would make.
 */
#define SLACK (64 * 1024)

static guint n_threads = 10000;

static void *
call_once (void *service)
{
  tlc_echo_must_add (service);
  return NULL;
}

static void
run_threads (TlcService *service, guint n)
{
  pthread_t threads[AT_ONCE];

  for (guint done = 0; done < n; done += AT_ONCE)
    {
      for (guint i = 0; i < AT_ONCE; i++)
        ck_assert_int_eq (pthread_create (&threads[i], NULL, call_once, service), 0);
      for (guint i = 0; i < AT_ONCE; i++)
        pthread_join (threads[i], NULL);
    }
}

/* Law 7: of 10,000 threads that call once, 100 at a time, nothing is left. */
START_TEST (test_stress_threads_row_36_leave_nothing)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "spare-connections", "0", NULL);
  guint fds, threads;
  gsize allocated;
  TlcStats stats;

  run_threads (service, AT_ONCE);
  fds = tlc_process_count_fds ();
  threads = tlc_process_count_threads ();
  allocated = tlc_process_allocated ();
  run_threads (service, n_threads);
  ck_assert_uint_eq (tlc_process_count_fds (), fds);
  ck_assert (tlc_process_settles (tlc_process_count_threads, threads));
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.threads, 0);
  ck_assert_uint_eq (stats.connections_open, 0);
  ck_assert_uint_eq (stats.calls, n_threads + AT_ONCE);
  ck_assert_uint_eq (stats.connects, n_threads + AT_ONCE);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_le (tlc_process_allocated (), allocated + SLACK);
  printf ("# %u threads: %+ld bytes, %u fds, %u threads afterwards\n", n_threads,
          (long) (tlc_process_allocated () - allocated), fds, threads);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-threads");
  TCase *tests = tcase_create ("stress-threads");

  if (argc > 1)
    n_threads = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 600);
  tcase_add_test (tests, test_stress_threads_row_36_leave_nothing);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
