/* SPDX-License-Identifier: Apache-2.0 */

/* A registry: services by name, from texts and files, against real servers. Laws 2, 7, 8, 9. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <urcu/urcu-bp.h>

#include "identity.h"
#include "support/tlc-pair.h"
#include "support/tlc-registry-fixture.h"

/* DESIGN's program, but for the watch: a service is there by its name, and calls go where the text says. */
START_TEST (test_registry_calls_by_name)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  TlcPair pair;

  tlc_pair_init (&pair);
  ck_assert_uint_eq (tlc_registry_get_generation (registry), 0);
  registry_must_load (registry, "[a]\nendpoints = %s\n[b]\nendpoints=%s\n", pair.at_a, pair.at_b);
  ck_assert_uint_eq (tlc_registry_get_generation (registry), 1);
  registry_must_be_served_by (registry, "a", "A");
  registry_must_be_served_by (registry, "b", "B");
  ck_assert_ptr_eq (registry_get (registry, "a"), registry_get (registry, "a"));
  ck_assert_str_eq (tlc_service_get_name (registry_get (registry, "a")), "a");
  tlc_thread_detach ();
  tlc_pair_clear (&pair);
}
END_TEST

/* Law 2: both of them change with one load; what is as it was keeps its connection. */
START_TEST (test_registry_reloads)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  TlcPair pair;
  TlcStats stats;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[defaults]\ncall-timeout = 7s\n[a]\nendpoints = %s\n[b]\nendpoints=%s\n",
                      pair.at_a, pair.at_b);
  registry_must_be_served_by (registry, "a", "A");
  registry_must_be_served_by (registry, "b", "B");
  registry_must_load (registry, "[defaults]\ncall-timeout = 7s\n[b]\nendpoints = %s\n[a]\nendpoints=%s\n",
                      pair.at_b, pair.at_b);
  registry_must_be_served_by (registry, "a", "B");
  registry_must_be_served_by (registry, "b", "B");
  ck_assert (tlc_service_drain (registry_get (registry, "a"), 10000, NULL));
  tlc_service_get_stats (registry_get (registry, "a"), &stats);
  ck_assert_uint_eq (stats.connects, 2);
  ck_assert_uint_eq (stats.connections_open, 1);
  ck_assert_uint_eq (stats.generation, 2);
  tlc_service_get_stats (registry_get (registry, "b"), &stats);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.generation, 1);
  ck_assert_uint_eq (tlc_registry_get_generation (registry), 2);
  tlc_thread_detach ();
  tlc_pair_clear (&pair);
}
END_TEST

/* Law 8: one mistake, and nothing of it is in force; all mistakes are told. */
START_TEST (test_registry_refuses_as_a_whole)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  TlcPair pair;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints = %s\n[b]\nendpoints=%s\n", pair.at_a, pair.at_b);
  registry_must_be_served_by (registry, "a", "A");
  registry_must_refuse (registry, TLC_ERROR_CONFIG,
                        "text:4: b: endpoint = \"x\"*text:5: b: call-timeout = \"250\"*",
                        "[a]\nendpoints = %s\n[b]\nendpoint = x\ncall-timeout = 250\n", pair.at_b);
  ck_assert_uint_eq (tlc_registry_get_generation (registry), 1);
  registry_must_be_served_by (registry, "a", "A");
  registry_must_be_served_by (registry, "b", "B");
  tlc_thread_detach ();
  tlc_pair_clear (&pair);
}
END_TEST

/* What cannot change while a service runs may while nobody has asked for it. */
START_TEST (test_registry_what_cannot_change)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  TlcPair pair;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints = %s\nprotocol=compact\n[b]\nendpoints=%s\n", pair.at_a,
                      pair.at_b);
  registry_must_load (registry, "[a]\nendpoints = %s\n[b]\nendpoints=%s\n", pair.at_a, pair.at_b);
  registry_must_be_served_by (registry, "a", "A");
  registry_must_refuse (registry, TLC_ERROR_CONFIG, "text:3: service a: protocol = \"compact\": *",
                        "# two\n# lines\n[a]\nendpoints = %s\nprotocol=compact\n[b]\nendpoints = %s\n",
                        pair.at_b, pair.at_a);
  registry_must_be_served_by (registry, "a", "A");
  registry_must_be_served_by (registry, "b", "B");
  tlc_thread_detach ();
  tlc_pair_clear (&pair);
}
END_TEST

