/* SPDX-License-Identifier: Apache-2.0 */

/* Every method of echo.thrift that does more than give its argument back, on each server: what it
 * computes, makes, counts or throws reaches the caller, whatever language the server is in. */
#include <string.h>

#include <thrift/c_glib/thrift_application_exception.h>

#include "conformance/tlc-compare.h"
#include "conformance/tlc-conformance.h"
#include "conformance/tlc-differences.h"
#include "conformance/tlc-specimen.h"

/* The most that the servers make. */
#define LARGEST_BLOB 5000000

/* An inherited method: "who" is of the service that Echo extends. */
START_TEST (test_conformance_calls_who)
{
  EchoIf *echo = tlc_conformance_begin (_i);
  g_autoptr (GError) error = NULL;
  g_autofree char *who = NULL;

  tlc_conformance_must (identity_if_who (IDENTITY_IF (echo), &who, &error), &error, "who");
  tlc_compare_strings (who, tlc_conformance_get_name (_i), "who");
  tlc_conformance_end ();
}
END_TEST

/* Two arguments, each in its place; no argument and no result; a reply that takes its time. */
START_TEST (test_conformance_calls_add_ping_take)
{
  EchoIf *echo = tlc_conformance_begin (_i);
  g_autoptr (GError) error = NULL;
  gint64 began_us = g_get_monotonic_time ();
  gint32 value = 0;

  for (guint i = 0; i < TLC_SPECIMEN_I32_EDGES; i++)
    {
      gint32 a = tlc_specimen_i32 (i), b = tlc_specimen_i32 (i + 1);

      tlc_conformance_must (echo_if_add (echo, &value, a, b, &error), &error, "add");
      ck_assert_int_eq (value, (gint32) ((guint32) a + (guint32) b));
      tlc_conformance_must (echo_if_ping (echo, &error), &error, "ping");
    }
  tlc_conformance_must (echo_if_take (echo, &value, 0, G_MININT32, &error), &error, "take");
  ck_assert_int_eq (value, G_MININT32);
  tlc_conformance_must (echo_if_take (echo, &value, 30, 4711, &error), &error, "take");
  ck_assert_int_eq (value, 4711);
  ck_assert_int_ge (g_get_monotonic_time (), began_us + 30000);
  tlc_conformance_end ();
}
END_TEST

static void
must_get_samples (EchoIf *echo, gint32 count)
{
  g_autoptr (GPtrArray) samples = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GError) error = NULL;

  tlc_conformance_must (echo_if_samples (echo, &samples, count, &error), &error, "samples");
  ck_assert_int_eq ((gint32) samples->len, count);
  for (gint32 i = 0; i < count; i++)
    {
      const Sample *sample = g_ptr_array_index (samples, i);
      g_autofree char *name = g_strdup_printf ("sample-%d", i);

      ck_assert (sample->__isset_id && sample->__isset_name && sample->__isset_value);
      ck_assert_int_eq (sample->id, i);
      tlc_compare_strings (sample->name, name, "name");
      tlc_compare_doubles (sample->value, i * 0.5);
    }
}

static void
must_get_words (EchoIf *echo, gint32 count)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;

  tlc_conformance_must (echo_if_words (echo, &words, count, &error), &error, "words");
  ck_assert_int_eq ((gint32) words->len, count);
  for (gint32 i = 0; i < count; i++)
    {
      g_autofree char *word = g_strdup_printf ("word-%d", i);

      tlc_compare_strings (g_ptr_array_index (words, i), word, "word");
    }
}

static void
must_get_numbers (EchoIf *echo, gint32 count)
{
  g_autoptr (GArray) numbers = g_array_new (FALSE, TRUE, sizeof (gint32));
  g_autoptr (GError) error = NULL;

  tlc_conformance_must (echo_if_numbers (echo, &numbers, count, &error), &error, "numbers");
  ck_assert_int_eq ((gint32) numbers->len, count);
  for (gint32 i = 0; i < count; i++)
    ck_assert_int_eq (g_array_index (numbers, gint32, i), i);
}

static void
must_get_blob (EchoIf *echo, gint32 size)
{
  g_autoptr (GByteArray) blob = NULL;
  g_autoptr (GError) error = NULL;

  tlc_conformance_must (echo_if_blob (echo, &blob, size, &error), &error, "blob");
  ck_assert_ptr_nonnull (blob);
  ck_assert_int_eq ((gint32) blob->len, size);
  for (gint32 i = 0; i < size; i++)
    if (blob->data[i] != (i & 0xff))
      ck_abort_msg ("blob: byte %d is %u", i, blob->data[i]);
}

/* Replies from nothing to many times any buffer, and small ones after them: each byte is where
 * it belongs. */
START_TEST (test_conformance_calls_large_replies)
{
  static const gint32 counts[] = { 0, 1, 100, 20000, 3 };
  EchoIf *echo = tlc_conformance_begin (_i);

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    {
      must_get_samples (echo, counts[i]);
      must_get_words (echo, counts[i]);
      must_get_numbers (echo, counts[i]);
      must_get_blob (echo, counts[i]);
    }
  must_get_blob (echo, LARGEST_BLOB);
  must_get_blob (echo, 2);
  tlc_conformance_end ();
}
END_TEST

