/* SPDX-License-Identifier: Apache-2.0 */
/* How late is a call that times out? A server that does not answer for a minute, calls with
 * deadlines from 5 ms to 5 s: by how much the error comes after the deadline. */
#include <stdio.h>
#include <string.h>

#include <tlc/tlc.h>

#include "bench-server.h"
#include "echo.h"

#define NEVER_MS 60000

static const struct
{
  const char *timeout;
  gint64 us;
  guint rounds;
} deadlines[] = {
  { "5ms", 5000, 50 },       { "20ms", 20000, 50 },   { "50ms", 50000, 40 },
  { "100ms", 100000, 30 },   { "300ms", 300000, 10 }, { "1s", 1000000, 5 },
  { "5s", 5000000, 2 },
};

static int
compare (gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return (x > y) - (x < y);
}

/* Microseconds after the deadline; negative when the call did not time out. */
static gint64
deadline_miss (TlcService *service, gint64 timeout_us)
{
  gpointer echo = tlc_service_get_client (service, NULL);
  g_autoptr (GError) error = NULL;
  gint64 began_us;
  gint32 value = 0;

  /* Connects, if need be; on a busy machine that may itself take too long. */
  if (echo == NULL)
    return -1;
  echo_if_add (echo, &value, 1, 2, NULL);
  began_us = g_get_monotonic_time ();
  if (echo_if_take (echo, &value, NEVER_MS, 1, &error) ||
      !g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT))
    return -1;
  return g_get_monotonic_time () - began_us - timeout_us;
}

static gboolean
deadline_show (const char *endpoint, guint i, guint rounds, GError **error)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (TlcService) service = NULL;
  g_autofree gint64 *late = g_new0 (gint64, rounds);

  if (!tlc_config_set (config, "endpoints", endpoint, error) ||
      !tlc_config_set (config, "call-timeout", deadlines[i].timeout, error) ||
      (service = tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, error)) == NULL)
    return FALSE;
  for (guint round = 0; round < rounds; round++)
    {
      late[round] = deadline_miss (service, deadlines[i].us);
      if (late[round] < 0)
        return FALSE;
    }
  tlc_thread_detach ();
  qsort (late, rounds, sizeof *late, compare);
  printf ("  %-6s %10.2f %10.2f\n", deadlines[i].timeout, (double) late[rounds / 2] / 1e3,
          (double) late[rounds - 1] / 1e3);
  printf ("SUMMARY bench=deadline timeout=%s median_us=%" G_GINT64_FORMAT
          " max_us=%" G_GINT64_FORMAT "\n",
          deadlines[i].timeout, late[rounds / 2], late[rounds - 1]);
  return TRUE;
}

int
main (int argc, char **argv)
{
  gboolean smoke = argc > 1 && strcmp (argv[1], "--smoke") == 0;
  guint n = smoke ? 2 : G_N_ELEMENTS (deadlines);
  g_autoptr (GError) error = NULL;
  const char *what = NULL;
  g_autoptr (TlcServer) server = bench_server_start (0, &what, &error);
  gboolean ok = server != NULL;

  printf ("deadline, ms late: median, max (at most 10)\n");
  for (guint i = 0; ok && i < n; i++)
    ok = deadline_show (tlc_server_get_endpoint (server), i, smoke ? 2 : deadlines[i].rounds,
                        &error);
  if (!ok)
    fprintf (stderr, "bench-deadline: %s\n", error != NULL ? error->message : "a call ended wrong");
  return ok ? 0 : 1;
}
