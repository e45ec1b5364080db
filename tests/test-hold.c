/* SPDX-License-Identifier: Apache-2.0 */

/* What a hold gives: one connection for all calls until the release, whoever else wants it. How it ends
 * otherwise than by a release: test-hold-ends.c. On real servers, which say over which connection they
 * were asked. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "support/tlc-holder.h"
#include "support/tlc-pair.h"
#include "support/tlc-process.h"

/* Under a cap of one, with threads waiting: all calls of a hold go over one connection, and nobody
 * gets in between; after the release those who waited get that connection, first come, first served. */
START_TEST (test_hold_keeps_others_waiting)
{
  enum { N = 4 };
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1",
                                          "claim-timeout", "20s", "call-timeout", "20s", NULL);
  TlcAsker askers[N];
  TlcStats stats;
  gint32 turns = 0;

  tlc_holder_hold (service);
  for (guint i = 0; i < N; i++)
    {
      tlc_asker_start (&askers[i], service);
      tlc_holder_await_waiting (service, i + 1);
    }
  for (guint i = 0; i < 50; i++)
    tlc_holder_must_meet (service, "A#1");
  ck_assert (echo_if_executions (tlc_echo_client (service), &turns, "tlc-asker", NULL));
  ck_assert_int_eq (turns, 0);
  tlc_holder_await_waiting (service, N);
  tlc_holder_release (service);
  for (guint i = 0; i < N; i++)
    {
      tlc_asker_must_meet (&askers[i], "A#1");
      ck_assert_int_eq (askers[i].turn, (gint32) i + 1);
    }
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.connections_busy, 0);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

typedef struct {
  TlcService *service;
  guint n_calls;
  pthread_barrier_t start;
  atomic_uint n_between; /* how often another's call ran between two of a thread's own */
} Crowd;

static void *
call_in_crowd (void *data)
{
  Crowd *crowd = data;
  EchoIf *echo = tlc_echo_client (crowd->service);
  gint32 before = 0, turn = 0;

  pthread_barrier_wait (&crowd->start);
  for (guint i = 0; i < crowd->n_calls; i++, before = turn)
    {
      g_autoptr (GError) error = NULL;

      if (!echo_if_run (echo, &turn, "crowd", &error))
        ck_abort_msg ("%s", error->message);
      ck_assert_int_gt (turn, before);
      atomic_fetch_add (&crowd->n_between, i > 0 && turn != before + 1 ? 1 : 0);
      tlc_holder_must_meet (crowd->service, "A#1");
    }
  return NULL;
}

/* Without a hold, under the same cap, calls of all threads take turns on the connection. */
START_TEST (test_hold_without_one_they_take_turns)
{
  enum { N = 4 };
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  Crowd crowd = { .n_calls = 200 };
  pthread_t threads[N];
  TlcStats stats;

  crowd.service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1",
                                    "claim-timeout", "20s", "call-timeout", "20s", NULL);
  pthread_barrier_init (&crowd.start, NULL, N);
  for (guint i = 0; i < N; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_in_crowd, &crowd), 0);
  for (guint i = 0; i < N; i++)
    pthread_join (threads[i], NULL);
  pthread_barrier_destroy (&crowd.start);
  ck_assert_uint_gt (atomic_load (&crowd.n_between), 0);
  tlc_service_get_stats (crowd.service, &stats);
  ck_assert_uint_eq (stats.calls, 2 * N * crowd.n_calls);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.waiting, 0);
  tlc_service_unref (crowd.service);
}
END_TEST

/* What was a thread's own connection is anybody's between two of its calls, and not while it holds. */
START_TEST (test_hold_is_not_stolen)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "2", NULL);
  TlcStats stats;

  tlc_holder_must_meet (service, "A#1");
  tlc_holder_hold (service);
  tlc_asker_ask (service, "A#2");
  tlc_asker_ask (service, "A#2");
  tlc_holder_must_meet (service, "A#1");
  tlc_holder_release (service);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.stolen, 0);
  ck_assert_uint_eq (stats.connects, 2);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* Holds nest: only the last release gives the connection away. */
