/* SPDX-License-Identifier: Apache-2.0 */

/* Starts and ends the servers around all tests of a program: libcheck forks for each test, and a
 * server outlives them. The service belongs to the one test that runs. */
#include "conformance/tlc-conformance.h"

#include <stdio.h>

#include "conformance/tlc-differences.h"

/* What who() answers, and how the lines of TAP name the server: "conformance-cpp". */
static char *tlc_conformance_names[TLC_SERVER_KINDS];
static TlcServer *tlc_conformance_servers[TLC_SERVER_KINDS];
static TlcService *tlc_conformance_service;

static const char *
tlc_conformance_get_wire (const char *variable, const char *usual)
{
  const char *wire = g_getenv (variable);

  return wire != NULL ? wire : usual;
}

const char *
tlc_conformance_get_protocol (void)
{
  return tlc_conformance_get_wire ("TLC_PROTOCOL", "binary");
}

const char *
tlc_conformance_get_transport (void)
{
  return tlc_conformance_get_wire ("TLC_TRANSPORT", "framed");
}

const char *
tlc_conformance_get_multiplexed (void)
{
  return tlc_conformance_get_wire ("TLC_MULTIPLEXED", "none");
}

const char *
tlc_conformance_get_name (int kind)
{
  return tlc_conformance_names[kind];
}

EchoIf *
tlc_conformance_begin (int kind)
{
  TlcServer *server = tlc_conformance_servers[kind];

  tlc_conformance_service
      = tlc_echo_service (tlc_server_get_endpoint (server), "call-timeout", "30s", "protocol",
                          tlc_conformance_get_protocol (), "transport",
                          tlc_conformance_get_transport (), "multiplexed-name",
                          tlc_conformance_get_multiplexed (), NULL);
  return tlc_echo_client (tlc_conformance_service);
}

void
tlc_conformance_end_after (guint failures)
{
  TlcStats stats;

  tlc_service_get_stats (tlc_conformance_service, &stats);
  ck_assert_uint_eq (stats.failures, failures);
  ck_assert_uint_eq (stats.connects, 1 + failures);
  ck_assert_uint_eq (stats.connections_busy, 0);
  tlc_thread_detach ();
  g_clear_pointer (&tlc_conformance_service, tlc_service_unref);
}

void
tlc_conformance_end (void)
{
  tlc_conformance_end_after (0);
}

void
tlc_conformance_must (gboolean ok, GError **error, const char *what)
{
  ck_assert_msg (ok, "%s: %s", what, *error != NULL ? (*error)->message : "FALSE without an error");
  ck_assert_msg (*error == NULL, "%s: TRUE with an error", what);
}

static TlcServer *
tlc_conformance_launch (TlcServerKind kind, GError **error)
{
  gboolean is_multiplexed = !g_str_equal (tlc_conformance_get_multiplexed (), "none");
  const char *const args[] = { "--name",
                               tlc_conformance_names[kind],
                               "--protocol",
                               tlc_conformance_get_protocol (),
                               "--transport",
                               tlc_conformance_get_transport (),
                               is_multiplexed ? "--multiplexed" : NULL,
                               tlc_conformance_get_multiplexed (),
                               NULL };

  return tlc_server_start (kind, args, error);
}

/* Whether the server cannot speak what this run speaks. It is started all the same, and must fail:
 * its library may have learnt it meanwhile. */
static gboolean
tlc_conformance_is_unable (TlcServerKind kind)
{
  return g_str_equal (tlc_conformance_get_protocol (), "compact")
         && tlc_differences_has ((int) kind, TLC_DIFFERENCE_NO_COMPACT);
}

/* FALSE when the program cannot go on. */
static gboolean
tlc_conformance_start (TlcServerKind kind)
{
  g_autoptr (GError) error = NULL;
  TlcServer *server = tlc_conformance_launch (kind, &error);

  if (kind != TLC_SERVER_C && g_error_matches (error, TLC_SERVER_ERROR, TLC_SERVER_ERROR_MISSING))
    {
      printf ("# %s skipped: %s\n", tlc_conformance_names[kind], error->message);
      return TRUE;
    }
  if (tlc_conformance_is_unable (kind) && server == NULL)
    {
      printf ("# %s skipped: %s\n", tlc_conformance_names[kind],
              tlc_differences_get_text ((int) kind, TLC_DIFFERENCE_NO_COMPACT));
      return TRUE;
    }
  tlc_conformance_servers[kind] = server;
  if (server != NULL && !tlc_conformance_is_unable (kind))
    return TRUE;
  printf ("Bail out! %s: %s\n", tlc_conformance_names[kind],
          server == NULL ? error->message : "speaks what it was said to be unable of");
  return FALSE;
}

static void
tlc_conformance_add (Suite *suite, TlcServerKind kind, const TTest *const *tests, gsize n_tests)
{
  TCase *tcase = tcase_create (tlc_conformance_names[kind]);

  for (gsize i = 0; i < n_tests; i++)
    tcase_add_loop_test (tcase, tests[i], (int) kind, (int) kind + 1);
  suite_add_tcase (suite, tcase);
}

int
tlc_conformance_run (const char *name, const TTest *const *tests, gsize n_tests)
{
  Suite *suite = suite_create (name);
  int status = EXIT_SUCCESS;

  for (guint kind = 0; kind < TLC_SERVER_KINDS; kind++)
    tlc_conformance_names[kind]
        = g_strconcat ("conformance-", tlc_differences_get_name ((int) kind), NULL);
  for (guint kind = 0; kind < TLC_SERVER_KINDS && status == EXIT_SUCCESS; kind++)
    if (!tlc_conformance_start (kind))
      status = EXIT_FAILURE;
    else if (tlc_conformance_servers[kind] != NULL)
      tlc_conformance_add (suite, kind, tests, n_tests);

  /* else a child of a fork would print it again */
  fflush (stdout);
  if (status == EXIT_SUCCESS)
    status = tlc_check_run (suite);
  for (guint kind = 0; kind < TLC_SERVER_KINDS; kind++)
    {
      tlc_server_stop (tlc_conformance_servers[kind]);
      g_free (tlc_conformance_names[kind]);
    }
  return status;
}
