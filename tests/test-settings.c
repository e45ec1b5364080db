/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the parsed settings, the table that they and docs/settings.md are made from, and the
 * text of its messages: model/tlc-settings.c, tlc-settings-table.c and tlc-text.c.
 *
 * With TLC_UPDATE_DOCS=1 in the environment, docs/settings.md is written first.
 */
#include <string.h>

#include "tlc/error.h"

#include "model/tlc-settings-table.h"
#include "model/tlc-text.h"
#include "support/tlc-check.h"

#define SETTINGS_PAGE TLC_SOURCE_ROOT "/docs/settings.md"

static TlcConfig *
config_with (const char *key, const char *value)
{
  TlcConfig *config = tlc_config_new ();
  g_autoptr (GError) error = NULL;

  ck_assert_msg (tlc_config_set (config, key, value, &error), "%s",
                 error != NULL ? error->message : "no error");
  return config;
}

START_TEST (test_settings_table_is_sound)
{
  /* Each row has a key and a field of its own, a canonical default or an example, and a help. */
  guint n_settings;
  const TlcSetting *table = tlc_settings_table (&n_settings);
  const TlcSetting *setting = &table[_i];
  const char *text = setting->default_text != NULL ? setting->default_text : setting->example;
  g_autofree char *canonical = tlc_setting_canonicalize (setting, text, NULL);

  ck_assert_str_eq (canonical, text);
  ck_assert ((setting->default_text == NULL) != (setting->example == NULL));
  ck_assert_uint_eq (strspn (setting->key, "abcdefghijklmnopqrstuvwxyz-"), strlen (setting->key));
  ck_assert (setting->help != NULL && g_str_has_suffix (setting->help, "."));
  ck_assert ((setting->type == &tlc_choice_type) == (setting->choices != NULL));
  for (int i = 0; i < _i; i++)
    {
      ck_assert_str_ne (table[i].key, setting->key);
      ck_assert_uint_ne (table[i].offset, setting->offset);
    }
}
END_TEST

START_TEST (test_settings_new_parses_the_defaults)
{
  /* The least config, endpoints alone, gives every field its default. */
  g_autoptr (TlcConfig) config = config_with ("endpoints", "tcp://b:2,tcp://a:1");
  g_autoptr (GError) error = NULL;
  g_autoptr (TlcSettings) settings = tlc_settings_new (config, "echo", &error);

  ck_assert_ptr_nonnull (settings);
  ck_assert_uint_eq (settings->addresses->len, 2);
  ck_assert_str_eq (((TlcAddress *) settings->addresses->pdata[0])->text, "tcp://b:2");
  ck_assert_str_eq (((TlcAddress *) settings->addresses->pdata[1])->text, "tcp://a:1");
  ck_assert_int_eq (settings->protocol, TLC_PROTOCOL_BINARY);
  ck_assert_int_eq (settings->transport, TLC_TRANSPORT_FRAMED);
  ck_assert_int_eq (settings->connect_timeout_us, 1000000);
  ck_assert_int_eq (settings->call_timeout_us, 5000000);
  ck_assert_int_eq (settings->keepalive, TRUE);
  ck_assert_uint_eq (settings->max_message_size, 16 << 20);
  ck_assert_uint_eq (settings->max_decoded_size, 128 << 20);
  ck_assert_int_eq (settings->check_after_idle_us, 1000000);
  ck_assert_int_eq (settings->retry, TLC_RETRY_UNSENT);
  ck_assert_uint_eq (settings->max_attempts, 2);
  ck_assert_uint_eq (settings->retry_budget, 20);
  ck_assert_ptr_null (settings->idempotent_methods);
}
END_TEST

START_TEST (test_settings_new_parses_what_was_set)
{
  /* Each key reaches its own field. */
  g_autoptr (TlcConfig) config = config_with ("endpoints", "unix:@e");
  g_autoptr (TlcSettings) settings = NULL;

  ck_assert (tlc_config_set (config, "connect-timeout", "2.5ms", NULL));
  ck_assert (tlc_config_set (config, "call-timeout", "1.5h", NULL));
  ck_assert (tlc_config_set (config, "keepalive", "false", NULL));
  ck_assert (tlc_config_set (config, "max-message-size", "1025", NULL));
  ck_assert (tlc_config_set (config, "max-decoded-size", "3KiB", NULL));
  ck_assert (tlc_config_set (config, "check-after-idle", "17us", NULL));
  ck_assert (tlc_config_set (config, "retry", "idempotent", NULL));
  ck_assert (tlc_config_set (config, "max-attempts", "9", NULL));
  ck_assert (tlc_config_set (config, "retry-budget", "99%", NULL));
  ck_assert (tlc_config_set (config, "idempotent-methods", "get_* find", NULL));
  settings = tlc_settings_new (config, "echo", NULL);
  ck_assert_int_eq (settings->connect_timeout_us, 2500);
  ck_assert_int_eq (settings->call_timeout_us, G_GINT64_CONSTANT (5400000000));
  ck_assert_int_eq (settings->keepalive, FALSE);
  ck_assert_uint_eq (settings->max_message_size, 1025);
  ck_assert_uint_eq (settings->max_decoded_size, 3072);
  ck_assert_int_eq (settings->check_after_idle_us, 17);
  ck_assert_int_eq (settings->retry, TLC_RETRY_IDEMPOTENT);
  ck_assert_uint_eq (settings->max_attempts, 9);
  ck_assert_uint_eq (settings->retry_budget, 99);
  ck_assert_uint_eq (g_strv_length (settings->idempotent_methods), 2);
  ck_assert_str_eq (settings->idempotent_methods[0], "get_*");
  ck_assert_str_eq (settings->idempotent_methods[1], "find");
}
END_TEST

