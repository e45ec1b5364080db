/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when, N times, all connections of 200 threads that called once and sleep are closed, none
 * before it was idle for idle-timeout; and when, N times, one of two endpoints is removed and a drain
 * succeeds, the server that was removed has no connection any more, while the 200 sleep on, and their
 * next call succeeds at the other one. The servers count. Laws 2 and 6.
 *
 * How long it took, which is not asserted, is printed.
 *
 * stress-sleepers [N, 20 by default] */
#include <stdio.h>

#include "support/tlc-process.h"
#include "support/tlc-sleepers.h"
#include "support/tlc-tally.h"

#define N_SLEEPERS 200
#define IDLE_MS 500
#define IDLE_TIMEOUT G_STRINGIFY (IDLE_MS) "ms"
/* Ten times what is promised. */
#define DRAIN_TIMEOUT_MS 2000
#define WATCHDOG_US (20 * G_USEC_PER_SEC)
#define LOOK_US 200

static guint n_rounds = 20;

typedef struct {
  TlcTally *tally;
  TlcServer *server;
  const char *endpoint;
} Counted;

static void
counted_init (Counted *counted)
{
  const char *arguments[] = { "--tally", NULL, NULL };

  counted->tally = tlc_tally_new (NULL);
  ck_assert_ptr_nonnull (counted->tally);
  arguments[1] = tlc_tally_get_path (counted->tally);
  counted->server = tlc_echo_server (arguments);
  counted->endpoint = tlc_server_get_endpoint (counted->server);
}

static void
counted_clear (Counted *counted)
{
  tlc_server_stop (counted->server);
  tlc_tally_free (counted->tally);
}

/* Returns when the server knows of none. */
static gint64
await_none (Counted *counted)
{
  gint64 begun_us = g_get_monotonic_time ();

  while (tlc_tally_read (counted->tally).open > 0)
    {
      ck_assert_int_lt (g_get_monotonic_time () - begun_us, WATCHDOG_US);
      g_usleep (LOOK_US);
    }
  return g_get_monotonic_time ();
}

/* The keeper closes the socket first, and leaves the seat after that. */
static TlcStats
await_open (TlcService *service, guint64 n)
{
  gint64 begun_us = g_get_monotonic_time ();
  TlcStats stats;

  for (;;)
    {
      tlc_service_get_stats (service, &stats);
      if (stats.connections_open == n)
        return stats;
      ck_assert_int_lt (g_get_monotonic_time () - begun_us, WATCHDOG_US);
      g_usleep (LOOK_US);
    }
}

static int
compare (gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return (x > y) - (x < y);
}

static void
report (const char *what, gint64 *values_us)
{
  qsort (values_us, n_rounds, sizeof *values_us, compare);
  printf ("# %s: median %.1f ms, at most %.1f ms\n", what, (double) values_us[n_rounds / 2] / 1e3,
          (double) values_us[n_rounds - 1] / 1e3);
}

/* Nothing but idle-timeout makes the keeper look. */
START_TEST (stress_sleepers_are_swept)
{
  g_autofree gint64 *late_us = g_new0 (gint64, n_rounds);
  g_autoptr (TlcService) service = NULL;
  TlcSleepers sleepers;
  Counted counted;
  TlcStats stats;

  counted_init (&counted);
  service = tlc_echo_service (counted.endpoint, "idle-timeout", IDLE_TIMEOUT, "call-timeout", "24h",
                              "hold-timeout", "24h", NULL);
  tlc_sleepers_start (&sleepers, service, N_SLEEPERS);
  for (guint i = 0; i < n_rounds; i++)
    {
      gint64 called_us, closed_us;

      tlc_sleepers_call (&sleepers);
      called_us = g_get_monotonic_time ();
      closed_us = await_none (&counted);
      late_us[i] = closed_us - called_us - IDLE_MS * 1000;
      ck_assert_uint_eq (tlc_process_count_connections (counted.endpoint), 0);
    }
  stats = await_open (service, 0);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.calls, (guint64) N_SLEEPERS * n_rounds);
  ck_assert_uint_eq (stats.reclaimed_idle, stats.connects);
  report ("200 sleepers: all connections closed, after idle-timeout (the server's view)", late_us);
  tlc_sleepers_end (&sleepers);
  counted_clear (&counted);
}
END_TEST

START_TEST (stress_sleepers_are_drained)
{
  g_autofree gint64 *drained_us = g_new0 (gint64, n_rounds);
  g_autofree gint64 *known_us = g_new0 (gint64, n_rounds);
  g_autofree char *both = NULL;
  g_autoptr (TlcService) service = NULL;
  TlcSleepers sleepers;
  Counted counted[2];
  TlcStats stats;

  counted_init (&counted[0]);
  counted_init (&counted[1]);
  both = g_strdup_printf ("%s %s", counted[0].endpoint, counted[1].endpoint);
  service = tlc_echo_service (both, "balance", "ordered", NULL);
  tlc_sleepers_start (&sleepers, service, N_SLEEPERS);
  tlc_sleepers_call (&sleepers);
  for (guint i = 0; i < n_rounds; i++)
    {
      g_autoptr (GError) error = NULL;
      Counted *gone = &counted[i % 2], *left = &counted[1 - i % 2];
      gint64 begun_us;

      ck_assert_uint_eq (tlc_process_count_connections (gone->endpoint), N_SLEEPERS);
      begun_us = g_get_monotonic_time ();
      tlc_echo_reconfigure (service, left->endpoint, "balance", "ordered", NULL);
      if (!tlc_service_drain (service, DRAIN_TIMEOUT_MS, &error))
        ck_abort_msg ("%s", error->message);
      drained_us[i] = g_get_monotonic_time () - begun_us;
      ck_assert_uint_eq (tlc_process_count_connections (gone->endpoint), 0);
      known_us[i] = await_none (gone) - begun_us;
      tlc_sleepers_call (&sleepers);
      ck_assert_uint_eq (tlc_tally_read (left->tally).open, N_SLEEPERS);
      tlc_echo_reconfigure (service, both, "balance", "ordered", NULL);
    }
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.calls, (guint64) N_SLEEPERS * (n_rounds + 1));
  report ("200 sleepers: one of two endpoints removed, reconfigure and drain", drained_us);
  report ("200 sleepers: and the server knows of no connection", known_us);
  tlc_sleepers_end (&sleepers);
  counted_clear (&counted[0]);
  counted_clear (&counted[1]);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-sleepers");
  TCase *tests = tcase_create ("stress-sleepers");

  if (argc > 1)
    n_rounds = (guint) MAX (atoi (argv[1]), 1);
  tcase_set_timeout (tests, 1200);
  tcase_add_test (tests, stress_sleepers_are_swept);
  tcase_add_test (tests, stress_sleepers_are_drained);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
