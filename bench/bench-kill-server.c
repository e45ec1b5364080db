/* SPDX-License-Identifier: Apache-2.0 */

/* What do callers notice when one of three servers is killed, and comes back three seconds later?
 *
 * Threads call without a pause. Twice: with methods that may be repeated, where no call is to fail; and with
 * methods that may not, where each thread may lose the one call that was under way. Of calls that say they were
 * not sent the servers must not know. */

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <tlc/tlc.h>

#include "bench-harness.h"
#include "bench-server.h"
#include "echo.h"

#define KILL_SERVERS 3
#define KILL_VICTIM 1
#define KILL_SLICE_MS 250

typedef struct {
  int threads;
  int before_ms, away_ms, after_ms;
} KillPlan;

/* A server that can be started again where it was. */
typedef struct {
  char *path, *endpoint, name[2];
  TlcServer *server;
} KillServer;

typedef struct {
  const KillPlan *plan;
  TlcService *service;
  KillServer servers[KILL_SERVERS];
  atomic_int is_over;
  atomic_uint n_calls, n_failed, n_untrue, most_of_a_thread;
  _Atomic guint64 by[KILL_SERVERS]; /* answered */
  _Atomic gint64 first_back_ns;     /* when the victim answered first after it was back; 0: not yet */
  _Atomic gint64 back_ns;
} KillRun;

static gboolean
kill_server_start (KillServer *server, GError **error)
{
  g_autofree char *listen_at = g_strconcat ("unix:", server->path, NULL);

  unlink (server->path);
  server->server = tlc_server_start (
      TLC_SERVER_C, (const char *const[]){ "--name", server->name, "--listen", listen_at, NULL }, error);
  return server->server != NULL;
}

static void
kill_note_answer (KillRun *run, const char *who)
{
  guint by = (guint) (who[0] - 'A');
  gint64 back_ns = atomic_load (&run->back_ns), none = 0;

  if (by >= KILL_SERVERS)
    return;
  atomic_fetch_add (&run->by[by], 1);
  if (by == KILL_VICTIM && back_ns != 0 && atomic_load (&run->first_back_ns) == 0)
    atomic_compare_exchange_strong (&run->first_back_ns, &none, bench_now_ns ());
}

/* Whether some server has run it. */
static gboolean
kill_was_run (KillRun *run, EchoIf *echo, const char *request)
{
  /* The servers that live know what they have run; ask each a few times over the one service. */
  for (guint i = 0; i < 16; i++)
    {
      gint32 n = 0;

      if (echo_if_executions (echo, &n, request, NULL) && n > 0)
        return TRUE;
    }
  return FALSE;
}

/* Calls in turn who(), which says by whom, and run(), which is counted by the servers. */
static void *
kill_call (void *data)
{
  KillRun *run = data;
  static atomic_uint next;
  guint number = atomic_fetch_add (&next, 1), n_failed = 0;

  for (guint i = 0; !atomic_load (&run->is_over); i++)
    {
      EchoIf *echo = tlc_service_get_client (run->service, NULL);
      g_autofree char *who = NULL;
      g_autofree char *request = g_strdup_printf ("%u-%u", number, i);
      g_autoptr (GError) error = NULL;
      gint32 n = 0;
      gboolean ok = i % 2 == 0 ? identity_if_who (IDENTITY_IF (echo), &who, &error)
                               : echo_if_run (echo, &n, request, &error);

      atomic_fetch_add (&run->n_calls, 1);
      if (ok && who != NULL)
        kill_note_answer (run, who);
      if (ok)
        continue;
      n_failed++;
      if (i % 2 == 1 && tlc_error_get_delivery (error) == TLC_DELIVERY_NOT_SENT
          && kill_was_run (run, echo, request))
        atomic_fetch_add (&run->n_untrue, 1);
    }
  atomic_fetch_add (&run->n_failed, n_failed);
  for (guint most = atomic_load (&run->most_of_a_thread);
       n_failed > most && !atomic_compare_exchange_weak (&run->most_of_a_thread, &most, n_failed);)
    ;
  return NULL;
}

static guint64
kill_count_failures (KillRun *run)
{
  guint n;
  g_autofree TlcEndpointStats *stats = tlc_service_get_endpoint_stats (run->service, &n);

  return stats[KILL_VICTIM].failures;
}

/* Prints the victim's share of the answers, slice by slice. */
static void
kill_watch (KillRun *run, int milliseconds)
{
  printf ("  share of the server that is back, of an even one, each %d ms:", KILL_SLICE_MS);
  for (int ms = 0; ms < milliseconds; ms += KILL_SLICE_MS)
    {
      guint64 before[KILL_SERVERS], all = 0, its = 0;

      for (guint i = 0; i < KILL_SERVERS; i++)
        before[i] = atomic_load (&run->by[i]);
      g_usleep (KILL_SLICE_MS * 1000);
      for (guint i = 0; i < KILL_SERVERS; i++)
        all += atomic_load (&run->by[i]) - before[i];
      its = atomic_load (&run->by[KILL_VICTIM]) - before[KILL_VICTIM];
      printf (" %.2f", all > 0 ? (double) its * KILL_SERVERS / (double) all : 0);
    }
  printf ("\n");
}

