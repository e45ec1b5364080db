/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of model/tlc-config.c, and through it of each key's values: tlc-settings-table.c,
 * tlc-setting-types.c and tlc-value.c.
 */
#include <string.h>

#include "tlc/error.h"

#include "model/tlc-settings-table.h"
#include "model/tlc-text.h"
#include "support/tlc-check.h"

typedef struct {
  const char *key;
  const char *value;
  const char *canonical; /* NULL: as written */
} Accepted;

static const Accepted accepted[] = {
  { "endpoints", "tcp://10.0.0.7:9090", NULL },
  { "endpoints", "tcp://a:1,tcp://b:2", "tcp://a:1, tcp://b:2" },
  { "endpoints", "tcp://b:1 tcp://a:2", "tcp://b:1, tcp://a:2" },
  { "endpoints", "tcp://b:1?weight=20 tcp://a:2?weight=1", "tcp://b:1?weight=20, tcp://a:2" },
  { "endpoints", " ,tcp://a:1 , \t,unix:@b,, ", "tcp://a:1, unix:@b" },
  { "endpoints", "tcp://[0:0::1]:9090, tcp://DB:9090, unix:/run/e",
    "tcp://[::1]:9090, tcp://db:9090, unix:/run/e" },
  { "protocol", "binary", NULL },
  { "protocol", "compact", NULL },
  { "transport", "framed", NULL },
  { "transport", "buffered", NULL },
  { "check-after-idle", "1us", NULL },
  { "check-after-idle", "1500ms", NULL },
  { "check-after-idle", "60s", "1m" },
  { "claim-timeout", "1ms", NULL },
  { "hold-timeout", "24h", NULL },
  { "close-timeout", "1ms", NULL },
  { "idle-timeout", "60s", "1m" },
  { "max-age", "0", NULL },
  { "max-age", "0s", "0" },
  { "max-age", "90m", NULL },
  { "max-connections", "unlimited", NULL },
  { "max-connections", "1", NULL },
  { "max-connections", "0100000", "100000" },
  { "min-connections", "0", NULL },
  { "spare-connections", "0", NULL },
  { "max-waiting", "0", NULL },
  { "retry", "never", NULL },
  { "retry", "idempotent", NULL },
  { "max-attempts", "1", NULL },
  { "max-attempts", "010", "10" },
  { "retry-budget", "0%", NULL },
  { "retry-budget", "100%", NULL },
  { "idempotent-methods", "none", NULL },
  { "idempotent-methods", "get_*,find  ?s_it", "get_*, find, ?s_it" },
  { "idempotent-methods", "*", NULL },
  { "multiplexed-name", "none", NULL },
  { "multiplexed-name", "Echo-2/v1", NULL },
  { "connect-timeout", "250ms", NULL },
  { "connect-timeout", "1000us", "1ms" },
  { "connect-timeout", "1001us", NULL },
  { "connect-timeout", "24h", NULL },
  { "call-timeout", "1500ms", NULL },
  { "call-timeout", "1.5s", "1500ms" },
  { "call-timeout", "1.50000000000000000000s", "1500ms" },
  { "call-timeout", "0.001s", "1ms" },
  { "call-timeout", "0.5h", "30m" },
  { "call-timeout", "1.00025m", "60015ms" },
  { "call-timeout", "007s", "7s" },
  { "call-timeout", "60s", "1m" },
  { "call-timeout", "90s", NULL },
  { "call-timeout", "1440m", "24h" },
  { "call-timeout", "86400000000us", "24h" },
  { "keepalive", "true", NULL },
  { "keepalive", "false", NULL },
  { "max-message-size", "1024", "1KiB" },
  { "max-message-size", "1025", NULL },
  { "max-message-size", "65536", "64KiB" },
  { "max-message-size", "1024KiB", "1MiB" },
  { "max-message-size", "16777216", "16MiB" },
  { "max-message-size", "1024MiB", NULL },
  { "max-message-size", "1073741824", "1024MiB" },
  { "max-decoded-size", "1KiB", NULL },
  { "max-decoded-size", "1048576KiB", "1024MiB" },
  { "check-after-idle", "1us", NULL },
  { "check-after-idle", "0.001ms", "1us" },
  { "check-after-idle", "24h", NULL },
  { "retry", "never", NULL },
  { "retry", "unsent", NULL },
  { "retry", "idempotent", NULL },
  { "max-attempts", "1", NULL },
  { "max-attempts", "10", NULL },
  { "max-attempts", "007", "7" },
  { "retry-budget", "0%", NULL },
  { "retry-budget", "100%", NULL },
  { "retry-budget", "05%", "5%" },
  { "idempotent-methods", "none", NULL },
  { "idempotent-methods", "*", NULL },
  { "idempotent-methods", "get_*, find", NULL },
  { "idempotent-methods", "get_* find", "get_*, find" },
  { "idempotent-methods", " ,\tget_*,,find , ", "get_*, find" },
  { "idempotent-methods", "?et_9.B*", NULL },
  { "idempotent-methods", "find, find", NULL },
  { "idempotent-methods", "None", NULL },
  { "idempotent-methods", "none_of_them, none", NULL },
};

