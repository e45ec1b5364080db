/* SPDX-License-Identifier: Apache-2.0 */

/* What does a client for each thread cost while the threads sleep?
 *
 * 10,000 threads make a client each, call once and sleep: with TLC, and with a stock client of their own,
 * which nobody can close but its thread. Each in a process of its own; the server is another one. What
 * threads have without clients is measured in a third process, and taken off: the rest is the clients',
 * with what their one call has touched of the stack. Measured when all have called, and again when TLC's
 * connections have been idle for too long, while all threads sleep on; with GLib's slice allocator, which
 * keeps some memory for each thread, and without it, as GLib has been since 2.76. What the kernel keeps for each
 * socket, and the server for each connection, comes on top. */
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench-harness.h"
#include "bench-server.h"
#include "bench-ways.h"

#define IDLE_STACK_SIZE (256 * 1024) /* of addresses; what is not touched costs nothing */
#define IDLE_CALLS_AT_ONCE 64
#define IDLE_TIMEOUT_MS 1000
#define IDLE_PATIENCE_US (60 * G_USEC_PER_SEC)
#define IDLE_SPARE 200 /* descriptors and threads besides */
#define IDLE_SKIPPED 77 /* what meson takes for it */

typedef enum { IDLE_BARE, IDLE_STOCK, IDLE_TLC, IDLE_N_SIDES } IdleSide;
static const char *const idle_names[IDLE_N_SIDES] = { "bare", "stock", "TLC" };

/* Of a process. */
typedef struct {
  gulong rss_kib, pss_kib, heap_kib;
  guint fds;
} IdleFigures;

typedef struct {
  IdleFigures before, after; /* the idle limit */
} IdleResult;

typedef struct {
  BenchWay *way; /* NULL: bare */
  guint n;
  sem_t may_call, has_called;
  pthread_mutex_t lock; /* held until the threads are to end */
  gint failures;        /* atomic */
  GError *error;        /* the first failure's, atomic */
  pthread_t *threads;
} IdleThreads;

typedef struct {
  IdleThreads *all;
  guint number;
} IdleThread;

/* --- what there is --- */

static gulong
idle_read_kib (const char *rollup, const char *key)
{
  const char *line = strstr (rollup, key);

  return line != NULL ? strtoul (line + strlen (key), NULL, 10) : 0;
}

static gboolean
idle_measure (IdleFigures *figures, GError **error)
{
  struct mallinfo2 heap = mallinfo2 ();
  g_autofree char *rollup = NULL;
  g_autoptr (GDir) fds = g_dir_open ("/proc/self/fd", 0, error);

  if (fds == NULL || !g_file_get_contents ("/proc/self/smaps_rollup", &rollup, NULL, error))
    return FALSE;
  *figures = (IdleFigures){ .rss_kib = idle_read_kib (rollup, "\nRss:"),
                            .pss_kib = idle_read_kib (rollup, "\nPss:"),
                            .heap_kib = (heap.uordblks + heap.hblkhd) / 1024 };
  while (g_dir_read_name (fds) != NULL)
    figures->fds++;
  figures->fds--; /* the folder's own */
  return TRUE;
}

/* --- threads that call once and sleep --- */

static gboolean
idle_call (BenchWay *way, guint number, GError **error)
{
  BenchLoan loan;
  gint32 sum = 0;
  gboolean ok;

  if (!bench_way_borrow (way, number, &loan, error))
    return FALSE;
  ok = echo_if_add (loan.echo, &sum, (gint32) number, 1, error);
  bench_way_give_back (way, &loan);
  return ok;
}

