/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N registries, one after the other, each with a file that it follows, are born, asked for the same
 * two services by four threads at once, which call them, have their files renamed over and one service taken
 * out and put back meanwhile, and are released while the last change may be under way; when all that fails
 * fails since a service was closed; when all threads that ask for a name get one service; and when in the end
 * there are as many threads and files as in the beginning. Laws 2, 7, 8.
 *
 * stress-registries [N, 50 by default] */
#include <glib/gstdio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "support/tlc-pair.h"
#include "support/tlc-process.h"
#include "support/tlc-registry-fixture.h"

#define N_CALLERS 4
#define N_CHANGES 6

static guint n_rounds = 50;

static struct {
  TlcPair pair;
  TlcRegistry *registry;
  char *directory, *path, *next_path;
  guint n_files; /* no two are the same */
  pthread_barrier_t begin;
  atomic_bool is_over;
  _Atomic (TlcService *) seen[2]; /* by the first who asked */
  _Atomic guint64 n_good, n_closed;
} stress;

static const char *const names[] = { "a", "b" };

static void
note (GError *error)
{
  if (error == NULL)
    atomic_fetch_add (&stress.n_good, 1);
  else if (g_error_matches (error, TLC_ERROR, TLC_ERROR_CLOSED))
    atomic_fetch_add (&stress.n_closed, 1);
  else
    ck_abort_msg ("%s", error->message);
}

static void
call (guint which)
{
  g_autoptr (GError) error = NULL;
  TlcService *service
      = tlc_registry_get_service (stress.registry, names[which], TYPE_ECHO_CLIENT, &error);
  TlcService *seen = NULL;
  EchoIf *echo = tlc_service_get_client (service, &error);
  gint32 sum = 0;

  if (service != NULL && !atomic_compare_exchange_strong (&stress.seen[which], &seen, service))
    ck_assert_ptr_eq (seen, service);
  if (echo != NULL && echo_if_add (echo, &sum, 1, 2, &error))
    ck_assert_int_eq (sum, 3);
  note (error);
}

static void *
caller_main (void *data)
{
  pthread_barrier_wait (&stress.begin);
  for (guint i = 0; !atomic_load (&stress.is_over); i++)
    call (i % 2);
  return NULL;
}

static void
write_file (guint i)
{
  const char *endpoint = i % 2 == 0 ? stress.pair.at_a : stress.pair.at_b;
  g_autofree char *text
      = g_strdup_printf ("# %u\n[a]\nendpoints=%s\nmax-connections=%u\n%s%s\n", stress.n_files++, endpoint,
                         1 + i % 3, i % 3 == 2 ? "#" : "[b]\nendpoints=", endpoint);

  ck_assert (g_file_set_contents (stress.next_path, text, -1, NULL));
  ck_assert_int_eq (g_rename (stress.next_path, stress.path), 0);
}

static void
change (guint i)
{
  guint64 generation = tlc_registry_get_generation (stress.registry);

  write_file (i);
  /* Sometimes it is awaited, sometimes overtaken, by hand or by the next. */
  if (i % 3 == 1)
    ck_assert (tlc_registry_load (stress.registry, stress.path, NULL));
  while (i % 3 == 0 && tlc_registry_get_generation (stress.registry) == generation)
    g_usleep (50);
}

static void
run_round (guint round)
{
  pthread_t callers[N_CALLERS];

  stress.registry = tlc_registry_new ();
  stress.seen[0] = stress.seen[1] = NULL;
  atomic_store (&stress.is_over, false);
  write_file (round % 2);
  ck_assert (tlc_registry_load (stress.registry, stress.path, NULL));
  ck_assert (tlc_registry_watch (stress.registry, NULL));
  for (guint i = 0; i < N_CALLERS; i++)
    ck_assert_int_eq (pthread_create (&callers[i], NULL, caller_main, NULL), 0);
  pthread_barrier_wait (&stress.begin);
  for (guint i = 0; i < N_CHANGES; i++)
    change (round + i);
  atomic_store (&stress.is_over, true);
  for (guint i = 0; i < N_CALLERS; i++)
    pthread_join (callers[i], NULL);
  write_file (round + 1);
  tlc_registry_unref (stress.registry);
}

START_TEST (stress_registries)
{
  guint n_fds, n_threads;

  tlc_pair_init (&stress.pair);
  stress.directory = g_dir_make_tmp ("tlc-registries-XXXXXX", NULL);
  stress.path = g_build_filename (stress.directory, "services.conf", NULL);
  stress.next_path = g_build_filename (stress.directory, "services.conf.new", NULL);
  pthread_barrier_init (&stress.begin, NULL, N_CALLERS + 1);
  tlc_echo_reconfigure (stress.pair.service, stress.pair.at_b, NULL); /* the keeper runs, and stays */
  n_fds = tlc_process_count_fds ();
  n_threads = tlc_process_count_threads ();
  for (guint round = 0; round < n_rounds; round++)
    run_round (round);
  /* A watch goes with the keeper's next turn, since another service keeps that. */
  ck_assert (tlc_process_settles (tlc_process_count_fds, n_fds));
  ck_assert (tlc_process_settles (tlc_process_count_threads, n_threads));
  printf ("# %u registries: %" G_GUINT64_FORMAT " calls, %" G_GUINT64_FORMAT " found a service closed\n",
          n_rounds, stress.n_good, stress.n_closed);
  ck_assert_uint_ge (stress.n_good, n_rounds);
  pthread_barrier_destroy (&stress.begin);
  ck_assert_int_eq (g_unlink (stress.path), 0);
  ck_assert_int_eq (g_rmdir (stress.directory), 0);
  g_free (stress.path);
  g_free (stress.next_path);
  g_free (stress.directory);
  tlc_pair_clear (&stress.pair);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-registries");
  TCase *tests = tcase_create ("registries");

  if (argc > 1)
    n_rounds = (guint) g_ascii_strtoull (argv[1], NULL, 10);
  tcase_set_timeout (tests, 600);
  tcase_add_test (tests, stress_registries);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
