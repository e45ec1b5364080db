/* SPDX-License-Identifier: Apache-2.0 */

/* The resolver: names are asked for on one thread of the library's own, by a getaddrinfo() of this
 * program's, which the library's objects are linked with. */
#include "keeper/tlc-resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "model/tlc-clock.h"
#include "support/tlc-jobs.h"
#include "support/tlc-room.h"

#define RESOLVER "tlc-resolver" /* the name of its thread */
#define LATE "no answer from the system's resolver within "

/* --- the system's resolver --- */

static pthread_mutex_t system_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t system_unblocked = PTHREAD_COND_INITIALIZER;
/* under the lock: */
static char asked[256];         /* the names that were asked for, each with a space after it */
static char asked_on[16];       /* the thread that was the last to ask */
static guint n_inside, n_worst; /* in getaddrinfo() now; at the worst */
static gboolean is_blocking;    /* who asks for block.test stays */

static struct addrinfo *
make_info (in_addr_t address)
{
  struct addrinfo *info = g_malloc0 (sizeof *info + sizeof (struct sockaddr_in));
  struct sockaddr_in *in4 = (struct sockaddr_in *) (info + 1);

  in4->sin_family = AF_INET;
  in4->sin_addr.s_addr = htonl (address);
  info->ai_family = AF_INET;
  info->ai_addr = (struct sockaddr *) in4;
  info->ai_addrlen = sizeof *in4;
  return info;
}

static void
enter_system (const char *name)
{
  pthread_mutex_lock (&system_lock);
  if (strlen (asked) + strlen (name) + 2 < sizeof asked)
    strcat (strcat (asked, name), " ");
  pthread_getname_np (pthread_self (), asked_on, sizeof asked_on);
  n_inside++;
  n_worst = MAX (n_worst, n_inside);
  while (is_blocking && g_str_equal (name, "block.test"))
    pthread_cond_wait (&system_unblocked, &system_lock);
  n_inside--;
  pthread_mutex_unlock (&system_lock);
}

/* host-N.test is 127.0.0.N. */
int
getaddrinfo (const char *name, const char *service, const struct addrinfo *hints,
             struct addrinfo **ret_infos)
{
  guint number;

  enter_system (name);
  if (g_str_equal (name, "again.test"))
    return EAI_AGAIN;
  if (g_str_equal (name, "block.test"))
    number = 99;
  else if (sscanf (name, "host-%u.test", &number) != 1)
    return EAI_NONAME;
  *ret_infos = make_info ((in_addr_t) 0x7f000000 + number);
  return 0;
}

void
freeaddrinfo (struct addrinfo *infos)
{
  g_free (infos);
}

static void
system_block (void)
{
  pthread_mutex_lock (&system_lock);
  is_blocking = TRUE;
  pthread_mutex_unlock (&system_lock);
}

static void
system_unblock (void)
{
  pthread_mutex_lock (&system_lock);
  is_blocking = FALSE;
  pthread_cond_broadcast (&system_unblocked);
  pthread_mutex_unlock (&system_lock);
}

/* Whether somebody is in there, who was told to stay. */
static gboolean
system_has_entry (void)
{
  gboolean has_entry;

  pthread_mutex_lock (&system_lock);
  has_entry = n_inside > 0;
  pthread_mutex_unlock (&system_lock);
  return has_entry;
}

static void
assert_asked (const char *names)
{
  pthread_mutex_lock (&system_lock);
  ck_assert_str_eq (asked, names);
  pthread_mutex_unlock (&system_lock);
}

/* --- those who ask --- */

/* What @endpoints stand for, by then. */
static GPtrArray *
ask (const char *endpoints, gint64 deadline_us)
{
  g_autoptr (TlcSettings) settings = tlc_room_settings (endpoints, NULL);
  GPtrArray *answers = tlc_resolver_ask (settings->addresses, deadline_us);

  ck_assert_uint_eq (answers->len, settings->addresses->len);
  return answers;
}

static GPtrArray *
ask_patiently (const char *endpoints)
{
  return ask (endpoints, tlc_clock_now_us () + WATCHDOG_US);
}

