/* SPDX-License-Identifier: Apache-2.0 */

/* Parents and children: who forks waits for his child no longer than the watchdog. */
#include "support/tlc-family.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tlc-echo.h"

#define WATCHDOG_MS 30000

gboolean
tlc_family_complain (const char *what, const GError *error)
{
  g_printerr ("%d: %s: %s\n", (int) getpid (), what, error != NULL ? error->message : "not right");
  return FALSE;
}

gboolean
tlc_family_call (TlcService *service)
{
  g_autoptr (GError) error = NULL;
  gpointer client = tlc_service_get_client (service, &error);
  gint32 sum = 0, a = (gint32) getpid ();

  if (client == NULL || !echo_if_add (client, &sum, a, 1, &error) || sum != a + 1)
    return tlc_family_complain ("call", error);
  return TRUE;
}

TlcConfig *
tlc_family_make_config (const char *endpoints, guint timeout_s)
{
  TlcConfig *config = tlc_config_new ();
  g_autofree char *timeout = g_strdup_printf ("%us", timeout_s);

  if (tlc_config_set (config, "endpoints", endpoints, NULL)
      && tlc_config_set (config, "call-timeout", timeout, NULL))
    return config;
  tlc_family_complain ("config", NULL);
  return config;
}

gboolean
tlc_family_reconfigure (TlcService *service, const char *endpoints, guint i)
{
  g_autoptr (TlcConfig) config = tlc_family_make_config (endpoints, 60 + i % 7);
  g_autoptr (GError) error = NULL;
  guint64 generation = tlc_service_get_generation (service);

  if (!tlc_service_reconfigure (service, config, &error))
    return tlc_family_complain ("reconfigure", error);
  return tlc_service_get_generation (service) > generation
         || tlc_family_complain ("generation", NULL);
}

/* The status of a child that has ended by then; any other ends now and is -1. */
static int
tlc_family_await_child (pid_t child)
{
  gint64 deadline_us = g_get_monotonic_time () + WATCHDOG_MS * 1000;
  int status;

  while (g_get_monotonic_time () < deadline_us)
    {
      pid_t ended = waitpid (child, &status, WNOHANG);

      if (ended == child)
        return WIFEXITED (status) ? WEXITSTATUS (status) : 1000 + WTERMSIG (status);
      poll (NULL, 0, 1);
    }
  g_printerr ("%d: child %d does not end\n", (int) getpid (), (int) child);
  kill (child, SIGKILL);
  waitpid (child, &status, 0);
  return -1;
}

int
tlc_family_raise_child (gboolean (*live) (TlcFamily *family), TlcFamily *family)
{
  pid_t child = fork ();

  if (child == 0)
    _exit (live (family) ? 0 : 1);
  return child > 0 ? tlc_family_await_child (child) : -2;
}

void
tlc_family_init (TlcFamily *family, TlcServer *server)
{
  family->endpoint = tlc_server_get_endpoint (server);
  family->service = tlc_echo_service (family->endpoint, NULL);
  ck_assert (tlc_family_call (family->service));
  ck_assert (tlc_family_reconfigure (family->service, family->endpoint, 0));
}

void
tlc_family_clear (TlcFamily *family)
{
  TlcStats stats;

  tlc_service_get_stats (family->service, &stats);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.connections_open, 1);
  tlc_thread_detach ();
  tlc_service_unref (family->service);
}

/* What other threads of the parent are in the midst of when it forks. */
typedef struct {
  TlcFamily *family;
  gboolean (*act) (TlcFamily *family, guint i);
  atomic_bool is_over;
  atomic_uint n_acts;
} TlcBustle;

static void *
tlc_bustle_act (void *data)
{
  TlcBustle *bustle = data;

  for (guint i = 0; !atomic_load_explicit (&bustle->is_over, memory_order_relaxed); i++)
    {
      ck_assert (bustle->act (bustle->family, i));
      atomic_fetch_add_explicit (&bustle->n_acts, 1, memory_order_relaxed);
    }
  return NULL;
}

void
tlc_family_fork_in_the_bustle (guint n_forks, gboolean (*act) (TlcFamily *family, guint i),
                               gboolean (*live) (TlcFamily *family))
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcFamily family;
  TlcBustle bustle = { .family = &family, .act = act };
  pthread_t threads[2];

  tlc_family_init (&family, server);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, tlc_bustle_act, &bustle), 0);
  for (guint i = 0; i < n_forks; i++)
    {
      guint n_acts = bustle.n_acts;

      ck_assert_int_eq (tlc_family_raise_child (live, &family), 0);
      while (bustle.n_acts < n_acts + 64) /* or libcheck's watchdog */
        ck_assert (tlc_family_call (family.service));
    }
  atomic_store_explicit (&bustle.is_over, true, memory_order_relaxed);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    pthread_join (threads[i], NULL);
  tlc_family_clear (&family);
}
