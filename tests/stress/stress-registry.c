/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N times a file is renamed over another that a registry watches, which moves a service to
 * another of three servers, and each time it is in force within 10 seconds, once; a drain succeeds; and at that
 * moment no connection to the server before is open on our side, although 32 threads call through the registry
 * all the time; and when no call fails. And the same where the file is a link into a link to a directory, which
 * is swapped, as Kubernetes does. Laws 2, 5, 6, 8.
 *
 * stress-registry [N, 100 by default] */
#include <glib/gstdio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "support/tlc-registry-fixture.h"
#include "support/tlc-sockets.h"

#define N_SERVERS 3
#define N_CALLERS 32
#define PATIENCE_US (10 * G_USEC_PER_SEC)
/* Our files have lower numbers. */
#define FDS_MAX 256

static guint n_rounds = 100;

static struct {
  TlcRegistry *registry;
  TlcServer *servers[N_SERVERS];
  gboolean is_swapped; /* not renamed over */
  char *directory, *path, *next_path;
  atomic_bool is_over;
  _Atomic guint64 n_calls;
  GArray *took_us; /* of gint64: by when each change was in force */
} stress;

static void *
caller_main (void *data)
{
  while (!atomic_load_explicit (&stress.is_over, memory_order_acquire))
    {
      tlc_echo_must_add (registry_get (stress.registry, "echo"));
      atomic_fetch_add_explicit (&stress.n_calls, 1, memory_order_relaxed);
    }
  return NULL;
}

static const char *
endpoint_of (guint round)
{
  return tlc_server_get_endpoint (stress.servers[round % N_SERVERS]);
}

static void
rename_over (const char *text)
{
  ck_assert (g_file_set_contents (stress.next_path, text, -1, NULL));
  ck_assert_int_eq (g_rename (stress.next_path, stress.path), 0);
}

/* services.conf leads to ..data/services.conf, and ..data to the directory of this round. */
static void
swap (guint round, const char *text)
{
  g_autofree char *name = g_strdup_printf ("..round_%u", round);
  g_autofree char *directory = g_build_filename (stress.directory, name, NULL);
  g_autofree char *file = g_build_filename (directory, "services.conf", NULL);
  g_autofree char *data = g_build_filename (stress.directory, "..data", NULL);
  g_autofree char *before = g_file_read_link (data, NULL);

  ck_assert_int_eq (g_mkdir (directory, 0700), 0);
  ck_assert (g_file_set_contents (file, text, -1, NULL));
  ck_assert_int_eq (symlink (name, stress.next_path), 0);
  ck_assert_int_eq (g_rename (stress.next_path, data), 0);
  if (before != NULL)
    {
      g_autofree char *old_directory = g_build_filename (stress.directory, before, NULL);
      g_autofree char *old_file = g_build_filename (old_directory, "services.conf", NULL);

      ck_assert_int_eq (g_unlink (old_file), 0);
      ck_assert_int_eq (g_rmdir (old_directory), 0);
    }
  else
    ck_assert_int_eq (symlink ("..data/services.conf", stress.path), 0);
}

static void
write_file (guint round)
{
  g_autofree char *text = g_strdup_printf ("[echo]\nendpoints = %s\n", endpoint_of (round));

  if (stress.is_swapped)
    swap (round, text);
  else
    rename_over (text);
}

static void
run_round (guint round)
{
  g_autoptr (GError) error = NULL;
  gint64 begun_us = g_get_monotonic_time (), took_us = 0;

  write_file (round);
  while (tlc_registry_get_generation (stress.registry) != 1 + round && took_us < PATIENCE_US)
    {
      g_usleep (100);
      took_us = g_get_monotonic_time () - begun_us;
    }
  ck_assert_uint_eq (tlc_registry_get_generation (stress.registry), 1 + round);
  took_us = g_get_monotonic_time () - begun_us;
  g_array_append_val (stress.took_us, took_us);
  if (!tlc_service_drain (registry_get (stress.registry, "echo"), 10000, &error))
    ck_abort_msg ("round %u: %s", round, error->message);
  ck_assert_uint_eq (tlc_sockets_count (endpoint_of (round - 1), FDS_MAX), 0);
}

static void
start (gboolean is_swapped)
{
  stress.is_swapped = is_swapped;
  stress.n_calls = 0;
  stress.is_over = false;
  stress.took_us = g_array_new (FALSE, FALSE, sizeof (gint64));
  stress.registry = tlc_registry_new ();
  stress.directory = g_dir_make_tmp ("tlc-registry-XXXXXX", NULL);
  stress.path = g_build_filename (stress.directory, "services.conf", NULL);
  stress.next_path = g_build_filename (stress.directory, "services.conf.new", NULL);
  for (guint i = 0; i < N_SERVERS; i++)
    stress.servers[i] = tlc_echo_server (NULL);
  write_file (0);
  ck_assert (tlc_registry_load (stress.registry, stress.path, NULL));
  ck_assert (tlc_registry_watch (stress.registry, NULL));
}

static void
stop (void)
{
  g_autofree char *command = g_strdup_printf ("rm -r '%s'", stress.directory);

  tlc_registry_unref (stress.registry);
  for (guint i = 0; i < N_SERVERS; i++)
    tlc_server_stop (stress.servers[i]);
  ck_assert_int_eq (system (command), 0);
  g_array_unref (stress.took_us);
  g_free (stress.path);
  g_free (stress.next_path);
  g_free (stress.directory);
}

static int
compare_times (gconstpointer a, gconstpointer b)
{
  gint64 first = *(const gint64 *) a, second = *(const gint64 *) b;

  return (first > second) - (first < second);
}

static void
report (const TlcStats *stats)
{
  const gint64 *took_us;

  g_array_sort (stress.took_us, compare_times);
  took_us = (const gint64 *) (const void *) stress.took_us->data;
  printf ("# %u files %s: in force after %.2f ms (median), %.2f ms (p99), %.2f ms (the longest); %"
          G_GUINT64_FORMAT " calls, none failed; %" G_GUINT64_FORMAT " connections closed\n",
          n_rounds, stress.is_swapped ? "swapped as Kubernetes does" : "renamed over",
          (double) took_us[n_rounds / 2] / 1000, (double) took_us[n_rounds * 99 / 100] / 1000,
          (double) took_us[n_rounds - 1] / 1000, stats->calls, stats->reclaimed_retired);
}

START_TEST (stress_registry)
{
  pthread_t threads[N_CALLERS];
  TlcStats stats;

  start (_i == 1);
  for (guint i = 0; i < N_CALLERS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, caller_main, NULL), 0);
  for (guint round = 1; round <= n_rounds; round++)
    run_round (round);
  atomic_store_explicit (&stress.is_over, true, memory_order_release);
  for (guint i = 0; i < N_CALLERS; i++)
    pthread_join (threads[i], NULL);
  tlc_service_get_stats (registry_get (stress.registry, "echo"), &stats);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.calls, stress.n_calls);
  report (&stats);
  stop ();
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-registry");
  TCase *tests = tcase_create ("registry");

  if (argc > 1)
    n_rounds = (guint) g_ascii_strtoull (argv[1], NULL, 10);
  tcase_set_timeout (tests, 600);
  tcase_add_loop_test (tests, stress_registry, 0, 2);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
