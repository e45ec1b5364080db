/* SPDX-License-Identifier: Apache-2.0 */

/* Calls that something overtakes: the keeper, another call's deadline, a change of settings. Laws 2, 3,
 * 5 and 6. */
#include <pthread.h>
#include <string.h>

#include "support/tlc-harness.h"
#include "support/tlc-holder.h"

static void
check_error (GError *error, TlcError code, TlcDelivery delivery)
{
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (g_error_matches (error, TLC_ERROR, (gint) code), "%s", error->message);
  ck_assert_msg (tlc_error_get_delivery (error) == delivery, "%s", error->message);
  g_error_free (error);
}

enum { EVENT_READ_ON };

static void *
read_on_later (void *data)
{
  g_usleep (600 * 1000); /* the time is what is tested */
  tlc_script_signal (data, EVENT_READ_ON);
  return NULL;
}

/* Law 5: a request that is being sent behind another has its own deadline; that of the other, which
 * passes meanwhile, does not cut it off. */
START_TEST (test_overtaken_while_sending)
{
  g_autofree char *text = g_strnfill (15 * 1024 * 1024, 'x');
  g_autofree char *back = NULL;
  GError *error = NULL;
  TlcHarness harness;
  pthread_t thread;
  EchoIf *echo;
  gint32 sum = 0;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_answer (harness.script, NULL, NULL);
  tlc_script_await (harness.script, EVENT_READ_ON);
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, "call-timeout", "200ms", NULL);
  echo = tlc_echo_client (harness.service);
  ck_assert_int_eq (pthread_create (&thread, NULL, read_on_later, harness.script), 0);
  ck_assert (echo_client_send_add (echo, 1, 2, NULL));
  tlc_client_set_timeout (echo, 20000);
  if (!echo_client_send_echo_string (echo, text, &error))
    ck_abort_msg ("%s", error->message);
  ck_assert (echo_client_recv_add (echo, &sum, NULL)); /* late, but it is there */
  ck_assert_int_eq (sum, 3);
  ck_assert (echo_client_recv_echo_string (echo, &back, NULL));
  ck_assert_str_eq (back, text);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: half a request behind others: what is outstanding is answered, nothing follows the half, and
 * what of it the kernel still holds is thrown away: the server, which reads nothing, sees a reset. */
START_TEST (test_overtaken_half_sent)
{
  g_autofree char *text = g_strnfill (15 * 1024 * 1024, 'x');
  GError *error = NULL;
  TlcHarness harness;
  EchoIf *echo;
  gint32 sum = 0;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_answer (harness.script, NULL, NULL);
  tlc_script_stall (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);
  echo = tlc_echo_client (harness.service);
  ck_assert (echo_client_send_add (echo, 1, 2, NULL));
  tlc_deadline_push (100);
  ck_assert (!echo_client_send_echo_string (echo, text, &error));
  tlc_deadline_pop ();
  check_error (g_steal_pointer (&error), TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN);
  ck_assert (!echo_client_send_add (echo, 8, 8, &error));
  check_error (error, TLC_ERROR_BUSY, TLC_DELIVERY_NOT_SENT);
  ck_assert (echo_client_recv_add (echo, &sum, NULL));
  ck_assert_int_eq (sum, 3);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: a request behind others that begins after a change takes as long as the new settings say. */
START_TEST (test_overtaken_by_timeout)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", "10s", NULL);
  EchoIf *echo = tlc_echo_client (service);
  GError *error = NULL;
  gint32 value = 0;

  ck_assert (echo_client_send_add (echo, 1, 2, NULL));
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (server), "call-timeout", "200ms", NULL);
  ck_assert (echo_client_send_take (echo, 3000, 7, NULL));
  ck_assert (echo_client_recv_add (echo, &value, NULL));
  ck_assert_int_eq (value, 3);
  ck_assert (!echo_client_recv_take (echo, &value, &error));
  check_error (error, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN);
  tlc_thread_detach ();
}
END_TEST

