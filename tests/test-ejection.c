/* SPDX-License-Identifier: Apache-2.0 */

/* Endpoints that fail, and come back: what the threads of a service notice of it, on real servers. */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/tlc-blackhole.h"
#include "support/tlc-holder.h"
#include "support/tlc-process.h"
#include "support/tlc-registry-fixture.h"

/* Nothing of these is to be met. */
#define PATIENT "call-timeout", "20s", "connect-timeout", "10s", "claim-timeout", "20s"
#define IDEMPOTENT "retry", "idempotent", "idempotent-methods", "*"
#define QUICK "eject-for", "100ms", "probe-interval", "20ms", "slow-start", "200ms"
#define WATCHDOG_MS 20000

/* A server that can be killed, and started again where it was. */
typedef struct {
  TlcServer *server;
  char *name, *path, *endpoint;
} Phoenix;

static void
phoenix_rise (Phoenix *phoenix)
{
  g_autofree char *listen_at = g_strconcat ("unix:", phoenix->path, NULL);

  unlink (phoenix->path);
  phoenix->server = tlc_echo_server (
      (const char *const[]){ "--name", phoenix->name, "--listen", listen_at, NULL });
}

static void
phoenix_init (Phoenix *phoenix, const char *name)
{
  phoenix->name = g_strdup (name);
  phoenix->path = g_strdup_printf ("%s/tlc-test-ejection-%d-%s", g_get_tmp_dir (), (int) getpid (), name);
  phoenix->endpoint = g_strconcat ("unix:", phoenix->path, NULL);
  phoenix_rise (phoenix);
}

static void
phoenix_kill (Phoenix *phoenix)
{
  tlc_server_kill (phoenix->server, SIGKILL);
  tlc_server_stop (g_steal_pointer (&phoenix->server));
}

static void
phoenix_clear (Phoenix *phoenix)
{
  tlc_server_stop (phoenix->server);
  unlink (phoenix->path);
  g_free (phoenix->endpoint);
  g_free (phoenix->path);
  g_free (phoenix->name);
}

static TlcEndpointStats
look_at (TlcService *service, guint i)
{
  g_autofree TlcEndpointStats *stats = NULL;
  guint n;

  stats = tlc_service_get_endpoint_stats (service, &n);
  ck_assert_uint_lt (i, n);
  return stats[i];
}

/* It has that state, now or within the watchdog's time. */
static void
await_state (TlcService *service, guint i, TlcEndpointState state)
{
  for (guint ms = 0; ms < WATCHDOG_MS && look_at (service, i).state != state; ms++)
    g_usleep (1000);
  ck_assert_uint_eq (look_at (service, i).state, state);
}

/* Threads that ask who() answers them, one call after the other. */
#define N_CALLERS 6

typedef struct {
  TlcService *service;
  atomic_bool is_over;
  atomic_uint n_calls, n_failed;
  atomic_uint n_by[3]; /* by the servers "A", "B", "C" */
  pthread_t threads[N_CALLERS];
} Callers;

static void *
callers_main (void *data)
{
  Callers *callers = data;

  while (!atomic_load (&callers->is_over))
    {
      g_autofree char *who = NULL;
      g_autoptr (GError) error = NULL;

      atomic_fetch_add (&callers->n_calls, 1);
      if (identity_if_who (IDENTITY_IF (tlc_echo_client (callers->service)), &who, &error))
        {
          ck_assert (who[0] >= 'A' && who[0] <= 'C');
          atomic_fetch_add (&callers->n_by[who[0] - 'A'], 1);
        }
      else
        {
          ck_assert_msg (error->domain == TLC_ERROR, "%s", error->message);
          atomic_fetch_add (&callers->n_failed, 1);
        }
      g_usleep (500);
    }
  return NULL;
}

static void
callers_start (Callers *callers, TlcService *service)
{
  *callers = (Callers){ .service = service };
  for (guint i = 0; i < N_CALLERS; i++)
    ck_assert_int_eq (pthread_create (&callers->threads[i], NULL, callers_main, callers), 0);
}