typedef struct {
  const char *key;
  const char *value;
  const char *shown;  /* what the message quotes; NULL: the value */
  const char *remedy; /* how the message ends */
} Refused;

#define NUMBER_AND_UNIT "a duration is a number and a unit, such as 250ms, 5s or 1m"
#define NEEDS_UNIT "a duration needs a unit, such as 250ms, 5s or 1m"
#define UNIT_IS                                                                                    \
  "the unit of a duration is us, ms, s, m or h, right behind the number, such as 250ms, 5s or 1m"
#define NOT_WHOLE                                                                                  \
  "not a whole number of microseconds; give fewer decimals, such as 250ms, 5s or 1m"
#define DURATION_RANGE "out of range; a duration from 1ms to 24h is right here"
#define SIZE_IS                                                                                    \
  "a size is a whole number of bytes, KiB or MiB, such as 65536, 64KiB or 16MiB"
#define SIZE_RANGE "out of range; a size from 1KiB to 1024MiB is right here"
#define ADDRESS_IS "an address is tcp://host:port, tcp://[v6]:port, unix:/path or unix:@name"
#define AT_LEAST_ONE                                                                               \
  "a service needs at least one endpoint, such as tcp://127.0.0.1:9090 or unix:/run/echo.sock"
#define TWICE "it stands in the list twice; write it once"
#define CHARACTERS                                                                                 \
  "an address has no spaces, commas or unprintable characters: tcp://host:port, tcp://[v6]:port, " \
  "unix:/path or unix:@name"
#define NAME_IS "write 1 to 64 printable ASCII characters without spaces and colons, or none"
#define GLOB_IS                                                                                    \
  "a method's name has letters, digits, _ and .; * stands for any of them, ? for one"
#define IDLE_RANGE "out of range; a duration from 1us to 24h is right here"
#define RETRY_IS "write never or unsent or idempotent"
#define ATTEMPTS_IS "write a whole number from 1 to 10"
#define BUDGET_IS "write a whole number from 0% to 100%"
#define METHOD_IS                                                                                  \
  "a method's name has letters, digits, _ and .; * stands for any of them, ? for one"
#define METHODS_ARE "write names of methods, such as get_* or find, or none"
#define LISTED "docs/settings.md lists the keys"