static void *
idle_thread_main (void *data)
{
  IdleThread *thread = data;
  IdleThreads *all = thread->all;
  GError *error = NULL;

  while (sem_wait (&all->may_call) != 0)
    ;
  if (all->way != NULL && !idle_call (all->way, thread->number, &error))
    {
      g_atomic_int_inc (&all->failures);
      if (!g_atomic_pointer_compare_and_exchange (&all->error, NULL, error))
        g_error_free (error);
    }
  sem_post (&all->has_called);
  g_free (thread);
  pthread_mutex_lock (&all->lock);
  pthread_mutex_unlock (&all->lock);
  return NULL;
}

static gboolean
idle_start (IdleThreads *all, GError **error)
{
  pthread_attr_t attributes;
  int status = 0;

  sem_init (&all->may_call, 0, 0);
  sem_init (&all->has_called, 0, 0);
  pthread_mutex_init (&all->lock, NULL);
  pthread_mutex_lock (&all->lock);
  all->threads = g_new (pthread_t, all->n);
  pthread_attr_init (&attributes);
  pthread_attr_setstacksize (&attributes, IDLE_STACK_SIZE);
  for (guint i = 0; status == 0 && i < all->n; i++)
    {
      IdleThread *thread = g_new (IdleThread, 1);

      *thread = (IdleThread){ all, i };
      status = pthread_create (&all->threads[i], &attributes, idle_thread_main, thread);
      if (status != 0)
        g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_AGAIN, "thread %u of %u: %s", i, all->n,
                     g_strerror (status));
    }
  pthread_attr_destroy (&attributes);
  return status == 0;
}

/* Some at a time, so that none waits at the server's door. Returns when all sleep again. */
static gboolean
idle_let_call (IdleThreads *all, GError **error)
{
  for (guint i = 0; i < MIN (all->n, IDLE_CALLS_AT_ONCE); i++)
    sem_post (&all->may_call);
  for (guint i = 0; i < all->n; i++)
    {
      while (sem_wait (&all->has_called) != 0)
        ;
      if (i + IDLE_CALLS_AT_ONCE < all->n)
        sem_post (&all->may_call);
    }
  if (all->failures == 0)
    return TRUE;
  g_propagate_prefixed_error (error, all->error, "%d of %u calls failed, the first one: ",
                              all->failures, all->n);
  return FALSE;
}

static void
idle_end (IdleThreads *all)
{
  pthread_mutex_unlock (&all->lock);
  for (guint i = 0; i < all->n; i++)
    pthread_join (all->threads[i], NULL);
  g_free (all->threads);
}

/* --- one side, in a process of its own --- */

/* The limit is set when all have called, which takes longer than it is. */
static gboolean
idle_pass_limit (TlcService *service, const char *endpoint, guint most_fds, GError **error)
{
  g_autoptr (TlcConfig) config = bench_way_make_config (endpoint, error);
  g_autofree char *timeout = g_strdup_printf ("%dms", IDLE_TIMEOUT_MS);
  gint64 begun_us = g_get_monotonic_time ();
  IdleFigures now = { .fds = most_fds + 1 };

  if (config == NULL || !tlc_config_set (config, "idle-timeout", timeout, error)
      || !tlc_service_reconfigure (service, config, error))
    return FALSE;
  while (now.fds > most_fds && g_get_monotonic_time () - begun_us < IDLE_PATIENCE_US)
    {
      g_usleep (IDLE_TIMEOUT_MS * 1000 / 10);
      if (!idle_measure (&now, error))
        return FALSE;
    }
  return TRUE;
}

static BenchWay *
idle_make_way (IdleSide side, const char *endpoint, guint n, GError **error)
{
  g_autoptr (TlcConfig) config = NULL;

  if (side == IDLE_STOCK)
    return bench_way_new (BENCH_WAY_THREAD, endpoint, n, 0, error);
  config = bench_way_make_config (endpoint, error);
  if (config == NULL || !tlc_config_set (config, "idle-timeout", "24h", error))
    return NULL;
  return bench_way_new_tlc (config, FALSE, error);
}

