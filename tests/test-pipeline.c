/* SPDX-License-Identifier: Apache-2.0 */

/* Several requests on the way at once, by generated send_x() and recv_x(): each reply finds its own,
 * and a failure is that of the call that it belongs to. Law 3. */
#include <pthread.h>
#include <string.h>
#include <thrift/c_glib/transport/thrift_transport.h>

#include "support/tlc-harness.h"
#include "support/tlc-pair.h"
#include "support/tlc-process.h"

#define PIPELINE_MAX 64

static void
check_error (GError *error, TlcError code, TlcDelivery delivery, const char *text)
{
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (g_error_matches (error, TLC_ERROR, (int) code), "%s", error->message);
  ck_assert_msg (tlc_error_get_delivery (error) == delivery, "%s", error->message);
  ck_assert_msg (strstr (error->message, text) != NULL, "%s", error->message);
  g_error_free (error);
}

static void
must_not_receive_sum (EchoIf *echo, TlcError code, TlcDelivery delivery, const char *text)
{
  GError *error = NULL;
  gint32 value = 0;

  ck_assert (!echo_client_recv_add (echo, &value, &error));
  check_error (error, code, delivery, text);
}

static void
must_not_send_add (EchoIf *echo, TlcError code, const char *text)
{
  GError *error = NULL;

  ck_assert (!echo_client_send_add (echo, 1, 1, &error));
  check_error (error, code, TLC_DELIVERY_NOT_SENT, text);
}

static const char *const wires[][2] = {
  { "binary", "framed" }, { "binary", "buffered" }, { "compact", "framed" }, { "compact", "buffered" },
};

/* Law 3: on each wire, replies find their requests in order, rows of any length, over one
 * connection. */
START_TEST (test_pipeline_replies_in_order)
{
  const char *const args[] = { "--protocol", wires[_i][0], "--transport", wires[_i][1], NULL };
  g_autoptr (TlcServer) server = tlc_echo_server (args);
  g_autoptr (TlcService) service = tlc_echo_service (
      tlc_server_get_endpoint (server), "protocol", wires[_i][0], "transport", wires[_i][1], NULL);
  EchoIf *echo = tlc_echo_client (service);
  TlcStats stats;

  for (gint32 n = 1; n <= PIPELINE_MAX; n += 7)
    {
      for (gint32 i = 0; i < n; i++)
        tlc_echo_must_send_add (echo, i, 1000 * n);
      for (gint32 i = 0; i < n; i++)
        tlc_echo_must_receive_sum (echo, i + 1000 * n);
      tlc_echo_must_add (service);
    }
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.connections_busy, 0);
  tlc_thread_detach ();
}
END_TEST

/* Law 3: a window that slides, requests of all kinds in it, oneways and exceptions among them. */
START_TEST (test_pipeline_mixed)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);

  tlc_echo_must_send_add (echo, 0, 0);
  for (gint32 i = 1; i < 200; i++)
    {
      g_autofree char *text = g_strnfill ((gsize) i * 500, 'x');
      g_autofree char *back = NULL;
      Rejected *rejected = NULL;
      NotFound *not_found = NULL;
      GError *error = NULL;
      gint32 value;

      ck_assert (echo_client_send_echo_string (echo, text, NULL));
      ck_assert (echo_client_send_note (echo, "note", NULL));
      ck_assert (echo_client_send_fail (echo, i % 4, NULL));
      tlc_echo_must_receive_sum (echo, i - 1);
      tlc_echo_must_send_add (echo, i, 0);
      ck_assert (echo_client_recv_echo_string (echo, &back, NULL));
      ck_assert_str_eq (back, text);
      ck_assert_int_eq (echo_client_recv_fail (echo, &value, &rejected, &not_found, &error),
                        i % 4 == 0);
      if (error != NULL)
        ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_ANSWERED);
      g_clear_error (&error);
      g_clear_object (&rejected);
      g_clear_object (&not_found);
    }
  tlc_echo_must_receive_sum (echo, 199);
  tlc_echo_must_add (service);
  tlc_thread_detach ();
}
END_TEST