/* Gone: no more calls, nothing open, CLOSED for who asks. Back: the same service, as if nothing had been. */
START_TEST (test_registry_gone_and_back)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  TlcService *service;
  TlcPair pair;
  TlcStats stats;
  EchoIf *echo;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints = %s\n[b]\nendpoints=%s\n", pair.at_a, pair.at_b);
  service = registry_get (registry, "a");
  registry_must_be_served_by (registry, "a", "A");
  echo = tlc_echo_client (service);
  for (guint i = 0; i < 3; i++)
    {
      registry_must_load (registry, "[b]\nendpoints=%s\n", pair.at_b);
      registry_must_not_have (registry, "a", TYPE_ECHO_CLIENT, TLC_ERROR_CLOSED,
                              "service a: no longer in text: *");
      tlc_echo_must_fail (service, TLC_ERROR_CLOSED, TLC_DELIVERY_NOT_SENT, "the service is closed");
      tlc_service_get_stats (service, &stats);
      ck_assert_uint_eq (stats.connections_open, 0);
      /* A thread that makes another client must not clear this one away. */
      if (i == 0)
        registry_must_be_served_by (registry, "b", "B");
      registry_must_load (registry, "[b]\nendpoints=%s\n[a]\nendpoints=%s\n", pair.at_b,
                          i % 2 == 0 ? pair.at_b : pair.at_a);
      ck_assert_ptr_eq (registry_get (registry, "a"), service);
      registry_must_be_served_by (registry, "a", i % 2 == 0 ? "B" : "A");
      /* The thread's client is what it was: a program may have kept it. */
      ck_assert_ptr_eq (tlc_echo_client (service), echo);
    }
  ck_assert_uint_eq (tlc_registry_get_generation (registry), 7);
  tlc_thread_detach ();
  tlc_pair_clear (&pair);
}
END_TEST

typedef struct {
  TlcService *service;
  atomic_bool is_over;
  atomic_uint n_good, n_closed;
} Toggled;

/* What fails fails since the service was closed. */
static void *
call_toggled (void *data)
{
  Toggled *toggled = data;

  while (!atomic_load (&toggled->is_over))
    {
      g_autoptr (GError) error = NULL;
      gint32 sum = 0;

      if (echo_if_add (tlc_echo_client (toggled->service), &sum, 1, 2, &error))
        {
          ck_assert_int_eq (sum, 3);
          atomic_fetch_add (&toggled->n_good, 1);
        }
      else if (g_error_matches (error, TLC_ERROR, TLC_ERROR_CLOSED))
        atomic_fetch_add (&toggled->n_closed, 1);
      else
        ck_abort_msg ("%s", error->message);
    }
  return NULL;
}

/* Gone and back beside threads that wait for their turn: nobody waits for ever, nobody is told anything else,
 * and in the end all is as it was. */
START_TEST (test_registry_gone_and_back_beside_waiters)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  Toggled toggled = { 0 };
  pthread_t threads[6];
  TlcPair pair;
  TlcStats stats;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints=%s\nmax-connections=1\nclaim-timeout=30s\n", pair.at_a);
  toggled.service = registry_get (registry, "a");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_toggled, &toggled), 0);
  for (guint i = 0; i < 100; i++)
    {
      guint n_good = atomic_load (&toggled.n_good), n_closed = atomic_load (&toggled.n_closed);

      registry_must_load (registry, "[b]\nendpoints=%s\n", pair.at_b);
      while (i % 2 == 0 && atomic_load (&toggled.n_closed) < n_closed + 6)
        g_usleep (100);
      registry_must_load (registry, "[a]\nendpoints=%s\nmax-connections=1\nclaim-timeout=30s\n",
                          i % 3 == 0 ? pair.at_a : pair.at_b);
      while (i % 4 < 2 && atomic_load (&toggled.n_good) < n_good + 6)
        g_usleep (100);
    }
  atomic_store (&toggled.is_over, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    pthread_join (threads[i], NULL);
  tlc_echo_must_add (toggled.service);
  ck_assert (tlc_service_drain (toggled.service, 10000, NULL));
  tlc_service_get_stats (toggled.service, &stats);
  ck_assert_uint_le (stats.connections_open, 1);
  ck_assert_uint_eq (stats.waiting, 0);
  ck_assert_uint_eq (stats.connections_busy, 0);
  tlc_pair_clear (&pair);
}
END_TEST

