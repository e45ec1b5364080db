/* SPDX-License-Identifier: Apache-2.0 */

/* The requests. Sending is all that is done here: the generated send functions, so that one set of
 * arguments goes through any client. Nothing has state. */
#include "conformance/tlc-requests.h"

#include "conformance/tlc-specimen.h"

static gboolean
tlc_requests_send_who (EchoIf *echo, guint i, GError **error)
{
  (void) i;
  return identity_client_send_who (IDENTITY_IF (echo), error);
}

static gboolean
tlc_requests_send_ping (EchoIf *echo, guint i, GError **error)
{
  (void) i;
  return echo_client_send_ping (echo, error);
}

static gboolean
tlc_requests_send_add (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_add (echo, tlc_specimen_i32 (i), tlc_specimen_i32 (i + 1), error);
}

static gboolean
tlc_requests_send_bool (EchoIf *echo, guint i, GError **error)
{
  /* whatever C takes for true is sent as 1 */
  return echo_client_send_echo_bool (echo, (gboolean) i, error);
}

static gboolean
tlc_requests_send_byte (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_echo_byte (echo, tlc_specimen_i8 (i), error);
}

static gboolean
tlc_requests_send_i16 (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_echo_i16 (echo, tlc_specimen_i16 (i), error);
}

static gboolean
tlc_requests_send_i32 (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_echo_i32 (echo, tlc_specimen_i32 (i), error);
}

static gboolean
tlc_requests_send_i64 (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_echo_i64 (echo, tlc_specimen_i64 (i), error);
}

static gboolean
tlc_requests_send_double (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_echo_double (echo, tlc_specimen_double (i), error);
}

static gboolean
tlc_requests_send_string (EchoIf *echo, guint i, GError **error)
{
  g_autofree char *value = tlc_specimen_string (i);

  return echo_client_send_echo_string (echo, value, error);
}

static gboolean
tlc_requests_send_string_null (EchoIf *echo, guint i, GError **error)
{
  (void) i;
  return echo_client_send_echo_string (echo, NULL, error);
}

static gboolean
tlc_requests_send_string_long (EchoIf *echo, guint i, GError **error)
{
  g_autofree char *value = tlc_specimen_long_string (240 + i * i * 100);

  return echo_client_send_echo_string (echo, value, error);
}

static gboolean
tlc_requests_send_binary (EchoIf *echo, guint i, GError **error)
{
  g_autoptr (GByteArray) value = tlc_specimen_binary (i);

  return echo_client_send_echo_binary (echo, value, error);
}

static gboolean
tlc_requests_send_binary_long (EchoIf *echo, guint i, GError **error)
{
  g_autoptr (GByteArray) value = tlc_specimen_long_binary (240 + i * i * 100);

  return echo_client_send_echo_binary (echo, value, error);
}

static gboolean
tlc_requests_send_color (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_echo_color (echo, tlc_specimen_color (i), error);
}

static gboolean
tlc_requests_send_point (EchoIf *echo, guint i, GError **error)
{
  g_autoptr (GObject) value = G_OBJECT (tlc_specimen_point (i));

  return echo_client_send_echo_point (echo, POINT (value), error);
}

static gboolean
tlc_requests_send_tree (EchoIf *echo, guint i, GError **error)
{
  g_autoptr (GObject) value = G_OBJECT (tlc_specimen_tree (1 + 2 * i, 2));

  return echo_client_send_echo_tree (echo, TREE (value), error);
}

static gboolean
tlc_requests_send_everything (EchoIf *echo, guint i, GError **error)
{
  g_autoptr (GObject) value = G_OBJECT (tlc_specimen_everything (i));

  return echo_client_send_echo_everything (echo, EVERYTHING (value), error);
}

static gboolean
tlc_requests_send_everything_untouched (EchoIf *echo, guint i, GError **error)
{
  g_autoptr (GObject) value = g_object_new (TYPE_EVERYTHING, NULL);

  (void) i;
  return echo_client_send_echo_everything (echo, EVERYTHING (value), error);
}

static gboolean
tlc_requests_send_strict (EchoIf *echo, guint i, GError **error)
{
  g_autoptr (GObject) value = g_object_new (TYPE_STRICT, "must", tlc_specimen_i32 (i), NULL);

  if (i % 2 == 1)
    g_object_set (value, "may", tlc_specimen_i32 (i + 1), NULL);
  return echo_client_send_echo_strict (echo, STRICT (value), error);
}