static const Refused refused[] = {
  { "endpoints", "", NULL, AT_LEAST_ONE },
  { "endpoints", " , ,", NULL, AT_LEAST_ONE },
  { "endpoints", "tcp://a:1, b:2", "b:2", ADDRESS_IS },
  { "endpoints", "tcp://a:1\ntcp://b:2", "tcp://a:1\\u000atcp://b:2", CHARACTERS },
  { "endpoints", "tcp://a:1, tcp://b:2, tcp://a:1", "tcp://a:1", TWICE },
  { "endpoints", "tcp://a:1, tcp://a:1?weight=2", "tcp://a:1?weight=2", TWICE },
  { "endpoints", "tcp://[::1]:1 tcp://[0::1]:1", "tcp://[0::1]:1", TWICE },
  { "endpoints", "tcp://a:1,tcp://A:01", "tcp://A:01", TWICE },
  { "protocol", "json", NULL, "write binary or compact" },
  { "protocol", "Binary", NULL, "write binary or compact" },
  { "protocol", "", NULL, "write binary or compact" },
  { "transport", "zlib", NULL, "write framed or buffered" },
  { "check-after-idle", "0s", NULL, "out of range; a duration from 1us to 24h is right here" },
  { "check-after-idle", "25h", NULL, "out of range; a duration from 1us to 24h is right here" },
  { "retry", "always", NULL, "write never or unsent or idempotent" },
  { "retry", "Never", NULL, "write never or unsent or idempotent" },
  { "max-attempts", "0", NULL, "write a whole number from 1 to 10" },
  { "max-attempts", "11", NULL, "write a whole number from 1 to 10" },
  { "max-attempts", "99999999999999999999", NULL, "write a whole number from 1 to 10" },
  { "max-attempts", "2.5", NULL, "write a whole number from 1 to 10" },
  { "max-attempts", "-1", NULL, "write a whole number from 1 to 10" },
  { "max-attempts", "", NULL, "write a whole number from 1 to 10" },
  { "retry-budget", "20", NULL, "write a whole number from 0% to 100%" },
  { "retry-budget", "101%", NULL, "write a whole number from 0% to 100%" },
  { "retry-budget", "20 %", NULL, "write a whole number from 0% to 100%" },
  { "idempotent-methods", "", NULL, "write names of methods, such as get_* or find, or none" },
  { "idempotent-methods", " , ", NULL, "write names of methods, such as get_* or find, or none" },
  { "idempotent-methods", "get, fi-nd", "fi-nd", GLOB_IS },
  { "idempotent-methods", "[a-z]*", NULL, GLOB_IS },
  { "idempotent-methods", "a:b", NULL, GLOB_IS },
  { "multiplexed-name", "", NULL, NAME_IS },
  { "multiplexed-name", "a:b", NULL, NAME_IS },
  { "multiplexed-name", "a b", NULL, NAME_IS },
  { "connect-timeout", "", NULL, NUMBER_AND_UNIT },
  { "connect-timeout", "0", NULL, NEEDS_UNIT },
  { "idle-timeout", "0", NULL, NEEDS_UNIT },
  { "max-age", "1", NULL, NEEDS_UNIT },
  { "connect-timeout", "999us", NULL, DURATION_RANGE },
  { "call-timeout", "5", NULL, NEEDS_UNIT },
  { "call-timeout", "5.5", NULL, NEEDS_UNIT },
  { "call-timeout", "s", NULL, NUMBER_AND_UNIT },
  { "call-timeout", "-5s", NULL, NUMBER_AND_UNIT },
  { "call-timeout", "+5s", NULL, NUMBER_AND_UNIT },
  { "call-timeout", ".5s", NULL, NUMBER_AND_UNIT },
  { "call-timeout", "5.s", NULL, NUMBER_AND_UNIT },
  { "call-timeout", "infinite", NULL, NUMBER_AND_UNIT },
  { "call-timeout", " 5s", NULL, NUMBER_AND_UNIT },
  { "call-timeout", "5 s", NULL, UNIT_IS },
  { "call-timeout", "5s ", NULL, UNIT_IS },
  { "call-timeout", "5S", NULL, UNIT_IS },
  { "call-timeout", "5sec", NULL, UNIT_IS },
  { "call-timeout", "5,5s", NULL, UNIT_IS },
  { "call-timeout", "1e3s", NULL, UNIT_IS },
  { "call-timeout", "0x10s", NULL, UNIT_IS },
  { "call-timeout", "1m30s", NULL, UNIT_IS },
  { "call-timeout", "1d", NULL, UNIT_IS },
  { "call-timeout", "5.5.5s", NULL, UNIT_IS },
  { "call-timeout", "1000.5us", NULL, NOT_WHOLE },
  { "call-timeout", "1.0000001s", NULL, NOT_WHOLE },
  { "call-timeout", "1.0000000000001h", NULL, NOT_WHOLE },
  { "call-timeout", "0s", NULL, DURATION_RANGE },
  { "call-timeout", "0.0m", NULL, DURATION_RANGE },
  { "call-timeout", "24.000001h", NULL, DURATION_RANGE },
  { "call-timeout", "18446744073709551617us", NULL, DURATION_RANGE }, /* 2^64 + 1 */
  { "call-timeout", "18446744073710551616us", NULL, DURATION_RANGE }, /* 2^64 + 1s */
  { "call-timeout", "5124095577h", NULL, DURATION_RANGE }, /* times an hour: 2^64 + 58 minutes */
  { "keepalive", "yes", NULL, "write true or false" },
  { "keepalive", "1", NULL, "write true or false" },
  { "keepalive", "True", NULL, "write true or false" },
  { "keepalive", "", NULL, "write true or false" },
  { "max-message-size", "", NULL, SIZE_IS },
  { "max-message-size", "KiB", NULL, SIZE_IS },
  { "max-message-size", "16MB", NULL, SIZE_IS },
  { "max-message-size", "16mib", NULL, SIZE_IS },
  { "max-message-size", "16 MiB", NULL, SIZE_IS },
  { "max-message-size", "1.5MiB", NULL, SIZE_IS },
  { "max-message-size", "1GiB", NULL, SIZE_IS },
  { "max-message-size", "-1", NULL, SIZE_IS },
  { "max-message-size", "0", NULL, SIZE_RANGE },
  { "max-message-size", "1023", NULL, SIZE_RANGE },
  { "max-message-size", "1073741825", NULL, SIZE_RANGE },
  { "max-message-size", "17592186044417MiB", NULL, SIZE_RANGE }, /* 2^64 + 1 MiB */
  { "max-message-size", "18446744073709617152", NULL, SIZE_RANGE }, /* 2^64 + 64 KiB */
  { "max-decoded-size", "1025MiB", NULL, SIZE_RANGE },
  { "check-after-idle", "0us", NULL, IDLE_RANGE },
  { "check-after-idle", "0.1us", NULL, NOT_WHOLE },
  { "check-after-idle", "25h", NULL, IDLE_RANGE },
  { "check-after-idle", "1", NULL, NEEDS_UNIT },
  { "check-after-idle", "never", NULL, NUMBER_AND_UNIT },
  { "retry", "", NULL, RETRY_IS },
  { "retry", "Unsent", NULL, RETRY_IS },
  { "retry", "unsent ", NULL, RETRY_IS },
  { "retry", "always", NULL, RETRY_IS },
  { "retry", "1", NULL, RETRY_IS },
  { "max-attempts", "", NULL, ATTEMPTS_IS },
  { "max-attempts", "0", NULL, ATTEMPTS_IS },
  { "max-attempts", "11", NULL, ATTEMPTS_IS },
  { "max-attempts", "-1", NULL, ATTEMPTS_IS },
  { "max-attempts", "+1", NULL, ATTEMPTS_IS },
  { "max-attempts", "1.0", NULL, ATTEMPTS_IS },
  { "max-attempts", " 1", NULL, ATTEMPTS_IS },
  { "max-attempts", "2%", NULL, ATTEMPTS_IS },
  { "max-attempts", "0x2", NULL, ATTEMPTS_IS },
  { "max-attempts", "4294967298", NULL, ATTEMPTS_IS },           /* 2^32 + 2 */
  { "max-attempts", "18446744073709551618", NULL, ATTEMPTS_IS }, /* 2^64 + 2 */
  { "retry-budget", "", NULL, BUDGET_IS },
  { "retry-budget", "20", NULL, BUDGET_IS },
  { "retry-budget", "%", NULL, BUDGET_IS },
  { "retry-budget", "20 %", NULL, BUDGET_IS },
  { "retry-budget", "20%%", NULL, BUDGET_IS },
  { "retry-budget", "0.2", NULL, BUDGET_IS },
  { "retry-budget", "12.5%", NULL, BUDGET_IS },
  { "retry-budget", "-1%", NULL, BUDGET_IS },
  { "retry-budget", "101%", NULL, BUDGET_IS },
  { "retry-budget", "18446744073709551636%", NULL, BUDGET_IS }, /* 2^64 + 20 */
  { "idempotent-methods", "", NULL, METHODS_ARE },
  { "idempotent-methods", " , ", NULL, METHODS_ARE },
  { "idempotent-methods", "get_*, [a-z]", "[a-z]", METHOD_IS },
  { "idempotent-methods", "Echo:get", NULL, METHOD_IS },
  { "idempotent-methods", "get-x", NULL, METHOD_IS },
  { "idempotent-methods", "get;find", NULL, METHOD_IS },
  { "idempotent-methods", "h\xc3\xb6re", NULL, METHOD_IS },
  { "idempotent-methods", "get\nfind", "get\\u000afind", METHOD_IS },
};