/* A service that is gone ends gracefully: a call in flight is answered. */
START_TEST (test_registry_gone_with_a_call)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  TlcService *service;
  TlcTake take;
  TlcPair pair;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints = %s\n[b]\nendpoints=%s\n", pair.at_a, pair.at_b);
  service = registry_get (registry, "a");
  tlc_take_start (&take, service, 300);
  registry_must_load (registry, "[b]\nendpoints=%s\n", pair.at_b);
  ck_assert (!tlc_service_drain (service, 0, NULL));
  tlc_take_join (&take);
  ck_assert (tlc_service_drain (service, 0, NULL));
  tlc_pair_clear (&pair);
}
END_TEST

static void *
take_until_cut (void *service)
{
  GError *error = NULL;
  gint32 value;

  ck_assert (!echo_if_take (tlc_echo_client (service), &value, 20000, 1, &error));
  return error;
}

/* Law 5: and one that outlasts close-timeout is cut, though nobody waits for it. */
START_TEST (test_registry_gone_cuts)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  g_autoptr (GError) error = NULL;
  TlcService *service;
  pthread_t thread;
  void *result;
  TlcPair pair;
  TlcStats stats;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints=%s\nclose-timeout=50ms\ncall-timeout=30s\n[b]\nendpoints=%s\n",
                      pair.at_a, pair.at_b);
  service = registry_get (registry, "a");
  ck_assert_int_eq (pthread_create (&thread, NULL, take_until_cut, service), 0);
  do
    tlc_service_get_stats (service, &stats);
  while (stats.bytes_sent == 0 || stats.connections_busy == 0);
  registry_must_load (registry, "[b]\nendpoints=%s\n", pair.at_b);
  ck_assert_int_eq (pthread_join (thread, &result), 0);
  error = result;
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CLOSED), "%s", error->message);
  ck_assert (tlc_service_drain (service, 0, NULL));
  tlc_pair_clear (&pair);
}
END_TEST

/* Who waits for his turn is sent away at once, while the call that he waits for goes on. */
START_TEST (test_registry_gone_sends_waiters_away)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  g_autoptr (GError) error = NULL;
  TlcService *service;
  pthread_t thread;
  void *result;
  TlcTake take;
  TlcPair pair;
  TlcStats stats;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints=%s\nmax-connections=1\nclaim-timeout=30s\n", pair.at_a);
  service = registry_get (registry, "a");
  tlc_take_start (&take, service, 1500);
  ck_assert_int_eq (pthread_create (&thread, NULL, take_until_cut, service), 0);
  do
    tlc_service_get_stats (service, &stats);
  while (stats.waiting == 0);
  registry_must_load (registry, "[b]\nendpoints=%s\n", pair.at_b);
  ck_assert_int_eq (pthread_join (thread, &result), 0);
  error = result;
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CLOSED), "%s", error->message);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connections_busy, 1);
  tlc_take_join (&take);
  tlc_pair_clear (&pair);
}
END_TEST

static void *
release_registry (void *registry)
{
  tlc_registry_unref (registry);
  return NULL;
}

/* Law 7: the last reference goes: all services are closed at once, not one after the other; and when it has
 * gone nothing is open, also of one that somebody else refers to. */
START_TEST (test_registry_goes_at_once)
{
  TlcRegistry *registry = tlc_registry_new ();
  g_autoptr (TlcService) a = NULL;
  g_autoptr (TlcService) b = NULL;
  g_autoptr (GError) error = NULL;
  TlcTake take, other;
  pthread_t thread;
  TlcPair pair;
  TlcStats stats;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints = %s\n[b]\nendpoints=%s\nmax-connections=1\nclaim-timeout=30s\n",
                      pair.at_a, pair.at_b);
  a = tlc_service_ref (registry_get (registry, "a"));
  b = tlc_service_ref (registry_get (registry, "b"));
  tlc_take_start (&take, a, 1500);
  tlc_take_start (&other, b, 1500);
  ck_assert_int_eq (pthread_create (&thread, NULL, release_registry, registry), 0);
  /* It waits for its turn, and is sent away. */
  ck_assert (!echo_if_ping (tlc_echo_client (b), &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CLOSED), "%s", error->message);
  tlc_service_get_stats (a, &stats);
  ck_assert_uint_eq (stats.connections_busy, 1);
  pthread_join (thread, NULL);
  tlc_service_get_stats (a, &stats);
  ck_assert_uint_eq (stats.connections_open, 0);
  tlc_take_join (&take);
  tlc_take_join (&other);
  tlc_thread_detach ();
  tlc_pair_clear (&pair);
}
END_TEST

