/* SPDX-License-Identifier: Apache-2.0 */

/* fork(): the child has none of the library's threads, and starts its own; parent and child go on
 * without one another. Law 7.
 *
 * Children tell by their exit status how they fared, on standard error why, and run no assertions
 * of libcheck. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include <urcu/urcu-bp.h>

#include "support/tlc-echo.h"
#include "support/tlc-family.h"
#include "support/tlc-process.h"

/* More than the snapshots that may await their grace period: without a keeper the next would
 * wait. */
#define N_CHANGES 200

#ifdef TLC_TEST_SANITIZER
#define N_FORKS 5
#else
#define N_FORKS 30
#endif

/* Address sanitizer (clang 14) does not take its allocator's locks before a fork(): where another
 * thread of the parent, such as the keeper, is in malloc() then, the child waits for ever. So it
 * sees those tests alone in which there is no such thread. */
#ifdef TLC_TEST_ADDRESS_SANITIZER
#define FORKS_BESIDE_THREADS FALSE
#else
#define FORKS_BESIDE_THREADS TRUE
#endif

/* Nor does thread sanitizer: it takes them when many threads free what others have allocated, as changes do. */
#if defined(TLC_TEST_THREAD_SANITIZER)
#define FORKS_BESIDE_ALLOCATIONS FALSE
#else
#define FORKS_BESIDE_ALLOCATIONS TRUE
#endif

/* A child of a process with several threads may start none: thread sanitizer ends it ("starting new
 * threads after multi-threaded fork is not supported. Dying"), unless it is told not to. Then it
 * checks the parent, and the child runs unchecked. */
#ifdef TLC_TEST_THREAD_SANITIZER
const char *__tsan_default_options (void);
const char *
__tsan_default_options (void)
{
  return "die_after_fork=0";
}
#endif

static atomic_int is_forked;

/* A service of one's own: made, called, changed again and again, released. */
static gboolean
use_a_service (const char *endpoint)
{
  g_autoptr (TlcConfig) config = tlc_family_make_config (endpoint, 60);
  g_autoptr (GError) error = NULL;
  g_autoptr (TlcService) service = tlc_service_new ("own", TYPE_ECHO_CLIENT, config, &error);

  if (service == NULL)
    return tlc_family_complain ("service", error);
  for (guint i = 0; i < N_CHANGES; i++)
    if (!tlc_family_reconfigure (service, endpoint, i)
        || (i % 20 == 0 && !tlc_family_call (service)))
      return FALSE;
  return tlc_family_call (service);
}

/* --- what children do --- */

/* The child changes the service that it inherited, where its parent's connection is: to another
 * place and back, so that its keeper closes what is its own of that. */
static gboolean
live_on_inheritance (TlcFamily *family)
{
  for (guint i = 0; i < N_CHANGES; i++)
    if (!tlc_family_reconfigure (family->service,
                                 i % 2 == 0 ? "unix:@tlc-test-nobody" : family->endpoint, i))
      return FALSE;
  return TRUE;
}

/* And has one of its own before. */
static gboolean
live_with_inheritance (TlcFamily *family)
{
  return use_a_service (family->endpoint) && live_on_inheritance (family);
}

static gboolean
settles_at (guint threads)
{
#ifdef TLC_TEST_THREAD_SANITIZER
  return TRUE; /* it has a thread of its own, which comes with the child's first */
#else
  return tlc_process_settles (tlc_process_count_threads, threads);
#endif
}

/* Nothing is left of a child's service either. */
static gboolean
live_alone (TlcFamily *family)
{
  guint fds = tlc_process_count_fds (), threads = tlc_process_count_threads ();

  if (!use_a_service (family->endpoint))
    return FALSE;
  tlc_thread_detach ();
  if (tlc_process_count_fds () != fds)
    return tlc_family_complain ("descriptors", NULL);
  return settles_at (threads) || tlc_family_complain ("threads", NULL);
}

static gboolean
live_with_a_child (TlcFamily *family)
{
  return live_with_inheritance (family)
         && tlc_family_raise_child (live_with_inheritance, family) == 0
         && use_a_service (family->endpoint);
}

static void
assert_parent_goes_on (TlcFamily *family)
{
  ck_assert (tlc_family_call (family->service));
  for (guint i = 0; i < 2 * 32; i++)
    ck_assert (tlc_family_reconfigure (family->service, family->endpoint, i));
  ck_assert (tlc_family_call (family->service));
}

/* --- one parent --- */

/* The library's threads start again in the child, for services of its own and for those that it
 * inherited; the parent goes on with its threads and its connection. */
START_TEST (test_fork_threads_start_again)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcFamily family;

  tlc_family_init (&family, server);
  for (guint i = 0; i < N_FORKS; i++)
    {
      ck_assert_int_eq (tlc_family_raise_child (live_with_inheritance, &family), 0);
      assert_parent_goes_on (&family);
    }
  tlc_family_clear (&family);
}
END_TEST

static gboolean
change (TlcFamily *family, guint i)
{
  return tlc_family_reconfigure (family->service, family->endpoint, i);
}

/* The same while other threads of the parent are in the midst of changes, which they are not in the
 * child. */
START_TEST (test_fork_while_others_change)
{
  tlc_family_fork_in_the_bustle (N_FORKS, change, live_with_inheritance);
}
END_TEST

static gboolean
drain (TlcFamily *family, guint i)
{
  g_autoptr (GError) error = NULL;

  /* Between two changes nothing is old: there is always something to look at, never to wait for. */
  return tlc_service_drain (family->service, 30000, &error) || tlc_family_complain ("drain", error);
}

