/* SPDX-License-Identifier: Apache-2.0 */

/* The demo's first part: threads call a service of a registry, which follows a file; and the main thread,
 * as an operator would, replaces the file by one that says server B instead of server A, and back. At half-time A is restarted as one restarts a server that others
 * use: take it out, drain, stop, start, put it in again. Only the main thread touches what is here;
 * the threads are bench-load.c's. */

#include "demo.h"

#include <stdio.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "bench-harness.h"
#include "bench-load.h"
#include "bench-server.h"

#define DEMO_SWAP_THREADS 16
#define DEMO_SWAP_DRAIN_MS 10000 /* twice call-timeout's default: calls end by that */
#define DEMO_SWAP_FOLLOW_MS 10000

typedef enum { DEMO_SERVER_A, DEMO_SERVER_B, DEMO_N_SERVERS } DemoServer;

typedef struct {
  gboolean is_terminal;
  gboolean is_open; /* on a terminal, where the next line overwrites this one */
  gint64 period_us;
  gint64 next_us;
  BenchLoadResult last;
} DemoLine;

typedef struct {
  const DemoOptions *options;
  TlcServer *servers[DEMO_N_SERVERS]; /* A is NULL while it is away */
  char *directory, *path;
  TlcRegistry *registry;
  BenchWay *way;
  TlcService *service; /* the registry's */
  BenchLoad *load;
  DemoLine line;
  DemoServer in_force;
  guint n_swaps;
  double longest_ms; /* until a file was in force */
  double drain_ms; /* 0: not yet */
  guint n_before;  /* connections to A before it was taken out, as the kernel counts them */
  guint n_left;    /* once it was drained */
  gboolean is_away;
  guint64 failures_before; /* A left, or left and came back */
  guint64 failures_away;
} DemoSwap;

static const char *const demo_swap_names[DEMO_N_SERVERS] = { "A", "B" };

static gint64
demo_swap_now_us (void)
{
  return bench_now_ns () / 1000;
}

static void
demo_swap_print_line (DemoSwap *self)
{
  DemoLine *line = &self->line;
  BenchLoadResult now;
  TlcStats stats;
  double rate;

  bench_load_read (self->load, &now);
  tlc_service_get_stats (self->service, &stats);
  rate = (double) (now.calls - line->last.calls) / (now.seconds - line->last.seconds);
  line->last = now;
  line->is_open = line->is_terminal;
  line->next_us = demo_swap_now_us () + line->period_us;
  printf ("%s  %4.1f s  %9" G_GUINT64_FORMAT " calls  %7.0f calls/s  %3u files  %" G_GUINT64_FORMAT
          " failed  %2" G_GUINT64_FORMAT
          " connections  half within %.0f us, 99 %% within %.0f us%s",
          line->is_terminal ? "\r" : "", now.seconds, now.calls, rate, self->n_swaps, now.failures,
          stats.connections_open, now.p50_us, now.p99_us, line->is_terminal ? "  " : "\n");
  fflush (stdout);
}

/* What is said next does not overwrite the live line. */
static void
demo_swap_leave_line (DemoSwap *self)
{
  if (self->line.is_open)
    printf ("\n");
  self->line.is_open = FALSE;
}

static gboolean
demo_swap_start_server (DemoSwap *self, DemoServer server, const char **ret_what, GError **error)
{
  self->servers[server] = bench_server_start_named (demo_swap_names[server], 0, ret_what, error);
  return self->servers[server] != NULL;
}

/* By way of another file, which is renamed: what follows the file sees all of it or nothing. */
static gboolean
demo_swap_write_file (DemoSwap *self, DemoServer server, GError **error)
{
  g_autofree char *text = g_strdup_printf ("[echo]\nendpoints = %s\n",
                                           tlc_server_get_endpoint (self->servers[server]));
  g_autofree char *aside = g_strconcat (self->path, ".new", NULL);

  /* Without waiting for the disk. */
  if (!g_file_set_contents_full (aside, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, error))
    return FALSE;
  if (g_rename (aside, self->path) == 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: cannot be renamed", aside);
  return FALSE;
}

static gboolean
demo_swap_to (DemoSwap *self, DemoServer server, GError **error)
{
  guint64 generation = tlc_registry_get_generation (self->registry);
  gint64 begun_us = demo_swap_now_us ();
  gint64 end = begun_us + DEMO_SWAP_FOLLOW_MS * 1000;

  if (!demo_swap_write_file (self, server, error))
    return FALSE;
  while (tlc_registry_get_generation (self->registry) == generation && demo_swap_now_us () < end)
    g_usleep (100);
  if (tlc_registry_get_generation (self->registry) == generation)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: not followed within %d ms",
                   self->path, DEMO_SWAP_FOLLOW_MS);
      return FALSE;
    }
  self->longest_ms = MAX (self->longest_ms, (double) (demo_swap_now_us () - begun_us) / 1e3);
  self->in_force = server;
  self->n_swaps++;
  return TRUE;
}

