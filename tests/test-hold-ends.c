/* SPDX-License-Identifier: Apache-2.0 */

/* How a hold ends otherwise than by a release: what was held is closed, and nothing takes its place
 * unasked. Until the release each call fails, not sent; after it all is well. Laws 2, 4, 6 and 7. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "support/tlc-harness.h"
#include "support/tlc-holder.h"
#include "support/tlc-pair.h"
#include "support/tlc-process.h"

enum { EVENT_CUT };

static void
must_drain (TlcService *service)
{
  g_autoptr (GError) error = NULL;

  if (!tlc_service_drain (service, 20000, &error))
    ck_abort_msg ("%s", error->message);
}

/* --- the peer --- */

static void
cut (TlcScript *script, gboolean is_reset)
{
  is_reset ? tlc_script_reset (script) : tlc_script_close (script);
}

/* What a hold of the harness that has lost its connection, the first of two, can do; and that it can be
 * replaced. */
static void
must_be_lost_until_released (TlcHarness *harness)
{
  TlcStats stats;

  for (guint i = 0; i < 3; i++)
    tlc_holder_must_be_over (harness->service, TLC_ERROR_CONNECTION_LOST, "is lost: release it");
  ck_assert_uint_eq (tlc_script_count_connections (harness->script), 1);
  /* Nested: there is nothing to hold. */
  tlc_holder_must_not_hold (harness->service, TLC_ERROR_CONNECTION_LOST, "is lost: release it");
  tlc_holder_must_be_over (harness->service, TLC_ERROR_CONNECTION_LOST, "is lost: release it");
  tlc_holder_release (harness->service);
  tlc_holder_hold (harness->service);
  tlc_echo_must_add (harness->service);
  tlc_echo_must_add (harness->service);
  tlc_holder_release (harness->service);
  ck_assert_uint_eq (tlc_script_count_connections (harness->script), 2);
  tlc_service_get_stats (harness->service, &stats);
  ck_assert_uint_eq (stats.retries, 0);
  ck_assert_uint_eq (stats.connects, 2);
}

/* What a hold gets is alive, however short the connection has rested: what the peer has closed is replaced
 * before it is held. */
START_TEST (test_hold_ends_before_it_begins)
{
  TlcHarness harness;
  int fd;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_CUT);
  cut (harness.script, _i == 1);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "check-after-idle", "24h", NULL);
  tlc_echo_must_add (harness.service);
  fd = tlc_harness_find_socket (&harness);
  tlc_script_signal (harness.script, EVENT_CUT);
  ck_assert (tlc_harness_wait_hung_up (fd));
  tlc_holder_hold (harness.service);
  ck_assert (tlc_script_wait_connections (harness.script, 2));
  tlc_echo_must_add (harness.service);
  tlc_holder_release (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: the connection breaks in a call: that one may have run and is not repeated, though its method
 * is idempotent; the later ones are not sent. */
START_TEST (test_hold_ends_lost_in_a_call)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 2);
  tlc_script_read (harness.script);
  cut (harness.script, _i == 1);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", "max-attempts", "5",
                     "max-connections", _i == 0 ? "1" : "unlimited", NULL);
  tlc_holder_hold (harness.service);
  tlc_echo_must_add (harness.service);
  tlc_echo_must_add (harness.service);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN,
                         "");
  must_be_lost_until_released (&harness);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: the peer closes between two calls. The next one is not sent, whether that is seen by the look
 * or by send(); without either it may have run. */
START_TEST (test_hold_ends_lost_between_calls)
{
  gboolean is_looked_at = _i < 2;
  TlcHarness harness;
  int fd;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_CUT);
  cut (harness.script, _i % 2 == 1);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", "check-after-idle",
                     is_looked_at ? "1us" : "1h", NULL);
  tlc_holder_hold (harness.service);
  tlc_echo_must_add (harness.service);
  fd = tlc_harness_find_socket (&harness);
  tlc_script_signal (harness.script, EVENT_CUT);
  ck_assert (tlc_harness_wait_hung_up (fd));
  if (_i == 2) /* a FIN, and nobody looks */
    tlc_echo_must_fail (harness.service, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN, "");
  else
    tlc_echo_must_fail (harness.service, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_NOT_SENT, "");
  must_be_lost_until_released (&harness);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: a call of a hold that times out, or whose reply is none, takes the connection with it. */
