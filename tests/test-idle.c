/* SPDX-License-Identifier: Apache-2.0 */

/* Connections that were idle: looked at before they carry a request, and replaced before a peer that
 * closes idle ones would. */
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "support/tlc-harness.h"

enum { EVENT_READY };

static TlcWire *
new_byte (void)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_byte (wire, 0);
  return wire;
}

/* Law 3: what its peer closes, or says unasked, while the connection is idle, costs no call: the next
 * one has another connection, silently; the stray bytes are counted. */
START_TEST (test_idle_row_01_closed_while_idle)
{
  TlcHarness harness;
  TlcStats stats;
  int fd;

  tlc_harness_begin (&harness, _i % 2 == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_READY);
  if (_i < 2)
    tlc_script_close (harness.script);
  else
    tlc_script_send (harness.script, new_byte ());
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "check-after-idle", "1us", NULL);
  tlc_echo_must_add (harness.service);
  fd = tlc_harness_find_socket (&harness);
  tlc_script_signal (harness.script, EVENT_READY);
  ck_assert_int_eq (poll (&(struct pollfd){ fd, POLLIN, 0 }, 1, TLC_SCRIPT_PATIENCE_MS), 1);
  tlc_echo_must_add (harness.service);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.retries, 0);
  ck_assert_uint_eq (stats.connects, 2);
  ck_assert_uint_eq (stats.desyncs_caught, _i < 2 ? 0 : 1);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: without a look, since it was not idle for long enough, a request that finds the connection
 * closed may have run, and says so. */
START_TEST (test_idle_row_01_not_looked_at)
{
  TlcHarness harness;
  int fd;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_READY);
  tlc_script_close (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "check-after-idle", "1h", NULL);
  tlc_echo_must_add (harness.service);
  fd = tlc_harness_find_socket (&harness);
  tlc_script_signal (harness.script, EVENT_READY);
  ck_assert (tlc_harness_wait_hung_up (fd));
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST, TLC_DELIVERY_UNKNOWN,
                         "");
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

#define IDLE_LIMIT_MS 400

/* Step of a script: closes a connection that says nothing for IDLE_LIMIT_MS, as servers do; or notes
 * that the library was first. */
static gboolean
close_when_idle (int fd, gpointer user_data)
{
  atomic_uint *n_closed_by_library = user_data;
  char byte;

  if (poll (&(struct pollfd){ fd, POLLIN, 0 }, 1, IDLE_LIMIT_MS) == 1
      && recv (fd, &byte, 1, MSG_PEEK) == 0)
    atomic_fetch_add (n_closed_by_library, 1);
  else
    shutdown (fd, SHUT_RDWR);
  return TRUE;
}

/* Law 4: a server that closes connections after some time is learnt from: by the third time they are
 * replaced shortly before it would, and no request meets its FIN on the way. */
START_TEST (test_idle_limit_is_learnt_from_the_server)
{
  atomic_uint n_closed_by_library = 0;
  TlcHarness harness;
  TlcStats stats;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  for (guint i = 0; i < 3; i++)
    {
      tlc_script_accept (harness.script);
      tlc_script_serve (harness.script, 1);
      tlc_script_call (harness.script, close_when_idle, &n_closed_by_library);
    }
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "check-after-idle", "200ms", NULL);
  for (guint i = 0; i < 2; i++)
    {
      tlc_echo_must_add (harness.service);
      ck_assert (tlc_harness_wait_hung_up (tlc_harness_find_socket (&harness)));
      /* What is learnt is when the server closed, not when that was noticed. */
      g_usleep (i * 300 * 1000);
    }
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (atomic_load (&n_closed_by_library), 0);
  g_usleep (IDLE_LIMIT_MS * 1000 * 95 / 100); /* the time is what is tested */
  tlc_echo_must_add (harness.service);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.retries, 0);
  ck_assert_uint_eq (stats.connects, 4);
  ck_assert (tlc_script_wait_ended (harness.script, 2));
  tlc_harness_end (&harness);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("idle");
  TCase *tests = tcase_create ("idle");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_idle_row_01_closed_while_idle, 0, 4);
  tcase_add_test (tests, test_idle_row_01_not_looked_at);
  tcase_add_test (tests, test_idle_limit_is_learnt_from_the_server);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
