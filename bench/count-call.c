/* SPDX-License-Identifier: Apache-2.0 */

/* Makes N warm calls, for a tool that counts what they cost: count-*.sh run it with N and 2N, and
 * the difference is that of N calls, start and end left out.
 *
 *   count-call tlc|compact|stock|cpp add|client|service N tcp://127.0.0.1:PORT
 *
 * "client" asks tlc_service_get_client() only, "service" tlc_registry_get_service() before it. With count-malloc.c preloaded it also prints how
 * often the N calls allocated memory. One thread calls; another sleeps, for whichever client, as in the
 * programs that this is about: libc takes shorter ways in a process that has one thread. */

#include <tlc/tlc.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stock-clients.h"

#ifdef BENCH_HAVE_CPP
#include "cpp-client.h"
#else
typedef void CppClient;
#endif

#define COUNT_CALL_WARM_UP 100

typedef struct {
  TlcRegistry *registry;
  TlcService *service;
  StockClient *stock;
  CppClient *cpp;
} CountCallSides;

static gboolean
count_call_add (EchoIf *echo, gint32 a, GError **error)
{
  gint32 sum = 0;

  return echo_if_add (echo, &sum, a, 1, error) && sum == a + 1;
}

static gboolean
count_call_cpp_add (CppClient *client, gint32 a)
{
#ifdef BENCH_HAVE_CPP
  gint32 sum = 0;

  return cpp_client_add (client, a, 1, &sum) && sum == a + 1;
#else
  return client != NULL && a < 0;
#endif
}

static gboolean
count_call_register (CountCallSides *sides, const char *endpoint, GError **error)
{
  g_autofree char *text = g_strdup_printf ("[log]\nendpoints = %s\n[echo]\nendpoints = %s\n",
                                           endpoint, endpoint);

  sides->registry = tlc_registry_new ();
  return tlc_registry_load_data (sides->registry, text, -1, error);
}

static gboolean
count_call_connect (CountCallSides *sides, const char *way, const char *endpoint, GError **error)
{
  if (strcmp (way, "tlc") == 0 || strcmp (way, "compact") == 0)
    {
      g_autoptr (TlcConfig) config = tlc_config_new ();
      const char *protocol = strcmp (way, "compact") == 0 ? "compact" : "binary";

      if (tlc_config_set (config, "endpoints", endpoint, error)
          && tlc_config_set (config, "protocol", protocol, error))
        sides->service = tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, error);
    }
  else if (strcmp (way, "stock") == 0)
    sides->stock = stock_client_new (endpoint, error);
#ifdef BENCH_HAVE_CPP
  else if (strcmp (way, "cpp") == 0)
    sides->cpp = cpp_client_new ("127.0.0.1", (unsigned) atoi (strrchr (endpoint, ':') + 1));
#endif
  return sides->service != NULL || sides->stock != NULL || sides->cpp != NULL;
}

static gboolean
count_call_one (CountCallSides *sides, gboolean call, gint32 i, GError **error)
{
  EchoIf *echo;

  if (sides->cpp != NULL)
    return count_call_cpp_add (sides->cpp, i);
  if (sides->registry != NULL)
    sides->service = tlc_registry_get_service (sides->registry, "echo", TYPE_ECHO_CLIENT, error);
  echo = sides->service != NULL ? tlc_service_get_client (sides->service, error)
                                : stock_client_get (sides->stock);
  return echo != NULL && (!call || count_call_add (echo, i, error));
}

static gboolean
count_call_loop (CountCallSides *sides, gboolean call, gint32 n, GError **error)
{
  for (gint32 i = 0; i < n; i++)
    if (!count_call_one (sides, call, i, error))
      return FALSE;
  return TRUE;
}

/* 0 when count-malloc.c is not preloaded. */
static unsigned long
count_call_allocations (void)
{
  void *symbol = dlsym (RTLD_DEFAULT, "count_malloc_read");
  unsigned long (*read_count) (void) = NULL;

  memcpy (&read_count, &symbol, sizeof read_count);
  return read_count != NULL ? read_count () : 0;
}

static void
count_call_disconnect (CountCallSides *sides)
{
  tlc_thread_detach ();
  if (sides->registry == NULL)
    tlc_service_unref (sides->service);
  tlc_registry_unref (sides->registry);
  stock_client_free (sides->stock);
#ifdef BENCH_HAVE_CPP
  cpp_client_free (sides->cpp);
#endif
}

static void *
count_call_sleep (void *gate)
{
  pthread_mutex_lock (gate);
  pthread_mutex_unlock (gate);
  return NULL;
}

int
main (int argc, char **argv)
{
  static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
  pthread_t sleeper;
  CountCallSides sides = { NULL, NULL, NULL, NULL };
  g_autoptr (GError) error = NULL;
  unsigned long before, after;
  gboolean call, ok;

  if (argc != 5)
    {
      fprintf (stderr, "usage: count-call tlc|compact|stock|cpp add|client|service N ENDPOINT\n");
      return 2;
    }
  call = strcmp (argv[2], "add") == 0;
  pthread_mutex_lock (&gate);
  ok = pthread_create (&sleeper, NULL, count_call_sleep, &gate) == 0 &&
       (strcmp (argv[2], "service") == 0 ? count_call_register (&sides, argv[4], &error)
                                         : count_call_connect (&sides, argv[1], argv[4], &error)) &&
       count_call_loop (&sides, call, COUNT_CALL_WARM_UP, &error);
  before = count_call_allocations ();
  ok = ok && count_call_loop (&sides, call, atoi (argv[3]), &error);
  after = count_call_allocations ();
  count_call_disconnect (&sides);
  pthread_mutex_unlock (&gate);
  pthread_join (sleeper, NULL);
  if (!ok)
    {
      fprintf (stderr, "count-call: %s\n", error != NULL ? error->message : "failed");
      return 1;
    }
  printf ("allocations %lu\n", after - before);
  return 0;
}