static void
assert_address (GPtrArray *answers, guint index, const char *text)
{
  const TlcAnswer *answer = answers->pdata[index];

  ck_assert_msg (answer->error == NULL, "%s", answer->error->message);
  ck_assert_uint_eq (answer->addresses->len, 1);
  ck_assert_str_eq (((TlcAddress *) answer->addresses->pdata[0])->text, text);
}

static void
assert_error (GPtrArray *answers, guint index, const char *name, const char *reason)
{
  const TlcAnswer *answer = answers->pdata[index];
  g_autofree char *expected = g_strdup_printf ("%s: name not resolved: %s", name, reason);

  ck_assert_ptr_null (answer->addresses);
  ck_assert (g_error_matches (answer->error, TLC_ERROR, TLC_ERROR_UNAVAILABLE));
  ck_assert_int_eq (tlc_error_get_delivery (answer->error), TLC_DELIVERY_NOT_SENT);
  ck_assert_msg (g_str_has_prefix (answer->error->message, expected), "%s", answer->error->message);
}

static void
resolver_close (void)
{
  if (tlc_worker_drop ())
    tlc_resolver_stop ();
}

/* --- answers --- */

/* Law 10: addresses that are no names start no thread, and nobody is asked. */
START_TEST (test_resolver_no_thread_for_addresses)
{
  g_autoptr (GPtrArray) answers = NULL;
  guint id;

  tlc_worker_hold ();
  answers = ask ("tcp://127.0.0.1:1, tcp://[::1]:2, unix:/run/x", 0);
  assert_address (answers, 0, "tcp://127.0.0.1:1");
  assert_address (answers, 1, "tcp://[::1]:2");
  assert_address (answers, 2, "unix:/run/x");
  ck_assert_uint_eq (tasks_count (RESOLVER, &id), 0);
  resolver_close ();
  assert_asked ("");
}
END_TEST

/* Laws 7, 10: a name is asked for on a thread of its own, which blocks all signals and is gone when
 * the last service is. */
START_TEST (test_resolver_asks_on_its_own_thread)
{
  g_autoptr (GPtrArray) answers = NULL;
  guint id = 0;

  tlc_worker_hold ();
  answers = ask_patiently ("tcp://host-1.test:80");
  assert_address (answers, 0, "tcp://127.0.0.1:80 (host-1.test)");
  ck_assert_str_eq (asked_on, RESOLVER);
  ck_assert_uint_eq (tasks_count (RESOLVER, &id), 1);
  task_assert_blocks_signals (id);
  resolver_close ();
  tasks_await (RESOLVER, 0);
}
END_TEST

/* Names and addresses, good and bad: each its own answer, in order; an error says which name and
 * why. */
START_TEST (test_resolver_each_its_own_answer)
{
  g_autoptr (GPtrArray) answers = NULL;

  tlc_worker_hold ();
  answers = ask_patiently ("tcp://host-2.test:1, tcp://10.0.0.9:2, tcp://nobody.test:3, "
                           "tcp://host-1.test:4, tcp://again.test:5, unix:@x, tcp://host-2.test:6");
  assert_address (answers, 0, "tcp://127.0.0.2:1 (host-2.test)");
  assert_address (answers, 1, "tcp://10.0.0.9:2");
  assert_error (answers, 2, "tcp://nobody.test:3", gai_strerror (EAI_NONAME));
  assert_address (answers, 3, "tcp://127.0.0.1:4 (host-1.test)");
  assert_error (answers, 4, "tcp://again.test:5", gai_strerror (EAI_AGAIN));
  assert_address (answers, 5, "unix:@x");
  assert_address (answers, 6, "tcp://127.0.0.2:6 (host-2.test)");
  assert_asked ("host-2.test nobody.test host-1.test again.test host-2.test ");
  resolver_close ();
}
END_TEST