typedef struct {
  const char *key;
  const char *value;
  const char *message;
} Unknown;

static const Unknown unknown[] = {
  { "call-timout", "5s",
    "call-timout = \"5s\": unknown key; did you mean call-timeout? " LISTED },
  { "call_timeout", "5s",
    "call_timeout = \"5s\": unknown key; did you mean call-timeout? " LISTED },
  { "Keepalive", "true",
    "Keepalive = \"true\": unknown key; did you mean keepalive? " LISTED },
  { "endpoint", "tcp://a:1",
    "endpoint = \"tcp://a:1\": unknown key; did you mean endpoints? " LISTED },
  { "max-mesage-size", "1KiB",
    "max-mesage-size = \"1KiB\": unknown key; did you mean max-message-size? " LISTED },
  { "colour", "blue", "colour = \"blue\": unknown key; " LISTED },
  { "", "5s", " = \"5s\": unknown key; " LISTED },
  { "endpoints ", "tcp://a:1",
    "endpoints  = \"tcp://a:1\": unknown key; did you mean endpoints? " LISTED },
  { "call-\n\xff", "a\"b\\",
    "call-\\u000a\xef\xbf\xbd = \"a\\\"b\\\\\": unknown key; " LISTED },
};

/* Every key with the value in force, for comparing configs. */
static char *
config_print (const TlcConfig *config)
{
  GString *text = g_string_new (NULL);
  guint n_settings;
  const TlcSetting *table = tlc_settings_table (&n_settings);

  for (guint i = 0; i < n_settings; i++)
    {
      g_autofree char *value = tlc_config_get (config, table[i].key);

      g_string_append_printf (text, "%s = %s\n", table[i].key, value);
    }
  return g_string_free (text, FALSE);
}

