/* SPDX-License-Identifier: Apache-2.0 */

/* Connections that follow the work, from the view of the thread that gets one: it is as good as its own,
 * or it is replaced before a request goes over it. */
#include <poll.h>
#include <pthread.h>

#include "support/tlc-harness.h"
#include "support/tlc-holder.h"
#include "support/tlc-process.h"

enum { EVENT_READY, EVENT_OVER };

static void
assert_counts (TlcService *service, guint64 connects, guint64 adopted, guint64 stolen)
{
  TlcStats stats;

  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connects, connects);
  ck_assert_uint_eq (stats.adopted, adopted);
  ck_assert_uint_eq (stats.stolen, stolen);
}

static void
assert_nothing_failed (TlcService *service)
{
  TlcStats stats;

  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.desyncs_caught, 0);
}

static void *
call_once (void *service)
{
  tlc_echo_must_add (service);
  return NULL;
}

/* Law 6: the connection of a thread that has exited is the next thread's; with spare-connections =
 * 0 it is closed. */
START_TEST (test_adopt_what_an_exit_left)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (
      tlc_server_get_endpoint (server), "spare-connections", _i == 0 ? "1" : "0", NULL);

  for (guint i = 0; i < 10; i++)
    tlc_holder_elsewhere (call_once, service);
  assert_counts (service, _i == 0 ? 1 : 10, _i == 0 ? 9 : 0, 0);
  tlc_holder_await_connections (tlc_server_get_endpoint (server), _i == 0 ? 1 : 0, 10000);
}
END_TEST

/* Law 3: with a reply outstanding, nobody else gets it. */
START_TEST (test_adopt_nothing_with_a_reply_due)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);

  tlc_echo_must_send_add (tlc_echo_client (service), 1, 2);
  tlc_thread_detach ();
  tlc_holder_await_connections (tlc_server_get_endpoint (server), 0, 10000);
  tlc_echo_must_add (service);
  assert_counts (service, 2, 0, 0);
}
END_TEST

static void *
time_out_once (void *service)
{
  g_autoptr (GError) error = NULL;
  gint32 value;

  ck_assert (!echo_if_take (tlc_echo_client (service), &value, 200, 7, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT), "%s", error->message);
  return NULL;
}

/* Nor where a reply may still come, after its call has given up. */
START_TEST (test_adopt_nothing_with_a_late_reply)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (
      tlc_server_get_endpoint (server), "call-timeout", "20ms", "max-connections",
      _i == 0 ? "unlimited" : "1", NULL);
  TlcStats stats;

  tlc_holder_elsewhere (time_out_once, service);
  tlc_client_set_timeout (tlc_echo_client (service), 20000);
  for (guint i = 0; i < 50; i++)
    tlc_echo_must_add (service);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.failures, 1);
  ck_assert_uint_eq (stats.desyncs_caught, 0);
  assert_counts (service, 2, 0, 0);
}
END_TEST

/* Law 2: what led to an endpoint that was removed is closed, and nobody adopts it. */
START_TEST (test_adopt_nothing_that_is_retired)
{
  g_autoptr (TlcServer) a = tlc_holder_server ("A"), b = tlc_holder_server ("B");
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (a), NULL);

  tlc_holder_elsewhere (call_once, service);
  tlc_holder_await_connections (tlc_server_get_endpoint (a), 1, 10000);
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (b), NULL);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (a)), 0);
  tlc_asker_ask (service, "B#1");
  tlc_asker_ask (service, "B#1");
  assert_counts (service, 2, 1, 0);
}
END_TEST

/* The thread that is at home where a connection is stolen: alive until it is told to go. */
typedef struct {
  TlcService *service;
  pthread_barrier_t met;
  pthread_t thread;
} Neighbour;

static void *
neighbour_main (void *data)
{
  Neighbour *neighbour = data;

  tlc_echo_must_add (neighbour->service);
  pthread_barrier_wait (&neighbour->met);
  pthread_barrier_wait (&neighbour->met);
  return NULL;
}

/* It has called once when this returns. */
static void
neighbour_start (Neighbour *neighbour, TlcService *service)
{
  neighbour->service = service;
  pthread_barrier_init (&neighbour->met, NULL, 2);
  ck_assert_int_eq (pthread_create (&neighbour->thread, NULL, neighbour_main, neighbour), 0);
  pthread_barrier_wait (&neighbour->met);
}

static void
neighbour_end (Neighbour *neighbour)
{
  pthread_barrier_wait (&neighbour->met);
  ck_assert_int_eq (pthread_join (neighbour->thread, NULL), 0);
  pthread_barrier_destroy (&neighbour->met);
}

/* Law 4: what was idle for long in another thread's hands is looked at like one's own: what its peer has
 * closed meanwhile costs no call. */
