/* SPDX-License-Identifier: Apache-2.0 */
/* Oneway calls and a peer that is gone, docs/faults.md, row 23. No reply will tell, so the library
 * looks at the connection before it sends; what it cannot send is an error and not a success;
 * what it sends arrives once. */

#include "support/tlc-harness.h"

enum { EVENT_GO, EVENT_GONE };

static gboolean
note (EchoIf *echo, GError **error)
{
  return echo_if_note (echo, "a request", error);
}

static void
must_note (TlcHarness *harness)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (note (tlc_echo_client (harness->service), &error), "%s",
                 error != NULL ? error->message : "no error");
}

/* How often a oneway request arrived, after a call behind it on the same connection was
 * answered. */
static guint
count_notes (TlcHarness *harness)
{
  guint n = 0;

  tlc_echo_must_add (harness->service);
  for (guint i = 0; i < tlc_script_count_requests (harness->script); i++)
    {
      const TlcWireRequest *request = tlc_script_get_request (harness->script, i);

      if (g_str_equal (request->name, "note") && request->type == T_ONEWAY)
        n++;
    }
  return n;
}

/* Law 4: on a connection that is well a oneway call arrives once, and what follows is answered. */
START_TEST (test_faults_row_23_oneway)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, _i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  for (guint i = 1; i <= 10; i++)
    {
      must_note (&harness);
      ck_assert_uint_eq (count_notes (&harness), i);
    }
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

/* One answered call, then the peer ends the connection by @end, and the library's side has heard
 * of it. */
static void
lose_peer (TlcHarness *harness, void (*end) (TlcScript *), gboolean is_listening)
{
  TlcScript *script = harness->script;
  int fd;

  tlc_script_accept (script);
  tlc_script_serve (script, 1);
  tlc_script_await (script, EVENT_GO);
  if (!is_listening)
    tlc_script_unlisten (script);
  end (script);
  tlc_script_raise (script, EVENT_GONE);
  if (is_listening)
    tlc_harness_then_serve (harness);
  tlc_harness_start (harness, NULL);

  tlc_echo_must_add (harness->service);
  fd = tlc_harness_find_socket (harness);
  tlc_script_signal (script, EVENT_GO);
  ck_assert (tlc_script_wait (script, EVENT_GONE));
  ck_assert (tlc_harness_wait_hung_up (fd));
}

static void (*const ends[]) (TlcScript *)
    = { tlc_script_close, tlc_script_reset, tlc_script_half_close };

/* Law 4: the peer has gone, another one listens: the call connects anew and arrives there, once. */
START_TEST (test_faults_row_23_oneway_reconnects)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, _i < 3 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  lose_peer (&harness, ends[_i % 3], TRUE);
  must_note (&harness);
  ck_assert_uint_eq (count_notes (&harness), 1);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: the peer has gone and nobody listens: the call fails, and says that nothing was sent. */
START_TEST (test_faults_row_23_oneway_to_nobody)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, _i < 3 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  lose_peer (&harness, ends[_i % 3], FALSE);
  for (guint i = 0; i < 3; i++)
    tlc_harness_must_fail (&harness, note, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                           "echo.note");
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                         "echo.add");
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: bytes that nobody asked for lie on the connection: it is not sent on any more. */
START_TEST (test_faults_row_23_oneway_after_unsolicited_bytes)
{
  TlcWire *byte = tlc_wire_new ();
  TlcHarness harness;
  int fd;

  tlc_wire_byte (byte, 0);
  tlc_harness_begin (&harness, _i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_GO);
  tlc_script_send (harness.script, byte);
  /* behind the byte, so that the test can see that both have come */
  tlc_script_half_close (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  tlc_echo_must_add (harness.service);
  fd = tlc_harness_find_socket (&harness);
  tlc_script_signal (harness.script, EVENT_GO);
  ck_assert (tlc_harness_wait_hung_up (fd));
  must_note (&harness);
  ck_assert_uint_eq (count_notes (&harness), 1);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-oneway");
  TCase *tcase = tcase_create ("oneway");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_23_oneway, 0, 2);
  tcase_add_loop_test (tcase, test_faults_row_23_oneway_reconnects, 0, 6);
  tcase_add_loop_test (tcase, test_faults_row_23_oneway_to_nobody, 0, 6);
  tcase_add_loop_test (tcase, test_faults_row_23_oneway_after_unsolicited_bytes, 0, 2);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
