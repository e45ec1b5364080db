/* SPDX-License-Identifier: Apache-2.0 */

/* Draining: when is nothing left on what was taken out? On real servers. Laws 2, 5, 6. */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <urcu/urcu-bp.h>

#include "support/tlc-blackhole.h"
#include "support/tlc-holder.h"
#include "support/tlc-pair.h"
#include "support/tlc-process.h"

static void
must_drain (TlcService *service)
{
  g_autoptr (GError) error = NULL;

  if (!tlc_service_drain (service, 20000, &error))
    ck_abort_msg ("%s", error->message);
}

static void
must_not_drain (TlcService *service, guint timeout_ms, TlcError code, const char *text)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!tlc_service_drain (service, timeout_ms, &error));
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (error->domain == TLC_ERROR && error->code == (int) code, "%s", error->message);
  ck_assert_msg (strstr (error->message, text) != NULL, "%s", error->message);
}

/* Where nothing was taken out there is nothing to wait for, whatever calls are in flight. */
START_TEST (test_drain_of_nothing)
{
  TlcTake take;
  TlcPair pair;

  tlc_pair_init (&pair);
  ck_assert (tlc_service_drain (pair.service, 0, NULL));
  tlc_echo_must_add (pair.service);
  ck_assert (tlc_service_drain (pair.service, 0, NULL));
  tlc_thread_detach ();
  tlc_take_start (&take, pair.service, 200);
  ck_assert (tlc_service_drain (pair.service, 0, NULL));
  tlc_take_join (&take);
  tlc_pair_clear (&pair);
}
END_TEST

/* Law 5: a call in flight on what was taken out is waited for, to the deadline: then the message
 * says how many, which thread, for how long, and where. */
START_TEST (test_drain_waits_for_calls_in_flight)
{
  g_autofree char *text = NULL;
  TlcTake take;
  TlcPair pair;

  tlc_pair_init (&pair);
  tlc_take_start (&take, pair.service, 2000);
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  tlc_echo_must_add (pair.service);
  text = g_strdup_printf ("1 call is older than generation 2, the oldest by thread %d (",
                          take.thread_id);
  must_not_drain (pair.service, 0, TLC_ERROR_TIMED_OUT, text);
  must_not_drain (pair.service, 50, TLC_ERROR_TIMED_OUT, "not drained after 50 ms");
  must_not_drain (pair.service, 0, TLC_ERROR_TIMED_OUT, pair.at_a);
  must_drain (pair.service);
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), 0);
  tlc_take_join (&take);
  tlc_pair_clear (&pair);
}
END_TEST

/* Calls on what has stayed are not waited for. */
START_TEST (test_drain_does_not_wait_for_what_stays)
{
  g_autofree char *both = NULL;
  TlcTake take;
  TlcPair pair;

  tlc_pair_init (&pair);
  both = g_strdup_printf ("%s %s", pair.at_a, pair.at_b);
  tlc_echo_reconfigure (pair.service, both, "balance", "ordered", NULL);
  tlc_take_start (&take, pair.service, 1000);
  tlc_echo_reconfigure (pair.service, pair.at_a, NULL);
  ck_assert (tlc_service_drain (pair.service, 0, NULL));
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), 1);
  tlc_take_join (&take);
  tlc_pair_clear (&pair);
}
END_TEST

typedef struct {
  TlcService *service;
  pthread_barrier_t called, leave;
} Sleeper;

static void *
call_and_sleep (void *data)
{
  Sleeper *sleeper = data;

  tlc_echo_must_add (sleeper->service);
  pthread_barrier_wait (&sleeper->called);
  pthread_barrier_wait (&sleeper->leave);
  tlc_echo_must_add (sleeper->service);
  return NULL;
}

/* Law 6: what threads have that sleep is closed when the drain has succeeded. */
START_TEST (test_drain_closes_what_sleepers_have)
{
  enum { N = 40 };
  pthread_t threads[N];
  Sleeper sleeper;
  TlcStats stats;
  TlcPair pair;

  tlc_pair_init (&pair);
  sleeper.service = pair.service;
  pthread_barrier_init (&sleeper.called, NULL, N + 1);
  pthread_barrier_init (&sleeper.leave, NULL, N + 1);
  for (guint i = 0; i < N; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_and_sleep, &sleeper), 0);
  pthread_barrier_wait (&sleeper.called);
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  must_drain (pair.service);
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), 0);
  tlc_service_get_stats (pair.service, &stats);
  ck_assert_uint_eq (stats.connections_open, 0);
  ck_assert_uint_eq (stats.reclaimed_retired, N);
  pthread_barrier_wait (&sleeper.leave);
  for (guint i = 0; i < N; i++)
    pthread_join (threads[i], NULL);
  tlc_pair_clear (&pair);
}
END_TEST

static void *
call_once (void *data)
{
  tlc_echo_must_add (data);
  return NULL;
}