static TlcConfig *
config_with (const char *key, const char *value)
{
  TlcConfig *config = tlc_config_new ();
  g_autoptr (GError) error = NULL;

  ck_assert_msg (tlc_config_set (config, key, value, &error), "%s",
                 error != NULL ? error->message : "no error");
  return config;
}

START_TEST (test_config_new_has_the_defaults)
{
  /* A new config has the documented defaults and no endpoints. */
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autofree char *endpoints = tlc_config_get (config, "endpoints");
  g_autofree char *text = config_print (config);

  ck_assert_ptr_null (endpoints);
  ck_assert_str_eq (text, "endpoints = (null)\n"
                          "protocol = binary\n"
                          "transport = framed\n"
                          "multiplexed-name = none\n"
                          "connect-timeout = 1s\n"
                          "call-timeout = 5s\n"
                          "claim-timeout = 1s\n"
                          "hold-timeout = 30s\n"
                          "close-timeout = 10s\n"
                          "max-connections = unlimited\n"
                          "min-connections = 0\n"
                          "spare-connections = 8\n"
                          "max-waiting = 1024\n"
                          "idle-timeout = 1m\n"
                          "max-age = 0\n"
                          "check-after-idle = 1s\n"
                          "keepalive = true\n"
                          "max-message-size = 16MiB\n"
                          "max-decoded-size = 128MiB\n"
                          "retry = unsent\n"
                          "max-attempts = 2\n"
                          "retry-budget = 20%\n"
                          "idempotent-methods = none\n"
                          "balance = spread\n"
                          "eject-after = 5\n"
                          "eject-for = 1s\n"
                          "max-ejected = 50%\n"
                          "probe-interval = 500ms\n"
                          "slow-start = 10s\n");
}
END_TEST