/* "fail" with @code must not have a result. (transfer full): the error. */
static GError *
must_fail (EchoIf *echo, gint32 code, Rejected **ret_rejected, NotFound **ret_not_found)
{
  GError *error = NULL;
  gint32 value = 4711;

  *ret_rejected = NULL;
  *ret_not_found = NULL;
  ck_assert (!echo_if_fail (echo, &value, code, ret_rejected, ret_not_found, &error));
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (tlc_error_get_delivery (error) == TLC_DELIVERY_ANSWERED, "%s", error->message);
  ck_assert_int_eq (value, 4711);
  return error;
}

/* A declared exception arrives, the right one of two, with its fields; and is no failure of the
 * connection. */
START_TEST (test_conformance_calls_declared_exceptions)
{
  EchoIf *echo = tlc_conformance_begin (_i);
  Rejected *rejected = NULL;
  NotFound *not_found = NULL;
  GError *error = NULL;
  gint32 value = 4711;

  tlc_conformance_must (echo_if_fail (echo, &value, 0, &rejected, &not_found, &error), &error,
                        "fail");
  ck_assert_int_eq (value, 0);
  ck_assert_ptr_null (rejected);
  ck_assert_ptr_null (not_found);

  error = must_fail (echo, 1, &rejected, &not_found);
  ck_assert_msg (g_error_matches (error, REJECTED_ERROR, REJECTED_ERROR_CODE), "%s",
                 error->message);
  ck_assert_ptr_null (not_found);
  ck_assert_ptr_nonnull (rejected);
  ck_assert (rejected->__isset_reason && rejected->__isset_code);
  tlc_compare_strings (rejected->reason, "rejected", "reason");
  ck_assert_int_eq (rejected->code, 1);
  g_object_unref (rejected);
  g_clear_error (&error);

  error = must_fail (echo, 2, &rejected, &not_found);
  ck_assert_msg (g_error_matches (error, NOT_FOUND_ERROR, NOT_FOUND_ERROR_CODE), "%s",
                 error->message);
  ck_assert_ptr_null (rejected);
  ck_assert_ptr_nonnull (not_found);
  ck_assert (not_found->__isset_key);
  tlc_compare_strings (not_found->key, "missing", "key");
  g_object_unref (not_found);
  g_clear_error (&error);
  tlc_conformance_end ();
}
END_TEST

/* What an undeclared exception becomes: an application error of the server's type, with its
 * message, as far as its library tells either. */
static void
must_be_undeclared (int kind, const GError *error, const char *message)
{
  const int type = tlc_differences_has (kind, TLC_DIFFERENCE_UNTYPED_FAILURE)
                       ? THRIFT_APPLICATION_EXCEPTION_ERROR_UNKNOWN
                       : THRIFT_APPLICATION_EXCEPTION_ERROR_INTERNAL_ERROR;

  ck_assert_msg (g_error_matches (error, THRIFT_APPLICATION_EXCEPTION_ERROR, type), "%d: %s",
                 error->code, error->message);
  if (tlc_differences_has (kind, TLC_DIFFERENCE_UNTOLD_FAILURE))
    {
      ck_assert_msg (strstr (error->message, message) == NULL, "%s", error->message);
      message = "Internal error";
    }
  ck_assert_msg (strstr (error->message, message) != NULL, "%s", error->message);
}

/* An exception that is not declared arrives as an application error, and is no failure of the
 * connection either. */
START_TEST (test_conformance_calls_undeclared_exceptions)
{
  static const gint32 codes[] = { 9, -1, G_MININT32 };
  EchoIf *echo = tlc_conformance_begin (_i);

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      g_autofree char *message = g_strdup_printf ("fail: code %d", codes[i]);
      Rejected *rejected;
      NotFound *not_found;
      g_autoptr (GError) error = must_fail (echo, codes[i], &rejected, &not_found);

      ck_assert_ptr_null (rejected);
      ck_assert_ptr_null (not_found);
      must_be_undeclared (_i, error, message);
      must_get_numbers (echo, 2);
    }
  tlc_conformance_end ();
}
END_TEST

/* How often the server counted @request. */
static gint32
count_executions (EchoIf *echo, const char *request)
{
  g_autoptr (GError) error = NULL;
  gint32 count = -1;

  tlc_conformance_must (echo_if_executions (echo, &count, request, &error), &error, "executions");
  return count;
}

/* Oneway: each note is executed once, in its turn, and leaves nothing in the way of the reply to
 * what follows it on the connection. */
START_TEST (test_conformance_calls_oneway)
{
  static const char *const requests[] = { "", "one", "\xe6\xb0\xb4" };
  EchoIf *echo = tlc_conformance_begin (_i);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      gint32 count = -1;

      ck_assert_int_eq (count_executions (echo, requests[i]), 0);
      tlc_conformance_must (echo_if_note (echo, requests[i], &error), &error, "note");
      ck_assert_int_eq (count_executions (echo, requests[i]), 1);
      tlc_conformance_must (echo_if_run (echo, &count, requests[i], &error), &error, "run");
      ck_assert_int_eq (count, 2);
      for (guint n = 0; n < 100; n++)
        tlc_conformance_must (echo_if_note (echo, requests[i], &error), &error, "note");
      ck_assert_int_eq (count_executions (echo, requests[i]), 102);
    }
  tlc_conformance_end ();
}
END_TEST

int
main (void)
{
  const TTest *const tests[] = {
    test_conformance_calls_who,
    test_conformance_calls_add_ping_take,
    test_conformance_calls_large_replies,
    test_conformance_calls_declared_exceptions,
    test_conformance_calls_undeclared_exceptions,
    test_conformance_calls_oneway,
  };

  return tlc_conformance_run ("conformance-calls", tests, G_N_ELEMENTS (tests));
}
