/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N reloads, each of which moves two services of one text to the next of five servers, are seen by
 * eight threads, which call one and then the other, or the other first, at one instant: who has reached a
 * server by one service never reaches an older one by the other. Laws 2, 8.
 *
 * A call tells by the server's name which reload it went by, where fewer than five happened meanwhile; a
 * thread that was held up for longer learns nothing, and comes again. Once the services have a connection for
 * each thread, and once two for all, so that requests are sent ahead. Between the two are others, which
 * nobody calls, and which take the writer some time.
 *
 * stress-torn [N, 1000 by default] */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "support/tlc-registry-fixture.h"

#define N_SERVERS 5
#define N_CALLERS 8
#define N_OTHERS 100

static guint n_reloads = 1000;

static struct {
  TlcRegistry *registry;
  TlcServer *servers[N_SERVERS];
  const char *cap;
  atomic_bool is_over;
  _Atomic guint64 n_pairs, n_split, n_in_vain; /* the callers': conclusive, by two reloads, not conclusive */
} torn;

/* Which reload, not before @from, the server of that name belongs to. */
static guint64
date_call (const char *server, guint64 from)
{
  guint64 number = g_ascii_strtoull (server, NULL, 10);

  while (from % N_SERVERS != number)
    from++;
  return from;
}

/* Calls both. */
static void
call_pair (const char *first, const char *second)
{
  guint64 before = tlc_registry_get_generation (torn.registry);
  g_autofree char *who_first = tlc_echo_who (registry_get (torn.registry, first));
  g_autofree char *who_second = tlc_echo_who (registry_get (torn.registry, second));
  guint64 after = tlc_registry_get_generation (torn.registry);
  guint64 seen_first = date_call (who_first, before), seen_second = date_call (who_second, before);

  if (after - before >= N_SERVERS)
    {
      atomic_fetch_add_explicit (&torn.n_in_vain, 1, memory_order_relaxed);
      return;
    }
  if (seen_second < seen_first || seen_second > after)
    ck_abort_msg ("generation %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
                  ": %s was at server %s, and then %s at server %s",
                  before, after, first, who_first, second, who_second);
  atomic_fetch_add_explicit (&torn.n_pairs, 1, memory_order_relaxed);
  if (seen_first != seen_second)
    atomic_fetch_add_explicit (&torn.n_split, 1, memory_order_relaxed);
}

static void *
caller_main (void *data)
{
  while (!atomic_load_explicit (&torn.is_over, memory_order_acquire))
    {
      call_pair ("a", "b");
      call_pair ("b", "a");
    }
  return NULL;
}

/* The one that makes generation @generation. */
static void
reload (guint64 generation)
{
  const char *endpoint = tlc_server_get_endpoint (torn.servers[generation % N_SERVERS]);
  g_autoptr (GString) others = g_string_new (NULL);

  for (guint i = 0; i < N_OTHERS; i++)
    g_string_append_printf (others, "[other-%u]\n", i);
  registry_must_load (torn.registry,
                      "[defaults]\nmax-connections=%s\nclaim-timeout=20s\ncall-timeout=20s\n"
                      "endpoints = %s\n[a]\n%s[b]\n",
                      torn.cap, endpoint, others->str);
  ck_assert_uint_eq (tlc_registry_get_generation (torn.registry), generation);
}

static guint64
count_pairs (void)
{
  return atomic_load_explicit (&torn.n_pairs, memory_order_relaxed)
         + atomic_load_explicit (&torn.n_in_vain, memory_order_relaxed);
}

static void
start (const char *cap)
{
  torn.cap = cap;
  torn.registry = tlc_registry_new ();
  torn.n_pairs = torn.n_split = torn.n_in_vain = 0;
  torn.is_over = false;
  for (guint i = 0; i < N_SERVERS; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u", i);

      torn.servers[i] = tlc_echo_server ((const char *const[]){ "--name", name, NULL });
    }
  reload (1);
  for (guint i = 0; i < N_OTHERS; i++)
    {
      g_autofree char *name = g_strdup_printf ("other-%u", i);

      registry_get (torn.registry, name);
    }
}

static void
stop (void)
{
  tlc_registry_unref (torn.registry);
  for (guint i = 0; i < N_SERVERS; i++)
    tlc_server_stop (torn.servers[i]);
}

/* Reloads come when some calls have been made since the last one, and as fast as they may. */
static void
reload_all (void)
{
  for (guint64 generation = 2; generation <= n_reloads; generation++)
    {
      guint64 n_pairs = count_pairs ();

      while (generation % 4 != 0 && count_pairs () < n_pairs + 4)
        g_usleep (20);
      reload (generation);
    }
}

static const char *const caps[] = { "unlimited", "2" };

START_TEST (stress_torn)
{
  pthread_t threads[N_CALLERS];

  start (caps[_i]);
  for (guint i = 0; i < N_CALLERS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, caller_main, NULL), 0);
  reload_all ();
  atomic_store_explicit (&torn.is_over, true, memory_order_release);
  for (guint i = 0; i < N_CALLERS; i++)
    pthread_join (threads[i], NULL);
  printf ("# max-connections %s: %u reloads, %" G_GUINT64_FORMAT " pairs of calls, %" G_GUINT64_FORMAT
          " by two reloads, %" G_GUINT64_FORMAT " inconclusive\n",
          caps[_i], n_reloads, torn.n_pairs, torn.n_split, torn.n_in_vain);
  ck_assert_uint_ge (torn.n_pairs, n_reloads);
  stop ();
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-torn");
  TCase *tests = tcase_create ("torn");

  if (argc > 1)
    n_reloads = (guint) g_ascii_strtoull (argv[1], NULL, 10);
  tcase_set_timeout (tests, 600);
  tcase_add_loop_test (tests, stress_torn, 0, G_N_ELEMENTS (caps));
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