START_TEST (test_hold_nests)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1",
                                          "claim-timeout", "20s", "call-timeout", "20s", NULL);
  TlcAsker asker;
  gint32 turns = 0;

  for (guint i = 0; i < 3; i++)
    tlc_holder_hold (service);
  tlc_asker_start (&asker, service);
  tlc_holder_await_waiting (service, 1);
  for (guint i = 0; i < 2; i++)
    {
      tlc_holder_must_meet (service, "A#1");
      tlc_holder_release (service);
    }
  ck_assert (echo_if_executions (tlc_echo_client (service), &turns, "tlc-asker", NULL));
  ck_assert_int_eq (turns, 0);
  tlc_holder_release (service);
  tlc_asker_must_meet (&asker, "A#1");
  tlc_holder_must_meet (service, "A#1");
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* While replies are outstanding, one or several, no hold begins; what is outstanding is answered. */
START_TEST (test_hold_while_replies_are_outstanding)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);
  TlcStats stats;

  for (gint32 n = 1; n <= 3; n++)
    {
      for (gint32 i = 0; i < n; i++)
        tlc_echo_must_send_add (echo, i, n);
      tlc_holder_must_not_hold (service, TLC_ERROR_BUSY, "replies are outstanding on this client");
      for (gint32 i = 0; i < n; i++)
        tlc_echo_must_receive_sum (echo, i + n);
      tlc_holder_hold (service);
      tlc_holder_must_meet (service, "A#1");
      tlc_holder_release (service);
    }
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.connections_busy, 0);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* A hold connects, where there is no connection, before any call; and not where there is one. */
START_TEST (test_hold_connects_at_once)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  TlcStats stats;

  tlc_holder_hold (service);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 1);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.calls, 0);
  ck_assert_uint_eq (stats.bytes_sent, 0);
  ck_assert_uint_eq (stats.connections_busy, 1);
  tlc_holder_release (service);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connections_busy, 0);
  tlc_holder_must_meet (service, "A#1");
  tlc_holder_hold (service);
  tlc_holder_must_meet (service, "A#1");
  tlc_holder_release (service);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* Where nobody listens a hold fails as a call does, and nothing is held: under a cap of one the seat is
 * the next one's. */
START_TEST (test_hold_where_nobody_listens)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service ("unix:@nobody-listens-here", "max-connections", "1", NULL);
  TlcStats stats;

  for (guint i = 0; i < 3; i++)
    tlc_holder_must_not_hold (service, TLC_ERROR_UNAVAILABLE, "echo: unix:@nobody-listens-here: ");
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.calls, 0);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.connections_open, 0);
  ck_assert_uint_eq (stats.connections_busy, 0);
  ck_assert_uint_eq (stats.connect_failures, 3);
  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT, "");
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (server), "max-connections", "1", NULL);
  tlc_holder_must_meet (service, "A#1");
  tlc_asker_ask (service, "A#1");
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* The error of a hold that fails is its own: neither the method nor the delivery of the call before it,
 * which was answered. */
START_TEST (test_hold_fails_by_itself)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  g_autoptr (GError) error = NULL;

  tlc_holder_must_meet (service, "A#1");
  tlc_echo_reconfigure (service, "unix:@nobody-listens-here", NULL);
  ck_assert (!tlc_client_hold (tlc_echo_client (service), &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE), "%s", error->message);
  ck_assert_msg (tlc_error_get_delivery (error) == TLC_DELIVERY_NOT_SENT, "%s", error->message);
  ck_assert_msg (strstr (error->message, "who") == NULL, "%s", error->message);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

typedef struct {
  TlcService *service;
  pthread_barrier_t held, release;
  pthread_t thread;
} Holder;

static void *
hold_until_told (void *data)
{
  Holder *holder = data;

  tlc_holder_hold (holder->service);
  pthread_barrier_wait (&holder->held);
  pthread_barrier_wait (&holder->release);
  tlc_holder_release (holder->service);
  return NULL;
}