START_TEST (test_hold_ends_with_a_failed_call)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  if (_i == 1)
    {
      TlcWire *wire = tlc_wire_new ();

      tlc_wire_reply_begin (wire, "other");
      tlc_wire_reply_end (wire);
      tlc_script_send (harness.script, wire);
    }
  tlc_script_stall (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);
  tlc_holder_hold (harness.service);
  tlc_echo_must_add (harness.service);
  tlc_client_set_timeout (tlc_echo_client (harness.service), _i == 0 ? 30 : 20000);
  tlc_harness_must_fail (&harness, tlc_harness_add,
                         _i == 0 ? TLC_ERROR_TIMED_OUT : TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN,
                         "");
  tlc_client_set_timeout (tlc_echo_client (harness.service), 20000);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  must_be_lost_until_released (&harness);
  tlc_harness_end (&harness);
}
END_TEST

/* Leaves to others the connection that was theirs, which the peer then closes. */
static void *
call_and_cut (void *data)
{
  TlcHarness *harness = data;

  tlc_echo_must_add (harness->service);
  tlc_script_signal (harness->script, EVENT_CUT);
  return NULL;
}

/* Law 4: what the peer has closed before the hold is not what it begins with, however short a time it
 * rested, be it the thread's own or stolen from another: the hold has a connection that is alive. */
START_TEST (test_hold_ends_lost_before_it_begins)
{
  gboolean is_stolen = _i >= 2;
  TlcHarness harness;
  TlcStats stats;
  int fd;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, is_stolen ? 2 : 1);
  tlc_script_await (harness.script, EVENT_CUT);
  cut (harness.script, _i % 2 == 1);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "check-after-idle", "1h", "max-connections", "1", NULL);
  tlc_echo_must_add (harness.service);
  fd = tlc_harness_find_socket (&harness);
  if (is_stolen)
    tlc_holder_elsewhere (call_and_cut, &harness);
  else
    tlc_script_signal (harness.script, EVENT_CUT);
  ck_assert (tlc_harness_wait_hung_up (fd));
  tlc_holder_hold (harness.service);
  tlc_echo_must_add (harness.service);
  tlc_echo_must_add (harness.service);
  tlc_holder_release (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  tlc_harness_end (&harness);
}
END_TEST

/* A server that is killed, for good. */
START_TEST (test_hold_ends_server_killed)
{
  TlcServer *server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  siginfo_t info;

  tlc_holder_hold (service);
  tlc_holder_must_meet (service, "A#1");
  tlc_server_kill (server, SIGKILL);
  /* Until it is dead it may still accept; tlc_server_stop() reaps it. */
  ck_assert_int_eq (waitid (P_PID, (id_t) tlc_server_get_pid (server), &info, WEXITED | WNOWAIT), 0);
  ck_assert (!echo_if_ping (tlc_echo_client (service), NULL));
  tlc_holder_must_be_over (service, TLC_ERROR_CONNECTION_LOST, "is lost: release it");
  tlc_holder_release (service);
  tlc_holder_must_not_hold (service, TLC_ERROR_UNAVAILABLE, "");
  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT, "");
  tlc_thread_detach ();
  tlc_service_unref (service);
  tlc_server_stop (server);
}
END_TEST

/* A release of what is lost already, found out or not, leaves nothing held, and nothing of the lost
 * connection to those who come. */
START_TEST (test_hold_ends_released_when_lost)
{
  TlcHarness harness;
  TlcStats stats;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_close (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "max-connections", "1", NULL);
  tlc_holder_hold (harness.service);
  tlc_echo_must_add (harness.service);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN,
                         "");
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.connections_open, 0);
  tlc_holder_release (harness.service);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.connections_busy, 0);
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* What is lost is nobody's: under a cap of one, who waits gets the seat though it is not released, and
 * the holder's release does not disturb him. */
START_TEST (test_hold_ends_lost_frees_the_seat)
{
  TlcHarness harness;
  TlcTake take;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_close (harness.script);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_await (harness.script, EVENT_CUT);
  tlc_script_answer (harness.script, NULL, NULL);
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, "max-connections", "1", "call-timeout", "20s", "claim-timeout", "20s",
                     NULL);
  tlc_holder_hold (harness.service);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN,
                         "");
  tlc_take_start (&take, harness.service, 0);
  ck_assert (tlc_script_wait_requests (harness.script, 2));
  tlc_holder_must_be_over (harness.service, TLC_ERROR_CONNECTION_LOST, "is lost: release it");
  tlc_holder_release (harness.service);
  tlc_script_signal (harness.script, EVENT_CUT);
  pthread_join (take.thread, NULL);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

