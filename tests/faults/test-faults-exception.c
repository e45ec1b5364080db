/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions, docs/faults.md, rows 21 and 22. An exception is an answer: the caller gets the
 * server's code and words, and the connection is as good as before. Half of one is no answer. */

#include <string.h>

#include <thrift/c_glib/thrift_application_exception.h>

#include "support/tlc-harness.h"

/* What a server may send as TApplicationException: fields 1 and 2, both optional, and others. */
static const struct {
  const char *message;
  gint32 code;
  gboolean has_code, has_more;
} exceptions[] = {
  { "unknown method", THRIFT_APPLICATION_EXCEPTION_ERROR_UNKNOWN_METHOD, TRUE, FALSE },
  { "the disk is full", THRIFT_APPLICATION_EXCEPTION_ERROR_INTERNAL_ERROR, TRUE, FALSE },
  { "", THRIFT_APPLICATION_EXCEPTION_ERROR_PROTOCOL_ERROR, TRUE, FALSE },
  { "a code of a later release", 4711, TRUE, FALSE },
  { "a code below zero", -1, TRUE, FALSE },
  { "100 % of %s", THRIFT_APPLICATION_EXCEPTION_ERROR_INTERNAL_ERROR, TRUE, FALSE },
  { NULL, THRIFT_APPLICATION_EXCEPTION_ERROR_INTERNAL_ERROR, TRUE, FALSE },
  { "no code", THRIFT_APPLICATION_EXCEPTION_ERROR_UNKNOWN, FALSE, FALSE },
  { NULL, THRIFT_APPLICATION_EXCEPTION_ERROR_UNKNOWN, FALSE, FALSE },
  { "more fields", THRIFT_APPLICATION_EXCEPTION_ERROR_INTERNAL_ERROR, TRUE, TRUE },
};

static TlcWire *
new_exception (guint i)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_frame_begin (wire);
  tlc_wire_message (wire, T_EXCEPTION, "add");
  if (exceptions[i].has_more)
    {
      tlc_wire_field (wire, T_LIST, 3);
      tlc_wire_list (wire, T_STRING, 1);
      tlc_wire_string (wire, "at line 12");
    }
  if (exceptions[i].message != NULL)
    {
      tlc_wire_field (wire, T_STRING, 1);
      tlc_wire_string (wire, exceptions[i].message);
    }
  if (exceptions[i].has_code)
    {
      tlc_wire_field (wire, T_I32, 2);
      tlc_wire_i32 (wire, exceptions[i].code);
    }
  tlc_wire_reply_end (wire);
  return wire;
}

/* Law 4: an exception of the server's has the server's code and words, says that it was answered,
 * is no failure of the service's, and the connection goes on. */
START_TEST (test_faults_row_21_application_exception)
{
  TlcHarness harness;
  TlcStats stats;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  for (guint n = 0; n < 3; n++)
    {
      tlc_script_read (harness.script);
      tlc_script_send (harness.script, new_exception ((guint) _i));
    }
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, NULL);

  for (guint n = 0; n < 3; n++)
    {
      g_autoptr (GError) error = NULL;
      const char *message = exceptions[_i].message;

      ck_assert (!tlc_harness_add (tlc_echo_client (harness.service), &error));
      ck_assert_ptr_nonnull (error);
      ck_assert_msg (error->domain == THRIFT_APPLICATION_EXCEPTION_ERROR
                         && error->code == exceptions[_i].code,
                     "%s %d: %s", g_quark_to_string (error->domain), error->code, error->message);
      ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_ANSWERED);
      ck_assert_msg (g_str_has_prefix (error->message, "echo.add at "), "%s", error->message);
      ck_assert_msg (message == NULL || strstr (error->message, message) != NULL, "%s",
                     error->message);
    }
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 4: a caller that wants no error gets none, and is told that it failed. */
START_TEST (test_faults_row_21_application_exception_unwanted)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, new_exception (0));
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, NULL);

  ck_assert (!tlc_harness_add (tlc_echo_client (harness.service), NULL));
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

static TlcWire *
new_declared (int id)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "fail");
  tlc_wire_field (wire, T_STRUCT, id);
  tlc_wire_struct (wire);
  tlc_wire_field (wire, T_STRING, 1);
  tlc_wire_string (wire, "declared");
  tlc_wire_stop (wire);
  tlc_wire_reply_end (wire);
  return wire;
}

