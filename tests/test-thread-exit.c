/* SPDX-License-Identifier: Apache-2.0 */

/* pthread_exit() where a call is not over: between its halves, while it holds a connection, within a log
 * handler and within a signal handler. Law 7: neither socket nor seat nor client is left, and others go
 * on. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "support/tlc-echo.h"
#include "support/tlc-process.h"

static TlcService *service;
static atomic_bool is_warned;

static G_NORETURN void
leave (void)
{
  pthread_exit (&is_warned);
}

static void *
leave_between_the_halves (void *data)
{
  tlc_echo_must_send_add (tlc_echo_client (service), 1, 2);
  leave ();
}

static void *
leave_amid_a_pipeline (void *data)
{
  EchoIf *echo = tlc_echo_client (service);

  for (gint32 i = 0; i < 10; i++)
    tlc_echo_must_send_add (echo, i, 1);
  tlc_echo_must_receive_sum (echo, 1);
  leave ();
}

static void *
leave_a_hold (void *data)
{
  EchoIf *echo = tlc_echo_client (service);

  ck_assert (tlc_client_hold (echo, NULL));
  tlc_echo_must_add (service);
  tlc_deadline_push (1000);
  leave ();
}

static void
leave_with_a_message (const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
  ck_assert_str_eq (domain, "tlc");
  is_warned = TRUE;
  leave ();
}

/* What is not held is not released: the library says so. */
static void *
leave_with_a_warning (void *data)
{
  EchoIf *echo = tlc_echo_client (service);

  tlc_echo_must_send_add (echo, 1, 2);
  tlc_client_release (echo);
  return NULL;
}

/* Without a client of its own. */
static void *
leave_a_strange_client (void *data)
{
  tlc_client_reset (service);
  return NULL;
}

static void
leave_by_signal (int signal)
{
  leave ();
}

static void *
wait_for_a_reply (void *data)
{
  gint32 value;

  echo_if_take (tlc_echo_client (service), &value, 50000, 1, NULL);
  return NULL;
}

static const struct {
  void *(*main) (void *data);
  gboolean is_warned, is_signalled;
} exits[] = {
  { leave_between_the_halves, FALSE, FALSE },
  { leave_amid_a_pipeline, FALSE, FALSE },
  { leave_a_hold, FALSE, FALSE },
  { wait_for_a_reply, FALSE, TRUE },
  { leave_with_a_warning, TRUE, FALSE },
  { leave_a_strange_client, TRUE, FALSE },
};

/* GLib does not free a message whose handler does not return. */
#ifdef TLC_TEST_ADDRESS_SANITIZER
#define N_EXITS (G_N_ELEMENTS (exits) - 2)
#else
#define N_EXITS G_N_ELEMENTS (exits)
#endif

static TlcStats
get_stats (void)
{
  TlcStats stats;

  tlc_service_get_stats (service, &stats);
  return stats;
}

/* Its request is out. */
static void
send_signal (pthread_t thread)
{
  while (get_stats ().bytes_sent == 0)
    g_usleep (1000);
  ck_assert_int_eq (pthread_kill (thread, SIGUSR1), 0);
}

/* Law 7: of a thread that exits in the midst of a call neither socket nor seat nor client is left. */
START_TEST (test_thread_exit_row_34_in_a_call)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  struct sigaction action = { .sa_handler = leave_by_signal };
  void *result = NULL;
  pthread_t thread;
  TlcStats stats;

  sigaction (SIGUSR1, &action, NULL);
  g_log_set_handler ("tlc", G_LOG_LEVEL_CRITICAL, leave_with_a_message, NULL);
  service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1", "call-timeout",
                              "50s", NULL);
  ck_assert_int_eq (pthread_create (&thread, NULL, exits[_i].main, NULL), 0);
  if (exits[_i].is_signalled)
    send_signal (thread);
  ck_assert_int_eq (pthread_join (thread, &result), 0);
  ck_assert_ptr_eq (result, &is_warned);
  ck_assert (is_warned == exits[_i].is_warned);
  stats = get_stats ();
  ck_assert_uint_eq (stats.threads, 0);
  ck_assert_uint_eq (stats.connections_busy, 0);
  ck_assert_uint_eq (stats.connections_open, 0);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 0);
  tlc_echo_must_add (service); /* by the one seat that there is */
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* --- changes from destructors --- */

static pthread_key_t early_key, late_key;
static atomic_uint n_changes;

/* Before our own destructor, or after it. */
static void
change_and_drain (void *endpoint)
{
  g_autoptr (GError) error = NULL;

  tlc_echo_reconfigure (service, endpoint, "call-timeout", "9s", NULL);
  ck_assert_msg (tlc_service_drain (service, 10000, &error), "%s",
                 error != NULL ? error->message : "");
  ck_assert_uint_ge (get_stats ().generation, 2);
  atomic_fetch_add (&n_changes, 1);
}

static void *
leave_changes (void *endpoint)
{
  tlc_echo_must_add (service);
  pthread_setspecific (early_key, endpoint);
  pthread_setspecific (late_key, endpoint);
  return NULL;
}

/* Law 5: a change, and a drain, from destructors of thread-local storage, of several threads at once, are
 * as any others. */
START_TEST (test_thread_exit_row_42_changes)
{
  enum { N = 8 };
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  const char *endpoint = tlc_server_get_endpoint (server);
  pthread_t threads[N];

  ck_assert_int_eq (pthread_key_create (&early_key, change_and_drain), 0);
  service = tlc_echo_service (endpoint, NULL);
  tlc_echo_must_add (service); /* makes our key */
  ck_assert_int_eq (pthread_key_create (&late_key, change_and_drain), 0);
  for (guint i = 0; i < N; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, leave_changes, (void *) endpoint), 0);
  for (guint i = 0; i < N; i++)
    pthread_join (threads[i], NULL);
  ck_assert_uint_eq (n_changes, 2 * N);
  ck_assert_uint_eq (get_stats ().generation, 1 + 2 * N);
  ck_assert_uint_eq (get_stats ().threads, 1);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("thread-exit");
  TCase *tests = tcase_create ("thread-exit");

  tcase_add_loop_test (tests, test_thread_exit_row_34_in_a_call, 0, N_EXITS);
  tcase_add_test (tests, test_thread_exit_row_42_changes);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
