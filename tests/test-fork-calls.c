/* SPDX-License-Identifier: Apache-2.0 */

/* fork() amid calls: the child has clients, and connections of its own; the parent's go on as if nothing
 * had been. Laws 3 and 7. */
#include <pthread.h>
#include <unistd.h>

#include "support/tlc-blackhole.h"
#include "support/tlc-family.h"
#include "support/tlc-harness.h"
#include "support/tlc-holder.h"
#include "support/tlc-process.h"

#define N_RESTING 4
static TlcService *resting_service; /* where threads call once, and wait */

static TlcStats
get_stats (TlcService *service)
{
  TlcStats stats;

  tlc_service_get_stats (service, &stats);
  return stats;
}

static gboolean
call_some (TlcFamily *family)
{
  for (guint i = 0; i < 5; i++)
    if (!tlc_family_call (family->service))
      return FALSE;
  return TRUE;
}

/* The child calls by the client that it has from its parent, over another connection, and lets all go. */
static gboolean
call_and_let_go (TlcFamily *family)
{
  TlcStats before = get_stats (family->service);

  if (before.connections_open != 0 || before.connections_busy != 0)
    return tlc_family_complain ("inherited connections", NULL);
  if (!call_some (family) || get_stats (family->service).connects != before.connects + 1)
    return tlc_family_complain ("connects", NULL);
  tlc_thread_detach ();
  tlc_service_unref (family->service);
  return tlc_process_count_connections (family->endpoint) == 0
         || tlc_family_complain ("left open", NULL);
}

/* Law 7: a child calls by the client that it inherited, over a connection of its own, and leaves nothing
 * open; the parent's stays. */
START_TEST (test_fork_calls_row_31_inherited_client)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcFamily family;

  tlc_family_init (&family, server);
  for (guint i = 0; i < 10; i++)
    {
      ck_assert_int_eq (tlc_family_raise_child (call_and_let_go, &family), 0);
      tlc_holder_must_meet (family.service, "A#1");
    }
  tlc_family_clear (&family);
}
END_TEST

/* A reply that is outstanding is the parent's: the child's call has failed, and its next one has not. */
static gboolean
receive_in_vain (TlcFamily *family)
{
  g_autoptr (GError) error = NULL;
  gint32 sum;

  if (echo_client_recv_add (tlc_echo_client (family->service), &sum, &error))
    return tlc_family_complain ("received", NULL);
  if (!g_error_matches (error, TLC_ERROR, TLC_ERROR_CONNECTION_LOST)
      || tlc_error_get_delivery (error) != TLC_DELIVERY_UNKNOWN)
    return tlc_family_complain ("error", error);
  tlc_client_reset (tlc_echo_client (family->service));
  return call_some (family);
}

/* Law 3: replies that are outstanding reach the parent, and not the child, where those calls have failed;
 * its next does not. */
START_TEST (test_fork_calls_row_31_in_flight)
{
  gint32 n = _i == 0 ? 1 : 4;
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcFamily family;
  EchoIf *echo;

  tlc_family_init (&family, server);
  echo = tlc_echo_client (family.service);
  for (gint32 i = 0; i < n; i++)
    tlc_echo_must_send_add (echo, i, 1);
  ck_assert_int_eq (tlc_family_raise_child (receive_in_vain, &family), 0);
  for (gint32 i = 0; i < n; i++)
    tlc_echo_must_receive_sum (echo, i + 1);
  tlc_holder_must_meet (family.service, "A#1");
  tlc_family_clear (&family);
}
END_TEST

/* What is held is the parent's, too. */
static gboolean
has_lost_what_was_held (TlcFamily *family)
{
  g_autoptr (GError) error = NULL;
  gint32 sum;

  if (echo_if_add (tlc_echo_client (family->service), &sum, 1, 2, &error)
      || !g_error_matches (error, TLC_ERROR, TLC_ERROR_CONNECTION_LOST)
      || tlc_error_get_delivery (error) != TLC_DELIVERY_NOT_SENT)
    return tlc_family_complain ("held", error);
  tlc_client_release (tlc_echo_client (family->service));
  return call_some (family);
}

START_TEST (test_fork_calls_while_it_holds)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcFamily family;

  tlc_family_init (&family, server);
  tlc_holder_hold (family.service);
  ck_assert_int_eq (tlc_family_raise_child (has_lost_what_was_held, &family), 0);
  tlc_holder_must_meet (family.service, "A#1");
  tlc_holder_release (family.service);
  tlc_family_clear (&family);
}
END_TEST