/* Law 5: and is no larger than they say, whether the buffer had to grow for it or not. */
START_TEST (test_overtaken_by_size)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);
  g_autofree char *text = g_strnfill (5000, 'x');
  g_autofree char *back = NULL;
  GError *error = NULL;
  gint32 sum = 0;

  if (_i == 1)
    ck_assert (echo_if_echo_string (echo, &back, text, NULL));
  ck_assert (echo_client_send_add (echo, 1, 2, NULL));
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (server), "max-message-size", "4KiB", NULL);
  ck_assert (!echo_client_send_echo_string (echo, text, &error));
  check_error (error, TLC_ERROR_MESSAGE_TOO_LARGE, TLC_DELIVERY_NOT_SENT);
  ck_assert (echo_client_recv_add (echo, &sum, NULL));
  ck_assert_int_eq (sum, 3);
  tlc_thread_detach ();
}
END_TEST

/* Law 5: what timed out by tlc_client_set_timeout() does not blame a deadline that nobody pushed. */
START_TEST (test_overtaken_message)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);
  g_autoptr (GError) error = NULL;
  gint32 value;

  tlc_client_set_timeout (echo, 50);
  ck_assert (echo_client_send_take (echo, 2000, 7, NULL));
  tlc_client_set_timeout (echo, 0);
  ck_assert (!echo_client_recv_take (echo, &value, &error));
  ck_assert_msg (strstr (error->message, "push") == NULL, "%s", error->message);
  tlc_thread_detach ();
}
END_TEST

/* Law 6: a call that is forgotten after call-timeout was shortened gives its connection up by the new
 * one, though the connection was made under the old. */
START_TEST (test_overtaken_watch)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_stall (harness.script);
  tlc_harness_start (&harness, "call-timeout", "1h", NULL);
  tlc_echo_must_add (harness.service);
  tlc_echo_reconfigure (harness.service, tlc_script_get_endpoint (harness.script), "call-timeout",
                        "100ms", NULL);
  ck_assert (echo_client_send_add (tlc_echo_client (harness.service), 1, 2, NULL));
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_harness_end (&harness);
}
END_TEST

typedef struct {
  TlcService *service;
  pthread_barrier_t barrier;
} Other;

/* Has a client, and waits. */
static void *
be_there (void *data)
{
  Other *other = data;

  tlc_echo_client (other->service);
  pthread_barrier_wait (&other->barrier);
  pthread_barrier_wait (&other->barrier);
  return NULL;
}

/* Law 6: the same where the connection was made when the process had one thread, and another with a
 * client came before the call was forgotten. */
START_TEST (test_overtaken_single_thread)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", "200ms", NULL);
  Other other = { .service = service };
  pthread_t thread;

  tlc_echo_must_add (service);
  pthread_barrier_init (&other.barrier, NULL, 2);
  ck_assert_int_eq (pthread_create (&thread, NULL, be_there, &other), 0);
  pthread_barrier_wait (&other.barrier);
  ck_assert (echo_client_send_take (tlc_echo_client (service), 60000, 2, NULL));
  tlc_holder_await_connections (tlc_server_get_endpoint (server), 0, 5000);
  pthread_barrier_wait (&other.barrier);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  tlc_thread_detach ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("overtaken");
  TCase *tests = tcase_create ("overtaken");

  tcase_set_timeout (tests, 60);
  tcase_add_test (tests, test_overtaken_while_sending);
  tcase_add_test (tests, test_overtaken_half_sent);
  tcase_add_test (tests, test_overtaken_by_timeout);
  tcase_add_loop_test (tests, test_overtaken_by_size, 0, 2);
  tcase_add_test (tests, test_overtaken_message);
  tcase_add_test (tests, test_overtaken_watch);
  tcase_add_test (tests, test_overtaken_single_thread);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