static void
holder_start (Holder *holder, TlcService *service)
{
  holder->service = service;
  pthread_barrier_init (&holder->held, NULL, 2);
  pthread_barrier_init (&holder->release, NULL, 2);
  ck_assert_int_eq (pthread_create (&holder->thread, NULL, hold_until_told, holder), 0);
  pthread_barrier_wait (&holder->held);
}

static void
holder_end (Holder *holder)
{
  pthread_barrier_wait (&holder->release);
  ck_assert_int_eq (pthread_join (holder->thread, NULL), 0);
  pthread_barrier_destroy (&holder->held);
  pthread_barrier_destroy (&holder->release);
}

typedef struct {
  TlcService *service;
  GError **error;
} Vain;

static void *
add_in_vain (void *data)
{
  Vain *vain = data;
  gint32 sum;

  ck_assert (!echo_if_add (tlc_echo_client (vain->service), &sum, 1, 2, vain->error));
  return NULL;
}

/* Who waits is told for how long the connection has been held, not since when it was last used. */
START_TEST (test_hold_is_as_old_as_it_is)
{
  enum { HELD_MS = 200 };
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1",
                                          "max-waiting", "0", NULL);
  g_autoptr (GError) error = NULL;
  const char *age;

  tlc_holder_hold (service);
  g_usleep (HELD_MS * 1000); /* the time is what is tested */
  tlc_holder_must_meet (service, "A#1");
  if (_i == 1)
    ck_assert (echo_client_send_add (tlc_echo_client (service), 1, 2, NULL));
  tlc_holder_elsewhere (add_in_vain, &(Vain){ service, &error });
  age = strstr (error->message, ")'s, for ");
  ck_assert_msg (age != NULL && g_ascii_strtoll (age + strlen (")'s, for "), NULL, 10) >= HELD_MS, "%s",
                 error->message);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* Law 5: a hold waits for a seat no longer than a call would, by whichever limit is the first; it says
 * who has what it waited for, and has nothing then. */
START_TEST (test_hold_waits_in_vain)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  TlcService *service
      = tlc_echo_service (at, "max-connections", "1", "claim-timeout", "30ms", NULL);
  Holder holder;

  holder_start (&holder, service);
  tlc_holder_must_not_hold (service, TLC_ERROR_EXHAUSTED, "no connection within claim-timeout = 30 ms");
  tlc_deadline_push (10);
  tlc_holder_must_not_hold (service, TLC_ERROR_TIMED_OUT, "waiting for a connection");
  tlc_holder_must_not_hold (service, TLC_ERROR_TIMED_OUT, "before it began");
  tlc_deadline_pop ();
  tlc_echo_reconfigure (service, at, "max-connections", "1", "max-waiting", "0", NULL);
  tlc_holder_must_not_hold (service, TLC_ERROR_EXHAUSTED, "max-waiting = 0");
  tlc_echo_must_fail (service, TLC_ERROR_EXHAUSTED, TLC_DELIVERY_NOT_SENT, "max-waiting = 0");
  tlc_holder_await_waiting (service, 0);
  holder_end (&holder);
  tlc_holder_must_meet (service, "A#1");
  tlc_asker_ask (service, "A#1");
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* A hold that waits gets the seat, with its connection, when it is released. */
START_TEST (test_hold_waits_for_a_seat)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1",
                                          "claim-timeout", "20s", "call-timeout", "20s", NULL);
  Holder holder = { .service = service };
  TlcStats stats;

  tlc_holder_hold (service);
  pthread_barrier_init (&holder.held, NULL, 2);
  pthread_barrier_init (&holder.release, NULL, 2);
  ck_assert_int_eq (pthread_create (&holder.thread, NULL, hold_until_told, &holder), 0);
  tlc_holder_await_waiting (service, 1);
  tlc_holder_must_meet (service, "A#1");
  tlc_holder_release (service);
  pthread_barrier_wait (&holder.held);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connections_busy, 1);
  ck_assert_uint_eq (stats.connects, 1);
  holder_end (&holder);
  tlc_holder_must_meet (service, "A#1");
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* Law 3: in a hold, too, requests may be sent one behind the other; a release before the replies are
 * received gives the connection away when the last has been. */
