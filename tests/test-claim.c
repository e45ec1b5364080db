/* SPDX-License-Identifier: Apache-2.0 */

/* Calls by way of a seat that is not their own: how long they wait for it, by which settings they go
 * then, what they know of the connection that they find in it, and whom they blame where they find
 * none. test-queue.c has who is next. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tlc-harness.h"
#include "support/tlc-holder.h"
#include "support/tlc-pair.h"

enum { EVENT_CUT };

/* --- nothing to be had --- */

typedef struct {
  TlcService *service;
  GError *error;
} Loser;

static void *
fail_to_add (void *data)
{
  Loser *loser = data;
  gint32 sum;

  ck_assert (!echo_if_add (tlc_echo_client (loser->service), &sum, 1, 2, &loser->error));
  return NULL;
}

/* Whether the longest of two claims is said to be @thread's, by a call that finds all taken. */
static void
must_blame (TlcService *service, gint32 thread)
{
  g_autofree char *pattern = g_strdup_printf (
      "echo.add: no connection within claim-timeout = 30 ms: 2 open, 2 busy, 0 waiting; the longest "
      "claim is thread %d (*)'s, for * ms (not sent)",
      thread);
  Loser loser = { .service = service };

  tlc_holder_elsewhere (fail_to_add, &loser);
  ck_assert_msg (g_error_matches (loser.error, TLC_ERROR, TLC_ERROR_EXHAUSTED), "%s",
                 loser.error->message);
  ck_assert_msg (g_pattern_match_simple (pattern, loser.error->message), "no \"%s\": %s", pattern,
                 loser.error->message);
  g_error_free (loser.error);
}

/* Who is blamed is who came first, be it by a call or by a hold, which is as old as it is, and not as old
 * as the connection. */
START_TEST (test_claim_blames_who_came_first)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "2",
                                          "claim-timeout", "30ms", NULL);
  TlcTake take;

  if (_i == 0)
    tlc_echo_must_add (service);
  else
    tlc_holder_hold (service);
  tlc_take_start (&take, service, 1000);
  if (_i == 0)
    tlc_holder_hold (service);
  must_blame (service, _i == 0 ? take.thread_id : gettid ());
  tlc_take_join (&take);
  tlc_holder_release (service);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* Law 5: a call that may wait for longer than it may take waits no longer than that; and it, too, says
 * who has what it waited for, as does one that may not wait at all. */
START_TEST (test_claim_waits_within_its_call)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1",
                                          "claim-timeout", "10h", "call-timeout", "30ms",
                                          "max-waiting", _i == 0 ? "1" : "0", NULL);
  g_autofree char *pattern = g_strdup_printf (
      "echo.add: %s: 1 open, 1 busy, 0 waiting; the longest claim is thread %d (*)'s, for * ms (not sent)",
      _i == 0 ? "timed out after 30 ms, waiting for a connection"
              : "no connection, and as many calls wait for one as max-waiting = 0 allows",
      gettid ());
  Loser loser = { .service = service };

  tlc_holder_hold (service);
  tlc_holder_elsewhere (fail_to_add, &loser);
  ck_assert_msg (g_error_matches (loser.error, TLC_ERROR,
                                  _i == 0 ? TLC_ERROR_TIMED_OUT : TLC_ERROR_EXHAUSTED),
                 "%s", loser.error->message);
  ck_assert_msg (g_pattern_match_simple (pattern, loser.error->message), "%s", loser.error->message);
  g_error_free (loser.error);
  tlc_holder_release (service);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* --- what was waited for --- */

/* A thread that makes a call, which tells it the settings, or holds; and makes one more when it is told. */
typedef struct {
  TlcService *service;
  gboolean (*call) (EchoIf *echo, GError **error);
  gboolean holds;
  gboolean is_good;
  GError *error;
  pthread_barrier_t ready, go;
  pthread_t thread;
} Comer;