static gboolean
idle_run_side (IdleSide side, const char *endpoint, guint n, GError **error)
{
  IdleThreads all = { .n = n };
  IdleResult result = { 0 };
  guint fds_besides;
  gboolean ok;

  bench_raise_descriptor_limit ();
  if (side != IDLE_BARE && (all.way = idle_make_way (side, endpoint, n, error)) == NULL)
    return FALSE;
  ok = idle_start (&all, error) && idle_measure (&result.before, error);
  fds_besides = result.before.fds + 8; /* the keeper's */
  ok = ok && idle_let_call (&all, error) && idle_measure (&result.before, error);
  if (ok && side == IDLE_TLC)
    ok = idle_pass_limit (bench_way_get_service (all.way), endpoint, fds_besides, error);
  else
    g_usleep (IDLE_TIMEOUT_MS * 1000);
  ok = ok && idle_measure (&result.after, error);
  if (!ok)
    return FALSE; /* and of the process, which has no use for its threads */
  printf ("%lu %lu %lu %u %lu %lu %lu %u\n", result.before.rss_kib, result.before.pss_kib,
          result.before.heap_kib, result.before.fds, result.after.rss_kib, result.after.pss_kib,
          result.after.heap_kib, result.after.fds);
  idle_end (&all);
  bench_way_free (all.way);
  return TRUE;
}

/* --- all of them --- */

static gboolean
idle_spawn_side (IdleSide side, guint n, gboolean has_slices, IdleResult *ret_result, GError **error)
{
  g_autofree char *side_text = g_strdup_printf ("%d", side), *n_text = g_strdup_printf ("%u", n);
  g_auto (GStrv) environment = g_environ_unsetenv (g_get_environ (), "G_SLICE");
  g_autofree char *output = NULL;
  const char *what, *argv[] = { "/proc/self/exe", "--side", side_text, "--threads", n_text,
                                "--endpoint", NULL, NULL };
  g_autoptr (TlcServer) server = bench_server_start (0, &what, error);
  IdleFigures *before = &ret_result->before, *after = &ret_result->after;
  int status;

  if (server == NULL)
    return FALSE;
  argv[6] = tlc_server_get_endpoint (server);
  if (!has_slices)
    environment = g_environ_setenv (environment, "G_SLICE", "always-malloc", TRUE);
  if (!g_spawn_sync (NULL, (char **) argv, environment, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status,
                     error)
      || !g_spawn_check_wait_status (status, error))
    return FALSE;
  if (sscanf (output, "%lu %lu %lu %u %lu %lu %lu %u", &before->rss_kib, &before->pss_kib,
              &before->heap_kib, &before->fds, &after->rss_kib, &after->pss_kib, &after->heap_kib,
              &after->fds)
      == 8)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: said %s", idle_names[side], output);
  return FALSE;
}

static gboolean
idle_read_limit (const char *path, guint64 needed)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL)
      || g_ascii_strtoull (text, NULL, 10) >= needed)
    return TRUE;
  printf ("SKIP: needs %s of %" G_GUINT64_FORMAT ", and it is %s", path, needed, text);
  return FALSE;
}

