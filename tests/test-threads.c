/* SPDX-License-Identifier: Apache-2.0 */

/* Threads that come, call, sleep and go: each has its own client, and leaves nothing. Law 7. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "support/tlc-echo.h"
#include "support/tlc-process.h"

typedef struct {
  TlcService *service;
  guint n_calls;
  pthread_barrier_t called; /* after the calls */
  pthread_barrier_t leave;  /* before the end */
  gpointer clients[32];
  atomic_uint n_clients;
} Crowd;

static void *
call_and_wait (void *data)
{
  Crowd *crowd = data;

  for (guint i = 0; i < crowd->n_calls; i++)
    tlc_echo_must_add (crowd->service);
  crowd->clients[atomic_fetch_add (&crowd->n_clients, 1)] = tlc_echo_client (crowd->service);
  pthread_barrier_wait (&crowd->called);
  pthread_barrier_wait (&crowd->leave);
  return NULL;
}

static void
crowd_start (Crowd *crowd, TlcService *service, pthread_t *threads, guint n)
{
  crowd->service = service;
  crowd->n_calls = 50;
  pthread_barrier_init (&crowd->called, NULL, n + 1);
  pthread_barrier_init (&crowd->leave, NULL, n + 1);
  for (guint i = 0; i < n; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_and_wait, crowd), 0);
  pthread_barrier_wait (&crowd->called);
}

static void
crowd_end (Crowd *crowd, pthread_t *threads, guint n)
{
  pthread_barrier_wait (&crowd->leave);
  for (guint i = 0; i < n; i++)
    pthread_join (threads[i], NULL);
  pthread_barrier_destroy (&crowd->called);
  pthread_barrier_destroy (&crowd->leave);
}

/* Each thread has a client and a connection of its own; when it exits both are gone, the counts
 * stay. */
START_TEST (test_threads_have_their_own_and_leave_nothing)
{
  enum { N = 32 };
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "spare-connections", "0", NULL);
  Crowd crowd = { 0 };
  pthread_t threads[N];
  TlcStats stats;

  crowd_start (&crowd, service, threads, N);
  for (guint i = 0; i < N; i++)
    for (guint j = 0; j < i; j++)
      ck_assert_ptr_ne (crowd.clients[i], crowd.clients[j]);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), N);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.threads, N);
  ck_assert_uint_eq (stats.connections_open, N);
  crowd_end (&crowd, threads, N);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 0);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.threads, 0);
  ck_assert_uint_eq (stats.connections_open, 0);
  ck_assert_uint_eq (stats.calls, N * 50);
  ck_assert_uint_eq (stats.connects, N);
}
END_TEST

/* A service that goes while its threads sleep: their sockets are closed at once, their memory
 * when they wake. */
START_TEST (test_threads_sleep_while_the_service_goes)
{
  enum { N = 32 };
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  Crowd crowd = { 0 };
  pthread_t threads[N];

  crowd_start (&crowd, service, threads, N);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), N);
  tlc_service_unref (service);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 0);
  crowd_end (&crowd, threads, N);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 0);
}
END_TEST

/* Services made and released in turn, in one thread that never exits: their slots do not pile
 * up, and a client is never taken for another service's. */
START_TEST (test_threads_many_services_one_after_the_other)
{
  g_autoptr (TlcServer) one = tlc_echo_server ((const char *const[]){ "--name", "one", NULL });
  g_autoptr (TlcServer) two = tlc_echo_server ((const char *const[]){ "--name", "two", NULL });

  for (guint i = 0; i < 200; i++)
    {
      TlcServer *server = i % 2 == 0 ? one : two;
      g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
      g_autofree char *who = NULL;

      ck_assert (identity_if_who (IDENTITY_IF (tlc_echo_client (service)), &who, NULL));
      ck_assert_str_eq (who, i % 2 == 0 ? "one" : "two");
      ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 1);
    }
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (one)), 0);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (two)), 0);
  tlc_thread_detach ();
}
END_TEST

/* --- destructors of the host's own keys, made before and after ours, that call us when we have
 * cleaned up --- */

/* glibc comes round four times; thread sanitizer forgets a thread in the fourth. */
#ifdef TLC_TEST_THREAD_SANITIZER
#define DESTRUCTOR_ROUNDS 3
#else
#define DESTRUCTOR_ROUNDS 4
#endif

static TlcService *late_service;
static pthread_key_t early_key, late_key;
static atomic_uint late_calls, late_refusals;

