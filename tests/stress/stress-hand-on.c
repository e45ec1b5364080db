/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when, in N meetings of a thread that comes to wait for the one seat with one that holds
 * it, whichever way the hold ends, the other gets it: with the connection after a release, with one
 * of its own otherwise, whether the holder has exited, has held it for too long, or its endpoint is
 * removed. Laws 5, 6 and 7.
 *
 * stress-hand-on [N, 2000 by default] */
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "support/tlc-holder.h"
#include "support/tlc-meeting.h"
#include "support/tlc-process.h"

#define HOLD_TIMEOUT "200ms"
/* Nobody waits so long but who was forgotten. */
#define FOREVER "20s"

static guint n_meetings = 2000;

typedef enum { END_RELEASE, END_EXIT, END_REMOVED, END_OVERDUE } End;

static struct {
  pthread_barrier_t held;  /* for the holder, who comes to wait, and the main thread */
  _Atomic guint64 n_there; /* the two of each round that are up, and about to meet */
  /* who waits posts, when he has been answered: to the holder, unless the hold ends by an exit, who
   * stays until then, lest its exit helps; and to the main thread */
  sem_t served, answered;
  /* over which the holder was asked: the holder writes; who waits takes it */
  char *who;
  TlcServer *servers[2];
  const char *at[2];
  TlcService *service;
  guint server; /* in force */
} meeting;

/* Most by a release or an exit. That a hold is overdue takes its time. */
static End
end_of (guint64 round)
{
  if (round % 250 == 249)
    return END_OVERDUE;
  return (End) (round % 3);
}

/* Both run now, and the one gets to where they meet a little before the other. */
static void
approach (guint64 round, guint64 factor)
{
  atomic_fetch_add (&meeting.n_there, 1);
  wait_for (&meeting.n_there, 2 * round);
  dawdle (round * factor % 3001);
}

static void
await (sem_t *sem)
{
  while (sem_wait (sem) != 0)
    ;
}

static void *
holder_main (void *data)
{
  guint64 round = GPOINTER_TO_SIZE (data);
  End end = end_of (round);

  tlc_holder_hold (meeting.service);
  meeting.who = tlc_echo_who (meeting.service);
  pthread_barrier_wait (&meeting.held);
  approach (round, 1009);
  if (end == END_EXIT)
    return NULL;
  if (end == END_RELEASE)
    tlc_holder_release (meeting.service);
  await (&meeting.served);
  if (end == END_OVERDUE)
    tlc_holder_must_be_over (meeting.service, TLC_ERROR_TIMED_OUT, "longer than hold-timeout");
  else if (end == END_REMOVED)
    tlc_holder_must_be_over (meeting.service, TLC_ERROR_CONNECTION_LOST, "no longer configured");
  if (end != END_RELEASE)
    tlc_holder_release (meeting.service);
  return NULL;
}

static void *
comer_main (void *data)
{
  for (guint64 round = 1; round <= n_meetings; round++)
    {
      g_autofree char *who = NULL;

      pthread_barrier_wait (&meeting.held);
      approach (round, 2003);
      who = tlc_echo_who (meeting.service);
      ck_assert_msg ((strcmp (who, meeting.who) == 0) == (end_of (round) == END_RELEASE),
                     "%s was held, and %s came after it in round %" G_GUINT64_FORMAT, meeting.who,
                     who, round);
      g_clear_pointer (&meeting.who, g_free);
      if (end_of (round) != END_EXIT)
        sem_post (&meeting.served);
      sem_post (&meeting.answered);
    }
  return NULL;
}

static void
change (const char *hold_timeout)
{
  tlc_echo_reconfigure (meeting.service, meeting.at[meeting.server], "max-connections", "1",
                        "hold-timeout", hold_timeout, "claim-timeout", FOREVER, "call-timeout",
                        FOREVER, NULL);
}

static void
meet (guint64 round)
{
  End end = end_of (round);
  pthread_t holder;

  if (end == END_OVERDUE)
    change (HOLD_TIMEOUT);
  ck_assert_int_eq (pthread_create (&holder, NULL, holder_main, GSIZE_TO_POINTER (round)), 0);
  pthread_barrier_wait (&meeting.held);
  if (end == END_REMOVED)
    {
      meeting.server = 1 - meeting.server;
      dawdle (round * 501 % 3001);
      change (FOREVER);
    }
  ck_assert_int_eq (pthread_join (holder, NULL), 0);
  await (&meeting.answered);
  if (end == END_OVERDUE)
    change (FOREVER);
}

START_TEST (stress_hand_on)
{
  TlcStats stats;
  pthread_t comer;
  guint fds;

  for (guint i = 0; i < 2; i++)
    {
      meeting.servers[i] = tlc_holder_server (i == 0 ? "A" : "B");
      meeting.at[i] = tlc_server_get_endpoint (meeting.servers[i]);
    }
  pthread_barrier_init (&meeting.held, NULL, 3);
  sem_init (&meeting.served, 0, 0);
  sem_init (&meeting.answered, 0, 0);
  fds = tlc_process_count_fds ();
  meeting.service = tlc_echo_service (meeting.at[0], NULL);
  change (FOREVER);
  ck_assert_int_eq (pthread_create (&comer, NULL, comer_main, NULL), 0);
  for (guint64 round = 1; round <= n_meetings; round++)
    meet (round);
  ck_assert_int_eq (pthread_join (comer, NULL), 0);
  tlc_service_get_stats (meeting.service, &stats);
  printf ("# %u meetings, nobody forgotten; %" G_GUINT64_FORMAT " connects\n", n_meetings,
          stats.connects);
  ck_assert_uint_eq (stats.connections_busy, 0);
  ck_assert_uint_eq (stats.waiting, 0);
  tlc_service_unref (meeting.service);
  ck_assert (tlc_process_settles (tlc_process_count_fds, fds));
  for (guint i = 0; i < 2; i++)
    tlc_server_stop (meeting.servers[i]);
  pthread_barrier_destroy (&meeting.held);
  sem_destroy (&meeting.served);
  sem_destroy (&meeting.answered);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-hand-on");
  TCase *tests = tcase_create ("stress-hand-on");

  if (argc > 1)
    n_meetings = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, stress_hand_on);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