static void
callers_join (Callers *callers)
{
  atomic_store (&callers->is_over, TRUE);
  for (guint i = 0; i < N_CALLERS; i++)
    pthread_join (callers->threads[i], NULL);
}

/* So many more calls are answered by that server. */
static void
callers_await (Callers *callers, guint by, guint n)
{
  guint before = atomic_load (&callers->n_by[by]);

  for (guint ms = 0; ms < WATCHDOG_MS && atomic_load (&callers->n_by[by]) < before + n; ms++)
    g_usleep (1000);
  ck_assert_uint_ge (atomic_load (&callers->n_by[by]), before + n);
}

/* Law 4: one of three servers is killed: callers of idempotent methods notice nothing, and it is ejected. When
 * it is back it takes calls again, and each event is told once. */
START_TEST (test_ejection_kill)
{
  TlcRegistry *registry = tlc_registry_new ();
  TlcService *service;
  Phoenix phoenix[3];
  guint64 n_failures;
  Callers callers;
  Told told;

  for (guint i = 0; i < 3; i++)
    phoenix_init (&phoenix[i], (const char *[]){ "A", "B", "C" }[i]);
  told_init (&told, registry);
  registry_must_load (registry,
                      "[echo]\nendpoints=%s %s %s\nretry=idempotent\nidempotent-methods=*\n"
                      "eject-for=100ms\nprobe-interval=20ms\nslow-start=200ms\nretry-budget=100%%\n",
                      phoenix[0].endpoint, phoenix[1].endpoint, phoenix[2].endpoint);
  service = registry_get (registry, "echo");
  callers_start (&callers, service);
  for (guint i = 0; i < 3; i++)
    callers_await (&callers, i, 20);
  phoenix_kill (&phoenix[1]);
  await_state (service, 1, TLC_ENDPOINT_EJECTED);
  ck_assert_uint_ge (look_at (service, 1).failures, 4); /* the first may be a connection that was lost */
  ck_assert_uint_ge (look_at (service, 1).ejections, 1);
  ck_assert_uint_eq (look_at (service, 1).connections, 0);
  /* Long after eject-for no call has been tried there: probes have seen to it. */
  n_failures = look_at (service, 1).failures;
  g_usleep (500000);
  callers_await (&callers, 0, 20);
  ck_assert_uint_eq (look_at (service, 1).failures, n_failures);
  phoenix_rise (&phoenix[1]);
  await_state (service, 1, TLC_ENDPOINT_UP);
  callers_await (&callers, 1, 20);
  callers_join (&callers);
  ck_assert_uint_eq (atomic_load (&callers.n_failed), 0);
  told_must_be (&told, 1, TLC_EVENT_ENDPOINT_EJECTED, 1,
                "service echo: unix:*-B: ejected for * ms after 5 failures in a row, the last: *");
  told_must_be (&told, 2, TLC_EVENT_ENDPOINT_BACK, 1, "service echo: unix:*-B: takes calls again, after * ms");
  told_must_have (&told, 3);
  tlc_registry_unref (registry);
  told_clear (&told, 3);
  for (guint i = 0; i < 3; i++)
    phoenix_clear (&phoenix[i]);
}
END_TEST