static void *
add_once (void *service)
{
  tlc_echo_must_add (service);
  return NULL;
}

/* And who waits already when it is lost has waited long enough: he gets it before the release. */
START_TEST (test_hold_ends_lost_wakes_who_waits)
{
  TlcHarness harness;
  pthread_t thread;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_close (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "max-connections", "1", "call-timeout", "20s", "claim-timeout", "20s",
                     NULL);
  tlc_holder_hold (harness.service);
  ck_assert_int_eq (pthread_create (&thread, NULL, add_once, harness.service), 0);
  tlc_holder_await_waiting (harness.service, 1);
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN,
                         "");
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  tlc_holder_must_be_over (harness.service, TLC_ERROR_CONNECTION_LOST, "is lost: release it");
  tlc_holder_release (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* --- a change --- */

static void *
drain_now (void *service)
{
  must_drain (service);
  return NULL;
}

/* Laws 2 and 6: the endpoint is removed between two calls of a hold: its connection is closed when the
 * change returns, so that another thread's drain succeeds; the next call goes nowhere, neither there nor
 * to the new endpoint; also where the old one has come back. */
START_TEST (test_hold_ends_endpoint_removed)
{
  TlcStats stats;
  TlcPair pair;

  tlc_pair_init (&pair);
  tlc_holder_hold (pair.service);
  tlc_holder_must_meet (pair.service, "A");
  tlc_echo_reconfigure (pair.service, pair.at_a, "call-timeout", "4s", NULL);
  tlc_holder_must_meet (pair.service, "A"); /* the endpoint stays */
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), 0);
  tlc_holder_elsewhere (drain_now, pair.service);
  if (_i == 0)
    tlc_holder_must_be_over (pair.service, TLC_ERROR_CONNECTION_LOST, "is no longer configured");
  tlc_echo_reconfigure (pair.service, _i == 0 ? pair.at_b : pair.at_a, NULL);
  tlc_holder_must_be_over (pair.service, TLC_ERROR_CONNECTION_LOST, "release it");
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), 0);
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_b), 0);
  tlc_service_get_stats (pair.service, &stats);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.reclaimed_retired, 1);
  tlc_holder_release (pair.service);
  tlc_holder_hold (pair.service);
  tlc_holder_must_meet (pair.service, _i == 0 ? "B" : "A");
  tlc_holder_release (pair.service);
  tlc_pair_clear (&pair);
}
END_TEST

/* Law 2: removed in the middle of a call, which ends well where it began; then the connection is closed
 * at once, without the next call. */
START_TEST (test_hold_ends_endpoint_removed_in_a_call)
{
  EchoIf *echo;
  TlcPair pair;

  tlc_pair_init (&pair);
  echo = tlc_echo_client (pair.service);
  tlc_holder_hold (pair.service);
  for (gint32 i = 0; i <= _i; i++)
    tlc_echo_must_send_add (echo, i, 7);
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), 1);
  for (gint32 i = 0; i <= _i; i++)
    tlc_echo_must_receive_sum (echo, i + 7);
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), 0);
  tlc_holder_elsewhere (drain_now, pair.service);
  tlc_holder_must_be_over (pair.service, TLC_ERROR_CONNECTION_LOST, "is no longer configured");
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_b), 0);
  tlc_holder_release (pair.service);
  tlc_holder_must_meet (pair.service, "B");
  tlc_pair_clear (&pair);
}
END_TEST

/* A hold that was released before the change, or between change and call, is none: the call goes to the
 * new endpoint. */
START_TEST (test_hold_ends_released_around_a_change)
{
  TlcPair pair;

  tlc_pair_init (&pair);
  tlc_holder_hold (pair.service);
  tlc_holder_must_meet (pair.service, "A");
  if (_i == 0)
    tlc_holder_release (pair.service);
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  if (_i == 1)
    tlc_holder_release (pair.service);
  tlc_holder_must_meet (pair.service, "B");
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), 0);
  tlc_pair_clear (&pair);
}
END_TEST

typedef struct {
  TlcService *service;
  pthread_barrier_t held, lowered;
} Lowered;