/* Law 5: no more than 64 replies are due; one more request is refused, and nothing else is harmed. */
START_TEST (test_pipeline_is_bounded)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);

  for (gint32 i = 0; i < PIPELINE_MAX; i++)
    tlc_echo_must_send_add (echo, i, 1);
  must_not_send_add (echo, TLC_ERROR_EXHAUSTED, "64 replies are outstanding");
  tlc_echo_must_receive_sum (echo, 1);
  tlc_echo_must_send_add (echo, PIPELINE_MAX, 1);
  must_not_send_add (echo, TLC_ERROR_EXHAUSTED, "64 replies are outstanding");
  for (gint32 i = 1; i <= PIPELINE_MAX; i++)
    tlc_echo_must_receive_sum (echo, i + 1);
  tlc_echo_must_add (service);
  tlc_thread_detach ();
}
END_TEST

/* Law 4: a request that is too large fails alone; those before and behind it are answered. */
START_TEST (test_pipeline_one_too_large)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service
      = tlc_echo_service (tlc_server_get_endpoint (server), "max-message-size", "4KiB", NULL);
  g_autofree char *text = g_strnfill (5000, 'x');
  EchoIf *echo = tlc_echo_client (service);
  GError *error = NULL;

  for (gint32 round = 0; round < 3; round++)
    {
      tlc_echo_must_send_add (echo, 1, round);
      ck_assert (!echo_client_send_echo_string (echo, text, &error));
      check_error (g_steal_pointer (&error), TLC_ERROR_MESSAGE_TOO_LARGE, TLC_DELIVERY_NOT_SENT,
                   "exceeds max-message-size");
      tlc_echo_must_send_add (echo, 2, round);
      tlc_echo_must_receive_sum (echo, 1 + round);
      tlc_echo_must_receive_sum (echo, 2 + round);
    }
  tlc_echo_must_add (service);
  tlc_thread_detach ();
}
END_TEST

/* Law 3: the connection breaks behind the first reply: what was answered is received, each of the
 * others is an error in its turn, and until then nothing is sent that could take their place. */
START_TEST (test_pipeline_connection_breaks)
{
  TlcHarness harness;
  EchoIf *echo;
  TlcStats stats;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_read (harness.script);
  _i == 0 ? tlc_script_close (harness.script) : tlc_script_reset (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "retry", "idempotent", "idempotent-methods", "*", NULL);
  echo = tlc_echo_client (harness.service);

  for (gint32 i = 0; i < 3; i++)
    tlc_echo_must_send_add (echo, i, 10);
  tlc_echo_must_receive_sum (echo, 10);
  must_not_receive_sum (echo, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN, "may have run");
  must_not_send_add (echo, TLC_ERROR_BUSY, "receive them first");
  must_not_receive_sum (echo, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN,
                        "lost with an earlier reply");
  tlc_echo_must_add (harness.service);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.failures, 2);
  ck_assert_uint_eq (stats.retries, 0);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: the first reply does not come: its call times out, those behind it are lost with it. */
START_TEST (test_pipeline_times_out)
{
  TlcHarness harness;
  gint64 begun_us;
  EchoIf *echo;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_stall (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "100ms", NULL);
  echo = tlc_echo_client (harness.service);

  begun_us = g_get_monotonic_time ();
  tlc_echo_must_send_add (echo, 1, 2);
  tlc_echo_must_send_add (echo, 3, 4);
  must_not_receive_sum (echo, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN, "timed out after 100 ms");
  tlc_harness_assert_took (begun_us, 100);
  must_not_receive_sum (echo, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN,
                        "lost with an earlier reply");
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* A reply to "add" that has the number of the latest request, plus @offset. */
static TlcWire *
new_sum (gint32 offset, gint32 sum)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_frame_begin (wire);
  tlc_wire_message_full (wire, 0x8001, T_REPLY, "add", TLC_WIRE_OWN, offset);
  tlc_wire_field (wire, T_I32, 0);
  tlc_wire_i32 (wire, sum);
  tlc_wire_reply_end (wire);
  return wire;
}