typedef struct {
  TlcService *service;
  gint32 milliseconds;
  pthread_t thread;
} Busy;

static void *
busy_main (void *data)
{
  Busy *busy = data;
  g_autoptr (GError) error = NULL;
  gint32 value = 0;

  if (!echo_if_take (tlc_echo_client (busy->service), &value, busy->milliseconds, 7, &error)
      || value != 7)
    ck_abort_msg ("%s", error != NULL ? error->message : "a wrong answer");
  return NULL;
}

static gboolean
call_without_others (TlcFamily *family)
{
  TlcStats stats = get_stats (family->service);

  if (stats.waiting != 0 || stats.connections_busy != 0)
    return tlc_family_complain ("others", NULL);
  return call_some (family);
}

/* Under a cap of one that another thread of the parent has, and a third waits for: neither is in the
 * child, which has the cap to itself. */
START_TEST (test_fork_calls_beside_others)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1",
                                          "claim-timeout", "50s", "call-timeout", "50s", NULL);
  TlcFamily family = { .endpoint = tlc_server_get_endpoint (server), .service = service };
  Busy busy = { .service = service, .milliseconds = 1000 },
       waiting = { .service = service, .milliseconds = 0 };

  tlc_echo_client (service); /* which the child has, too: it makes no objects */
  ck_assert_int_eq (pthread_create (&busy.thread, NULL, busy_main, &busy), 0);
  while (get_stats (service).connections_busy == 0)
    g_usleep (1000);
  ck_assert_int_eq (pthread_create (&waiting.thread, NULL, busy_main, &waiting), 0);
  tlc_holder_await_waiting (service, 1);
  ck_assert_int_eq (tlc_family_raise_child (call_without_others, &family), 0);
  ck_assert_int_eq (pthread_join (busy.thread, NULL), 0);
  ck_assert_int_eq (pthread_join (waiting.thread, NULL), 0);
  tlc_echo_must_add (service);
  ck_assert_uint_eq (get_stats (service).connects, 1);
  ck_assert_uint_eq (get_stats (service).failures, 0);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* --- sockets that no seat has yet --- */

static guint n_sockets; /* before anything is dialled */

static void *
dial_in_vain (void *service)
{
  tlc_echo_must_fail (service, TLC_ERROR_CLOSED, TLC_DELIVERY_NOT_SENT, "");
  return NULL;
}

static gboolean
has_no_socket (TlcFamily *family)
{
  return tlc_process_count_sockets () == n_sockets || tlc_family_complain ("sockets", NULL);
}

/* Law 7: what a thread of the parent, or its keeper, connects at the moment is not open in the child. */
START_TEST (test_fork_calls_row_31_while_others_connect)
{
  g_autoptr (TlcService) service = NULL;
  Blackhole hole;
  pthread_t thread;

  blackhole_init (&hole, AF_INET);
  n_sockets = tlc_process_count_sockets ();
  service = tlc_echo_service (hole.endpoint, "connect-timeout", "50s", "call-timeout", "50s",
                              "close-timeout", "1ms", "min-connections", _i == 0 ? "0" : "1", NULL);
  if (_i == 0)
    ck_assert_int_eq (pthread_create (&thread, NULL, dial_in_vain, service), 0);
  while (tlc_process_count_sockets () == n_sockets) /* or libcheck's watchdog */
    g_usleep (1000);
  ck_assert_int_eq (tlc_family_raise_child (has_no_socket, NULL), 0);
  ck_assert_uint_eq (tlc_process_count_sockets (), n_sockets + 1);
  tlc_service_close (service);
  if (_i == 0)
    ck_assert_int_eq (pthread_join (thread, NULL), 0);
  blackhole_clear (&hole);
}
END_TEST

/* --- exec() --- */

/* With a connection of its own. */
static gboolean
count_over_there (TlcFamily *family)
{
  g_autofree char *wanted = g_strdup_printf ("%u", n_sockets);

  if (!tlc_family_call (family->service))
    return FALSE;
  execl ("/bin/sh", "sh", "-c", "test $(ls -l /proc/$$/fd | grep -c socket:) -eq $0", wanted, NULL);
  return tlc_family_complain ("/bin/sh", NULL);
}

/* Law 7: a program that a child becomes has no socket of ours. */
START_TEST (test_fork_calls_row_33_exec)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcFamily family;

  n_sockets = tlc_process_count_sockets ();
  tlc_family_init (&family, server);
  ck_assert_uint_eq (tlc_process_count_sockets (), n_sockets + 1);
  ck_assert_int_eq (tlc_family_raise_child (count_over_there, &family), 0);
  tlc_family_clear (&family);
}
END_TEST