START_TEST (test_settings_new_outlives_the_config)
{
  /* Settings keep nothing of the config they were made from. */
  TlcConfig *config = config_with ("endpoints", "unix:@e");
  g_autoptr (TlcSettings) settings = tlc_settings_new (config, "echo", NULL);

  tlc_config_free (config);
  ck_assert_str_eq (((TlcAddress *) settings->addresses->pdata[0])->text, "unix:@e");
}
END_TEST

START_TEST (test_settings_new_needs_endpoints)
{
  /* A config without endpoints makes no settings, and the message says for which service. */
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (tlc_settings_new (config, "echo", &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_str_eq (error->message, "service echo: endpoints: not set; it has no default: give a "
                                    "value such as endpoints = tcp://127.0.0.1:9090");
  ck_assert_ptr_null (tlc_settings_new (config, "echo", NULL));
}
END_TEST

START_TEST (test_settings_docs_page_is_current)
{
  /* docs/settings.md is what the table says. Run with TLC_UPDATE_DOCS=1 to write it. */
  g_autofree char *expected = tlc_settings_describe ();
  g_autofree char *page = NULL;
  g_autoptr (GError) error = NULL;

  if (g_strcmp0 (g_getenv ("TLC_UPDATE_DOCS"), "1") == 0)
    ck_assert (g_file_set_contents (SETTINGS_PAGE, expected, -1, NULL));
  ck_assert_msg (g_file_get_contents (SETTINGS_PAGE, &page, NULL, &error), "%s",
                 error != NULL ? error->message : "no error");
  ck_assert_msg (g_str_equal (page, expected), "%s is not what the table says", SETTINGS_PAGE);
}
END_TEST

START_TEST (test_text_escape_is_one_printable_line)
{
  /* What others wrote is shown so that it can neither break nor forge a line of a log. */
  static const char *const pairs[][2] = {
    { "plain", "plain" },
    { "a \"b\" \\", "a \\\"b\\\" \\\\" },
    { "\n\x1b[31m\t", "\\u000a\\u001b[31m\\u0009" },
    { "\xc3\xa9", "\xc3\xa9" },
    { "\xe2\x80\xa8", "\\u2028" }, /* a line separator */
    { "\xe2\x80\xae", "\\u202e" }, /* writes backwards */
    { "\xff", "\xef\xbf\xbd" },
    { "\xc3", "\xef\xbf\xbd" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autofree char *shown = tlc_text_escape (pairs[i][0]);

      ck_assert_str_eq (shown, pairs[i][1]);
    }
}
END_TEST

START_TEST (test_text_distance_counts_edits)
{
  /* One insertion, deletion or replacement counts one; it is symmetric, and bounded. */
  g_autofree char *longer = g_strnfill (65, 'a');

  ck_assert_uint_eq (tlc_text_distance ("", ""), 0);
  ck_assert_uint_eq (tlc_text_distance ("abc", "abc"), 0);
  ck_assert_uint_eq (tlc_text_distance ("abc", ""), 3);
  ck_assert_uint_eq (tlc_text_distance ("", "abc"), 3);
  ck_assert_uint_eq (tlc_text_distance ("kitten", "sitting"), 3);
  ck_assert_uint_eq (tlc_text_distance ("sitting", "kitten"), 3);
  ck_assert_uint_eq (tlc_text_distance (longer, "a"), G_MAXUINT);
  ck_assert_uint_eq (tlc_text_distance ("a", longer), G_MAXUINT);
  ck_assert_uint_eq (tlc_text_distance (longer + 1, "a"), 63);
}
END_TEST

static TCase *
settings_tests (void)
{
  TCase *tests = tcase_create ("settings");
  guint n_settings;

  tlc_settings_table (&n_settings);
  tcase_add_loop_test (tests, test_settings_table_is_sound, 0, (int) n_settings);
  tcase_add_test (tests, test_settings_new_parses_the_defaults);
  tcase_add_test (tests, test_settings_new_parses_what_was_set);
  tcase_add_test (tests, test_settings_new_outlives_the_config);
  tcase_add_test (tests, test_settings_new_needs_endpoints);
  tcase_add_test (tests, test_settings_docs_page_is_current);
  tcase_add_test (tests, test_text_escape_is_one_printable_line);
  tcase_add_test (tests, test_text_distance_counts_edits);
  return tests;
}

int
main (void)
{
  Suite *suite = suite_create ("settings");

  suite_add_tcase (suite, settings_tests ());
  return tlc_check_run (suite);
}