/* Names and types that are not right are told with what would be. */
START_TEST (test_registry_refuses_names_and_types)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();

  registry_must_not_have (registry, "echo", TYPE_ECHO_CLIENT, TLC_ERROR_CONFIG, "*loaded nothing yet*");
  registry_must_load (registry, "[echo]\nendpoints=unix:@a\n[log]\nendpoints=unix:@b\n");
  registry_must_not_have (registry, "ecko", TYPE_ECHO_CLIENT, TLC_ERROR_CONFIG,
                          "service \"ecko\": not in text: it has \"echo\", \"log\"");
  registry_must_not_have (registry, "echo", G_TYPE_OBJECT, TLC_ERROR_CONFIG, "*not the type*");
  ck_assert_ptr_nonnull (registry_get (registry, "echo"));
  registry_must_not_have (registry, "echo", TYPE_IDENTITY_CLIENT, TLC_ERROR_CONFIG,
                          "service echo: its clients are of type EchoClient, as asked for first, and not "
                          "of type IdentityClient");
  ck_assert_ptr_nonnull (registry_get (registry, "echo"));
}
END_TEST

/* Back to what was before, and further; each time a generation of its own. */
START_TEST (test_registry_rolls_back)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  g_autoptr (GError) error = NULL;
  TlcPair pair;

  tlc_pair_init (&pair);
  ck_assert (!tlc_registry_rollback (registry, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  g_clear_error (&error);
  registry_must_load (registry, "[a]\nendpoints = %s\n", pair.at_a);
  registry_must_be_served_by (registry, "a", "A");
  registry_must_load (registry, "[a]\nendpoints = %s\n[b]\nendpoints=%s\n", pair.at_b, pair.at_b);
  registry_must_be_served_by (registry, "b", "B");
  registry_must_load (registry, "[b]\nendpoints=%s\n", pair.at_a);
  /* The same text again is nothing to go back to. */
  registry_must_load (registry, "[b]\nendpoints=%s\n", pair.at_a);
  registry_must_be_served_by (registry, "b", "A");
  ck_assert (tlc_registry_rollback (registry, NULL));
  registry_must_be_served_by (registry, "b", "B");
  registry_must_be_served_by (registry, "a", "B");
  ck_assert (tlc_registry_rollback (registry, NULL));
  registry_must_be_served_by (registry, "a", "A");
  registry_must_not_have (registry, "b", TYPE_ECHO_CLIENT, TLC_ERROR_CLOSED, "*");
  ck_assert_uint_eq (tlc_registry_get_generation (registry), 6);
  ck_assert (!tlc_registry_rollback (registry, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  tlc_thread_detach ();
  tlc_pair_clear (&pair);
}
END_TEST

/* So many texts are kept, and no more. */
START_TEST (test_registry_forgets_old_texts)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  guint n = 0;

  for (guint i = 0; i < 20; i++)
    registry_must_load (registry, "[a]\nendpoints = unix:@%u\n", i);
  while (tlc_registry_rollback (registry, NULL))
    n++;
  ck_assert_uint_eq (n, 8);
}
END_TEST

/* Law 8: a text that breaks off in the midst of a line changes nothing, even where it could be read. */
START_TEST (test_registry_refuses_what_is_cut)
{
  static const char text[] = "[a]\nendpoints = unix:@long-name\n[b]\nendpoints=unix:@b\n";
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();

  registry_must_load (registry, "%s", text);
  for (gssize length = 0; length < (gssize) strlen (text); length++)
    {
      gboolean is_whole = length > 4 && text[length - 1] == '\n' && text[length] == '[';
      g_autoptr (GError) error = NULL;
      gboolean ok = tlc_registry_load_data (registry, text, length, &error);

      ck_assert_msg (ok == is_whole, "%" G_GSSIZE_FORMAT ": %s", length, ok ? "taken" : error->message);
      ck_assert (ok || g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
      if (ok)
        registry_must_load (registry, "%s", text);
    }
  /* What does not go on in the one in force may end like that. */
  ck_assert (tlc_registry_load_data (registry, "[a]\nendpoints=unix:@c", -1, NULL));
}
END_TEST

/* FAULTS row 42: where it would wait for itself it says so. */
START_TEST (test_registry_inside_a_read_section)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  g_autoptr (GError) error = NULL;

  urcu_bp_read_lock ();
  ck_assert (!tlc_registry_load_data (registry, "[a]\nendpoints=unix:@a\n", -1, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_BUSY));
  g_clear_error (&error);
  ck_assert (!tlc_registry_rollback (registry, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_BUSY));
  urcu_bp_read_unlock ();
}
END_TEST

/* Law 7: with the registry all of its services are closed, those that somebody else refers to as well. */
START_TEST (test_registry_goes_with_its_services)
{
  TlcRegistry *registry = tlc_registry_new ();
  g_autoptr (TlcService) kept = NULL;
  TlcPair pair;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints = %s\n[b]\nendpoints=%s\n[c]\nendpoints=unix:@c\n", pair.at_a,
                      pair.at_b);
  registry_must_be_served_by (registry, "a", "A");
  registry_must_be_served_by (registry, "b", "B");
  kept = tlc_service_ref (registry_get (registry, "a"));
  tlc_registry_ref (registry);
  tlc_registry_unref (registry);
  registry_must_be_served_by (registry, "a", "A");
  tlc_registry_unref (registry);
  tlc_echo_must_fail (kept, TLC_ERROR_CLOSED, TLC_DELIVERY_NOT_SENT, "the service is closed");
  tlc_thread_detach ();
  tlc_pair_clear (&pair);
}
END_TEST

/* A service that the program itself closes stays closed, whatever is loaded; the others are not concerned. */
START_TEST (test_registry_closed_by_the_program)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  TlcPair pair;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints = %s\n[b]\nendpoints=%s\n", pair.at_a, pair.at_b);
  registry_must_be_served_by (registry, "a", "A");
  tlc_service_close (registry_get (registry, "a"));
  registry_must_not_have (registry, "a", TYPE_ECHO_CLIENT, TLC_ERROR_CLOSED, "*closed it*");
  registry_must_load (registry, "[a]\nendpoints = %s\n[b]\nendpoints=%s\n", pair.at_b, pair.at_a);
  registry_must_not_have (registry, "a", TYPE_ECHO_CLIENT, TLC_ERROR_CLOSED, "*closed it*");
  registry_must_be_served_by (registry, "b", "A");
  tlc_thread_detach ();
  tlc_pair_clear (&pair);
}
END_TEST