/* Law 3: replies in another order than their requests go to nobody, the right ones neither. */
START_TEST (test_pipeline_out_of_order)
{
  TlcHarness harness;
  EchoIf *echo;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, new_sum (0, 4));
  tlc_script_send (harness.script, new_sum (-1, 3));
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);
  echo = tlc_echo_client (harness.service);

  tlc_echo_must_send_add (echo, 1, 2);
  tlc_echo_must_send_add (echo, 2, 2);
  must_not_receive_sum (echo, TLC_ERROR_PROTOCOL, TLC_DELIVERY_UNKNOWN, "is no reply to it");
  must_not_receive_sum (echo, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN, "earlier reply");
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: replies that come in one segment, or byte by byte, are taken apart. */
START_TEST (test_pipeline_segments)
{
  TlcHarness harness;
  EchoIf *echo;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_read (harness.script);
  if (_i == 0)
    tlc_script_answer (harness.script, new_sum (-1, 3), NULL);
  else
    {
      tlc_script_drip (harness.script, new_sum (-1, 3), 1, 1);
      tlc_script_drip (harness.script, new_sum (0, 4), 1, 1);
    }
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, NULL);
  echo = tlc_echo_client (harness.service);

  tlc_echo_must_send_add (echo, 1, 2);
  tlc_echo_must_send_add (echo, 2, 2);
  tlc_echo_must_receive_sum (echo, 3);
  tlc_echo_must_receive_sum (echo, 4);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: after a reset, by us or by the transport, what was outstanding is nobody's, and the next call
 * gets its own answer. */
START_TEST (test_pipeline_reset)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);
  ThriftProtocol *protocol = NULL;

  g_object_get (echo, "output_protocol", &protocol, NULL);
  for (gint32 n = 1; n < 4; n++)
    {
      for (gint32 i = 0; i < n; i++)
        tlc_echo_must_send_add (echo, 1000, i);
      if (_i == 0)
        tlc_client_reset (echo);
      else
        ck_assert (thrift_transport_close (protocol->transport, NULL));
      tlc_echo_must_add (service);
    }
  g_clear_object (&protocol);
  tlc_thread_detach ();
}
END_TEST

/* Law 3: replies that are overdue are still those that are due: nothing is sent that could take their
 * place, until each has been received, as timed out, or all are given up; each counts as failed. */
START_TEST (test_pipeline_overdue)
{
  TlcHarness harness;
  TlcStats stats;
  EchoIf *echo;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_stall (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);
  echo = tlc_echo_client (harness.service);
  tlc_client_set_timeout (echo, 50);
  tlc_echo_must_send_add (echo, 1, 1);
  tlc_echo_must_send_add (echo, 2, 2);
  tlc_client_set_timeout (echo, 0);
  g_usleep (60000); /* the time is what is tested */
  must_not_send_add (echo, TLC_ERROR_BUSY, "that are overdue");
  if (_i == 0)
    {
      must_not_receive_sum (echo, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN, "after 50 ms, after");
      must_not_send_add (echo, TLC_ERROR_BUSY, "tlc_client_reset()");
      must_not_receive_sum (echo, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN, "earlier reply");
    }
  else
    tlc_client_reset (echo);
  tlc_echo_must_add (harness.service);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.failures, 2);
  ck_assert_uint_eq (stats.connects, 2);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 2: a request that begins after a change does not follow the others to an endpoint that was taken
 * out; theirs are answered. */