/* --- statistics --- */

static gboolean
counts (TlcService *service, guint64 threads, guint64 calls)
{
  TlcStats stats = get_stats (service);

  if (stats.threads == threads && stats.calls == calls)
    return TRUE;
  g_printerr ("%" G_GUINT64_FORMAT " threads, %" G_GUINT64_FORMAT " calls\n", stats.threads, stats.calls);
  return FALSE;
}

/* The forking thread has a client, in the parent and in the child; then none in the child. */
static gboolean
counts_itself (TlcFamily *family)
{
  guint64 calls = get_stats (family->service).calls;

  if (!counts (family->service, 1, calls) || !call_some (family)
      || !counts (family->service, 1, calls + 5))
    return tlc_family_complain ("counts", NULL);
  tlc_thread_detach ();
  return counts (family->service, 0, calls + 5) || tlc_family_complain ("detached", NULL);
}

/* It has none, and makes none. */
static gboolean
counts_nobody (TlcFamily *family)
{
  return counts (family->service, 0, N_RESTING)
         || tlc_family_complain ("counts", NULL);
}

static void *
rest (void *data)
{
  pthread_barrier_t *barrier = data;

  tlc_echo_must_add (resting_service);
  pthread_barrier_wait (barrier);
  pthread_barrier_wait (barrier);
  return NULL;
}

/* Law 7: a child counts its own threads, and what all of its parent's did. */
START_TEST (test_fork_calls_are_counted)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  TlcFamily family = { .endpoint = tlc_server_get_endpoint (server), .service = service };
  pthread_barrier_t barrier;
  pthread_t threads[N_RESTING];

  resting_service = service;
  pthread_barrier_init (&barrier, NULL, N_RESTING + 1);
  for (guint i = 0; i < N_RESTING; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, rest, &barrier), 0);
  pthread_barrier_wait (&barrier);
  ck_assert_int_eq (tlc_family_raise_child (counts_nobody, &family), 0);
  tlc_echo_must_add (service);
  ck_assert_int_eq (tlc_family_raise_child (counts_itself, &family), 0);
  ck_assert (counts (service, N_RESTING + 1, N_RESTING + 1));
  pthread_barrier_wait (&barrier);
  for (guint i = 0; i < N_RESTING; i++)
    pthread_join (threads[i], NULL);
  tlc_thread_detach ();
  ck_assert (counts (service, 0, N_RESTING + 1));
  pthread_barrier_destroy (&barrier);
}
END_TEST

static gboolean
let_go (TlcFamily *family)
{
  tlc_thread_detach ();
  tlc_service_unref (family->service);
  return TRUE;
}

/* Law 3: a child that goes, whatever its parent was in the midst of, says nothing to its parent's peer. */
START_TEST (test_fork_calls_row_31_silently)
{
  TlcHarness harness;
  TlcFamily family;
  EchoIf *echo;

  tlc_harness_begin (&harness, _i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 2);
  tlc_script_expect_close (harness.script);
  tlc_harness_start (&harness, NULL);
  family = (TlcFamily){ .endpoint = tlc_script_get_endpoint (harness.script), .service = harness.service };
  echo = tlc_echo_client (harness.service);
  tlc_echo_must_add (harness.service);
  ck_assert_int_eq (tlc_family_raise_child (let_go, &family), 0);
  tlc_echo_must_send_add (echo, 1, 2);
  ck_assert_int_eq (tlc_family_raise_child (let_go, &family), 0);
  tlc_echo_must_receive_sum (echo, 3);
  ck_assert (!tlc_script_is_closed (harness.script, 0));
  tlc_harness_end (&harness);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("fork-calls");
  TCase *tests = tcase_create ("fork-calls");

  tcase_add_test (tests, test_fork_calls_row_31_inherited_client);
  tcase_add_loop_test (tests, test_fork_calls_row_31_in_flight, 0, 2);
  tcase_add_test (tests, test_fork_calls_while_it_holds);
  tcase_add_test (tests, test_fork_calls_beside_others);
  tcase_add_loop_test (tests, test_fork_calls_row_31_while_others_connect, 0, 2);
  tcase_add_test (tests, test_fork_calls_row_33_exec);
  tcase_add_test (tests, test_fork_calls_are_counted);
  tcase_add_loop_test (tests, test_fork_calls_row_31_silently, 0, 2);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