/* While an endpoint is ejected no call is tried there, however many threads come. */
START_TEST (test_ejection_leaves_alone)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autofree char *endpoints = g_strdup_printf ("unix:@nobody-listens-here %s", tlc_server_get_endpoint (server));
  TlcService *service = tlc_echo_service (endpoints, PATIENT, "eject-for", "1h", "balance", "ordered", NULL);
  guint64 n_failures;

  for (guint i = 0; i < 10; i++)
    tlc_asker_ask (service, "c");
  /* The threads before them have left them connections that lead elsewhere. */
  for (guint i = 0; i < 5; i++)
    {
      tlc_echo_must_add (service);
      tlc_client_reset (tlc_echo_client (service));
      tlc_echo_must_send_add (tlc_echo_client (service), 1, 2);
      tlc_client_reset (tlc_echo_client (service));
    }
  await_state (service, 0, TLC_ENDPOINT_EJECTED);
  n_failures = look_at (service, 0).failures;
  ck_assert_uint_eq (n_failures, 5);
  for (guint i = 0; i < 20; i++)
    {
      tlc_echo_must_send_add (tlc_echo_client (service), 1, 2);
      tlc_client_reset (tlc_echo_client (service));
    }
  ck_assert_uint_eq (look_at (service, 0).failures, n_failures);
  ck_assert_int_gt (look_at (service, 0).ejected_until_us, g_get_monotonic_time ());
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* Law 5: one that swallows connects costs eject-after dials, and not one for each thread. */
START_TEST (test_ejection_blackhole)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  g_autofree char *endpoints = NULL;
  TlcService *service;
  Blackhole hole;
  TlcStats stats;

  blackhole_init (&hole, AF_INET);
  endpoints = g_strdup_printf ("%s %s", hole.endpoint, tlc_server_get_endpoint (server));
  service = tlc_echo_service (endpoints, "connect-timeout", "60ms", "call-timeout", "20s", "eject-for", "1h",
                              "eject-after", "3", "spare-connections", "0", "balance", "ordered", NULL);
  for (guint i = 0; i < 20; i++)
    tlc_asker_ask (service, "c");
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.connect_failures, 3);
  ck_assert_uint_eq (look_at (service, 0).state, TLC_ENDPOINT_EJECTED);
  tlc_service_unref (service);
  blackhole_clear (&hole);
}
END_TEST

/* Of three servers that are all gone one is ejected, as max-ejected says; calls fail at once while they are,
 * and succeed when they are back. */
START_TEST (test_ejection_of_all)
{
  g_autofree char *endpoints = NULL;
  guint n_ejected = 0;
  TlcService *service;
  Phoenix phoenix[3];

  for (guint i = 0; i < 3; i++)
    phoenix_init (&phoenix[i], (const char *[]){ "A", "B", "C" }[i]);
  endpoints = g_strjoin (" ", phoenix[0].endpoint, phoenix[1].endpoint, phoenix[2].endpoint, NULL);
  service = tlc_echo_service (endpoints, PATIENT, QUICK, "max-ejected", _i == 0 ? "50%" : "100%", NULL);
  tlc_echo_must_add (service);
  for (guint i = 0; i < 3; i++)
    phoenix_kill (&phoenix[i]);
  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT, "Connection refused");
  for (guint n = 0; n < 10; n++)
    {
      guint n_now = 0;

      tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT, "Connection refused");
      for (guint i = 0; i < 3; i++)
        n_now += look_at (service, i).state != TLC_ENDPOINT_UP;
      ck_assert_uint_le (n_now, _i == 0 ? 1 : 3);
      n_ejected = MAX (n_ejected, n_now);
    }
  ck_assert_uint_eq (n_ejected, _i == 0 ? 1 : 3);
  for (guint i = 0; i < 3; i++)
    phoenix_rise (&phoenix[i]);
  tlc_echo_must_add (service);
  tlc_thread_detach ();
  tlc_service_unref (service);
  for (guint i = 0; i < 3; i++)
    phoenix_clear (&phoenix[i]);
}
END_TEST

/* A server that is stopped does not answer: calls that time out eject it; of those that have little time none
 * does. */