START_TEST (test_hold_pipeline)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1",
                                          "claim-timeout", "20s", "call-timeout", "20s", NULL);
  EchoIf *echo = tlc_echo_client (service);
  TlcAsker asker;
  TlcStats stats;

  tlc_holder_hold (service);
  tlc_asker_start (&asker, service);
  tlc_holder_await_waiting (service, 1);
  for (gint32 n = 1; n <= 9; n++)
    {
      for (gint32 i = 0; i < n; i++)
        tlc_echo_must_send_add (echo, i, n);
      if (n == 9)
        tlc_holder_release (service);
      for (gint32 i = 0; i < n; i++)
        {
          tlc_holder_await_waiting (service, 1);
          tlc_echo_must_receive_sum (echo, i + n);
        }
      if (n < 9)
        tlc_holder_must_meet (service, "A#1");
    }
  tlc_asker_must_meet (&asker, "A#1");
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.connects, 1);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* Oneways and exceptions do not end a hold; neither does a request that is too large to be sent. */
START_TEST (test_hold_survives_what_calls_survive)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-message-size", "4KiB", NULL);
  EchoIf *echo = tlc_echo_client (service);
  g_autofree char *text = g_strnfill (5000, 'x');
  char *back = NULL;
  gint32 value = 0;

  tlc_holder_hold (service);
  tlc_asker_ask (service, "A#2"); /* so that another connection would be there to take */
  for (gint32 code = 1; code <= 3; code++)
    {
      Rejected *rejected = NULL;
      NotFound *not_found = NULL;
      GError *error = NULL;

      ck_assert (echo_if_note (echo, "note", NULL));
      ck_assert (!echo_if_fail (echo, &value, code, &rejected, &not_found, &error));
      ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_ANSWERED);
      g_clear_error (&error);
      g_clear_object (&rejected);
      g_clear_object (&not_found);
      ck_assert (!echo_if_echo_string (echo, &back, text, &error));
      ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_MESSAGE_TOO_LARGE), "%s",
                     error->message);
      g_clear_error (&error);
      tlc_holder_must_meet (service, "A#1");
    }
  tlc_holder_release (service);
  tlc_holder_must_meet (service, "A#1");
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* Two services are two holds. */
START_TEST (test_hold_of_another_service)
{
  TlcPair pair;
  TlcService *other;

  tlc_pair_init (&pair);
  other = tlc_echo_service (pair.at_b, NULL);
  tlc_holder_hold (pair.service);
  tlc_holder_hold (other);
  tlc_holder_must_meet (pair.service, "A");
  tlc_holder_must_meet (other, "B");
  tlc_holder_release (pair.service);
  tlc_holder_must_meet (other, "B");
  tlc_holder_release (other);
  tlc_service_unref (other);
  tlc_pair_clear (&pair);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("hold");
  TCase *tests = tcase_create ("hold");

  tcase_set_timeout (tests, 60);
  tcase_add_test (tests, test_hold_keeps_others_waiting);
  tcase_add_test (tests, test_hold_without_one_they_take_turns);
  tcase_add_test (tests, test_hold_is_not_stolen);
  tcase_add_test (tests, test_hold_nests);
  tcase_add_test (tests, test_hold_while_replies_are_outstanding);
  tcase_add_test (tests, test_hold_connects_at_once);
  tcase_add_test (tests, test_hold_where_nobody_listens);
  tcase_add_test (tests, test_hold_fails_by_itself);
  tcase_add_loop_test (tests, test_hold_is_as_old_as_it_is, 0, 2);
  tcase_add_test (tests, test_hold_waits_in_vain);
  tcase_add_test (tests, test_hold_waits_for_a_seat);
  tcase_add_test (tests, test_hold_pipeline);
  tcase_add_test (tests, test_hold_survives_what_calls_survive);
  tcase_add_test (tests, test_hold_of_another_service);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