/* Law 4: an exception of the interface's arrives as what it is, and the connection goes on. */
START_TEST (test_faults_row_21_declared_exception)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  Rejected *rejected = NULL;
  NotFound *not_found = NULL;
  gint32 result = 4711;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, new_declared (_i + 1));
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, NULL);

  ck_assert (!echo_if_fail (tlc_echo_client (harness.service), &result, 1, &rejected, &not_found,
                            &error));
  ck_assert_int_eq (result, 4711);
  ck_assert_int_eq (rejected != NULL, _i == 0);
  ck_assert_int_eq (not_found != NULL, _i == 1);
  ck_assert_ptr_nonnull (error);
  ck_assert_uint_eq (error->domain, _i == 0 ? REJECTED_ERROR : NOT_FOUND_ERROR);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_ANSWERED);
  if (_i == 0)
    g_object_get (rejected, "reason", &text, NULL);
  else
    g_object_get (not_found, "key", &text, NULL);
  ck_assert_str_eq (text, "declared");
  g_clear_object (&rejected);
  g_clear_object (&not_found);

  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

/* What is before the result or exception. */
static guint
get_header_length (ThriftMessageType type, const char *name)
{
  g_autoptr (TlcWire) wire = tlc_wire_new ();

  tlc_wire_frame_begin (wire);
  tlc_wire_message (wire, type, name);
  return (guint) tlc_wire_get_length (wire);
}

/* Sends @reply (transfer full) without its last @n bytes; unframed, nothing more will come. */
static void
send_cut (TlcScript *script, TlcWire *reply, guint n)
{
  tlc_wire_chop (reply, n);
  tlc_wire_frame_end (reply);
  tlc_script_accept (script);
  tlc_script_read (script);
  tlc_script_send (script, reply);
  if (!tlc_wire_is_framed ())
    tlc_script_half_close (script);
}

/* Law 3: an exception that ends in the middle, at any byte, is a fault of the protocol or of the
 * connection and not the server's word, which generated code would make of it. */
START_TEST (test_faults_row_22_truncated_exception)
{
  const guint header = get_header_length (T_EXCEPTION, "add");
  g_autoptr (TlcWire) whole = new_exception (9);
  const guint total = (guint) tlc_wire_get_length (whole);
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  for (guint end = header; end < total; end++)
    send_cut (harness.script, new_exception (9), total - end);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  for (guint end = header; end < total; end++)
    {
      g_autofree char *loss = g_strdup_printf ("closed by peer after %u bytes of the reply", end);

      if (tlc_wire_is_framed ())
        tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_PROTOCOL,
                               TLC_DELIVERY_ANSWERED, "of the reply's");
      else
        tlc_harness_must_fail (&harness, tlc_harness_add, TLC_ERROR_CONNECTION_LOST,
                               TLC_DELIVERY_UNKNOWN, loss);
      ck_assert (tlc_script_wait_closed (harness.script, end - header));
    }
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), total - header + 1);
  tlc_harness_end (&harness);
}
END_TEST

/* Law 3: a declared exception that ends in the middle does not reach the caller either. */
START_TEST (test_faults_row_22_truncated_declared_exception)
{
  const gboolean is_framed = tlc_wire_is_framed ();
  g_autoptr (GError) error = NULL;
  Rejected *rejected = NULL;
  NotFound *not_found = NULL;
  gint32 result = 4711;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  send_cut (harness.script, new_declared (1), (guint) _i);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, NULL);

  ck_assert (!echo_if_fail (tlc_echo_client (harness.service), &result, 1, &rejected, &not_found,
                            &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR,
                                  is_framed ? TLC_ERROR_PROTOCOL : TLC_ERROR_CONNECTION_LOST),
                 "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error),
                    is_framed ? TLC_DELIVERY_ANSWERED : TLC_DELIVERY_UNKNOWN);
  ck_assert_int_eq (result, 4711);
  g_clear_object (&rejected);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-exception");
  TCase *tcase = tcase_create ("exception");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_21_application_exception, 0,
                       G_N_ELEMENTS (exceptions));
  tcase_add_test (tcase, test_faults_row_21_application_exception_unwanted);
  tcase_add_loop_test (tcase, test_faults_row_21_declared_exception, 0, 2);
  tcase_add_test (tcase, test_faults_row_22_truncated_exception);
  tcase_add_loop_test (tcase, test_faults_row_22_truncated_declared_exception, 1, 14);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