START_TEST (test_ejection_by_timeouts)
{
  Phoenix phoenix[2];
  g_autofree char *endpoints = NULL;
  TlcService *service;
  gboolean is_patient = _i == 0;
  siginfo_t info;

  phoenix_init (&phoenix[0], "A");
  phoenix_init (&phoenix[1], "B");
  endpoints = g_strjoin (" ", phoenix[0].endpoint, phoenix[1].endpoint, NULL);
  service = tlc_echo_service (endpoints, "call-timeout", "150ms", "eject-after", "3", "eject-for", "1h",
                              "probe-interval", "1h", "balance", "ordered", NULL);
  tlc_echo_must_add (service);
  tlc_server_kill (phoenix[0].server, SIGSTOP);
  ck_assert_int_eq (waitid (P_PID, (id_t) tlc_server_get_pid (phoenix[0].server), &info, WSTOPPED), 0);
  for (guint i = 0; i < 3; i++)
    {
      if (!is_patient)
        tlc_deadline_push (20);
      tlc_echo_must_fail (service, TLC_ERROR_TIMED_OUT, TLC_DELIVERY_UNKNOWN, "timed out after");
      if (!is_patient)
        tlc_deadline_pop ();
    }
  ck_assert_uint_eq (look_at (service, 0).state, is_patient ? TLC_ENDPOINT_EJECTED : TLC_ENDPOINT_UP);
  ck_assert_uint_eq (look_at (service, 0).failures, is_patient ? 3 : 0);
  tlc_server_kill (phoenix[0].server, SIGCONT);
  tlc_echo_must_add (service);
  tlc_thread_detach ();
  tlc_service_unref (service);
  phoenix_clear (&phoenix[0]);
  phoenix_clear (&phoenix[1]);
}
END_TEST

/* A probe that connects is no answer: what accepts, and then resets whatever is asked, is tried by one call at a
 * time, which goes elsewhere then. */
typedef struct {
  int listener;
  atomic_uint n_probed, n_asked;
  atomic_bool is_over;
  pthread_t thread;
  char *endpoint;
} Liar;

static void *
liar_main (void *data)
{
  Liar *liar = data;
  int fd;

  while ((fd = accept (liar->listener, NULL, NULL)) >= 0 && !atomic_load (&liar->is_over))
    {
      struct linger at_once = { 1, 0 };
      char byte;

      atomic_fetch_add (recv (fd, &byte, 1, 0) > 0 ? &liar->n_asked : &liar->n_probed, 1);
      setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      close (fd);
    }
  return NULL;
}

static void
liar_init (Liar *liar)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;

  *liar = (Liar){ .listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
  ck_assert_int_eq (bind (liar->listener, (struct sockaddr *) &address, length), 0);
  ck_assert_int_eq (listen (liar->listener, 64), 0);
  ck_assert_int_eq (getsockname (liar->listener, (struct sockaddr *) &address, &length), 0);
  liar->endpoint = g_strdup_printf ("tcp://127.0.0.1:%u", ntohs (address.sin_port));
  ck_assert_int_eq (pthread_create (&liar->thread, NULL, liar_main, liar), 0);
}

static void
liar_clear (Liar *liar)
{
  atomic_store (&liar->is_over, TRUE);
  shutdown (liar->listener, SHUT_RDWR);
  pthread_join (liar->thread, NULL);
  close (liar->listener);
  g_free (liar->endpoint);
}

START_TEST (test_ejection_liar)
{
  g_autoptr (TlcServer) server = tlc_echo_server ((const char *const[]){ "--name", "A", NULL });
  g_autofree char *endpoints = NULL;
  TlcService *service;
  Callers callers;
  Liar liar;
  guint n_asked;

  liar_init (&liar);
  endpoints = g_strjoin (" ", liar.endpoint, tlc_server_get_endpoint (server), NULL);
  service = tlc_echo_service (endpoints, PATIENT, QUICK, IDEMPOTENT, "retry-budget", "100%", NULL);
  callers_start (&callers, service);
  for (guint ms = 0; ms < WATCHDOG_MS && look_at (service, 0).ejections < 4; ms++)
    g_usleep (1000);
  callers_join (&callers);
  ck_assert_uint_ge (look_at (service, 0).ejections, 4);
  ck_assert_uint_eq (atomic_load (&callers.n_failed), 0);
  n_asked = atomic_load (&liar.n_asked);
  ck_assert_uint_gt (atomic_load (&liar.n_probed), 0);
  /* eject-after, and who was on the way then; after that each trial is one. */
  ck_assert_uint_le (n_asked, 5 + N_CALLERS + look_at (service, 0).ejections);
  tlc_service_unref (service);
  liar_clear (&liar);
}
END_TEST