static void *
ask_again_and_again (void *data)
{
  guint number = GPOINTER_TO_UINT (data);
  g_autofree char *endpoints
      = g_strdup_printf ("tcp://host-%u.test:1, tcp://host-%u.test:2", number, number + 100);
  g_autofree char *first = g_strdup_printf ("tcp://127.0.0.%u:1 (host-%u.test)", number, number);
  g_autofree char *second
      = g_strdup_printf ("tcp://127.0.0.%u:2 (host-%u.test)", number + 100, number + 100);

  for (guint i = 0; i < 1000; i++)
    {
      g_autoptr (GPtrArray) answers = NULL;

      tlc_worker_hold ();
      answers = ask_patiently (endpoints);
      assert_address (answers, 0, first);
      assert_address (answers, 1, second);
      resolver_close ();
    }
  return NULL;
}

/* Threads that come, ask and go have their own answers, from one thread at a time. */
START_TEST (test_resolver_many_ask_at_once)
{
  pthread_t threads[8];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    ck_assert_int_eq (
        pthread_create (&threads[i], NULL, ask_again_and_again, GUINT_TO_POINTER (i + 1)), 0);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    pthread_join (threads[i], NULL);
  tasks_await (RESOLVER, 0);
  ck_assert_uint_eq (n_worst, 1);
}
END_TEST

/* --- a system's resolver that does not answer --- */

/* Law 5: whoever asks has what there is at his deadline, and for the rest an error that says so.
 * What was not asked for by then never is. */
START_TEST (test_resolver_returns_at_its_deadline)
{
  gint64 began_us = tlc_clock_now_us (), took_us;
  g_autoptr (GPtrArray) answers = NULL;
  g_autoptr (GPtrArray) later = NULL;

  tlc_worker_hold ();
  system_block ();
  answers = ask ("tcp://host-1.test:1, tcp://block.test:2, tcp://host-3.test:3, tcp://127.0.0.4:4",
                 began_us + G_USEC_PER_SEC);
  took_us = tlc_clock_now_us () - began_us;
  ck_assert_int_ge (took_us, G_USEC_PER_SEC);
  ck_assert_int_lt (took_us, 10 * G_USEC_PER_SEC);
  assert_address (answers, 0, "tcp://127.0.0.1:1 (host-1.test)");
  assert_error (answers, 1, "tcp://block.test:2", LATE);
  assert_error (answers, 2, "tcp://host-3.test:3", LATE);
  assert_address (answers, 3, "tcp://127.0.0.4:4");
  system_unblock ();
  later = ask_patiently ("tcp://host-5.test:5");
  assert_address (later, 0, "tcp://127.0.0.5:5 (host-5.test)");
  assert_asked ("host-1.test block.test host-5.test ");
  resolver_close ();
}
END_TEST

/* Has the resolver's thread in getaddrinfo(), from which it does not come back, for a question that
 * was given up. The address sanitizer sees whether it is freed when it comes. */
static void
block_resolver (void)
{
  system_block ();
  /* A question that is given up before the thread gets to it is not asked: then once more. */
  do
    {
      g_autoptr (GPtrArray) answers = ask ("tcp://block.test:1", tlc_clock_now_us () + 50000);

      assert_error (answers, 0, "tcp://block.test:1", LATE);
    }
  while (!system_has_entry ());
}

/* Laws 5, 7: stop does not wait for the system's resolver; the thread ends when that lets it. */
START_TEST (test_resolver_stop_does_not_wait_for_the_system)
{
  gint64 began_us;

  tlc_worker_hold ();
  block_resolver ();
  began_us = tlc_clock_now_us ();
  resolver_close ();
  ck_assert_int_lt (tlc_clock_now_us () - began_us, TLC_WORKER_END_MS * 1000 / 2);
  tasks_await (RESOLVER, 1);
  system_unblock ();
  tasks_await (RESOLVER, 0);
}
END_TEST

/* A thread that is still blocked when the next service comes is used again: never are there two. */
START_TEST (test_resolver_blocked_one_is_used_again)
{
  g_autoptr (GPtrArray) late = NULL;
  g_autoptr (GPtrArray) answers = NULL;

  tlc_worker_hold ();
  block_resolver ();
  resolver_close ();
  tlc_worker_hold ();
  late = ask ("tcp://host-1.test:1", tlc_clock_now_us () + 50000);
  ck_assert_ptr_nonnull (((TlcAnswer *) late->pdata[0])->error);
  tasks_await (RESOLVER, 1);
  system_unblock ();
  answers = ask_patiently ("tcp://host-2.test:2");
  assert_address (answers, 0, "tcp://127.0.0.2:2 (host-2.test)");
  assert_asked ("block.test host-2.test ");
  tasks_await (RESOLVER, 1);
  ck_assert_uint_eq (n_worst, 1);
  resolver_close ();
  tasks_await (RESOLVER, 0);
}
END_TEST