/* A change of one service by the program holds until the next load. */
START_TEST (test_registry_reconfigured_by_the_program)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  TlcPair pair;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints = %s\n", pair.at_a);
  registry_must_be_served_by (registry, "a", "A");
  tlc_echo_reconfigure (registry_get (registry, "a"), pair.at_b, NULL);
  registry_must_be_served_by (registry, "a", "B");
  ck_assert_uint_eq (tlc_registry_get_generation (registry), 2);
  registry_must_load (registry, "[a]\nendpoints = %s\n", pair.at_a);
  registry_must_be_served_by (registry, "a", "A");
  tlc_thread_detach ();
  tlc_pair_clear (&pair);
}
END_TEST

/* --- who is told --- */

/* What a load did, and why it was refused, in their order; nobody is told any more after that. */
START_TEST (test_registry_tells)
{
  TlcRegistry *registry = tlc_registry_new ();
  Told told;

  told_init (&told, registry);
  registry_must_load (registry, "[a]\nendpoints = unix:@a\n[b]\nendpoints=unix:@b\n");
  registry_must_load (registry, "[a]\nendpoints = unix:@c\ncall-timeout=2s\n[c]\nendpoints=unix:@b\n");
  registry_must_refuse (registry, TLC_ERROR_CONFIG, "text:1: *", "nonsense\n");
  told_must_be (&told, 0, TLC_EVENT_APPLIED, 1, "text: in force: a: added; b: added; 0 as before");
  told_must_be (&told, 1, TLC_EVENT_APPLIED, 2,
                "text: in force: a: endpoints, call-timeout; c: added; b: gone; 0 as before");
  told_must_be (&told, 2, TLC_EVENT_REJECTED, 2, "text:1: *");
  tlc_registry_set_notify (registry, NULL, NULL, NULL);
  registry_must_load (registry, "[a]\nendpoints = unix:@c\n");
  tlc_registry_unref (registry);
  told_clear (&told, 3);
}
END_TEST

