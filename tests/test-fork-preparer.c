/* SPDX-License-Identifier: Apache-2.0 */

/* Who prepares liburcu for fork(): the program, before the library or after it, or the library; exactly
 * one of them. Law 7.
 *
 * What hangs where it is done twice, or not at all, is a child of the test, which is not waited for longer
 * than the watchdog. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <urcu/urcu-bp.h>

#include "support/tlc-early-host.h"
#include "support/tlc-echo.h"
#include "support/tlc-family.h"

#define N_FORKS 5

/* The child of a process with several threads starts some; see test-fork.c. */
#ifdef TLC_TEST_THREAD_SANITIZER
const char *__tsan_default_options (void);
const char *
__tsan_default_options (void)
{
  return "die_after_fork=0";
}
#endif

/* A service of its own. */
static gboolean
live (TlcFamily *family)
{
  g_autoptr (TlcConfig) config = tlc_family_make_config (family->endpoint, 60);
  g_autoptr (GError) error = NULL;
  g_autoptr (TlcService) service = tlc_service_new ("own", TYPE_ECHO_CLIENT, config, &error);

  if (service == NULL)
    return tlc_family_complain ("service", error);
  return tlc_family_call (service) && tlc_family_reconfigure (service, family->endpoint, 1)
         && tlc_family_call (service);
}

/* Children, one after the other, while nothing of the parent's is open; and calls of the parent's. */
static gboolean
live_and_have_children (TlcFamily *family)
{
  for (guint i = 0; i < N_FORKS; i++)
    if (tlc_family_raise_child (live, family) != 0 || !live (family))
      return FALSE;
  return TRUE;
}

/* --- the program prepares --- */

static gboolean
be_an_early_host (TlcFamily *family)
{
  tlc_fork_set_preparer (TLC_FORK_PREPARER_HOST);
  tlc_early_host_prepares = true;
  return live_and_have_children (family);
}

static gboolean
be_a_late_host (TlcFamily *family)
{
  tlc_late_host_register ();
  tlc_fork_set_preparer (TLC_FORK_PREPARER_HOST);
  tlc_late_host_prepares = true;
  return live_and_have_children (family);
}

/* Unannounced: its handlers are seen at work. */
static gboolean
be_a_late_host_unannounced (TlcFamily *family)
{
  tlc_late_host_register ();
  tlc_late_host_prepares = true;
  return live_and_have_children (family);
}

static gboolean (*const hosts[]) (TlcFamily *family)
    = { be_an_early_host, be_a_late_host, be_a_late_host_unannounced };

/* Law 5: a host program that has handlers of its own for liburcu forks and goes on, and so do its
 * children, whether it registered them before the library was loaded or after. */
START_TEST (test_fork_preparer_row_32_host)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcFamily family = { tlc_server_get_endpoint (server), NULL };

  ck_assert_int_eq (tlc_family_raise_child (hosts[_i], &family), 0);
}
END_TEST

/* --- the library prepares --- */

static void *
read_and_wait (void *data)
{
  pthread_barrier_t *barrier = data;

  urcu_bp_read_lock ();
  pthread_barrier_wait (barrier);
  pthread_barrier_wait (barrier);
  urcu_bp_read_unlock ();
  return NULL;
}

/* Waits for readers, of which there are none in the child: where nobody told liburcu so, for ever. */
static gboolean
synchronize (TlcFamily *family)
{
  urcu_bp_synchronize_rcu ();
  return TRUE;
}

/* Law 5: the child of a program that forks with all signals blocked, and says that this means nothing,
 * finds liburcu without its parent's readers. */
START_TEST (test_fork_preparer_row_32_all_blocked)
{
  pthread_barrier_t barrier;
  sigset_t all;
  pthread_t reader;

  pthread_barrier_init (&barrier, NULL, 2);
  ck_assert_int_eq (pthread_create (&reader, NULL, read_and_wait, &barrier), 0);
  pthread_barrier_wait (&barrier);
  sigfillset (&all);
  ck_assert_int_eq (pthread_sigmask (SIG_SETMASK, &all, NULL), 0);
  tlc_fork_set_preparer (TLC_FORK_PREPARER_TLC);
  ck_assert_int_eq (tlc_family_raise_child (synchronize, NULL), 0);
  pthread_barrier_wait (&barrier);
  pthread_join (reader, NULL);
  pthread_barrier_destroy (&barrier);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("fork-preparer");
  TCase *tests = tcase_create ("fork-preparer");

  tcase_add_loop_test (tests, test_fork_preparer_row_32_host, 0, G_N_ELEMENTS (hosts));
  tcase_add_test (tests, test_fork_preparer_row_32_all_blocked);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