static void *
comer_main (void *data)
{
  Comer *comer = data;
  EchoIf *echo = tlc_echo_client (comer->service);

  if (comer->holds)
    tlc_holder_hold (comer->service);
  else
    tlc_echo_must_add (comer->service);
  pthread_barrier_wait (&comer->ready);
  pthread_barrier_wait (&comer->go);
  comer->is_good = comer->call (echo, &comer->error);
  if (comer->holds)
    tlc_holder_release (comer->service);
  return NULL;
}

static void
comer_start (Comer *comer, TlcService *service, gboolean holds,
             gboolean (*call) (EchoIf *echo, GError **error))
{
  *comer = (Comer){ .service = service, .holds = holds, .call = call };
  pthread_barrier_init (&comer->ready, NULL, 2);
  pthread_barrier_init (&comer->go, NULL, 2);
  ck_assert_int_eq (pthread_create (&comer->thread, NULL, comer_main, comer), 0);
  pthread_barrier_wait (&comer->ready);
}

/* Returns when its call waits. */
static void
comer_go (Comer *comer)
{
  pthread_barrier_wait (&comer->go);
  tlc_holder_await_waiting (comer->service, 1);
}

static void
comer_end (Comer *comer)
{
  ck_assert_int_eq (pthread_join (comer->thread, NULL), 0);
  pthread_barrier_destroy (&comer->ready);
  pthread_barrier_destroy (&comer->go);
}

#define PATIENT "max-connections", "1", "claim-timeout", "20s", "call-timeout", "20s"

static gboolean
echo_much (EchoIf *echo, GError **error)
{
  g_autofree char *text = g_strnfill (5000, 'x');
  g_autofree char *back = NULL;

  return echo_if_echo_string (echo, &back, text, error);
}

/* A request that was written by settings that are in force no more, when it begins to wait or when it is
 * its turn, is not sent by who gives the connection away: it may be too large now. */
START_TEST (test_claim_goes_by_the_new_settings)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  const char *at = tlc_server_get_endpoint (server);
  TlcService *service = tlc_echo_service (at, PATIENT, NULL);
  Comer comer;

  comer_start (&comer, service, FALSE, echo_much);
  tlc_holder_hold (service);
  if (_i == 1)
    comer_go (&comer);
  tlc_echo_reconfigure (service, at, PATIENT, "max-message-size", "4KiB", NULL);
  if (_i == 0)
    comer_go (&comer);
  tlc_holder_release (service);
  comer_end (&comer);
  ck_assert (!comer.is_good);
  ck_assert_msg (g_error_matches (comer.error, TLC_ERROR, TLC_ERROR_MESSAGE_TOO_LARGE), "%s",
                 comer.error->message);
  ck_assert_int_eq (tlc_error_get_delivery (comer.error), TLC_DELIVERY_NOT_SENT);
  g_error_free (comer.error);
  tlc_echo_must_add (service);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

static gboolean
note (EchoIf *echo, GError **error)
{
  return echo_if_note (echo, "note", error);
}

/* Law 4: nobody answers a oneway, so it looks before it goes: where the peer has closed what it waited
 * for, it goes over another connection, and is not lost. */
START_TEST (test_claim_of_a_oneway_looks)
{
  TlcHarness harness;
  Comer comer;
  int fd;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_await (harness.script, EVENT_CUT);
  tlc_script_close (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, PATIENT, "check-after-idle", "1h", NULL);
  comer_start (&comer, harness.service, FALSE, note);
  tlc_holder_hold (harness.service);
  fd = tlc_harness_find_socket (&harness);
  comer_go (&comer);
  tlc_script_signal (harness.script, EVENT_CUT);
  ck_assert (tlc_harness_wait_hung_up (fd));
  tlc_holder_release (harness.service);
  comer_end (&comer);
  ck_assert (comer.is_good);
  ck_assert (tlc_script_wait_requests (harness.script, 2));
  tlc_harness_end (&harness);
}
END_TEST

