/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of model/tlc-error.c: errors that carry how far the failed call got.
 */

#include "tlc/error.h"

#include "model/tlc-error-private.h"
#include "support/tlc-check.h"

static const TlcDelivery deliveries[] = {
  TLC_DELIVERY_NOT_SENT,
  TLC_DELIVERY_UNKNOWN,
  TLC_DELIVERY_ANSWERED,
};

START_TEST (test_error_set_fills_every_part)
{
  /* Law 4: domain, code, message and delivery arrive as they were given. */
  g_autoptr (GError) error = NULL;

  tlc_error_set (&error, TLC_ERROR_BUSY, deliveries[_i], "%s at %s: %d", "echo.add", "unix:@a", 7);
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_BUSY));
  ck_assert_str_eq (error->message, "echo.add at unix:@a: 7");
  ck_assert_int_eq (tlc_error_get_delivery (error), deliveries[_i]);
}
END_TEST

START_TEST (test_error_set_of_nothing_is_harmless)
{
  /* A caller that does not want the error need not take it. */
  tlc_error_set (NULL, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT, "nobody reads this");
}
END_TEST

START_TEST (test_error_set_keeps_the_first_error)
{
  /* The cause of a failure is not hidden by what fails after it. */
  g_autoptr (GError) error = NULL;

  tlc_error_set (&error, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN, "first");
  tlc_error_set (&error, TLC_ERROR_CLOSED, TLC_DELIVERY_NOT_SENT, "second");
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT));
  ck_assert_str_eq (error->message, "first");
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_UNKNOWN);
}
END_TEST

START_TEST (test_error_copy_keeps_the_delivery)
{
  /* Law 4: a copied, prefixed and propagated error still tells whether the request was sent. */
  GError *error = NULL;
  GError *copy = NULL;
  g_autoptr (GError) propagated = NULL;

  tlc_error_set (&error, TLC_ERROR_CONNECTION_LOST, deliveries[_i], "cut");
  copy = g_error_copy (error);
  g_error_free (error);
  ck_assert_int_eq (tlc_error_get_delivery (copy), deliveries[_i]);

  g_propagate_prefixed_error (&propagated, copy, "echo: ");
  ck_assert_str_eq (propagated->message, "echo: cut");
  ck_assert_int_eq (tlc_error_get_delivery (propagated), deliveries[_i]);
}
END_TEST

START_TEST (test_error_made_without_delivery_is_unknown)
{
  /* Law 4: an error that tells nothing is never taken for one that may be repeated. */
  g_autoptr (GError) error = g_error_new (TLC_ERROR, TLC_ERROR_PROTOCOL, "made elsewhere");

  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_UNKNOWN);
}
END_TEST

START_TEST (test_error_of_another_domain_is_answered)
{
  /* Declared and application exceptions come from the server. */
  g_autoptr (GError) error = g_error_new (G_FILE_ERROR, G_FILE_ERROR_NOENT, "not ours");

  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_ANSWERED);
}
END_TEST

START_TEST (test_error_domain_is_one)
{
  /* The quark is the same at every call and has a name that tells whose it is. */
  ck_assert_uint_eq (TLC_ERROR, tlc_error_quark ());
  ck_assert_str_eq (g_quark_to_string (TLC_ERROR), "TlcError");
}
END_TEST

START_TEST (test_error_delivery_has_words)
{
  /* The words are those of the message form: "... (attempt 1 of 2; may have run)". */
  static const char *const words[] = { "not sent", "may have run", "answered" };

  ck_assert_str_eq (tlc_delivery_to_string (deliveries[_i]), words[_i]);
}
END_TEST

static Suite *
error_suite (void)
{
  Suite *suite = suite_create ("error");
  TCase *tests = tcase_create ("error");

  tcase_add_loop_test (tests, test_error_set_fills_every_part, 0, G_N_ELEMENTS (deliveries));
  tcase_add_test (tests, test_error_set_of_nothing_is_harmless);
  tcase_add_test (tests, test_error_set_keeps_the_first_error);
  tcase_add_loop_test (tests, test_error_copy_keeps_the_delivery, 0, G_N_ELEMENTS (deliveries));
  tcase_add_test (tests, test_error_made_without_delivery_is_unknown);
  tcase_add_test (tests, test_error_of_another_domain_is_answered);
  tcase_add_test (tests, test_error_domain_is_one);
  tcase_add_loop_test (tests, test_error_delivery_has_words, 0, G_N_ELEMENTS (deliveries));
  suite_add_tcase (suite, tests);
  return suite;
}

int
main (void)
{
  return tlc_check_run (error_suite ());
}
