/* SPDX-License-Identifier: Apache-2.0 */

/* Holds that last too long, and threads that leave without a release: the connection is closed without
 * their help, and given to nobody. Laws 5, 6 and 7. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "support/tlc-holder.h"
#include "support/tlc-process.h"

#define HOLD_MS 100
#define SERVICE_HOLDS_BRIEFLY "hold-timeout", G_STRINGIFY (HOLD_MS) "ms"
/* Ten times what is promised, the keeper's grace included. */
#define WATCHDOG_MS 1500

typedef struct {
  pthread_barrier_t leave;
  pthread_t thread;
} Bystander;

static void *
stand_by (void *data)
{
  Bystander *bystander = data;

  pthread_barrier_wait (&bystander->leave);
  return NULL;
}

/* A thread of the program that has nothing to do with it: with it there are several, and so a keeper. */
static void
bystander_start (Bystander *bystander)
{
  pthread_barrier_init (&bystander->leave, NULL, 2);
  ck_assert_int_eq (pthread_create (&bystander->thread, NULL, stand_by, bystander), 0);
}

static void
bystander_end (Bystander *bystander)
{
  pthread_barrier_wait (&bystander->leave);
  ck_assert_int_eq (pthread_join (bystander->thread, NULL), 0);
  pthread_barrier_destroy (&bystander->leave);
}

static void
must_be_overdue (TlcService *service)
{
  tlc_holder_must_be_over (service, TLC_ERROR_TIMED_OUT,
                           "longer than hold-timeout = " G_STRINGIFY (HOLD_MS) " ms");
}

/* Law 6: a thread that holds and sleeps loses the connection after hold-timeout, without its help,
 * whatever call-timeout is; its next calls say why, until it releases. So too when it is the second
 * hold of the connection, and when the hold has had calls, which do not prolong it. */
START_TEST (test_hold_overdue_closed_by_keeper)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  TlcService *service = tlc_echo_service (at, SERVICE_HOLDS_BRIEFLY, "call-timeout",
                                          _i < 2 ? "20s" : "20ms", NULL);
  Bystander bystander;
  TlcStats stats;

  bystander_start (&bystander);
  if (_i % 2 == 1)
    {
      tlc_holder_hold (service);
      tlc_holder_release (service);
    }
  tlc_holder_hold (service);
  ck_assert_uint_eq (tlc_process_count_connections (at), 1);
  tlc_holder_await_connections (at, 0, WATCHDOG_MS);
  must_be_overdue (service);
  must_be_overdue (service);
  tlc_holder_must_not_hold (service, TLC_ERROR_TIMED_OUT, "longer than hold-timeout"); /* once more */
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.timeouts, 2);
  /* The keeper closes the socket first, and leaves the seat after that. */
  for (guint i = 0; i < 10000 && stats.connections_open > 0; i++)
    {
      g_usleep (1000);
      tlc_service_get_stats (service, &stats);
    }
  ck_assert_uint_eq (stats.connections_open, 0);
  tlc_holder_release (service);
  tlc_client_set_timeout (tlc_echo_client (service), 20000);
  tlc_holder_hold (service);
  tlc_holder_must_meet (service, "A#2");
  tlc_holder_release (service);
  tlc_thread_detach ();
  tlc_service_unref (service);
  bystander_end (&bystander);
}
END_TEST

/* Law 6: a connection that was opened while the process had one thread is no exception: another thread
 * has come since, and waits for it. Under a cap of one it gets the seat, and a connection of its own;
 * the holder's calls and release do not disturb it. */
START_TEST (test_hold_overdue_seat_goes_to_who_waits)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), SERVICE_HOLDS_BRIEFLY,
                                          "max-connections", "1", "claim-timeout",
                                          G_STRINGIFY (WATCHDOG_MS) "ms", NULL);
  Bystander bystander;
  TlcStats stats;

  if (_i == 0)
    bystander_start (&bystander);
  tlc_holder_hold (service);
  tlc_holder_must_meet (service, "A#1");
  if (_i == 1)
    bystander_start (&bystander);
  tlc_asker_ask (service, "A#2");
  must_be_overdue (service);
  tlc_asker_ask (service, "A#2");
  tlc_holder_release (service);
  tlc_holder_must_meet (service, "A#2");
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connects, 2);
  tlc_thread_detach ();
  tlc_service_unref (service);
  bystander_end (&bystander);
}
END_TEST

/* The process's one thread is no exception: its connection is closed while it sleeps, and it finds out at
 * its next call, or release. */
START_TEST (test_hold_overdue_of_one_thread)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  TlcService *service = tlc_echo_service (at, SERVICE_HOLDS_BRIEFLY, NULL);

  tlc_holder_hold (service);
  tlc_holder_must_meet (service, "A#1");
  tlc_holder_await_connections (at, 0, WATCHDOG_MS);
  if (_i == 0)
    must_be_overdue (service);
  tlc_holder_release (service);
  ck_assert_uint_eq (tlc_process_count_connections (at), 0);
  tlc_holder_must_meet (service, "A#2");
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* The error says for how long it was held, which is longer than it might be. */
START_TEST (test_hold_overdue_says_how_long)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service
      = tlc_echo_service (tlc_server_get_endpoint (server), SERVICE_HOLDS_BRIEFLY, NULL);
  g_autoptr (GError) error = NULL;
  const char *held;

  tlc_holder_hold (service);
  g_usleep ((HOLD_MS + 20) * 1000); /* the time is what is tested */
  ck_assert (!echo_if_ping (tlc_echo_client (service), &error));
  ck_assert_msg (g_pattern_match_simple ("echo.ping at tcp://*: the connection was held for * ms, longer "
                                         "than hold-timeout = " G_STRINGIFY (HOLD_MS) " ms, and is "
                                         "closed: release it (not sent)",
                                         error->message),
                 "%s", error->message);
  held = strstr (error->message, "held for ");
  ck_assert_msg (g_ascii_strtoll (held + strlen ("held for "), NULL, 10) >= HOLD_MS + 20, "%s",
                 error->message);
  tlc_holder_release (service);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

