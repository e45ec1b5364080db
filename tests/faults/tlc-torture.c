/* SPDX-License-Identifier: Apache-2.0 */
/* The scenario, and what is to hold after it: see tlc-torture.h. */

#include "faults/tlc-torture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/tlc-process.h"
#include "support/tlc-shim-malloc.h"
#include "support/tlc-shim.h"

/* No round waits for a deadline, let alone for ever. */
#define ROUND_S 5
#define ROUND_HANGS_S 30

#define DRAIN_MS 2000

/* A call that a server counts. */
typedef struct {
  char *request;
  gboolean is_ok;
  TlcDelivery delivery; /* of the failure */
} TlcTortureRun;

static char tlc_torture_rules[64]; /* those in force, for messages */

static void
tlc_torture_hang (int signal_number)
{
  static const char text[] = "torture: hangs under ";

  if (write (STDERR_FILENO, text, sizeof text - 1) < 0
      || write (STDERR_FILENO, tlc_torture_rules, strlen (tlc_torture_rules)) < 0
      || write (STDERR_FILENO, "\n", 1) < 0)
    _exit (3);
  _exit (2);
}

static void
tlc_torture_set_rules (const char *rules)
{
  g_strlcpy (tlc_torture_rules, rules, sizeof tlc_torture_rules);
  ck_assert_msg (tlc_shim_set (rules) == 0, "%s", rules);
}

static void
tlc_torture_run_clear (gpointer data)
{
  g_free (((TlcTortureRun *) data)->request);
}

void
tlc_torture_begin (TlcTorture *torture, const char *protocol, const char *transport)
{
  const char *const args_a[] = { "--name", "A", "--protocol", protocol, "--transport", transport,
                                 NULL };
  const char *const args_b[] = { "--name", "B", "--protocol", protocol, "--transport", transport,
                                 NULL };

  signal (SIGALRM, tlc_torture_hang);
  *torture = (TlcTorture){ .protocol = protocol, .transport = transport };
  torture->a = tlc_echo_server (args_a);
  torture->b = tlc_echo_server (args_b);
  torture->at_a = tlc_server_get_endpoint (torture->a);
  torture->at_b = tlc_server_get_endpoint (torture->b);
  torture->both = g_strdup_printf ("tcp://localhost:%s, %s", strrchr (torture->at_a, ':') + 1,
                                   torture->at_b);
  torture->runs = g_array_new (FALSE, TRUE, sizeof (TlcTortureRun));
  g_array_set_clear_func (torture->runs, tlc_torture_run_clear);
  torture->fds = tlc_process_count_fds ();
}

void
tlc_torture_end (TlcTorture *torture)
{
  tlc_server_stop (torture->a);
  tlc_server_stop (torture->b);
  g_array_unref (torture->runs);
  g_free (torture->both);
}

static void
tlc_torture_note_failure (TlcTorture *torture, const char *what, const GError *error,
                          TlcDelivery worst)
{
  torture->is_ok = FALSE;
  ck_assert_msg (error != NULL, "%s: %s: failed without an error", tlc_torture_rules, what);
  ck_assert_msg (error->domain == TLC_ERROR
                     && (error->code == TLC_ERROR_UNAVAILABLE || error->code == TLC_ERROR_EXHAUSTED
                         || error->code == TLC_ERROR_TIMED_OUT
                         || error->code == TLC_ERROR_CONNECTION_LOST),
                 "%s: %s: %s", tlc_torture_rules, what, error->message);
  ck_assert_msg (tlc_error_get_delivery (error) <= worst, "%s: %s: %s", tlc_torture_rules, what,
                 error->message);
  if (worst == TLC_DELIVERY_NOT_SENT)
    return;
  /* A call's error says whose it is, and ends with how far it got. */
  ck_assert_msg (g_str_has_prefix (error->message, "torture."), "%s", error->message);
  ck_assert_msg (g_str_has_suffix (error->message,
                                   tlc_error_get_delivery (error) == TLC_DELIVERY_NOT_SENT
                                       ? "not sent)"
                                       : "may have run)"),
                 "%s", error->message);
}