/* --- inquiries --- */

static TlcInquiry *
inquire (const char *endpoints, TlcJob *job)
{
  g_autoptr (TlcSettings) settings = tlc_room_settings (endpoints, NULL);

  return tlc_inquiry_new (settings->addresses, job);
}

static void
await_entry (void)
{
  while (!system_has_entry ())
    poll (NULL, 0, 1);
}

/* Equal names are asked for once, and each has the answer. */
START_TEST (test_inquiry_asks_equal_names_once)
{
  g_autoptr (GPtrArray) answers = NULL;

  tlc_worker_hold ();
  answers = ask_patiently ("tcp://host-1.test:1, tcp://nobody.test:1, tcp://127.0.0.9:1");
  g_clear_pointer (&answers, g_ptr_array_unref);
  {
    g_autoptr (TlcSettings) settings
        = tlc_room_settings ("tcp://host-2.test:1, tcp://x.test:1", NULL);
    g_autoptr (GPtrArray) twice = g_ptr_array_new ();

    for (guint i = 0; i < 4; i++)
      g_ptr_array_add (twice, settings->addresses->pdata[i % 2]);
    answers = tlc_resolver_ask (twice, tlc_clock_now_us () + WATCHDOG_US);
  }
  assert_address (answers, 0, "tcp://127.0.0.2:1 (host-2.test)");
  assert_error (answers, 1, "tcp://x.test:1", gai_strerror (EAI_NONAME));
  assert_address (answers, 2, "tcp://127.0.0.2:1 (host-2.test)");
  assert_error (answers, 3, "tcp://x.test:1", gai_strerror (EAI_NONAME));
  assert_asked ("host-1.test nobody.test host-2.test x.test ");
  resolver_close ();
}
END_TEST

/* Law 9: nobody waits; the job runs when the last answer is there, and not before. */
START_TEST (test_inquiry_hastens_its_job)
{
  static Task a = TASK ('A');
  g_autoptr (GPtrArray) answers = NULL;
  TlcInquiry *inquiry;

  keeper_open ();
  system_block ();
  ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us () + HOUR_US));
  inquiry = inquire ("tcp://host-1.test:1, tcp://block.test:2, tcp://127.0.0.3:3", &a.job);
  await_entry ();
  ck_assert (!tlc_inquiry_is_answered (inquiry));
  ck_assert_str_eq (diary, "");
  system_unblock ();
  assert_diary ("Aa");
  ck_assert (tlc_inquiry_is_answered (inquiry));
  answers = tlc_inquiry_end (inquiry);
  ck_assert_uint_eq (answers->len, 3);
  assert_address (answers, 0, "tcp://127.0.0.1:1 (host-1.test)");
  assert_address (answers, 1, "tcp://127.0.0.99:2 (block.test)");
  assert_address (answers, 2, "tcp://127.0.0.3:3");
  keeper_close ();
  tlc_resolver_stop ();
}
END_TEST

/* Where there is nothing to ask for, it is answered at once, and says so, too. */
START_TEST (test_inquiry_without_names_is_answered)
{
  static Task a = TASK ('A');
  TlcInquiry *inquiry;

  keeper_open ();
  ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us () + HOUR_US));
  inquiry = inquire ("tcp://127.0.0.1:1", &a.job);
  ck_assert (tlc_inquiry_is_answered (inquiry));
  assert_diary ("Aa");
  tlc_inquiry_cancel (inquiry);
  keeper_close ();
}
END_TEST

/* Given up: no job is hastened, no name is asked for that was not yet. The address sanitizer sees
 * whether all is freed, once. */