static gboolean
kill_act (KillRun *run, GError **error)
{
  const KillPlan *plan = run->plan;
  KillServer *victim = &run->servers[KILL_VICTIM];
  guint64 after_a_second, at_return;

  g_usleep ((gulong) plan->before_ms * 1000);
  tlc_server_kill (victim->server, SIGKILL);
  tlc_server_stop (g_steal_pointer (&victim->server));
  g_usleep ((gulong) MIN (plan->away_ms, 1000) * 1000);
  after_a_second = kill_count_failures (run);
  g_usleep ((gulong) MAX (plan->away_ms - 1000, 0) * 1000);
  at_return = kill_count_failures (run);
  atomic_store (&run->back_ns, bench_now_ns ());
  if (!kill_server_start (victim, error))
    return FALSE;
  kill_watch (run, plan->after_ms);
  printf ("  tried on it later than a second after its end: %" G_GUINT64_FORMAT "\n",
          at_return - after_a_second);
  return TRUE;
}

static TlcService *
kill_make_service (KillRun *run, gboolean is_idempotent, GError **error)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autofree char *endpoints = g_strjoin (" ", run->servers[0].endpoint, run->servers[1].endpoint,
                                          run->servers[2].endpoint, NULL);

  if (!tlc_config_set (config, "endpoints", endpoints, error)
      || (is_idempotent
          && (!tlc_config_set (config, "retry", "idempotent", error)
              || !tlc_config_set (config, "idempotent-methods", "*", error))))
    return NULL;
  return tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, error);
}

static void
kill_report (KillRun *run, gboolean is_idempotent)
{
  gint64 first_ns = atomic_load (&run->first_back_ns);
  guint most = atomic_load (&run->most_of_a_thread);

  printf ("  %u calls, %u failed, most of a thread %u, untrue deliveries %u\n", atomic_load (&run->n_calls),
          atomic_load (&run->n_failed), most, atomic_load (&run->n_untrue));
  printf ("  first answer of the server that is back after %.0f ms\n",
          first_ns > 0 ? (double) (first_ns - atomic_load (&run->back_ns)) / 1e6 : -1.0);
  printf ("  %s: %s\n", is_idempotent ? "no call that may be repeated fails" : "each thread loses one call at most",
          most <= (is_idempotent ? 0 : 1) && atomic_load (&run->n_untrue) == 0 ? "held" : "NOT HELD");
}

static gboolean
kill_run (const KillPlan *plan, gboolean is_idempotent, GError **error)
{
  KillRun run = { .plan = plan };
  g_autofree pthread_t *threads = g_new (pthread_t, plan->threads);
  gboolean ok = TRUE;

  printf ("%d threads, %s\n", plan->threads, is_idempotent ? "retry = idempotent" : "retry = unsent");
  for (guint i = 0; i < KILL_SERVERS; i++)
    {
      KillServer *server = &run.servers[i];

      server->name[0] = (char) ('A' + i);
      server->path = g_strdup_printf ("%s/tlc-bench-kill-%d-%s", g_get_tmp_dir (), (int) getpid (), server->name);
      server->endpoint = g_strconcat ("unix:", server->path, NULL);
      ok = ok && kill_server_start (server, error);
    }
  run.service = ok ? kill_make_service (&run, is_idempotent, error) : NULL;
  if (run.service != NULL)
    {
      for (int i = 0; i < plan->threads; i++)
        if (pthread_create (&threads[i], NULL, kill_call, &run) != 0)
          abort ();
      ok = kill_act (&run, error);
      atomic_store (&run.is_over, TRUE);
      for (int i = 0; i < plan->threads; i++)
        pthread_join (threads[i], NULL);
      kill_report (&run, is_idempotent);
      tlc_service_unref (run.service);
    }
  for (guint i = 0; i < KILL_SERVERS; i++)
    {
      tlc_server_stop (run.servers[i].server);
      unlink (run.servers[i].path);
      g_free (run.servers[i].path);
      g_free (run.servers[i].endpoint);
    }
  return ok && run.service != NULL;
}

int
main (int argc, char **argv)
{
  KillPlan plan = { .threads = 32, .before_ms = 1000, .away_ms = 3000, .after_ms = 14000 };
  g_autoptr (GError) error = NULL;

  if (argc > 1 && g_str_equal (argv[1], "--smoke"))
    plan = (KillPlan){ .threads = 4, .before_ms = 100, .away_ms = 100, .after_ms = 500 };
  if (kill_run (&plan, TRUE, &error) && kill_run (&plan, FALSE, &error))
    return 0;
  fprintf (stderr, "bench-kill-server: %s\n", error != NULL ? error->message : "failed");
  return 1;
}