static EchoIf *
tlc_torture_get_client (TlcService *service)
{
  g_autoptr (GError) error = NULL;
  gpointer client = tlc_service_get_client (service, &error);

  ck_assert_msg (client != NULL, "%s: %s", tlc_torture_rules, error ? error->message : "");
  return client;
}

/* One call that the servers count; a oneway one now and then. */
static void
tlc_torture_run (TlcTorture *torture, TlcService *service)
{
  TlcTortureRun run = { .request = g_strdup_printf ("%u-%u", torture->round, torture->runs->len) };
  EchoIf *echo = tlc_torture_get_client (service);
  g_autoptr (GError) error = NULL;
  gint32 count = 1;

  run.is_ok = torture->runs->len % 4 == 3 ? echo_if_note (echo, run.request, &error)
                                          : echo_if_run (echo, &count, run.request, &error);
  ck_assert_int_eq (count, 1);
  if (!run.is_ok)
    {
      tlc_torture_note_failure (torture, "run", error, TLC_DELIVERY_UNKNOWN);
      run.delivery = tlc_error_get_delivery (error);
    }
  g_array_append_val (torture->runs, run);
}

static void
tlc_torture_call_all (TlcTorture *torture, TlcService *service)
{
  for (guint i = 0; i < tlc_torture_n_calls; i++)
    {
      g_autoptr (GError) error = NULL;

      if (!tlc_torture_calls[i].call (tlc_torture_get_client (service), &error))
        tlc_torture_note_failure (torture, tlc_torture_calls[i].name, error, TLC_DELIVERY_UNKNOWN);
      if (i % 2 == 0)
        tlc_torture_run (torture, service);
    }
}

/* What was broken is whole again as soon as the system is. */
static void
tlc_torture_recover (TlcService *service)
{
  tlc_shim_exempt_thread ();
  tlc_echo_must_add (service);
  tlc_shim_include_thread ();
}

static TlcConfig *
tlc_torture_make_config (TlcTorture *torture, const char *endpoints)
{
  TlcConfig *config = tlc_config_new ();

  ck_assert (tlc_config_set (config, "endpoints", endpoints, NULL));
  ck_assert (tlc_config_set (config, "protocol", torture->protocol, NULL));
  ck_assert (tlc_config_set (config, "transport", torture->transport, NULL));
  ck_assert (tlc_config_set (config, "balance", "ordered", NULL)); /* each run the same way */
  return config;
}

static TlcService *
tlc_torture_connect (TlcTorture *torture)
{
  g_autoptr (TlcConfig) config = tlc_torture_make_config (torture, torture->both);
  g_autoptr (GError) error = NULL;
  TlcService *service = tlc_service_new ("torture", TYPE_ECHO_CLIENT, config, &error);

  if (service == NULL)
    tlc_torture_note_failure (torture, "tlc_service_new", error, TLC_DELIVERY_NOT_SENT);
  return service;
}

/* To b alone. All or nothing: the next call goes there, or where it went before. */
static void
tlc_torture_reconfigure (TlcTorture *torture, TlcService *service)
{
  g_autoptr (TlcConfig) config = tlc_torture_make_config (torture, torture->at_b);
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) drain_error = NULL;
  guint64 generation = tlc_service_get_generation (service);
  gboolean is_changed = tlc_service_reconfigure (service, config, &error);

  ck_assert_uint_eq (tlc_service_get_generation (service), generation + (is_changed ? 1 : 0));
  if (!is_changed)
    tlc_torture_note_failure (torture, "tlc_service_reconfigure", error, TLC_DELIVERY_NOT_SENT);
  tlc_torture_run (torture, service);
  if (!tlc_service_drain (service, DRAIN_MS, &drain_error))
    ck_abort_msg ("%s: %s", tlc_torture_rules, drain_error->message);
  if (!is_changed)
    return;
  tlc_shim_exempt_thread ();
  ck_assert_msg (tlc_process_count_connections (torture->at_a) == 0, "%s", tlc_torture_rules);
  tlc_shim_include_thread ();
}

/* Law 2: no call that came after the change reached @at_a. */
static void
tlc_torture_finish (TlcTorture *torture, TlcService *service)
{
  for (guint i = 0; i < 3; i++)
    tlc_torture_run (torture, service);
  if (torture->round % 2 == 0)
    tlc_thread_detach (); /* else the slot outlives the service */
}