static void
call_from_destructor (pthread_key_t key, void *value)
{
  guintptr rounds_left = (guintptr) value;
  g_autoptr (GError) error = NULL;
  gpointer client = tlc_service_get_client (late_service, &error);
  gint32 sum = 0;

  if (client != NULL)
    {
      ck_assert (echo_if_add (client, &sum, 2, 3, &error) && sum == 5);
      atomic_fetch_add (&late_calls, 1);
    }
  else
    {
      ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_EXHAUSTED));
      atomic_fetch_add (&late_refusals, 1);
    }
  if (rounds_left > 1)
    pthread_setspecific (key, (void *) (rounds_left - 1));
}

static void
early_destructor (void *value)
{
  call_from_destructor (early_key, value);
}

static void
late_destructor (void *value)
{
  call_from_destructor (late_key, value);
}

/* What C++ registers the destructors of thread-local objects with: they run before those of keys. */
extern int __cxa_thread_atexit_impl (void (*destructor) (void *object), void *object, void *dso);
extern void *__dso_handle;
static atomic_uint object_calls;

static void
object_destructor (void *object)
{
  tlc_echo_must_add (late_service);
  atomic_fetch_add (&object_calls, 1);
}

static void *
call_and_leave_destructors (void *rounds)
{
  ck_assert_int_eq (__cxa_thread_atexit_impl (object_destructor, NULL, &__dso_handle), 0);
  tlc_echo_must_add (late_service);
  pthread_setspecific (early_key, rounds);
  pthread_setspecific (late_key, rounds);
  return NULL;
}

/* Law 7: calls from destructors of other keys, which run before ours or after, and of thread-local objects
 * of C++, work, or are refused, and nothing is left. */
START_TEST (test_threads_row_37_destructors)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcStats stats;

  ck_assert_int_eq (pthread_key_create (&early_key, early_destructor), 0);
  late_service
      = tlc_echo_service (tlc_server_get_endpoint (server), "spare-connections", "0", NULL);
  tlc_echo_must_add (late_service); /* makes our key */
  tlc_thread_detach ();
  ck_assert_int_eq (pthread_key_create (&late_key, late_destructor), 0);
  for (guintptr rounds = 1; rounds <= DESTRUCTOR_ROUNDS; rounds++)
    {
      pthread_t thread;

      ck_assert_int_eq (pthread_create (&thread, NULL, call_and_leave_destructors, (void *) rounds),
                        0);
      pthread_join (thread, NULL);
      tlc_service_get_stats (late_service, &stats);
      ck_assert_uint_eq (stats.threads, 0);
      ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 0);
    }
  ck_assert_uint_eq (object_calls, DESTRUCTOR_ROUNDS);
  ck_assert_uint_ge (late_calls, 2);
  ck_assert_uint_eq (late_calls + late_refusals, DESTRUCTOR_ROUNDS * (DESTRUCTOR_ROUNDS + 1));
  ck_assert_uint_ge (late_refusals, 1);
  tlc_service_unref (late_service);
}
END_TEST

#ifndef TLC_TEST_SANITIZER
static void *
exit_while_waiting (void *data)
{
  gint32 value;

  echo_if_take (tlc_echo_client (data), &value, 60000, 1, NULL);
  return NULL;
}

/* A thread that is cancelled while it waits for its reply leaves neither socket nor seat behind. */
START_TEST (test_threads_cancelled_in_a_call)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", "50s", NULL);
  TlcStats stats;
  pthread_t thread;

  ck_assert_int_eq (pthread_create (&thread, NULL, exit_while_waiting, service), 0);
  do
    tlc_service_get_stats (service, &stats);
  while (stats.bytes_sent == 0);
  pthread_cancel (thread);
  pthread_join (thread, NULL);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 0);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.threads, 0);
  ck_assert_uint_eq (stats.connections_open, 0);
  ck_assert_uint_eq (stats.connections_busy, 0);
}
END_TEST

#endif

int
main (void)
{
  Suite *suite = suite_create ("threads");
  TCase *tests = tcase_create ("threads");

  tcase_add_test (tests, test_threads_have_their_own_and_leave_nothing);
  tcase_add_test (tests, test_threads_sleep_while_the_service_goes);
  tcase_add_test (tests, test_threads_many_services_one_after_the_other);
  tcase_add_test (tests, test_threads_row_37_destructors);
#ifndef TLC_TEST_SANITIZER
  /* The sanitizers do not survive a thread's being cancelled inside what they intercept. */
  tcase_add_test (tests, test_threads_cancelled_in_a_call);
#endif
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