static gboolean
tlc_requests_send_list (EchoIf *echo, guint i, GError **error)
{
  g_autoptr (GArray) value = tlc_specimen_list (i * i);

  return echo_client_send_echo_list (echo, value, error);
}

static gboolean
tlc_requests_send_set (EchoIf *echo, guint i, GError **error)
{
  g_autoptr (GHashTable) value = tlc_specimen_set (i * i);

  return echo_client_send_echo_set (echo, value, error);
}

static gboolean
tlc_requests_send_map (EchoIf *echo, guint i, GError **error)
{
  g_autoptr (GHashTable) value = tlc_specimen_map (i * i);

  return echo_client_send_echo_map (echo, value, error);
}

static gboolean
tlc_requests_send_samples (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_samples (echo, tlc_specimen_i32 (i), error);
}

static gboolean
tlc_requests_send_numbers (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_numbers (echo, tlc_specimen_i32 (i), error);
}

static gboolean
tlc_requests_send_words (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_words (echo, tlc_specimen_i32 (i), error);
}

static gboolean
tlc_requests_send_blob (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_blob (echo, tlc_specimen_i32 (i), error);
}

static gboolean
tlc_requests_send_take (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_take (echo, tlc_specimen_i32 (i), tlc_specimen_i32 (i + 1), error);
}

static gboolean
tlc_requests_send_fail (EchoIf *echo, guint i, GError **error)
{
  return echo_client_send_fail (echo, tlc_specimen_i32 (i), error);
}

static gboolean
tlc_requests_send_run (EchoIf *echo, guint i, GError **error)
{
  g_autofree char *request = tlc_specimen_string (i);

  return echo_client_send_run (echo, request, error);
}

static gboolean
tlc_requests_send_executions (EchoIf *echo, guint i, GError **error)
{
  g_autofree char *request = tlc_specimen_string (i);

  return echo_client_send_executions (echo, request, error);
}

static gboolean
tlc_requests_send_note (EchoIf *echo, guint i, GError **error)
{
  g_autofree char *request = tlc_specimen_string (i);

  return echo_client_send_note (echo, request, error);
}

const TlcRequest tlc_requests[] = {
  { "who", tlc_requests_send_who, T_CALL },
  { "ping", tlc_requests_send_ping, T_CALL },
  { "add", tlc_requests_send_add, T_CALL },
  { "echo_bool", tlc_requests_send_bool, T_CALL },
  { "echo_byte", tlc_requests_send_byte, T_CALL },
  { "echo_i16", tlc_requests_send_i16, T_CALL },
  { "echo_i32", tlc_requests_send_i32, T_CALL },
  { "echo_i64", tlc_requests_send_i64, T_CALL },
  { "echo_double", tlc_requests_send_double, T_CALL },
  { "echo_string", tlc_requests_send_string, T_CALL },
  { "echo_string", tlc_requests_send_string_null, T_CALL },
  { "echo_string", tlc_requests_send_string_long, T_CALL },
  { "echo_binary", tlc_requests_send_binary, T_CALL },
  { "echo_binary", tlc_requests_send_binary_long, T_CALL },
  { "echo_color", tlc_requests_send_color, T_CALL },
  { "echo_point", tlc_requests_send_point, T_CALL },
  { "echo_tree", tlc_requests_send_tree, T_CALL },
  { "echo_everything", tlc_requests_send_everything, T_CALL },
  { "echo_everything", tlc_requests_send_everything_untouched, T_CALL },
  { "echo_strict", tlc_requests_send_strict, T_CALL },
  { "echo_list", tlc_requests_send_list, T_CALL },
  { "echo_set", tlc_requests_send_set, T_CALL },
  { "echo_map", tlc_requests_send_map, T_CALL },
  { "samples", tlc_requests_send_samples, T_CALL },
  { "numbers", tlc_requests_send_numbers, T_CALL },
  { "words", tlc_requests_send_words, T_CALL },
  { "blob", tlc_requests_send_blob, T_CALL },
  { "take", tlc_requests_send_take, T_CALL },
  { "fail", tlc_requests_send_fail, T_CALL },
  { "run", tlc_requests_send_run, T_CALL },
  { "executions", tlc_requests_send_executions, T_CALL },
  { "note", tlc_requests_send_note, T_ONEWAY },
};

const gsize tlc_requests_count = G_N_ELEMENTS (tlc_requests);