START_TEST (test_inquiry_cancelled)
{
  static Task a = TASK ('A');
  g_autoptr (GPtrArray) answers = NULL;
  TlcInquiry *inquiry;

  keeper_open ();
  system_block ();
  ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us () + HOUR_US));
  inquiry = inquire ("tcp://host-1.test:1, tcp://block.test:2, tcp://host-3.test:3", &a.job);
  await_entry ();
  tlc_inquiry_cancel (inquiry);
  system_unblock ();
  answers = ask_patiently ("tcp://host-4.test:4");
  assert_asked ("host-1.test block.test host-4.test ");
  ck_assert_str_eq (diary, "");
  keeper_close (); /* runs it */
  tlc_resolver_stop ();
}
END_TEST

#ifndef TLC_TEST_THREAD_SANITIZER /* it does not follow the threads of a child */

/* What became of the inquiry in the child: 0 if all is well. */
static int
live_in_child (TlcInquiry *inquiry)
{
  g_autoptr (GPtrArray) answers = NULL;
  const TlcAnswer *lost;

  tlc_keeper_after_fork_child_unlocked ();
  tlc_resolver_after_fork_child_unlocked ();
  tlc_worker_unlock ();
  if (!tlc_keeper_start (NULL))
    return 1;
  assert_diary ("Aa");
  if (!tlc_inquiry_is_answered (inquiry))
    return 2;
  answers = tlc_inquiry_end (inquiry);
  lost = answers->pdata[1];
  if (answers->len != 3 || lost->error == NULL || strstr (lost->error->message, "forked") == NULL)
    return 3;
  assert_address (answers, 0, "tcp://127.0.0.1:1 (host-1.test)");
  /* And it can ask again. */
  g_clear_pointer (&answers, g_ptr_array_unref);
  is_blocking = FALSE;
  answers = ask_patiently ("tcp://host-5.test:5");
  assert_address (answers, 0, "tcp://127.0.0.5:5 (host-5.test)");
  return 0;
}

/* fork() amid an inquiry: in the child its job runs and finds what had come, and errors; in the
 * parent it goes on. */
START_TEST (test_inquiry_forked)
{
  static Task a = TASK ('A');
  g_autoptr (GPtrArray) answers = NULL;
  TlcInquiry *inquiry;
  int status;
  pid_t child;

  keeper_open ();
  system_block ();
  ck_assert (tlc_keeper_schedule (&a.job, tlc_clock_now_us () + HOUR_US));
  inquiry = inquire ("tcp://host-1.test:1, tcp://block.test:2, tcp://host-3.test:3", &a.job);
  await_entry ();
  tlc_worker_lock ();
  child = fork ();
  if (child == 0)
    _exit (live_in_child (inquiry));
  tlc_worker_unlock ();
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert_int_eq (status, 0);
  ck_assert (!tlc_inquiry_is_answered (inquiry));
  system_unblock ();
  assert_diary ("Aa");
  answers = tlc_inquiry_end (inquiry);
  assert_address (answers, 2, "tcp://127.0.0.3:3 (host-3.test)");
  keeper_close ();
  tlc_resolver_stop ();
}
END_TEST

#endif

int
main (void)
{
  Suite *suite = suite_create ("resolver");
  TCase *tests = tcase_create ("resolver");

  tcase_add_test (tests, test_resolver_no_thread_for_addresses);
  tcase_add_test (tests, test_resolver_asks_on_its_own_thread);
  tcase_add_test (tests, test_resolver_each_its_own_answer);
  tcase_add_test (tests, test_resolver_many_ask_at_once);
  tcase_add_test (tests, test_resolver_returns_at_its_deadline);
  tcase_add_test (tests, test_resolver_stop_does_not_wait_for_the_system);
  tcase_add_test (tests, test_resolver_blocked_one_is_used_again);
  tcase_add_test (tests, test_inquiry_asks_equal_names_once);
  tcase_add_test (tests, test_inquiry_hastens_its_job);
  tcase_add_test (tests, test_inquiry_without_names_is_answered);
  tcase_add_test (tests, test_inquiry_cancelled);
#ifndef TLC_TEST_THREAD_SANITIZER
  tcase_add_test (tests, test_inquiry_forked);
#endif
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
