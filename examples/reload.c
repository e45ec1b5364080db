/* SPDX-License-Identifier: Apache-2.0 */
/* reload [--watch] FILE: a service that runs until SIGTERM or SIGINT: four threads that call "echo", whose
 * servers FILE says. On SIGHUP it loads FILE again; with --watch whenever it changes. */
#include <tlc/tlc.h>

#include <glib-unix.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "identity.h"

#define N_WORKERS 4

typedef struct {
  TlcRegistry *registry;
  const char *path;
  GMainLoop *loop;
  atomic_bool is_over;
  atomic_uint n_calls, n_failed;
} Program;

static int
report (const GError *error)
{
  g_printerr ("%s\n", error->message);
  return 1;
}

/* One call; says so when another server answers than before. */
static void
work_once (Program *program, char **server)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;
  TlcService *service = tlc_registry_get_service (program->registry, "echo", TYPE_IDENTITY_CLIENT, &error);
  IdentityIf *identity = tlc_service_get_client (service, &error);

  atomic_fetch_add (&program->n_calls, 1);
  if (identity == NULL || !identity_if_who (identity, &name, &error))
    {
      atomic_fetch_add (&program->n_failed, 1);
      report (error);
      g_usleep (100000);
      return;
    }
  if (g_strcmp0 (name, *server) == 0)
    return;
  g_print ("served by %s\n", name);
  g_free (*server);
  *server = g_steal_pointer (&name);
}

static void *
work (void *data)
{
  Program *program = data;
  g_autofree char *server = NULL;

  while (!atomic_load (&program->is_over))
    {
      work_once (program, &server);
      g_usleep (1000);
    }
  return NULL;
}

/* On the library's thread. What was refused has been said to whoever asked for it, but here. */
static void
on_event (const TlcEvent *event, gpointer data)
{
  g_print ("%s\n", event->message);
}

static gboolean
on_hangup (gpointer data)
{
  Program *program = data;

  tlc_registry_load (program->registry, program->path, NULL); /* on_event() tells */
  return G_SOURCE_CONTINUE;
}

static gboolean
on_terminate (gpointer data)
{
  Program *program = data;

  g_main_loop_quit (program->loop);
  return G_SOURCE_CONTINUE;
}

/* Until it is told to end. */
static void
run (Program *program)
{
  pthread_t workers[N_WORKERS];
  guint n_workers = 0;

  while (n_workers < N_WORKERS && pthread_create (&workers[n_workers], NULL, work, program) == 0)
    n_workers++;
  g_main_loop_run (program->loop);
  atomic_store (&program->is_over, true);
  while (n_workers > 0)
    pthread_join (workers[--n_workers], NULL);
  g_print ("%u calls, %u failed\n", atomic_load (&program->n_calls), atomic_load (&program->n_failed));
}

int
main (int argc, char **argv)
{
  gboolean watches = argc == 3 && strcmp (argv[1], "--watch") == 0;
  g_autoptr (GError) error = NULL;
  Program program = { 0 };

  if (argc != 2 + watches)
    {
      g_printerr ("usage: reload [--watch] FILE\n");
      return 2;
    }
  program.path = argv[argc - 1];
  program.loop = g_main_loop_new (NULL, FALSE);
  g_unix_signal_add (SIGHUP, on_hangup, &program);
  g_unix_signal_add (SIGTERM, on_terminate, &program);
  g_unix_signal_add (SIGINT, on_terminate, &program);
  program.registry = tlc_registry_new ();
  tlc_registry_set_notify (program.registry, on_event, NULL, NULL);
  if (!tlc_registry_load (program.registry, program.path, &error)
      || (watches && !tlc_registry_watch (program.registry, &error)))
    return report (error);
  run (&program);
  tlc_registry_unref (program.registry);
  g_main_loop_unref (program.loop);
  return 0;
}