START_TEST (test_config_accepts)
{
  /* Each value is taken and read back as the canonical text, which is taken and stays as it is. */
  const Accepted *row = &accepted[_i];
  g_autoptr (TlcConfig) config = config_with (row->key, row->value);
  g_autofree char *text = tlc_config_get (config, row->key);
  g_autoptr (TlcConfig) again = config_with (row->key, text);
  g_autofree char *text_again = tlc_config_get (again, row->key);

  ck_assert_str_eq (text, row->canonical != NULL ? row->canonical : row->value);
  ck_assert_str_eq (text_again, text);
}
END_TEST

/* Law 8, of one key: a refusal has the exact code and message, and changes nothing. */
static void
assert_refused (const char *key, const char *value, const char *message)
{
  g_autoptr (TlcConfig) config = config_with ("endpoints", "tcp://kept:1");
  g_autoptr (GError) error = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  ck_assert (tlc_config_set (config, "call-timeout", "7s", NULL));
  before = config_print (config);
  ck_assert (!tlc_config_set (config, key, value, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_str_eq (error->message, message);
  after = config_print (config);
  ck_assert_str_eq (after, before);

  ck_assert (!tlc_config_set (config, key, value, NULL));
}

START_TEST (test_config_refuses_and_keeps)
{
  /* Each wrong value is refused with its key, itself and what would be right. */
  const Refused *row = &refused[_i];
  g_autofree char *message =
      g_strdup_printf ("%s = \"%s\": %s", row->key,
                       row->shown != NULL ? row->shown : row->value, row->remedy);

  assert_refused (row->key, row->value, message);
}
END_TEST

START_TEST (test_config_refuses_unknown_keys)
{
  /* An unknown key is answered with the nearest known one, if one is near. */
  assert_refused (unknown[_i].key, unknown[_i].value, unknown[_i].message);
}
END_TEST

START_TEST (test_config_get_of_an_unknown_key_is_null)
{
  /* Only whole keys are known. */
  g_autoptr (TlcConfig) config = tlc_config_new ();

  ck_assert_ptr_null (tlc_config_get (config, "call-timeou"));
  ck_assert_ptr_null (tlc_config_get (config, ""));
}
END_TEST

START_TEST (test_config_set_again_replaces)
{
  /* The last value is in force. */
  g_autoptr (TlcConfig) config = config_with ("call-timeout", "1s");
  g_autofree char *text = NULL;

  ck_assert (tlc_config_set (config, "call-timeout", "2s", NULL));
  text = tlc_config_get (config, "call-timeout");
  ck_assert_str_eq (text, "2s");
}
END_TEST

START_TEST (test_config_set_takes_what_get_returned)
{
  /* A config may be set to its own value. */
  g_autoptr (TlcConfig) config = config_with ("endpoints", "tcp://a:1,tcp://b:2");
  g_autofree char *text = tlc_config_get (config, "endpoints");

  ck_assert (tlc_config_set (config, "endpoints", text, NULL));
}
END_TEST

START_TEST (test_config_copy_is_independent)
{
  /* Neither a copy nor its original sees what is set on the other; a copy outlives it. */
  TlcConfig *config = config_with ("call-timeout", "2s");
  g_autoptr (TlcConfig) copy = tlc_config_copy (config);
  g_autofree char *original_text = config_print (config);
  g_autofree char *copy_text = config_print (copy);
  g_autofree char *timeout = NULL;

  ck_assert_str_eq (copy_text, original_text);
  ck_assert (tlc_config_set (config, "call-timeout", "3s", NULL));
  ck_assert (tlc_config_set (copy, "keepalive", "false", NULL));
  timeout = tlc_config_get (config, "keepalive");
  ck_assert_str_eq (timeout, "true");
  tlc_config_free (config);

  g_clear_pointer (&timeout, g_free);
  timeout = tlc_config_get (copy, "call-timeout");
  ck_assert_str_eq (timeout, "2s");
}
END_TEST

START_TEST (test_config_free_takes_null)
{
  /* Destructors accept what was never made. */
  tlc_config_free (NULL);
  tlc_settings_free (NULL);
}
END_TEST

START_TEST (test_config_null_is_the_callers_fault)
{
  /* The public border refuses NULL with a critical message and does nothing. */
  g_autoptr (TlcConfig) config = tlc_config_new ();

  for (guint i = 0; i < 6; i++)
    g_test_expect_message ("tlc", G_LOG_LEVEL_CRITICAL, "*assertion*!= NULL*failed*");
  ck_assert (!tlc_config_set (NULL, "call-timeout", "5s", NULL));
  ck_assert (!tlc_config_set (config, NULL, "5s", NULL));
  ck_assert (!tlc_config_set (config, "call-timeout", NULL, NULL));
  ck_assert_ptr_null (tlc_config_get (NULL, "call-timeout"));
  ck_assert_ptr_null (tlc_config_get (config, NULL));
  ck_assert_ptr_null (tlc_config_copy (NULL));
  g_test_assert_expected_messages ();
}
END_TEST

/* @n different addresses, as one list. */
static char *
many_endpoints (guint n)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "unix:@e%u ", i);
  return g_string_free (text, FALSE);
}

