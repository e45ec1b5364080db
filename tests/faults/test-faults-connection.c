/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that break, drip or answer late, docs/faults.md, rows 3, 4, 9 and 11: the call fails
 * as what it is, within its deadline, and the next one is as if nothing had been. */

#include "support/tlc-harness.h"

enum { EVENT_TIMED_OUT, EVENT_LATE };

static TlcWire *
new_sum (gint32 sum)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_I32, 0);
  tlc_wire_i32 (wire, sum);
  tlc_wire_reply_end (wire);
  return wire;
}

/* How the library tells how far the reply got; of a reply whose length has not come, or never
 * does, only how much. */
static char *
describe_loss (const char *what, gsize got, gsize total)
{
  if (got < 4 || !tlc_wire_is_framed ())
    return g_strdup_printf ("%s after %u bytes of the reply", what, (guint) got);
  return g_strdup_printf ("%s after %u of %u bytes of the reply", what, (guint) got,
                          (guint) total);
}

/* Each connection answers one call well and breaks in the middle of the next, one byte later
 * each time. */
static void
break_at_each_offset (TlcScriptFamily family, void (*end) (TlcScript *), gboolean is_ours)
{
  g_autoptr (TlcWire) whole = new_sum (0);
  gsize total = tlc_wire_get_length (whole);
  TlcHarness harness;

  tlc_harness_begin (&harness, family);
  for (gsize got = 0; got < total; got++)
    {
      TlcWire *part = new_sum (3);

      tlc_wire_chop (part, total - got);
      tlc_script_accept (harness.script);
      tlc_script_serve (harness.script, 1);
      tlc_script_read (harness.script);
      tlc_script_send (harness.script, part);
      end (harness.script);
    }
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  for (gsize got = 0; got < total; got++)
    {
      g_autofree char *loss
          = describe_loss (end == tlc_script_reset ? "lost" : "closed by peer", got, total);

      tlc_echo_must_add (harness.service);
      tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST,
                             TLC_DELIVERY_UNKNOWN, loss);
      if (is_ours)
        ck_assert (tlc_script_wait_closed (harness.script, (guint) got));
      ck_assert_uint_eq (tlc_script_count_connections (harness.script), got + 1);
    }
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), total + 1);
  ck_assert_uint_eq (tlc_script_count_requests (harness.script), 2 * total + 1);
  tlc_harness_end (&harness);
}

/* Law 3: a reset in the middle of a reply, wherever, is an error that says how far it came, never
 * an answer; nothing is sent twice, and the next call has a new connection. */
START_TEST (test_faults_row_03_reset_at_each_offset)
{
  break_at_each_offset (TLC_SCRIPT_INET, tlc_script_reset, FALSE);
}
END_TEST

/* Law 3: a server's process that dies in the middle of a reply, at any byte, makes an error that
 * says how far it came, never an answer. */
START_TEST (test_faults_row_04_close_at_each_offset)
{
  break_at_each_offset (TLC_SCRIPT_INET, tlc_script_close, FALSE);
}
END_TEST

/* Law 3: a close in the middle of a reply, at any byte, is such an error over a socket of the UNIX
 * domain, too. */
START_TEST (test_faults_row_04_close_at_each_offset_unix)
{
  break_at_each_offset (TLC_SCRIPT_UNIX, tlc_script_close, FALSE);
}
END_TEST

/* Law 3: a server that ends its direction alone gets the whole connection closed at once. */
START_TEST (test_faults_row_04_half_close_at_each_offset)
{
  break_at_each_offset (TLC_SCRIPT_INET, tlc_script_half_close, TRUE);
}
END_TEST

/* Law 5: bytes that keep coming do not move the deadline: it is the whole call's. */
START_TEST (test_faults_row_09_slow_drip)
{
  const guint timeout_ms = 200;
  const guint interval_ms[] = { timeout_ms / 2, timeout_ms / 8 };
  TlcHarness harness;
  gint64 begun_us;

  tlc_harness_begin (&harness, _i < 2 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_drip (harness.script, new_sum (3), 1, interval_ms[_i % 2]);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "200ms", NULL);

  tlc_echo_must_add (harness.service);
  begun_us = g_get_monotonic_time ();
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN,
                         "timed out after 200 ms");
  tlc_harness_assert_took (begun_us, timeout_ms);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 5: bytes that come as fast as they can be taken do not move the deadline either. */
START_TEST (test_faults_row_09_fast_drip)
{
  const guint timeout_ms = 200, length = 15 * 1024 * 1024;
  TlcWire *reply = tlc_wire_new ();
  TlcHarness harness;
  gint64 begun_us;

  tlc_wire_reply_begin (reply, "blob");
  tlc_wire_field (reply, T_STRING, 0);
  tlc_wire_claim (reply, (gint32) length);
  tlc_wire_fill (reply, 'x', length);
  tlc_wire_reply_end (reply);
  tlc_harness_begin (&harness, _i % 2 == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_drip (harness.script, reply, _i < 2 ? 1 : 16, 0);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "200ms", NULL);

  tlc_echo_must_add (harness.service);
  begun_us = g_get_monotonic_time ();
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN,
                         "timed out after 200 ms");
  tlc_harness_assert_took (begun_us, timeout_ms);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: the answer of a call that timed out comes while nobody waits; the next call gets its own,
 * and the late one nobody. */
START_TEST (test_faults_row_11_late_reply)
{
  gint64 begun_us;
  TlcHarness harness;
  TlcStats stats;

  tlc_harness_begin (&harness, _i == 0 ? TLC_SCRIPT_INET : TLC_SCRIPT_UNIX);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_read (harness.script);
  tlc_script_await (harness.script, EVENT_TIMED_OUT);
  tlc_script_send (harness.script, new_sum (3));
  tlc_script_raise (harness.script, EVENT_LATE);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "300ms", NULL);

  tlc_echo_must_add (harness.service);
  begun_us = g_get_monotonic_time ();
  tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN,
                         "timed out after 300 ms");
  tlc_harness_assert_took (begun_us, 300);
  tlc_script_signal (harness.script, EVENT_TIMED_OUT);
  ck_assert (tlc_script_wait (harness.script, EVENT_LATE));
  for (guint i = 0; i < 3; i++)
    tlc_echo_must_add (harness.service);

  ck_assert (tlc_script_is_closed (harness.script, 0));
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.calls, 5);
  ck_assert_uint_eq (stats.failures, 1);
  ck_assert_uint_eq (stats.timeouts, 1);
  ck_assert_uint_eq (stats.retries, 0);
  tlc_harness_end (&harness);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-connection");
  TCase *tcase = tcase_create ("broken");

  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_faults_row_03_reset_at_each_offset);
  tcase_add_test (tcase, test_faults_row_04_close_at_each_offset);
  tcase_add_test (tcase, test_faults_row_04_close_at_each_offset_unix);
  tcase_add_test (tcase, test_faults_row_04_half_close_at_each_offset);
  suite_add_tcase (suite, tcase);

  tcase = tcase_create ("slow");
  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_09_slow_drip, 0, 4);
  tcase_add_loop_test (tcase, test_faults_row_09_fast_drip, 0, 4);
  tcase_add_loop_test (tcase, test_faults_row_11_late_reply, 0, 2);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