START_TEST (test_pipeline_endpoint_removed)
{
  g_autoptr (TlcServer) a = tlc_echo_server ((const char *const[]){ "--name", "a", NULL });
  g_autoptr (TlcServer) b = tlc_echo_server ((const char *const[]){ "--name", "b", NULL });
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (a), NULL);
  EchoIf *echo = tlc_echo_client (service);
  g_autofree char *who = NULL;

  tlc_echo_must_send_add (echo, 1, 2);
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (a), "call-timeout", "4s", NULL);
  tlc_echo_must_send_add (echo, 3, 4); /* the endpoint stays */
  tlc_echo_reconfigure (service, tlc_server_get_endpoint (b), NULL);
  must_not_send_add (echo, TLC_ERROR_BUSY, "the endpoint was removed");
  tlc_echo_must_receive_sum (echo, 3);
  must_not_send_add (echo, TLC_ERROR_BUSY, "the endpoint was removed");
  tlc_echo_must_receive_sum (echo, 7);
  who = tlc_echo_who (service);
  ck_assert_str_eq (who, "b");
  tlc_thread_detach ();
}
END_TEST

/* Law 4: a request that cannot be sent, since the connection broke, fails alone and was not sent; the
 * replies before it are errors in their turn, and no request goes out in between. */
START_TEST (test_pipeline_cannot_send)
{
  TlcHarness harness;
  EchoIf *echo;
  int fd;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_await (harness.script, 0);
  tlc_script_reset (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);
  echo = tlc_echo_client (harness.service);

  tlc_echo_must_send_add (echo, 1, 2);
  fd = tlc_harness_find_socket (&harness);
  tlc_script_signal (harness.script, 0);
  ck_assert (tlc_harness_wait_hung_up (fd));
  must_not_send_add (echo, TLC_ERROR_CONNECTION_LOST, "after 0 of ");
  must_not_send_add (echo, TLC_ERROR_BUSY, "receive them first");
  must_not_receive_sum (echo, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN, "");
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 6: a reply that is fetched after its deadline, but before the keeper has noticed, is delivered if it is
 * there, and its connection is as good as before. */
START_TEST (test_pipeline_fetched_late)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autoptr (TlcService) service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);
  TlcStats stats;

  tlc_client_set_timeout (echo, 30);
  tlc_echo_must_send_add (echo, 1, 2);
  g_usleep (100 * 1000); /* the time is what is tested */
  tlc_echo_must_receive_sum (echo, 3);
  tlc_client_set_timeout (echo, 0);
  tlc_echo_must_add (service);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connects, 1);
  tlc_thread_detach ();
}
END_TEST

static void *
leave_replies (void *data)
{
  EchoIf *echo = tlc_echo_client (data);

  for (gint32 i = 0; i < 5; i++)
    tlc_echo_must_send_add (echo, i, i);
  tlc_echo_must_receive_sum (echo, 0);
  return NULL;
}

/* Law 7: a thread that exits, or detaches, with replies outstanding leaves nothing. */
START_TEST (test_pipeline_thread_exits)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  pthread_t thread;
  TlcStats stats;

  ck_assert_int_eq (pthread_create (&thread, NULL, leave_replies, service), 0);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  leave_replies (service);
  tlc_thread_detach ();
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connections_open, 0);
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (server)), 0);
  tlc_service_unref (service);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("pipeline");
  TCase *tests = tcase_create ("pipeline");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_pipeline_replies_in_order, 0, G_N_ELEMENTS (wires));
  tcase_add_test (tests, test_pipeline_mixed);
  tcase_add_test (tests, test_pipeline_is_bounded);
  tcase_add_test (tests, test_pipeline_one_too_large);
  tcase_add_loop_test (tests, test_pipeline_connection_breaks, 0, 2);
  tcase_add_test (tests, test_pipeline_times_out);
  tcase_add_test (tests, test_pipeline_out_of_order);
  tcase_add_loop_test (tests, test_pipeline_segments, 0, 2);
  tcase_add_loop_test (tests, test_pipeline_reset, 0, 2);
  tcase_add_loop_test (tests, test_pipeline_overdue, 0, 2);
  tcase_add_test (tests, test_pipeline_endpoint_removed);
  tcase_add_test (tests, test_pipeline_cannot_send);
  tcase_add_test (tests, test_pipeline_fetched_late);
  tcase_add_test (tests, test_pipeline_thread_exits);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
