/* SPDX-License-Identifier: Apache-2.0 */

/* Picks the server; starting and stopping is tests/support/tlc-server.c's. Counts connections to
 * it. */

#include "bench-server.h"

#include <stdio.h>
#include <sys/resource.h>

#define BENCH_SERVER_LOOPBACK "tcp://127.0.0.1:"
#define BENCH_TCP_ESTABLISHED 1 /* as /proc/net/tcp writes it */

/* @option and its @value, or NULL. */
static TlcServer *
bench_server_start_with (const char *option, const char *value, guint delay_us,
                         const char **ret_what, GError **error)
{
  g_autofree char *delay = g_strdup_printf ("%u", delay_us);
  const char *arguments[] = { "--delay-us", delay, option, value, NULL };
  g_autoptr (GError) cpp_error = NULL;
  TlcServer *server = tlc_server_start (TLC_SERVER_CPP, arguments, &cpp_error);

  *ret_what = "C++ Thrift's TThreadedServer";
  if (server != NULL)
    return server;
  if (!g_error_matches (cpp_error, TLC_SERVER_ERROR, TLC_SERVER_ERROR_MISSING))
    {
      g_propagate_error (error, g_steal_pointer (&cpp_error));
      return NULL;
    }
  *ret_what = "a server of our own in C, because there is none in C++";
  return tlc_server_start (TLC_SERVER_C, arguments, error);
}

TlcServer *
bench_server_start (guint delay_us, const char **ret_what, GError **error)
{
  return bench_server_start_with (NULL, NULL, delay_us, ret_what, error);
}

TlcServer *
bench_server_start_named (const char *name, guint delay_us, const char **ret_what, GError **error)
{
  return bench_server_start_with ("--name", name, delay_us, ret_what, error);
}

TlcServer *
bench_server_start_counted (TlcTally *tally, guint delay_us, const char **ret_what, GError **error)
{
  return bench_server_start_with ("--tally", tlc_tally_get_path (tally), delay_us, ret_what, error);
}

/* One line of /proc/net/tcp: "sl: local-address:port remote-address:port state ...", in
 * hexadecimal, addresses in the order of the network's bytes. */
static gboolean
bench_server_line_leads_to (const char *line, guint port)
{
  guint address, line_port, state;

  return sscanf (line, " %*u: %*x:%*x %x:%x %x", &address, &line_port, &state) == 3
         && address == g_htonl (0x7f000001) && line_port == port && state == BENCH_TCP_ESTABLISHED;
}

gboolean
bench_server_count_connections (const char *endpoint, guint *ret_n, GError **error)
{
  g_autofree char *table = NULL;
  g_auto (GStrv) lines = NULL;
  guint port = 0;

  *ret_n = 0;
  if (sscanf (endpoint, BENCH_SERVER_LOOPBACK "%u", &port) != 1)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                   "%s does not begin with " BENCH_SERVER_LOOPBACK, endpoint);
      return FALSE;
    }
  if (!g_file_get_contents ("/proc/net/tcp", &table, NULL, error))
    return FALSE;
  lines = g_strsplit (table, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (bench_server_line_leads_to (lines[i], port))
      (*ret_n)++;
  return TRUE;
}

guint
bench_raise_descriptor_limit (void)
{
  struct rlimit limit = { 256, 256 };

  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max)
    {
      struct rlimit raised = { limit.rlim_max, limit.rlim_max };

      if (setrlimit (RLIMIT_NOFILE, &raised) == 0)
        limit = raised;
    }
  return (guint) MIN (limit.rlim_cur, G_MAXINT);
}