static void
tlc_torture_play_scenario (TlcTorture *torture)
{
  TlcService *service = tlc_torture_connect (torture);

  if (service == NULL)
    return;
  tlc_torture_call_all (torture, service);
  tlc_torture_recover (service);
  tlc_torture_reconfigure (torture, service);
  tlc_torture_finish (torture, service);
  tlc_service_unref (service);
  tlc_thread_detach ();
}

/* -- afterwards -- */

static void
tlc_torture_count_executions (TlcTorture *torture, const char *endpoint, gint32 *counts)
{
  TlcService *service = tlc_echo_service (endpoint, "protocol", torture->protocol, "transport",
                                          torture->transport, NULL);

  for (guint i = 0; i < torture->runs->len; i++)
    {
      const TlcTortureRun *run = &g_array_index (torture->runs, TlcTortureRun, i);
      g_autoptr (GError) error = NULL;
      gint32 count = 0;

      if (!echo_if_executions (tlc_echo_client (service), &count, run->request, &error))
        ck_abort_msg ("after %s: %s", tlc_torture_rules, error->message);
      counts[i] += count;
    }
  tlc_service_unref (service);
  tlc_thread_detach ();
}

static void
tlc_torture_check_runs (TlcTorture *torture)
{
  g_autofree gint32 *counts = g_new0 (gint32, torture->runs->len + 1);

  tlc_torture_count_executions (torture, torture->at_a, counts);
  tlc_torture_count_executions (torture, torture->at_b, counts);
  for (guint i = 0; i < torture->runs->len; i++)
    {
      const TlcTortureRun *run = &g_array_index (torture->runs, TlcTortureRun, i);
      gboolean is_oneway = i % 4 == 3;

      ck_assert_msg (counts[i] <= 1, "%s: run %u ran %d times", tlc_torture_rules, i, counts[i]);
      if (run->is_ok && (!is_oneway || *tlc_torture_rules == '\0'))
        ck_assert_msg (counts[i] == 1, "%s: run %u succeeded and did not run", tlc_torture_rules,
                       i);
      if (!run->is_ok && run->delivery == TLC_DELIVERY_NOT_SENT)
        ck_assert_msg (counts[i] == 0, "%s: run %u is said not to have been sent, and ran",
                       tlc_torture_rules, i);
    }
  g_array_set_size (torture->runs, 0);
}

static void
tlc_torture_check_nothing_left (TlcTorture *torture)
{
  ck_assert_msg (tlc_process_settles (tlc_process_count_fds, torture->fds),
                 "%s: files are left open", tlc_torture_rules);
  ck_assert_msg (tlc_process_settles (tlc_process_count_library_threads, 0),
                 "%s: threads are left", tlc_torture_rules);
}

static long
tlc_torture_play_once (TlcTorture *torture, const char *rules, const char *call)
{
  gint64 began_us = g_get_monotonic_time ();
  long n;

  torture->round++;
  torture->is_ok = TRUE;
  tlc_torture_set_rules (rules);
  alarm (ROUND_HANGS_S);
  tlc_torture_play_scenario (torture);
  ck_assert_msg (g_get_monotonic_time () - began_us < ROUND_S * G_USEC_PER_SEC, "%s took %.3f s",
                 rules, (double) (g_get_monotonic_time () - began_us) / G_USEC_PER_SEC);
  n = tlc_shim_count (call);
  ck_assert_msg (tlc_shim_count ("bad-close") == 0, "%s: a file is closed twice", rules);
  tlc_shim_set (NULL);
  tlc_torture_check_nothing_left (torture);
  tlc_torture_check_runs (torture);
  tlc_torture_check_nothing_left (torture);
  alarm (0);
  return n;
}

/* The error domains, the types and what libc keeps come with the first rounds that need them. */
long
tlc_torture_play (TlcTorture *torture, const char *rules, const char *call)
{
  long before, n;

  for (guint i = 0; i < TLC_TORTURE_LEAK_ROUNDS; i++)
    {
      before = torture->live;
      n = tlc_torture_play_once (torture, rules, call);
      torture->live = tlc_shim_malloc_live ();
      if (torture->live <= before)
        return n;
    }
  ck_abort_msg ("%s: %ld blocks of memory more each time", rules, torture->live - before);
}