/* Lets calls go on for so long. FALSE without an error when one of them failed: bench_load_stop()
 * knows which. */
static gboolean
demo_swap_pass (DemoSwap *self, gint64 length_us, gboolean is_swapping, GError **error)
{
  gint64 now = demo_swap_now_us ();
  gint64 end = now + length_us;
  gint64 swap_us = is_swapping ? now + self->options->swap_us : G_MAXINT64;

  for (; now < end; now = demo_swap_now_us ())
    {
      gint64 next = MIN (MIN (swap_us, self->line.next_us), end);

      if (!bench_load_wait (self->load, MAX (next - now, 0)))
        return FALSE;
      if (next == swap_us)
        {
          DemoServer other = self->in_force == DEMO_SERVER_A ? DEMO_SERVER_B : DEMO_SERVER_A;

          if (!demo_swap_to (self, other, error))
            return FALSE;
          swap_us += self->options->swap_us;
        }
      if (next == self->line.next_us)
        demo_swap_print_line (self);
    }
  return TRUE;
}

/* Puts A in force until some thread has connected to it, so that there is something to drain. That
 * the kernel's table shows it also proves that the count after the drain can be another than 0. */
static gboolean
demo_swap_fill (DemoSwap *self, const char *endpoint, GError **error)
{
  gint64 end = demo_swap_now_us () + DEMO_SWAP_DRAIN_MS * 1000;

  if (self->in_force != DEMO_SERVER_A && !demo_swap_to (self, DEMO_SERVER_A, error))
    return FALSE;
  do
    if (!demo_swap_pass (self, self->options->swap_us, FALSE, error)
        || !bench_server_count_connections (endpoint, &self->n_before, error))
      return FALSE;
  while (self->n_before == 0 && demo_swap_now_us () < end);
  if (self->n_before > 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
               "/proc/net/tcp shows no connection to A, at %s, which is in use", endpoint);
  return FALSE;
}

/* Takes A out and waits until nothing is left on it. */
static gboolean
demo_swap_drain (DemoSwap *self, GError **error)
{
  const char *endpoint = tlc_server_get_endpoint (self->servers[DEMO_SERVER_A]);
  gint64 start_ns;

  if (!demo_swap_fill (self, endpoint, error))
    return FALSE;
  start_ns = bench_now_ns ();
  if (!demo_swap_to (self, DEMO_SERVER_B, error)
      || !tlc_service_drain (self->service, DEMO_SWAP_DRAIN_MS, error))
    return FALSE;
  self->drain_ms = (double) (bench_now_ns () - start_ns) / 1e6;
  if (!bench_server_count_connections (endpoint, &self->n_left, error))
    return FALSE;
  demo_swap_leave_line (self);
  printf ("  Server A is taken out of the file and drained, in %.2f ms together: of %u "
          "connections\n  %u are left. It is stopped.\n",
          self->drain_ms, self->n_before, self->n_left);
  if (self->n_left == 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
               "drained, and still %u connections to A, at %s", self->n_left, endpoint);
  return FALSE;
}

static guint64
demo_swap_count_failures (DemoSwap *self)
{
  BenchLoadResult result;

  bench_load_read (self->load, &result);
  return result.failures;
}

static gboolean
demo_swap_restart (DemoSwap *self, GError **error)
{
  const char *what = NULL;

  if (!demo_swap_drain (self, error))
    return FALSE;
  self->failures_before = demo_swap_count_failures (self);
  self->is_away = TRUE;
  g_clear_pointer (&self->servers[DEMO_SERVER_A], tlc_server_stop);
  if (!demo_swap_pass (self, self->options->away_us, FALSE, error)
      || !demo_swap_start_server (self, DEMO_SERVER_A, &what, error))
    return FALSE;
  self->failures_away = demo_swap_count_failures (self) - self->failures_before;
  self->is_away = FALSE;
  demo_swap_leave_line (self);
  printf ("  Server A is back, at %s.\n", tlc_server_get_endpoint (self->servers[DEMO_SERVER_A]));
  return demo_swap_to (self, DEMO_SERVER_A, error);
}

static void
demo_swap_print_result (DemoSwap *self, const BenchLoadResult *result)
{
  if (self->is_away)
    self->failures_away = result->failures - self->failures_before;
  demo_swap_leave_line (self);
  printf ("\n%" G_GUINT64_FORMAT " calls in %.1f s, each answer checked: %.0f calls/s.\n",
          result->calls, result->seconds, (double) result->calls / result->seconds);
  printf ("%u files, each in force within %.1f ms. Calls that failed while both servers stood: %"
          G_GUINT64_FORMAT " (must be 0).\n",
          self->n_swaps, self->longest_ms, result->failures - self->failures_away);
  if (self->drain_ms > 0)
    printf ("Calls that failed while server A was away: %" G_GUINT64_FORMAT " (must be 0).\n"
            "Connections left on it when it was drained, as the kernel counts them: %u (must be "
            "0).\n",
            self->failures_away, self->n_left);
  fflush (stdout);
}

