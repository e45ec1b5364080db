/* SPDX-License-Identifier: Apache-2.0 */

/* Picks the server; starting and stopping is tests/support/tlc-server.c's. */

#include "bench-server.h"

#include <sys/resource.h>

TlcServer *
bench_server_start (guint delay_us, const char **ret_what, GError **error)
{
  g_autofree char *delay = g_strdup_printf ("%u", delay_us);
  const char *arguments[] = { "--delay-us", delay, NULL };
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