/* A server that closes connections when they are idle is well. */
START_TEST (test_ejection_not_for_idleness)
{
  Phoenix phoenix[2];
  g_autofree char *endpoints = NULL;
  TlcService *service;

  phoenix_init (&phoenix[0], "A");
  phoenix_init (&phoenix[1], "B");
  endpoints = g_strjoin (" ", phoenix[0].endpoint, phoenix[1].endpoint, NULL);
  service = tlc_echo_service (endpoints, PATIENT, "eject-after", "1", "eject-for", "1h", "check-after-idle", "1h",
                              "balance", "ordered", NULL);
  for (guint i = 0; i < 5; i++)
    {
      tlc_echo_must_add (service);
      phoenix_kill (&phoenix[0]);
      phoenix_rise (&phoenix[0]);
      /* Lost when it is sent, or when it is to be answered; which is no fault of the server there is. */
      if (!echo_if_add (tlc_echo_client (service), &(gint32){ 0 }, 1, 2, NULL))
        tlc_echo_must_add (service);
    }
  ck_assert_uint_eq (look_at (service, 0).failures, 0);
  tlc_thread_detach ();
  tlc_service_unref (service);
  phoenix_clear (&phoenix[0]);
  phoenix_clear (&phoenix[1]);
}
END_TEST

/* Who only sends oneways has a trial end, too. */
START_TEST (test_ejection_oneway)
{
  Phoenix phoenix[2];
  g_autofree char *endpoints = NULL;
  TlcService *service;

  phoenix_init (&phoenix[0], "A");
  phoenix_init (&phoenix[1], "B");
  endpoints = g_strjoin (" ", phoenix[0].endpoint, phoenix[1].endpoint, NULL);
  service = tlc_echo_service (endpoints, PATIENT, QUICK, "eject-after", "1", "balance", "ordered", NULL);
  ck_assert (echo_if_note (tlc_echo_client (service), "1", NULL));
  phoenix_kill (&phoenix[0]);
  for (guint i = 0; i < 10; i++)
    echo_if_note (tlc_echo_client (service), "2", NULL);
  ck_assert_uint_eq (look_at (service, 0).ejections, 1);
  phoenix_rise (&phoenix[0]);
  for (guint ms = 0; ms < WATCHDOG_MS && look_at (service, 0).state != TLC_ENDPOINT_UP; ms++)
    {
      ck_assert (echo_if_note (tlc_echo_client (service), "3", NULL));
      g_usleep (1000);
    }
  ck_assert_uint_eq (look_at (service, 0).state, TLC_ENDPOINT_UP);
  tlc_thread_detach ();
  tlc_service_unref (service);
  phoenix_clear (&phoenix[0]);
  phoenix_clear (&phoenix[1]);
}
END_TEST

/* ordered, in earnest: to the back-up when the first is gone, and back. */
START_TEST (test_ejection_ordered)
{
  Phoenix phoenix[2];
  g_autofree char *endpoints = NULL;
  TlcService *service;
  Callers callers;

  phoenix_init (&phoenix[0], "A");
  phoenix_init (&phoenix[1], "B");
  endpoints = g_strjoin (" ", phoenix[0].endpoint, phoenix[1].endpoint, NULL);
  service = tlc_echo_service (endpoints, PATIENT, QUICK, IDEMPOTENT, "balance", "ordered", "retry-budget",
                              "100%", NULL);
  callers_start (&callers, service);
  callers_await (&callers, 0, 50);
  ck_assert_uint_eq (atomic_load (&callers.n_by[1]), 0);
  phoenix_kill (&phoenix[0]);
  callers_await (&callers, 1, 50);
  phoenix_rise (&phoenix[0]);
  for (guint ms = 0; ms < WATCHDOG_MS && look_at (service, 1).connections > 0; ms++)
    g_usleep (1000);
  ck_assert_uint_eq (look_at (service, 1).connections, 0);
  callers_await (&callers, 0, 50);
  callers_join (&callers);
  ck_assert_uint_eq (atomic_load (&callers.n_failed), 0);
  tlc_service_unref (service);
  phoenix_clear (&phoenix[0]);
  phoenix_clear (&phoenix[1]);
}
END_TEST