static void *
hold_the_second (void *data)
{
  Lowered *lowered = data;

  tlc_holder_hold (lowered->service);
  tlc_holder_must_meet (lowered->service, "A#2");
  pthread_barrier_wait (&lowered->held);
  pthread_barrier_wait (&lowered->lowered);
  tlc_holder_must_be_over (lowered->service, TLC_ERROR_CONNECTION_LOST,
                           "is one more than max-connections allows now: release it");
  tlc_holder_release (lowered->service);
  tlc_holder_must_meet (lowered->service, "A#1");
  return NULL;
}

/* Law 6: a cap that falls below what is held closes what is beyond it, and nothing else. */
START_TEST (test_hold_ends_beyond_a_lowered_cap)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  Lowered lowered = { .service = tlc_echo_service (at, "max-connections", "2", NULL) };
  pthread_t thread;

  pthread_barrier_init (&lowered.held, NULL, 2);
  pthread_barrier_init (&lowered.lowered, NULL, 2);
  tlc_holder_hold (lowered.service);
  tlc_holder_must_meet (lowered.service, "A#1");
  ck_assert_int_eq (pthread_create (&thread, NULL, hold_the_second, &lowered), 0);
  pthread_barrier_wait (&lowered.held);
  tlc_echo_reconfigure (lowered.service, at, "max-connections", "1", "claim-timeout", "20s",
                        "call-timeout", "20s", NULL);
  ck_assert_uint_eq (tlc_process_count_connections (at), 1);
  tlc_holder_must_meet (lowered.service, "A#1");
  pthread_barrier_wait (&lowered.lowered);
  tlc_holder_await_waiting (lowered.service, 1);
  tlc_holder_must_meet (lowered.service, "A#1");
  tlc_holder_release (lowered.service);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  pthread_barrier_destroy (&lowered.held);
  pthread_barrier_destroy (&lowered.lowered);
  tlc_thread_detach ();
  tlc_service_unref (lowered.service);
}
END_TEST

/* Law 7: the service goes while a thread holds: what is held is closed at once, whichever thread lets go
 * of the service, and the thread that held exits in peace. */
START_TEST (test_hold_ends_service_goes)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  TlcService *service = tlc_echo_service (at, NULL);
  guint fds = tlc_process_count_fds ();

  for (guint i = 0; i <= (guint) _i; i++)
    tlc_holder_hold (service);
  tlc_asker_ask (service, "A#2");
  ck_assert_uint_eq (tlc_process_count_connections (at), 2);
  tlc_service_unref (service);
  ck_assert_uint_eq (tlc_process_count_connections (at), 0);
  tlc_thread_detach ();
  ck_assert (tlc_process_settles (tlc_process_count_fds, fds));
}
END_TEST

/* And a call that the thread makes on it nevertheless says so: not that a connection is lost, which it
 * would release, and hold another. */
START_TEST (test_hold_ends_service_is_closed)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);
  g_autoptr (GError) error = NULL;

  tlc_holder_hold (service);
  tlc_holder_must_meet (service, "A#1");
  tlc_service_unref (service);
  ck_assert (!echo_if_ping (echo, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CLOSED), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  tlc_thread_detach ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("hold-ends");
  TCase *tests = tcase_create ("hold-ends");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_hold_ends_before_it_begins, 0, 2);
  tcase_add_loop_test (tests, test_hold_ends_lost_in_a_call, 0, 2);
  tcase_add_loop_test (tests, test_hold_ends_lost_between_calls, 0, 4);
  tcase_add_loop_test (tests, test_hold_ends_with_a_failed_call, 0, 2);
  tcase_add_loop_test (tests, test_hold_ends_lost_before_it_begins, 0, 4);
  tcase_add_test (tests, test_hold_ends_server_killed);
  tcase_add_test (tests, test_hold_ends_released_when_lost);
  tcase_add_test (tests, test_hold_ends_lost_frees_the_seat);
  tcase_add_test (tests, test_hold_ends_lost_wakes_who_waits);
  tcase_add_loop_test (tests, test_hold_ends_endpoint_removed, 0, 2);
  tcase_add_loop_test (tests, test_hold_ends_endpoint_removed_in_a_call, 0, 3);
  tcase_add_loop_test (tests, test_hold_ends_released_around_a_change, 0, 2);
  tcase_add_test (tests, test_hold_ends_beyond_a_lowered_cap);
  tcase_add_loop_test (tests, test_hold_ends_service_goes, 0, 2);
  tcase_add_test (tests, test_hold_ends_service_is_closed);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
