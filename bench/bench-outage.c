/* SPDX-License-Identifier: Apache-2.0 */

/* All servers are out for five seconds: how much do retries add to what they are asked meanwhile, and when do
 * callers succeed again?
 *
 * Each server is behind a proxy of ours, which counts requests, and when it is out closes after it has read
 * one: so connecting goes well, and nothing else. Threads call without a pause, methods that may be repeated. */

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tlc/tlc.h>

#include "bench-harness.h"
#include "bench-server.h"
#include "echo.h"

#define OUTAGE_SERVERS 3
#define OUTAGE_FRAME_MAX 4096

typedef struct {
  int threads, before_ms, out_ms, after_ms;
} OutagePlan;

typedef struct {
  TlcServer *server;
  char *endpoint;       /* the proxy's */
  guint16 server_port;
  int listener;
  pthread_t thread;
  atomic_int *is_out;
  _Atomic guint64 n_requests; /* since it was set to 0 */
} OutageProxy;

typedef struct {
  OutageProxy *proxy;
  int fd;
} OutageLine;

typedef struct {
  TlcService *service;
  atomic_int is_out, is_over;
  _Atomic gint64 back_ns;
  _Atomic guint64 n_calls; /* that began since it was set to 0 */
  OutageProxy proxies[OUTAGE_SERVERS];
} OutageRun;

typedef struct {
  OutageRun *run;
  pthread_t thread;
  gint64 first_back_ns; /* when it succeeded first after the return; 0: never */
} OutageCaller;

static gboolean
outage_read_all (int fd, guint8 *data, gsize length)
{
  gssize n;

  for (; length > 0; data += n, length -= (gsize) n)
    if ((n = recv (fd, data, length, 0)) <= 0)
      return FALSE;
  return TRUE;
}

/* One framed message, its length first; 0: there is none. */
static gsize
outage_read_frame (int fd, guint8 *frame)
{
  guint32 length;

  if (!outage_read_all (fd, frame, 4))
    return 0;
  length = ntohl (*(guint32 *) (void *) frame);
  return length <= OUTAGE_FRAME_MAX && outage_read_all (fd, frame + 4, length) ? length + 4 : 0;
}

static gboolean
outage_pass_on (int from, int to, guint8 *frame)
{
  gsize length = outage_read_frame (from, frame);

  return length > 0 && send (to, frame, length, MSG_NOSIGNAL) == (gssize) length;
}

static int
outage_connect (guint16 port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK), .sin_port = htons (port) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (connect (fd, (struct sockaddr *) &address, sizeof address) == 0)
    return fd;
  close (fd);
  return -1;
}

/* One connection: request, reply, request, reply. */
static void *
outage_serve (void *data)
{
  OutageLine *line = data;
  OutageProxy *proxy = line->proxy;
  int server = outage_connect (proxy->server_port);
  guint8 frame[4 + OUTAGE_FRAME_MAX] __attribute__ ((aligned (4)));
  gsize length;

  while (server >= 0 && (length = outage_read_frame (line->fd, frame)) > 0)
    {
      atomic_fetch_add (&proxy->n_requests, 1);
      if (atomic_load (proxy->is_out) || send (server, frame, length, MSG_NOSIGNAL) != (gssize) length
          || !outage_pass_on (server, line->fd, frame))
        break;
    }
  if (server >= 0)
    close (server);
  close (line->fd);
  g_free (line);
  return NULL;
}