START_TEST (test_config_bounds_the_number_of_endpoints)
{
  /* Law 5: as many endpoints as the bound says are taken, one more is refused. */
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *most = many_endpoints (TLC_SETTING_ENDPOINTS_MAX);
  g_autofree char *more = many_endpoints (TLC_SETTING_ENDPOINTS_MAX + 1);

  ck_assert (tlc_config_set (config, "endpoints", most, &error));
  ck_assert (!tlc_config_set (config, "endpoints", more, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert_str_eq (error->message, "endpoints = \"unix:@e1024\": one endpoint too many; a service "
                                    "has at most 1024");
}
END_TEST

/* @n names, as one list. */
static char *
many_names (guint n)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "%sname_%u", i > 0 ? ", " : "", i);
  return g_string_free (text, FALSE);
}

START_TEST (test_config_bounds_the_number_of_names)
{
  /* Law 5: as many names as the bound says are taken, one more is refused. */
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *most = many_names (TLC_SETTING_GLOBS_MAX);
  g_autofree char *more = many_names (TLC_SETTING_GLOBS_MAX + 1);
  g_autofree char *text = NULL;

  ck_assert (tlc_config_set (config, "idempotent-methods", most, &error));
  text = tlc_config_get (config, "idempotent-methods");
  ck_assert_str_eq (text, most);
  ck_assert (!tlc_config_set (config, "idempotent-methods", more, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert_str_eq (error->message, "idempotent-methods = \"name_256\": one name too many; there "
                                    "may be at most 256");
}
END_TEST

START_TEST (test_config_bounds_the_length_of_a_value)
{
  /* Law 5: a value as long as the bound is read, one byte more is not; messages stay short. */
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *value = g_strnfill (TLC_SETTING_VALUE_MAX + 1, ' ');

  memcpy (value, "unix:@a", strlen ("unix:@a"));
  ck_assert (!tlc_config_set (config, "endpoints", value, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert (g_str_has_prefix (error->message, "endpoints = \"unix:@a  "));
  ck_assert (g_str_has_suffix (error->message, " ...\": a value is at most 65536 bytes long"));
  ck_assert_uint_lt (strlen (error->message), TLC_TEXT_SHOWN_MAX + 100);

  value[TLC_SETTING_VALUE_MAX] = '\0';
  ck_assert (tlc_config_set (config, "endpoints", value, NULL));
}
END_TEST

START_TEST (test_config_bounds_the_message_of_a_long_key)
{
  /* A key of any length costs no more than its length, and is shown in part. */
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *key = g_strnfill (1024 * 1024, 'k');

  ck_assert (!tlc_config_set (config, key, key, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert_uint_lt (strlen (error->message), 2 * TLC_TEXT_SHOWN_MAX + 100);
}
END_TEST

/* Sets what may be anything: taken, and then stable, or refused with an error and no change. */
static void
set_anything (const char *key, const char *value)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *before = config_print (config);
  g_autofree char *after = NULL;

  if (tlc_config_set (config, key, value, &error))
    {
      g_autofree char *text = tlc_config_get (config, key);
      g_autofree char *text_again = NULL;

      ck_assert_ptr_null (error);
      ck_assert (tlc_config_set (config, key, text, NULL));
      text_again = tlc_config_get (config, key);
      ck_assert_str_eq (text_again, text);
      return;
    }
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert (g_utf8_validate (error->message, -1, NULL));
  after = config_print (config);
  ck_assert_str_eq (after, before);
}

START_TEST (test_config_survives_mutations)
{
  /* Each accepted value, cut at each byte, and with each of its bits changed, does no harm. */
  const Accepted *row = &accepted[_i];

  for (gsize at = 0; at < strlen (row->value); at++)
    {
      g_autofree char *value = g_strdup (row->value);

      for (guint bit = 0; bit < 8; bit++)
        {
          value[at] = (char) (row->value[at] ^ (1 << bit));
          set_anything (row->key, value);
        }
      value[at] = '\0';
      set_anything (row->key, value);
    }
}
END_TEST

START_TEST (test_config_survives_mutated_keys)
{
  /* Each key with one byte changed is unknown, and the nearest known one is the key itself. */
  guint n_settings;
  const TlcSetting *setting = tlc_settings_table (&n_settings) + _i;
  g_autofree char *hint = g_strdup_printf ("did you mean %s? ", setting->key);

  for (gsize at = 0; at < strlen (setting->key); at++)
    {
      g_autoptr (TlcConfig) config = tlc_config_new ();
      g_autoptr (GError) error = NULL;
      g_autofree char *key = g_strdup (setting->key);

      key[at] = '#';
      ck_assert (!tlc_config_set (config, key, "5s", &error));
      ck_assert_msg (strstr (error->message, hint) != NULL, "%s", error->message);
    }
}
END_TEST

static TCase *
config_tests (void)
{
  TCase *tests = tcase_create ("config");
  guint n_settings;

  tlc_settings_table (&n_settings);
  tcase_add_test (tests, test_config_new_has_the_defaults);
  tcase_add_loop_test (tests, test_config_accepts, 0, G_N_ELEMENTS (accepted));
  tcase_add_loop_test (tests, test_config_refuses_and_keeps, 0, G_N_ELEMENTS (refused));
  tcase_add_loop_test (tests, test_config_refuses_unknown_keys, 0, G_N_ELEMENTS (unknown));
  tcase_add_test (tests, test_config_get_of_an_unknown_key_is_null);
  tcase_add_test (tests, test_config_set_again_replaces);
  tcase_add_test (tests, test_config_set_takes_what_get_returned);
  tcase_add_test (tests, test_config_copy_is_independent);
  tcase_add_test (tests, test_config_free_takes_null);
  tcase_add_test (tests, test_config_null_is_the_callers_fault);
  tcase_add_test (tests, test_config_bounds_the_number_of_endpoints);
  tcase_add_test (tests, test_config_bounds_the_number_of_names);
  tcase_add_test (tests, test_config_bounds_the_length_of_a_value);
  tcase_add_test (tests, test_config_bounds_the_message_of_a_long_key);
  tcase_add_loop_test (tests, test_config_survives_mutations, 0, G_N_ELEMENTS (accepted));
  tcase_add_loop_test (tests, test_config_survives_mutated_keys, 0, (int) n_settings);
  return tests;
}

int
main (void)
{
  Suite *suite = suite_create ("config");

  suite_add_tcase (suite, config_tests ());
  return tlc_check_run (suite);
}