/* The thread sanitizer does not follow the threads of a child. */
#ifdef TLC_TEST_THREAD_SANITIZER
#define FOLLOWS_CHILDREN FALSE
#else
#define FOLLOWS_CHILDREN TRUE
#endif
#define WITH_FORK 1

/* Law 7: an endpoint that is probed is removed, or the service closed, or the process forked: nothing stays
 * open, and the child finds for itself that the server is back. */
START_TEST (test_ejection_ends)
{
  guint fds = tlc_process_count_fds ();
  g_autofree char *endpoints = NULL;
  Phoenix phoenix[2];
  TlcService *service;
  int status = -1;
  Blackhole hole;

  blackhole_init (&hole, AF_INET);
  phoenix_init (&phoenix[0], "A");
  phoenix_init (&phoenix[1], "B");
  endpoints = g_strjoin (" ", phoenix[0].endpoint, hole.endpoint, phoenix[1].endpoint, NULL);
  service = tlc_echo_service (endpoints, "connect-timeout", "600ms", "eject-after", "1", "eject-for", "1h",
                              "probe-interval", "10ms", "max-ejected", "100%", "balance", "ordered", "slow-start",
                              "0", NULL);
  phoenix_kill (&phoenix[0]);
  tlc_echo_must_add (service); /* by the last: the first refused, the second had its share */
  tlc_thread_detach ();
  ck_assert_uint_eq (look_at (service, 0).state, TLC_ENDPOINT_EJECTED);
  ck_assert_uint_eq (look_at (service, 1).state, TLC_ENDPOINT_EJECTED);
  g_usleep (100000); /* the hole is being probed by now */
  if (_i == 0)
    tlc_echo_reconfigure (service, phoenix[1].endpoint, NULL);
  else if (_i == WITH_FORK)
    {
      pid_t child = fork ();

      if (child == 0)
        {
          struct stat file;
          int files[32]; /* they have the numbers that the parent's sockets had */

          for (guint i = 0; i < G_N_ELEMENTS (files); i++)
            files[i] = open ("/dev/null", O_WRONLY | O_CLOEXEC);
          phoenix_rise (&phoenix[0]);
          for (guint ms = 0; ms < WATCHDOG_MS && look_at (service, 0).state == TLC_ENDPOINT_EJECTED; ms++)
            {
              g_usleep (1000);
              if (ms == 0)
                tlc_echo_must_add (service); /* its keeper */
            }
          g_usleep (700000); /* the hole has been probed */
          status = look_at (service, 0).state == TLC_ENDPOINT_EJECTED;
          for (guint i = 0; i < G_N_ELEMENTS (files); i++)
            status |= fstat (files[i], &file) != 0 || !S_ISCHR (file.st_mode);
          tlc_server_stop (phoenix[0].server);
          _exit (status);
        }
      ck_assert_int_eq (waitpid (child, &status, 0), child);
      ck_assert_int_eq (status, 0);
    }
  tlc_service_unref (service);
  phoenix_clear (&phoenix[0]);
  phoenix_clear (&phoenix[1]);
  blackhole_clear (&hole);
  ck_assert_uint_eq (tlc_process_count_fds (), fds);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("ejection");
  TCase *tests = tcase_create ("ejection");

  tcase_set_timeout (tests, 120);
  tcase_add_test (tests, test_ejection_kill);
  tcase_add_test (tests, test_ejection_leaves_alone);
  tcase_add_test (tests, test_ejection_blackhole);
  tcase_add_loop_test (tests, test_ejection_of_all, 0, 2);
  tcase_add_loop_test (tests, test_ejection_by_timeouts, 0, 2);
  tcase_add_test (tests, test_ejection_liar);
  tcase_add_test (tests, test_ejection_not_for_idleness);
  tcase_add_test (tests, test_ejection_oneway);
  tcase_add_test (tests, test_ejection_ordered);
  for (int i = 0; i < 3; i++)
    if (i != WITH_FORK || FOLLOWS_CHILDREN)
      tcase_add_loop_test (tests, test_ejection_ends, i, i + 1);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