/* Law 9: who is told may take his time, and nobody waits for him; what is lost by it is counted. It must not
 * load, and is told so. */
START_TEST (test_registry_tells_the_slow)
{
  TlcRegistry *registry = tlc_registry_new ();
  Told told;

  told_init (&told, registry);
  told.is_slow = TRUE;
  for (guint i = 0; i < 100; i++)
    {
      registry_must_refuse (registry, TLC_ERROR_CONFIG, "*", "%u", i);
      told_await_inside (&told);
    }
  told_go_on (&told);
  told_must_have (&told, 1 + 64);
  ck_assert_uint_eq (told_sum_lost (&told), 100 - 1 - 64);
  ck_assert_int_eq (told.load_code, TLC_ERROR_BUSY);
  tlc_registry_unref (registry);
  told_clear (&told, 65);
}
END_TEST

/* A hold that is ended is told, with the service's name; so the hold of a thread that sleeps. */
START_TEST (test_registry_tells_of_holds)
{
  TlcRegistry *registry = tlc_registry_new ();
  TlcPair pair;
  EchoIf *echo;
  Told told;

  tlc_pair_init (&pair);
  registry_must_load (registry, "[a]\nendpoints = %s\nhold-timeout=20ms\n", pair.at_a);
  told_init (&told, registry);
  echo = tlc_echo_client (registry_get (registry, "a"));
  ck_assert (tlc_client_hold (echo, NULL));
  told_must_be (&told, 0, TLC_EVENT_HOLD_TOO_LONG, 1, "service a: thread * has held a connection for *");
  tlc_client_release (echo);
  registry_must_be_served_by (registry, "a", "A");
  tlc_thread_detach ();
  tlc_registry_unref (registry);
  told_clear (&told, 1);
  tlc_pair_clear (&pair);
}
END_TEST

/* The last reference may be given back by who is told. */
START_TEST (test_registry_goes_while_telling)
{
  TlcRegistry *registry = tlc_registry_new ();
  Told told;

  told_init (&told, registry);
  told.unrefs = TRUE;
  registry_must_load (registry, "[a]\nendpoints = unix:@a\n");
  told_clear (&told, 1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("registry");
  TCase *tests = tcase_create ("registry");

  tcase_add_test (tests, test_registry_calls_by_name);
  tcase_add_test (tests, test_registry_reloads);
  tcase_add_test (tests, test_registry_refuses_as_a_whole);
  tcase_add_test (tests, test_registry_what_cannot_change);
  tcase_add_test (tests, test_registry_gone_and_back);
  tcase_add_test (tests, test_registry_gone_and_back_beside_waiters);
  tcase_add_test (tests, test_registry_gone_with_a_call);
  tcase_add_test (tests, test_registry_gone_cuts);
  tcase_add_test (tests, test_registry_gone_sends_waiters_away);
  tcase_add_test (tests, test_registry_goes_at_once);
  tcase_add_test (tests, test_registry_refuses_names_and_types);
  tcase_add_test (tests, test_registry_rolls_back);
  tcase_add_test (tests, test_registry_forgets_old_texts);
  tcase_add_test (tests, test_registry_refuses_what_is_cut);
  tcase_add_test (tests, test_registry_inside_a_read_section);
  tcase_add_test (tests, test_registry_goes_with_its_services);
  tcase_add_test (tests, test_registry_closed_by_the_program);
  tcase_add_test (tests, test_registry_reconfigured_by_the_program);
  tcase_add_test (tests, test_registry_tells);
  tcase_add_test (tests, test_registry_tells_the_slow);
  tcase_add_test (tests, test_registry_tells_of_holds);
  tcase_add_test (tests, test_registry_goes_while_telling);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
