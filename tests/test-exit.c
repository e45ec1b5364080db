/* SPDX-License-Identifier: Apache-2.0 */

/* The end of a process while its threads are in calls, and while handlers of its own still call: it ends,
 * with the status that it was given. Laws 5 and 7.
 *
 * The process is a child of the test, forked while there is one thread; what it finds wrong is a status
 * of its own. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/tlc-echo.h"
#include "support/tlc-family.h"

#define N_CALLING 4
#define N_ACTS 20
#define STATUS 7

#ifdef TLC_TEST_SANITIZER
#define N_PROCESSES 5
#else
#define N_PROCESSES 25
#endif

/* A thread that has ended and is not joined when the process exits is no fault here. */
#ifdef TLC_TEST_THREAD_SANITIZER
const char *__tsan_default_options (void);
const char *
__tsan_default_options (void)
{
  return "report_thread_leaks=0";
}
#endif

static TlcFamily process;
static atomic_uint n_acts[N_CALLING + 3];

static atomic_bool is_closed;

/* Until the process ends, or the service does. */
static void
act_for_ever (guint i, void (*act) (void))
{
  while (!is_closed)
    {
      act ();
      atomic_fetch_add (&n_acts[i], 1);
    }
}

/* Whatever is not so is told by the status. */
static void
must (gboolean is_so, const char *what, const GError *error)
{
  if (!is_so && !g_error_matches (error, TLC_ERROR, TLC_ERROR_CLOSED))
    {
      tlc_family_complain (what, error);
      _exit (1);
    }
}

static void
call (void)
{
  g_autoptr (GError) error = NULL;
  gpointer client = tlc_service_get_client (process.service, &error);
  gint32 sum;
  gboolean is_answered = client != NULL && echo_if_add (client, &sum, 1, 2, &error);

  must (is_answered, "call", error);
}

static void *
call_once (void *data)
{
  call ();
  return NULL;
}

static void
have_another_call (void)
{
  pthread_t thread;

  if (pthread_create (&thread, NULL, call_once, NULL) == 0)
    pthread_join (thread, NULL);
}

static void
change (void)
{
  static atomic_uint i;
  g_autoptr (TlcConfig) config = tlc_family_make_config (process.endpoint, 60 + ++i % 7);
  g_autoptr (GError) error = NULL;
  gboolean is_changed = tlc_config_set (config, "close-timeout", "50ms", &error)
                        && tlc_service_reconfigure (process.service, config, &error);

  must (is_changed, "change", error);
}

static void
wait_for_a_reply (void)
{
  gint32 value;

  atomic_store (&n_acts[N_CALLING + 2], N_ACTS); /* this one does not come back */
  echo_if_take (ECHO_IF (tlc_service_get_client (process.service, NULL)), &value, 30000, 1, NULL);
}

static void *
calling_main (void *data)
{
  guint i = GPOINTER_TO_UINT (data);

  act_for_ever (i, i < N_CALLING        ? call
                   : i == N_CALLING     ? have_another_call
                   : i == N_CALLING + 1 ? change
                                        : wait_for_a_reply);
  return NULL;
}

/* Until all are in the midst of it. */
static void
live_in_the_bustle (TlcFamily *family)
{
  pthread_t thread;

  process.endpoint = family->endpoint;
  process.service = tlc_echo_service (family->endpoint, "call-timeout", "50s", "close-timeout", "50ms", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (n_acts); i++)
    if (pthread_create (&thread, NULL, calling_main, GUINT_TO_POINTER (i)) != 0
        || pthread_detach (thread) != 0)
      _exit (1);
  for (guint i = 0; i < G_N_ELEMENTS (n_acts); i++)
    while (n_acts[i] < N_ACTS)
      call ();
}

static gboolean
exit_in_the_bustle (TlcFamily *family)
{
  live_in_the_bustle (family);
  exit (STATUS);
}

static void *
exit_elsewhere (void *data)
{
  call ();
  exit (STATUS);
}

/* By another thread than the first, which waits for it. */
static gboolean
have_another_exit (TlcFamily *family)
{
  pthread_t thread;

  live_in_the_bustle (family);
  if (pthread_create (&thread, NULL, exit_elsewhere, NULL) == 0)
    pthread_join (thread, NULL);
  return FALSE;
}

static void
call_and_change_at_exit (void)
{
  TlcStats stats;

  call ();
  change ();
  tlc_service_get_stats (process.service, &stats);
  must (stats.calls > 0, "statistics", NULL);
}

/* As a careful program would; others go on calling. */
static void
close_at_exit (void)
{
  call_and_change_at_exit ();
  tlc_service_close (process.service);
  is_closed = TRUE;
  tlc_thread_detach ();
  call ();
}

static gboolean
call_at_exit (TlcFamily *family)
{
  atexit (call_and_change_at_exit);
  return exit_in_the_bustle (family);
}

static gboolean
call_and_close_at_exit (TlcFamily *family)
{
  atexit (close_at_exit);
  return exit_in_the_bustle (family);
}

/* The first thread is gone, its client with it; the process goes on without. */
static void *
exit_without_the_first (void *first)
{
  pthread_join (*(pthread_t *) first, NULL);
  for (guint i = 0; i < N_ACTS; i++)
    call ();
  exit (STATUS);
}

static gboolean
leave_it_to_others (TlcFamily *family)
{
  static pthread_t first;
  pthread_t thread;

  first = pthread_self ();
  live_in_the_bustle (family);
  if (pthread_create (&thread, NULL, exit_without_the_first, &first) == 0)
    pthread_exit (NULL);
  return FALSE;
}

/* The last is not for sanitizers: to the one for addresses what libcheck keeps in the first thread's stack
 * is lost with it, and the one for threads does not know that this one can be joined. */
static gboolean (*const ends[]) (TlcFamily *family)
    = { exit_in_the_bustle, have_another_exit, call_at_exit, call_and_close_at_exit, leave_it_to_others };

#ifdef TLC_TEST_SANITIZER
#define N_ENDS (G_N_ELEMENTS (ends) - 1)
#else
#define N_ENDS G_N_ELEMENTS (ends)
#endif

/* Law 7: a process that exits while its threads call, change, come and go ends with its own status, by
 * whatever thread, whatever its exit handlers call. */
START_TEST (test_exit_row_44_in_the_bustle)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcFamily family = { tlc_server_get_endpoint (server), NULL };

  for (guint i = 0; i < N_PROCESSES; i++)
    ck_assert_int_eq (tlc_family_raise_child (ends[_i], &family), STATUS);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("exit");
  TCase *tests = tcase_create ("exit");

  tcase_add_loop_test (tests, test_exit_row_44_in_the_bustle, 0, N_ENDS);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