static atomic_uint n_reports;

static void
count_report (const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
  atomic_fetch_add (&n_reports, strstr (message, "longer than hold-timeout") != NULL);
}

/* A hold that is over its time in the middle of a call, which has its own: the call ends well, and the
 * hold with it; also where it is released before anything else, which is reported once. */
START_TEST (test_hold_overdue_in_a_call)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  TlcService *service = tlc_echo_service (at, SERVICE_HOLDS_BRIEFLY, "call-timeout", "20s", NULL);
  Bystander bystander;
  gint32 value = 0;

  atomic_store (&n_reports, 0);
  g_log_set_handler ("tlc", G_LOG_LEVEL_DEBUG, count_report, NULL);
  bystander_start (&bystander);
  tlc_holder_hold (service);
  ck_assert (echo_if_take (tlc_echo_client (service), &value, 3 * HOLD_MS, 4711, NULL));
  ck_assert_int_eq (value, 4711);
  if (_i == 0)
    {
      must_be_overdue (service);
      tlc_holder_await_connections (at, 0, WATCHDOG_MS); /* the keeper may be closing it just now */
    }
  tlc_holder_release (service);
  tlc_holder_await_connections (at, 0, WATCHDOG_MS);
  while (_i == 1 && atomic_load (&n_reports) == 0)
    g_usleep (1000); /* by the keeper, where that was faster */
  ck_assert_uint_le (atomic_load (&n_reports), 1);
  tlc_holder_must_meet (service, "A#2");
  tlc_thread_detach ();
  tlc_service_unref (service);
  bystander_end (&bystander);
}
END_TEST

/* --- without a release --- */

static void *
hold_and_leave (void *service)
{
  tlc_holder_hold (service);
  tlc_holder_hold (service);
  tlc_holder_must_meet (service, "A#1");
  return NULL;
}

/* Law 7: the connection of a thread that exits, or detaches, while it holds is closed, and nobody
 * adopts it: it may be somebody's session. The thread's next client holds nothing. */
START_TEST (test_hold_overdue_thread_leaves)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  TlcService *service = tlc_echo_service (at, "max-connections", "1", NULL);
  TlcStats stats;

  if (_i == 0)
    tlc_holder_elsewhere (hold_and_leave, service);
  else
    {
      hold_and_leave (service);
      tlc_thread_detach ();
    }
  ck_assert_uint_eq (tlc_process_count_connections (at), 0);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connections_open, 0);
  ck_assert_uint_eq (stats.connections_busy, 0);
  tlc_holder_must_meet (service, "A#2");
  tlc_asker_ask (service, "A#2");
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.adopted, 0);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* The same while another thread waits for the seat: he gets it, without the connection. */
START_TEST (test_hold_overdue_thread_leaves_who_waits)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1",
                                          "claim-timeout", "20s", "call-timeout", "20s", NULL);
  TlcAsker asker;

  tlc_holder_hold (service);
  tlc_holder_must_meet (service, "A#1");
  tlc_asker_start (&asker, service);
  tlc_holder_await_waiting (service, 1);
  tlc_thread_detach ();
  tlc_asker_must_meet (&asker, "A#2");
  tlc_service_unref (service);
}
END_TEST

/* Within a hold, too, a reset gives up what is outstanding, if anything is, and the connection; and so
 * the hold. */
START_TEST (test_hold_overdue_reset)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  TlcService *service = tlc_echo_service (at, NULL);
  EchoIf *echo = tlc_echo_client (service);

  tlc_holder_hold (service);
  tlc_holder_must_meet (service, "A#1");
  for (gint32 i = 0; i < _i; i++)
    tlc_echo_must_send_add (echo, i, i);
  tlc_client_reset (echo);
  ck_assert_uint_eq (tlc_process_count_connections (at), 0);
  tlc_holder_must_be_over (service, TLC_ERROR_CONNECTION_LOST, "is lost: release it");
  tlc_holder_release (service);
  tlc_holder_must_meet (service, "A#2");
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("hold-overdue");
  TCase *tests = tcase_create ("hold-overdue");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_hold_overdue_closed_by_keeper, 0, 4);
  tcase_add_loop_test (tests, test_hold_overdue_seat_goes_to_who_waits, 0, 2);
  tcase_add_loop_test (tests, test_hold_overdue_of_one_thread, 0, 2);
  tcase_add_test (tests, test_hold_overdue_says_how_long);
  tcase_add_loop_test (tests, test_hold_overdue_in_a_call, 0, 2);
  tcase_add_loop_test (tests, test_hold_overdue_thread_leaves, 0, 2);
  tcase_add_test (tests, test_hold_overdue_thread_leaves_who_waits);
  tcase_add_loop_test (tests, test_hold_overdue_reset, 0, 3);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
