/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N times a file is renamed over another that a registry watches, which moves a service to
 * another of three servers, and each time it is in force within 10 seconds, once; a drain succeeds; and at that
 * moment no connection to the server before is open on our side, although 32 threads call through the registry
 * all the time; and when no call fails. Laws 2, 5, 6, 8.
 *
 * stress-registry [N, 100 by default] */
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/tlc-registry-fixture.h"

#define N_SERVERS 3
#define N_CALLERS 32
#define PATIENCE_US (10 * G_USEC_PER_SEC)
/* Our files have lower numbers. */
#define FDS_MAX 256

static guint n_rounds = 100;

static struct {
  TlcRegistry *registry;
  TlcServer *servers[N_SERVERS];
  char *directory, *path, *next_path;
  atomic_bool is_over;
  _Atomic guint64 n_calls;
  gint64 longest_us;
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
write_file (guint round)
{
  g_autofree char *text = g_strdup_printf ("[echo]\nendpoints = %s\n", endpoint_of (round));

  ck_assert (g_file_set_contents (stress.next_path, text, -1, NULL));
  ck_assert_int_eq (g_rename (stress.next_path, stress.path), 0);
}

static guint
count_sockets (const char *endpoint)
{
  guint port = (guint) g_ascii_strtoull (strrchr (endpoint, ':') + 1, NULL, 10);
  guint n = 0;

  for (int fd = 0; fd < FDS_MAX; fd++)
    {
      struct sockaddr_in peer = { 0 };
      socklen_t length = sizeof peer;

      if (getpeername (fd, (struct sockaddr *) &peer, &length) == 0 && peer.sin_family == AF_INET)
        n += ntohs (peer.sin_port) == port;
    }
  return n;
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
  stress.longest_us = MAX (stress.longest_us, took_us);
  if (!tlc_service_drain (registry_get (stress.registry, "echo"), 10000, &error))
    ck_abort_msg ("round %u: %s", round, error->message);
  ck_assert_uint_eq (count_sockets (endpoint_of (round - 1)), 0);
}

static void
start (void)
{
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
  tlc_registry_unref (stress.registry);
  for (guint i = 0; i < N_SERVERS; i++)
    tlc_server_stop (stress.servers[i]);
  g_unlink (stress.path);
  g_rmdir (stress.directory);
  g_free (stress.path);
  g_free (stress.next_path);
  g_free (stress.directory);
}

START_TEST (stress_registry)
{
  pthread_t threads[N_CALLERS];
  TlcStats stats;

  start ();
  for (guint i = 0; i < N_CALLERS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, caller_main, NULL), 0);
  for (guint round = 1; round <= n_rounds; round++)
    run_round (round);
  atomic_store_explicit (&stress.is_over, true, memory_order_release);
  for (guint i = 0; i < N_CALLERS; i++)
    pthread_join (threads[i], NULL);
  tlc_service_get_stats (registry_get (stress.registry, "echo"), &stats);
  printf ("# %u reloads, the longest in force after %" G_GINT64_FORMAT " us; %" G_GUINT64_FORMAT
          " calls, %" G_GUINT64_FORMAT " connections closed\n",
          n_rounds, stress.longest_us, stats.calls, stats.reclaimed_retired);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.calls, stress.n_calls);
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
  tcase_add_test (tests, stress_registry);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