static gboolean
take_for_long (EchoIf *echo, GError **error)
{
  gint32 value;

  return echo_if_take (echo, &value, 15000, 7, error);
}

static void
kill_server (TlcServer *server)
{
  siginfo_t info;

  tlc_server_kill (server, SIGKILL);
  ck_assert_int_eq (waitid (P_PID, (id_t) tlc_server_get_pid (server), &info, WEXITED | WNOWAIT), 0);
}

/* The error of a call whose request another thread has sent says where it went, which is not where the
 * thread's last call did. */
START_TEST (test_claim_says_where)
{
  TlcServer *first = tlc_holder_server ("A"), *second = tlc_holder_server ("B");
  g_autofree char *endpoints = g_strdup_printf ("%s %s", tlc_server_get_endpoint (first),
                                                tlc_server_get_endpoint (second));
  TlcService *service = tlc_echo_service (endpoints, PATIENT, "check-after-idle", "1h", "balance", "ordered",
                                          NULL);
  Comer comer;

  comer_start (&comer, service, FALSE, take_for_long);
  kill_server (first);
  tlc_holder_hold (service);
  tlc_holder_must_meet (service, "B#1");
  comer_go (&comer);
  tlc_holder_release (service);
  kill_server (second);
  comer_end (&comer);
  ck_assert_msg (g_error_matches (comer.error, TLC_ERROR, TLC_ERROR_CONNECTION_LOST), "%s",
                 comer.error->message);
  ck_assert_int_eq (tlc_error_get_delivery (comer.error), TLC_DELIVERY_UNKNOWN);
  ck_assert_msg (strstr (comer.error->message, tlc_server_get_endpoint (second)) != NULL, "%s",
                 comer.error->message);
  g_error_free (comer.error);
  tlc_thread_detach ();
  tlc_service_unref (service);
  tlc_server_stop (first);
  tlc_server_stop (second);
}
END_TEST

/* --- what comes between --- */

static sem_t stopped;
static int resume_fds[2];

/* The thread is stopped here until one byte comes. */
static void
stop_here (int signal_number)
{
  int saved_errno = errno;
  char byte;

  sem_post (&stopped);
  while (read (resume_fds[0], &byte, 1) < 0)
    ;
  errno = saved_errno;
}

/* System calls that it interrupts are not restarted. */
static void
prepare_to_stop (void)
{
  struct sigaction action = { .sa_handler = stop_here };

  sem_init (&stopped, 0, 0);
  ck_assert_int_eq (pipe2 (resume_fds, O_CLOEXEC), 0);
  ck_assert_int_eq (sigaction (SIGUSR1, &action, NULL), 0);
}

static void
comer_stop (Comer *comer)
{
  ck_assert_int_eq (pthread_kill (comer->thread, SIGUSR1), 0);
  while (sem_wait (&stopped) != 0)
    ;
}

static void
comer_resume (void)
{
  ck_assert_int_eq (write (resume_fds[1], "", 1), 1);
}

/* Law 5: a signal that interrupts the wait does not end it. */
START_TEST (test_claim_waits_on_after_a_signal)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), PATIENT, NULL);
  Comer comer;

  prepare_to_stop ();
  comer_start (&comer, service, FALSE, tlc_harness_add);
  tlc_holder_hold (service);
  comer_go (&comer);
  for (guint i = 0; i < 10; i++)
    {
      comer_stop (&comer);
      comer_resume ();
    }
  tlc_holder_await_waiting (service, 1);
  tlc_holder_release (service);
  comer_end (&comer);
  ck_assert_msg (comer.is_good, "%s", comer.error != NULL ? comer.error->message : "wrong");
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

static gboolean
ask_a (EchoIf *echo, GError **error)
{
  g_autofree char *who = NULL;

  return identity_if_who (IDENTITY_IF (echo), &who, error) && g_strcmp0 (who, "A") == 0;
}