/* Whether the system lets us: says what does not. */
static gboolean
idle_may_run (guint n)
{
  guint fds = bench_raise_descriptor_limit ();
  struct rlimit limit = { 0, 0 };

  if (fds < n + IDLE_SPARE)
    {
      printf ("SKIP: needs %u descriptors for %u threads, and may have %u (ulimit -Hn)\n",
              n + IDLE_SPARE, n, fds);
      return FALSE;
    }
  /* The server has a thread for each connection, and a thread's stack is two mappings. */
  if (getrlimit (RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur < 2 * n + IDLE_SPARE)
    {
      printf ("SKIP: needs %u threads, and may have %lu (ulimit -u)\n", 2 * n + IDLE_SPARE,
              (gulong) limit.rlim_cur);
      return FALSE;
    }
  return idle_read_limit ("/proc/sys/kernel/threads-max", 2 * n + IDLE_SPARE)
         && idle_read_limit ("/proc/sys/kernel/pid_max", 2 * n + IDLE_SPARE)
         && idle_read_limit ("/proc/sys/vm/max_map_count", 2 * n + IDLE_SPARE);
}

static double
idle_each (gulong all_kib, gulong bare_kib, guint n)
{
  return ((double) all_kib - (double) bare_kib) / n;
}

static void
idle_print_row (const char *side, const char *when, const IdleFigures *figures,
                const IdleFigures *bare, guint n, gboolean has_slices)
{
  double rss = idle_each (figures->rss_kib, bare->rss_kib, n);
  double pss = idle_each (figures->pss_kib, bare->pss_kib, n);
  double heap = idle_each (figures->heap_kib, bare->heap_kib, n);
  BenchSummary *summary = bench_summary_new ("idle-threads");

  printf ("%-6s %-7s %8.2f %8.2f %8.2f %8u\n", side, when, rss, pss, heap, figures->fds);
  g_string_append_printf (summary, " side=%s when=%s", side, when);
  bench_summary_add (summary, "slices", has_slices);
  bench_summary_add (summary, "threads", n);
  bench_summary_add (summary, "rss_kib", rss);
  bench_summary_add (summary, "pss_kib", pss);
  bench_summary_add (summary, "heap_kib", heap);
  bench_summary_add (summary, "fds", figures->fds);
  bench_summary_print (summary);
}

static gboolean
idle_run (guint n, gboolean has_slices, GError **error)
{
  IdleResult results[IDLE_N_SIDES];
  const IdleFigures *bare = &results[IDLE_BARE].after;

  for (guint side = 0; side < IDLE_N_SIDES; side++)
    if (!idle_spawn_side (side, n, has_slices, &results[side], error))
      return FALSE;
  printf ("%u threads that called once and sleep, before and after connections were idle for too long;\n"
          "GLib with %s. KiB a thread: RSS, PSS, from malloc;\n"
          "without what a bare thread has, which is %.2f, %.2f, %.2f. Descriptors of the process\n"
          "client when         RSS      PSS     heap      fds\n",
          n, has_slices ? "its slice allocator" : "malloc alone", idle_each (bare->rss_kib, 0, n), idle_each (bare->pss_kib, 0, n),
          idle_each (bare->heap_kib, 0, n));
  for (guint side = IDLE_STOCK; side < IDLE_N_SIDES; side++)
    {
      idle_print_row (idle_names[side], "before", &results[side].before, bare, n, has_slices);
      idle_print_row (idle_names[side], "after", &results[side].after, bare, n, has_slices);
    }
  return TRUE;
}

int
main (int argc, char **argv)
{
  int n = 10000, side = -1;
  gboolean smoke = FALSE, ok;
  g_autofree char *endpoint = NULL;
  const GOptionEntry entries[] = {
    { "threads", 0, 0, G_OPTION_ARG_INT, &n, "Threads that sleep (10000)", "N" },
    { "smoke", 0, 0, G_OPTION_ARG_NONE, &smoke, "Very few, to see that it works", NULL },
    { "side", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &side, NULL, NULL },
    { "endpoint", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &endpoint, NULL, NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- clients of threads that sleep");
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  ok = g_option_context_parse (context, &argc, &argv, &error);
  n = smoke ? 100 : CLAMP (n, 1, 100000);
  if (ok && side < 0 && !idle_may_run ((guint) n))
    return IDLE_SKIPPED;
  if (ok)
    ok = side >= 0 && side < IDLE_N_SIDES ? idle_run_side ((IdleSide) side, endpoint, (guint) n, &error)
                                          : idle_run ((guint) n, TRUE, &error)
                                                && idle_run ((guint) n, FALSE, &error);
  if (!ok)
    fprintf (stderr, "bench-idle-threads: %s\n", error->message);
  return ok ? 0 : 1;
}