static void *
outage_accept (void *data)
{
  OutageProxy *proxy = data;
  int fd;

  while ((fd = accept4 (proxy->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
    {
      OutageLine *line = g_new (OutageLine, 1);
      pthread_t thread;

      *line = (OutageLine){ proxy, fd };
      if (pthread_create (&thread, NULL, outage_serve, line) != 0)
        abort ();
      pthread_detach (thread);
    }
  return NULL;
}

static gboolean
outage_proxy_start (OutageProxy *proxy, atomic_int *is_out, GError **error)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  const char *what;
  guint port = 0;

  proxy->is_out = is_out;
  proxy->server = bench_server_start (0, &what, error);
  if (proxy->server == NULL || sscanf (tlc_server_get_endpoint (proxy->server), "tcp://127.0.0.1:%u", &port) != 1)
    return FALSE;
  proxy->server_port = (guint16) port;
  proxy->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind (proxy->listener, (struct sockaddr *) &address, length) != 0 || listen (proxy->listener, 128) != 0
      || getsockname (proxy->listener, (struct sockaddr *) &address, &length) != 0
      || pthread_create (&proxy->thread, NULL, outage_accept, proxy) != 0)
    return FALSE;
  proxy->endpoint = g_strdup_printf ("tcp://127.0.0.1:%u", ntohs (address.sin_port));
  return TRUE;
}

static void
outage_proxy_stop (OutageProxy *proxy)
{
  if (proxy->endpoint != NULL)
    {
      shutdown (proxy->listener, SHUT_RDWR);
      pthread_join (proxy->thread, NULL);
      close (proxy->listener);
    }
  tlc_server_stop (proxy->server);
  g_free (proxy->endpoint);
}

static void *
outage_call (void *data)
{
  OutageCaller *caller = data;
  OutageRun *run = caller->run;

  while (!atomic_load (&run->is_over))
    {
      gpointer echo = tlc_service_get_client (run->service, NULL);
      gint64 back_ns = atomic_load (&run->back_ns);
      gint32 sum;

      atomic_fetch_add (&run->n_calls, 1);
      if (!echo_if_add (echo, &sum, 1, 2, NULL))
        g_usleep (1000); /* or they would be nothing but failures */
      else if (back_ns != 0 && caller->first_back_ns == 0)
        caller->first_back_ns = bench_now_ns ();
    }
  return NULL;
}

static void
outage_report (OutageRun *run, const OutageCaller *callers, const OutagePlan *plan, guint64 n_calls, guint64 n_requests)
{
  /* A fifth of the calls; ten a second; ten that each thread had saved before; and those on their way. */
  double budget = (double) n_calls * 1.2 + 10.0 * (plan->out_ms / 1000.0 + 1) + 11.0 * plan->threads;
  double last_ms = 0;
  int n_never = 0;

  for (int i = 0; i < plan->threads; i++)
    {
      n_never += callers[i].first_back_ns == 0;
      last_ms = MAX (last_ms, (double) (callers[i].first_back_ns - atomic_load (&run->back_ns)) / 1e6);
    }
  printf ("%" G_GUINT64_FORMAT " calls in the outage, %" G_GUINT64_FORMAT " requests seen by the servers: %.3f of them\n",
          n_calls, n_requests, n_calls > 0 ? (double) n_requests / (double) n_calls : 0);
  printf ("within the retry budget, 20 %% and 10 a second and what was saved before: %s\n", (double) n_requests <= budget ? "held" : "NOT HELD");
  printf ("all %d threads have succeeded %.0f ms after the return: %s\n", plan->threads, last_ms,
          n_never == 0 && last_ms <= 1000 ? "held" : "NOT HELD");
}

static void
outage_act (OutageRun *run, const OutagePlan *plan)
{
  g_autofree OutageCaller *callers = g_new0 (OutageCaller, plan->threads);
  guint64 n_requests = 0, n_calls;

  for (int i = 0; i < plan->threads; i++)
    {
      callers[i].run = run;
      if (pthread_create (&callers[i].thread, NULL, outage_call, &callers[i]) != 0)
        abort ();
    }
  g_usleep ((gulong) plan->before_ms * 1000);
  atomic_store (&run->is_out, TRUE);
  for (guint i = 0; i < OUTAGE_SERVERS; i++)
    atomic_store (&run->proxies[i].n_requests, 0);
  atomic_store (&run->n_calls, 0);
  g_usleep ((gulong) plan->out_ms * 1000);
  n_calls = atomic_load (&run->n_calls);
  for (guint i = 0; i < OUTAGE_SERVERS; i++)
    n_requests += atomic_load (&run->proxies[i].n_requests);
  atomic_store (&run->is_out, FALSE);
  atomic_store (&run->back_ns, bench_now_ns ());
  g_usleep ((gulong) plan->after_ms * 1000);
  atomic_store (&run->is_over, TRUE);
  for (int i = 0; i < plan->threads; i++)
    pthread_join (callers[i].thread, NULL);
  outage_report (run, callers, plan, n_calls, n_requests);
}

static TlcService *
outage_make_service (OutageRun *run, GError **error)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autofree char *endpoints = g_strjoin (" ", run->proxies[0].endpoint, run->proxies[1].endpoint,
                                          run->proxies[2].endpoint, NULL);

  if (!tlc_config_set (config, "endpoints", endpoints, error) || !tlc_config_set (config, "retry", "idempotent", error)
      || !tlc_config_set (config, "idempotent-methods", "*", error))
    return NULL;
  return tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, error);
}

int
main (int argc, char **argv)
{
  OutagePlan plan = { .threads = 32, .before_ms = 1000, .out_ms = 5000, .after_ms = 2000 };
  g_autoptr (GError) error = NULL;
  OutageRun run = { .service = NULL };
  gboolean ok = TRUE;

  if (argc > 1 && g_str_equal (argv[1], "--smoke"))
    plan = (OutagePlan){ .threads = 4, .before_ms = 100, .out_ms = 200, .after_ms = 300 };
  for (guint i = 0; ok && i < OUTAGE_SERVERS; i++)
    ok = outage_proxy_start (&run.proxies[i], &run.is_out, &error);
  run.service = ok ? outage_make_service (&run, &error) : NULL;
  if (run.service != NULL)
    {
      printf ("%d threads, %d servers behind proxies, out for %d ms\n", plan.threads, OUTAGE_SERVERS, plan.out_ms);
      outage_act (&run, &plan);
      tlc_service_unref (run.service);
    }
  for (guint i = 0; i < OUTAGE_SERVERS; i++)
    outage_proxy_stop (&run.proxies[i]);
  if (run.service != NULL)
    return 0;
  fprintf (stderr, "bench-outage: %s\n", error != NULL ? error->message : "failed");
  return 1;
}