/* Laws 2 and 3: a request that another thread has sent is in flight, though its own thread, which sleeps
 * still, does not know: a change between leaves it where it is. */
START_TEST (test_claim_sent_for_a_sleeper_stays)
{
  TlcPair pair;
  Comer comer;

  prepare_to_stop ();
  tlc_pair_init (&pair);
  tlc_echo_reconfigure (pair.service, pair.at_a, PATIENT, NULL);
  comer_start (&comer, pair.service, FALSE, ask_a);
  tlc_holder_hold (pair.service);
  comer_go (&comer);
  comer_stop (&comer);
  tlc_holder_release (pair.service);
  tlc_echo_reconfigure (pair.service, pair.at_b, PATIENT, NULL);
  comer_resume ();
  comer_end (&comer);
  ck_assert_msg (comer.is_good, "%s", comer.error != NULL ? comer.error->message : "not by A");
  tlc_holder_must_meet (pair.service, "B");
  tlc_pair_clear (&pair);
}
END_TEST

/* Law 9: a thread that is cancelled while it waits goes at once, and takes nothing with it: whoever comes
 * next gets what it waited for. */
START_TEST (test_claim_cancelled)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "max-connections", "1",
                                          "claim-timeout", "10m", "call-timeout", "10m", NULL);
  TlcStats stats;
  Comer comer;

  comer_start (&comer, service, FALSE, tlc_harness_ping);
  tlc_holder_hold (service);
  comer_go (&comer);
  ck_assert_int_eq (pthread_cancel (comer.thread), 0);
  comer_end (&comer);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.waiting, 0);
  tlc_holder_release (service);
  tlc_echo_must_add (service);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.waiting, 0);
  ck_assert_uint_eq (stats.connections_busy, 0);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

/* --- what was stolen --- */

#define LOOK_AFTER_MS 300

/* Law 4: a connection that is stolen has rested since its own thread's last call, not the thief's: after
 * check-after-idle it is looked at, and not used where its peer has closed it. */
START_TEST (test_claim_of_what_rested_looks)
{
  TlcHarness harness;
  Comer owner, holder;
  TlcStats stats;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_harness_then_serve (&harness);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  tlc_script_close (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "max-connections", "2", "check-after-idle",
                     G_STRINGIFY (LOOK_AFTER_MS) "ms", NULL);
  tlc_echo_must_add (harness.service);
  comer_start (&owner, harness.service, FALSE, tlc_harness_add);
  g_usleep ((LOOK_AFTER_MS + 20) * 1000); /* the time is what is tested */
  tlc_echo_must_add (harness.service);
  /* The first is held, so that this thread takes the second. */
  comer_start (&holder, harness.service, TRUE, tlc_harness_add);
  tlc_echo_must_add (harness.service);
  tlc_service_get_stats (harness.service, &stats);
  ck_assert_uint_eq (stats.stolen, 2);
  ck_assert_uint_eq (stats.connects, 3);
  ck_assert_uint_eq (stats.failures, 0);
  pthread_barrier_wait (&owner.go);
  comer_end (&owner);
  pthread_barrier_wait (&holder.go);
  comer_end (&holder);
  tlc_harness_end (&harness);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("claim");
  TCase *tests = tcase_create ("claim");

  tcase_set_timeout (tests, 60);
  tcase_add_loop_test (tests, test_claim_blames_who_came_first, 0, 2);
  tcase_add_loop_test (tests, test_claim_waits_within_its_call, 0, 2);
  tcase_add_loop_test (tests, test_claim_goes_by_the_new_settings, 0, 2);
  tcase_add_test (tests, test_claim_of_a_oneway_looks);
  tcase_add_test (tests, test_claim_says_where);
  tcase_add_test (tests, test_claim_waits_on_after_a_signal);
  tcase_add_test (tests, test_claim_sent_for_a_sleeper_stays);
  tcase_add_test (tests, test_claim_cancelled);
  tcase_add_test (tests, test_claim_of_what_rested_looks);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