START_TEST (test_adopt_after_a_look)
{
  gboolean is_stolen = _i % 2 == 1;
  Neighbour neighbour;
  TlcHarness harness;
  int fd;

  tlc_harness_begin (&harness, _i < 2 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_READY);
  tlc_script_close (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "check-after-idle", "1us", "max-connections",
                     is_stolen ? "1" : "unlimited", NULL);
  if (is_stolen)
    neighbour_start (&neighbour, harness.service);
  else
    tlc_holder_elsewhere (call_once, harness.service);
  fd = tlc_harness_find_socket (&harness);
  tlc_script_signal (harness.script, EVENT_READY);
  ck_assert (tlc_harness_wait_hung_up (fd));
  tlc_echo_must_add (harness.service);
  assert_counts (harness.service, 2, is_stolen ? 0 : 1, is_stolen ? 1 : 0);
  assert_nothing_failed (harness.service);
  if (is_stolen)
    neighbour_end (&neighbour);
  tlc_harness_end (&harness);
}
END_TEST

#define CHECK_AFTER_MS 300

/* By the time that this connection has rested, not by that since the thread's last call over another. */
START_TEST (test_adopt_after_a_look_at_the_right_age)
{
  Neighbour neighbour;
  TlcHarness harness;
  pthread_t busy;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 2);
  tlc_script_read (harness.script);
  tlc_script_await (harness.script, EVENT_OVER);
  tlc_script_answer (harness.script, NULL, NULL);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_close (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "check-after-idle", G_STRINGIFY (CHECK_AFTER_MS) "ms",
                     "max-connections", "2", NULL);
  tlc_echo_must_add (harness.service);
  neighbour_start (&neighbour, harness.service);
  ck_assert (tlc_script_wait_ended (harness.script, 1));
  g_usleep (CHECK_AFTER_MS * 1000 * 11 / 10); /* the time is what is tested */
  tlc_echo_must_add (harness.service);
  ck_assert_int_eq (pthread_create (&busy, NULL, call_once, harness.service), 0);
  ck_assert (tlc_script_wait_requests (harness.script, 4));
  tlc_echo_must_add (harness.service);
  assert_counts (harness.service, 3, 0, 2);
  assert_nothing_failed (harness.service);
  tlc_script_signal (harness.script, EVENT_OVER);
  ck_assert_int_eq (pthread_join (busy, NULL), 0);
  neighbour_end (&neighbour);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: whose home was stolen finds another, or steals in his turn, and each answer is its asker's. */
START_TEST (test_adopt_back_and_forth)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1", NULL);

  for (guint i = 0; i < 20; i++)
    {
      Neighbour neighbour;

      neighbour_start (&neighbour, service);
      tlc_echo_must_add (service);
      neighbour_end (&neighbour);
    }
  /* Each neighbour steals what the main thread left, but the first, and the main thread steals back. */
  assert_counts (service, 1, 0, 39);
  assert_nothing_failed (service);
}
END_TEST

/* A pipeline keeps its connection until its last reply: who waits gets it then. */
START_TEST (test_adopt_behind_a_pipeline)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1", "claim-timeout",
                          "50s", "call-timeout", "50s", NULL);
  EchoIf *echo = tlc_echo_client (service);
  TlcAsker asker;

  for (gint32 i = 0; i < 5; i++)
    tlc_echo_must_send_add (echo, i, 1);
  tlc_asker_start (&asker, service);
  tlc_holder_await_waiting (service, 1);
  for (gint32 i = 0; i < 4; i++)
    tlc_echo_must_receive_sum (echo, i + 1);
  tlc_holder_await_waiting (service, 1);
  tlc_echo_must_receive_sum (echo, 5);
  tlc_asker_must_meet (&asker, "A#1");
  assert_nothing_failed (service);
}
END_TEST

static void *
repeatable_main (void *service)
{
  tlc_client_set_idempotent (tlc_echo_client (service), TRUE);
  tlc_echo_must_add (service);
  return NULL;
}

/* Laws 4 and 5: a call that is repeated under a cap keeps its turn, and who waits comes after it. */
START_TEST (test_adopt_after_a_retry)
{
  TlcHarness harness;
  pthread_t first, second;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_await (harness.script, EVENT_READY);
  tlc_script_reset (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "max-connections", "1", "claim-timeout", "50s", "call-timeout", "50s",
                     "retry", "idempotent", NULL);
  ck_assert_int_eq (pthread_create (&first, NULL, repeatable_main, harness.service), 0);
  ck_assert (tlc_script_wait_requests (harness.script, 1));
  ck_assert_int_eq (pthread_create (&second, NULL, repeatable_main, harness.service), 0);
  tlc_holder_await_waiting (harness.service, 1);
  tlc_script_signal (harness.script, EVENT_READY);
  ck_assert_int_eq (pthread_join (first, NULL), 0);
  ck_assert_int_eq (pthread_join (second, NULL), 0);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  assert_nothing_failed (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("adopt");
  TCase *tests = tcase_create ("adopt");

  tcase_add_loop_test (tests, test_adopt_what_an_exit_left, 0, 2);
  tcase_add_test (tests, test_adopt_nothing_with_a_reply_due);
  tcase_add_loop_test (tests, test_adopt_nothing_with_a_late_reply, 0, 2);
  tcase_add_test (tests, test_adopt_nothing_that_is_retired);
  tcase_add_loop_test (tests, test_adopt_after_a_look, 0, 4);
  tcase_add_test (tests, test_adopt_after_a_look_at_the_right_age);
  tcase_add_test (tests, test_adopt_back_and_forth);
  tcase_add_test (tests, test_adopt_behind_a_pipeline);
  tcase_add_test (tests, test_adopt_after_a_retry);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