/* A connect that was begun by the old configuration counts as a call. */
START_TEST (test_drain_waits_for_connects)
{
  Blackhole vain;
  pthread_t thread;
  guint fds;
  TlcPair pair;

  tlc_pair_init (&pair);
  blackhole_init (&vain, AF_INET);
  tlc_echo_reconfigure (pair.service, vain.endpoint, "connect-timeout", "20s", "call-timeout",
                        "20s", NULL);
  fds = tlc_process_count_fds ();
  ck_assert_int_eq (pthread_create (&thread, NULL, call_once, pair.service), 0);
  ck_assert (tlc_process_settles (tlc_process_count_fds, fds + 1)); /* it connects */
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  must_not_drain (pair.service, 0, TLC_ERROR_TIMED_OUT, " ms, connecting");
  blackhole_clear (&vain);
  must_drain (pair.service);
  pthread_join (thread, NULL);
  tlc_pair_clear (&pair);
}
END_TEST

/* Longer than a test may take. */
#define FOR_LONG_MS (3600 * 1000)

/* A thread does not wait for itself: neither for the reply that it has not fetched, nor inside an
 * RCU read section. */
START_TEST (test_drain_refuses_to_wait_for_itself)
{
  gint32 sum = 0;
  EchoIf *echo;
  TlcPair pair;

  tlc_pair_init (&pair);
  echo = tlc_echo_client (pair.service);
  ck_assert (echo_client_send_add (echo, 1, 2, NULL));
  ck_assert (tlc_service_drain (pair.service, 0, NULL));
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  must_not_drain (pair.service, FOR_LONG_MS, TLC_ERROR_BUSY, "this thread has not fetched the reply");
  ck_assert (echo_client_recv_add (echo, &sum, NULL));
  ck_assert_int_eq (sum, 3);
  ck_assert (tlc_service_drain (pair.service, 0, NULL));
  urcu_bp_read_lock ();
  must_not_drain (pair.service, FOR_LONG_MS, TLC_ERROR_BUSY, "RCU read section");
  urcu_bp_read_unlock ();
  tlc_pair_clear (&pair);
}
END_TEST

static void *
drain_at_once (void *service)
{
  ck_assert (tlc_service_drain (service, 0, NULL));
  return NULL;
}

/* Nor for what it holds, whether that was retired or not; others may drain meanwhile. */
START_TEST (test_drain_refuses_a_holder)
{
  TlcPair pair;

  tlc_pair_init (&pair);
  tlc_holder_hold (pair.service);
  must_not_drain (pair.service, 20000, TLC_ERROR_BUSY, "holds a connection of it");
  tlc_holder_elsewhere (drain_at_once, pair.service);
  tlc_echo_must_add (pair.service);
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  must_not_drain (pair.service, 20000, TLC_ERROR_BUSY, "holds a connection of it");
  tlc_holder_elsewhere (drain_at_once, pair.service);
  tlc_holder_release (pair.service);
  ck_assert (tlc_service_drain (pair.service, 0, NULL));
  tlc_echo_must_add (pair.service);
  tlc_pair_clear (&pair);
}
END_TEST

static void *
drain_for_long (void *data)
{
  tlc_service_drain (data, 20000, NULL);
  return NULL;
}

/* Law 9: a thread that is cancelled while it drains takes no lock with it: calls, changes and drains
 * go on. */
START_TEST (test_drain_cancelled)
{
  pthread_t thread;
  TlcTake take;
  TlcPair pair;

  tlc_pair_init (&pair);
  tlc_take_start (&take, pair.service, 1000);
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  ck_assert_int_eq (pthread_create (&thread, NULL, drain_for_long, pair.service), 0);
  g_usleep (100000); /* most likely it waits by now; the outcome is the same if not */
  ck_assert_int_eq (pthread_cancel (thread), 0);
  pthread_join (thread, NULL);
  tlc_take_join (&take);
  tlc_echo_must_add (pair.service);
  tlc_echo_reconfigure (pair.service, pair.at_a, NULL);
  tlc_echo_must_add (pair.service);
  must_drain (pair.service);
  tlc_pair_clear (&pair);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("drain");
  TCase *tests = tcase_create ("drain");

  tcase_set_timeout (tests, 120);
  tcase_add_test (tests, test_drain_of_nothing);
  tcase_add_test (tests, test_drain_waits_for_calls_in_flight);
  tcase_add_test (tests, test_drain_does_not_wait_for_what_stays);
  tcase_add_test (tests, test_drain_closes_what_sleepers_have);
  tcase_add_test (tests, test_drain_waits_for_connects);
  tcase_add_test (tests, test_drain_cancelled);
  tcase_add_test (tests, test_drain_refuses_to_wait_for_itself);
  tcase_add_test (tests, test_drain_refuses_a_holder);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