/* What TLC counted must be what the threads made. */
static gboolean
demo_swap_check_stats (DemoSwap *self, const BenchLoadResult *result, GError **error)
{
  TlcStats stats;

  tlc_service_get_stats (self->service, &stats);
  printf ("With those before and after the clock: %" G_GUINT64_FORMAT
          " calls. TLC's statistics say: %" G_GUINT64_FORMAT " calls, %" G_GUINT64_FORMAT
          " failures,\n%" G_GUINT64_FORMAT " connects, configuration number %" G_GUINT64_FORMAT
          ".\n\n",
          result->all_calls, stats.calls, stats.failures, stats.connects, stats.generation);
  if (stats.failures == 0 && stats.calls == result->all_calls
      && stats.generation == self->n_swaps + 1)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
               "TLC's statistics are not what its callers saw");
  return FALSE;
}

/* A registry that follows the file, which says A. */
static gboolean
demo_swap_make_service (DemoSwap *self, GError **error)
{
  self->directory = g_dir_make_tmp ("tlc-demo-XXXXXX", error);
  if (self->directory == NULL)
    return FALSE;
  self->path = g_build_filename (self->directory, "services.conf", NULL);
  self->registry = tlc_registry_new ();
  if (!demo_swap_write_file (self, DEMO_SERVER_A, error)
      || !tlc_registry_load (self->registry, self->path, error)
      || !tlc_registry_watch (self->registry, error))
    return FALSE;
  self->service = tlc_registry_get_service (self->registry, "echo", TYPE_ECHO_CLIENT, error);
  return self->service != NULL;
}

static gboolean
demo_swap_prepare (DemoSwap *self, GError **error)
{
  const char *what = NULL;
  const char *endpoints[DEMO_N_SERVERS];

  for (guint i = 0; i < DEMO_N_SERVERS; i++)
    {
      if (!demo_swap_start_server (self, (DemoServer) i, &what, error))
        return FALSE;
      endpoints[i] = tlc_server_get_endpoint (self->servers[i]);
    }
  if (!demo_swap_make_service (self, error))
    return FALSE;
  self->way = bench_way_new_for_service (self->service);
  self->line.is_terminal = isatty (STDOUT_FILENO) == 1;
  self->line.period_us = self->line.is_terminal ? 200000 : 1000000;
  printf (
      "%d threads share one TlcService and call add(i32, i32) for %.0f s, each by its own client."
      "\nEvery %.0f ms the file that says where it is is replaced, by one that says server B in place of "
      "server A,\nor A again: it is followed at once. At half-time A is restarted: out of the file, "
      "drained, stopped,\nstarted, in again.\n"
      "Servers: %s, A at %s, B at %s;\nthey answer at once.\n\n",
      DEMO_SWAP_THREADS, (double) (2 * self->options->half_us + self->options->away_us) / 1e6,
      (double) self->options->swap_us / 1e3, what, endpoints[DEMO_SERVER_A],
      endpoints[DEMO_SERVER_B]);
  fflush (stdout);
  return TRUE;
}

static gboolean
demo_swap_play (DemoSwap *self, GError **error)
{
  BenchLoadResult result;
  GError *play_error = NULL;
  GError *call_error = NULL;
  gboolean is_played, is_called;

  self->load = bench_load_start (self->way, DEMO_SWAP_THREADS);
  self->line.next_us = demo_swap_now_us () + self->line.period_us;
  is_played = demo_swap_pass (self, self->options->half_us, TRUE, &play_error)
              && demo_swap_restart (self, &play_error)
              && demo_swap_pass (self, self->options->half_us, TRUE, &play_error);
  is_called = bench_load_stop (self->load, &result, &call_error);
  demo_swap_print_result (self, &result);
  if (is_played && is_called)
    return demo_swap_check_stats (self, &result, error);
  /* A call that failed says more than what came of it. */
  if (is_called)
    g_propagate_error (error, play_error);
  else
    {
      g_propagate_error (error, call_error);
      g_clear_error (&play_error);
    }
  return FALSE;
}

gboolean
demo_swap_run (const DemoOptions *options, GError **error)
{
  DemoSwap self = { .options = options };
  gboolean ok = demo_swap_prepare (&self, error) && demo_swap_play (&self, error);

  bench_way_free (self.way);
  tlc_registry_unref (self.registry);
  for (guint i = 0; i < DEMO_N_SERVERS; i++)
    tlc_server_stop (self.servers[i]);
  if (self.path != NULL)
    g_unlink (self.path);
  if (self.directory != NULL)
    g_rmdir (self.directory);
  g_free (self.path);
  g_free (self.directory);
  return ok;
}