/* And while they drain, which takes a lock that the child's keeper may want. */
START_TEST (test_fork_while_others_drain)
{
  tlc_family_fork_in_the_bustle (10 * N_FORKS, drain, live_on_inheritance);
}
END_TEST

/* A child of a process without any service, or without one any more, has its own; and so has the
 * parent afterwards. */
START_TEST (test_fork_without_a_service)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcFamily family = { tlc_server_get_endpoint (server), NULL };

  for (guint i = 0; i < N_FORKS; i++)
    {
      ck_assert_int_eq (tlc_family_raise_child (live_alone, &family), 0);
      if (i % 2 == 0)
        ck_assert (use_a_service (family.endpoint));
    }
  tlc_thread_detach ();
}
END_TEST

/* A grandchild, whose parent's threads ran too. */
START_TEST (test_fork_grandchild)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcFamily family;

  tlc_family_init (&family, server);
  for (guint i = 0; i < N_FORKS; i++)
    ck_assert_int_eq (tlc_family_raise_child (live_with_a_child, &family), 0);
  assert_parent_goes_on (&family);
  tlc_family_clear (&family);
}
END_TEST

/* --- the host program's own --- */

/* Law 10: fork() leaves the signal mask as it was, in the parent and in the child. */
static gboolean
live_with_the_mask (TlcFamily *family)
{
  sigset_t blocked;

  if (pthread_sigmask (SIG_BLOCK, NULL, &blocked) != 0)
    return tlc_family_complain ("mask", NULL);
  for (int signal = 1; signal < SIGRTMIN; signal++)
    if (sigismember (&blocked, signal) != (signal == SIGUSR2))
      return tlc_family_complain (g_strsignal (signal), NULL);
  return TRUE;
}

START_TEST (test_fork_keeps_the_signal_mask)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcFamily family;
  sigset_t one;

  sigemptyset (&one);
  sigaddset (&one, SIGUSR2);
  ck_assert_int_eq (pthread_sigmask (SIG_SETMASK, &one, NULL), 0);
  tlc_family_init (&family, server);
  ck_assert_int_eq (tlc_family_raise_child (live_with_the_mask, &family), 0);
  ck_assert (live_with_the_mask (&family));
  tlc_family_clear (&family);
}
END_TEST

/* A program that sees to liburcu itself. It is a child, because it would wait with all signals
 * blocked where ours and its handlers both prepared. */
static gboolean
live_with_handlers_of_its_own (TlcFamily *family)
{
  if (pthread_atfork (urcu_bp_before_fork, urcu_bp_after_fork_parent, urcu_bp_after_fork_child) != 0
      || !use_a_service (family->endpoint))
    return FALSE;
  for (guint i = 0; i < N_FORKS; i++)
    if (tlc_family_raise_child (live_with_a_child, family) != 0
        || !tlc_family_reconfigure (family->service, family->endpoint, i))
      return FALSE;
  return TRUE;
}

/* Where the host program has prepared liburcu for the fork, ours steps aside: fork() returns, and
 * all is as without. */
START_TEST (test_fork_handlers_of_the_host)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  TlcFamily family;

  tlc_family_init (&family, server);
  ck_assert_int_eq (tlc_family_raise_child (live_with_handlers_of_its_own, &family), 0);
  assert_parent_goes_on (&family);
  tlc_family_clear (&family);
}
END_TEST

static void *
change_until_over (void *data)
{
  while (!atomic_load_explicit (&is_forked, memory_order_relaxed))
    tlc_echo_reconfigure (data, "unix:@tlc-test-nobody", NULL);
  return NULL;
}

static void *
fork_inside_a_section (void *data)
{
  pid_t child;

  urcu_bp_read_lock ();
  poll (NULL, 0, 50); /* most likely the keeper waits for us by now */
  child = fork ();
  if (child == 0)
    _exit (0);
  urcu_bp_read_unlock ();
  return GINT_TO_POINTER (child > 0 && waitpid (child, NULL, 0) == child);
}

/* Law 5: a thread that forks inside a read section of its own does not wait for itself, though the
 * keeper is waiting for it. */
START_TEST (test_fork_inside_a_read_section)
{
  g_autoptr (TlcService) service = tlc_echo_service ("unix:@tlc-test-nobody", NULL);
  pthread_t changing, forking;
  void *is_ok = NULL;

  atomic_store_explicit (&is_forked, FALSE, memory_order_relaxed);
  ck_assert_int_eq (pthread_create (&changing, NULL, change_until_over, service), 0);
  for (guint i = 0; i < 10; i++)
    {
      ck_assert_int_eq (pthread_create (&forking, NULL, fork_inside_a_section, NULL), 0);
      pthread_join (forking, &is_ok);
      ck_assert_ptr_nonnull (is_ok);
    }
  atomic_store_explicit (&is_forked, TRUE, memory_order_relaxed);
  pthread_join (changing, NULL);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("fork");
  TCase *tests = tcase_create ("fork");

  tcase_add_test (tests, test_fork_without_a_service);
  tcase_add_test (tests, test_fork_keeps_the_signal_mask);
  if (FORKS_BESIDE_THREADS)
    {
      tcase_add_test (tests, test_fork_threads_start_again);
      if (FORKS_BESIDE_ALLOCATIONS)
        tcase_add_test (tests, test_fork_while_others_change);
      tcase_add_test (tests, test_fork_while_others_drain);
      tcase_add_test (tests, test_fork_grandchild);
      tcase_add_test (tests, test_fork_handlers_of_the_host);
      tcase_add_test (tests, test_fork_inside_a_read_section);
    }
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
