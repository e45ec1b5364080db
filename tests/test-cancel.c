/* SPDX-License-Identifier: Apache-2.0 */

/* A thread is cancelled at each cancellation point of what it does, one after the other, until there is
 * no such point: the others go on, and what is counted adds up. */
#include <stdio.h>
#include <string.h>

#include "support/tlc-cancel-scenes.h"
#include "support/tlc-holder.h"
#include "support/tlc-process.h"
#include "support/tlc-shim-malloc.h"

/* Where there are more blocks of memory after a round than before, it is played again: more each time
 * is a leak. */
#define LEAK_ROUNDS 4
#define SETTLES_MS 10000

static TlcServer *server, *server_b;

static void
note_end (void *data)
{
  atomic_store (&((TlcCancelStage *) data)->has_ended, TRUE);
}

static void *
act (void *data)
{
  TlcCancelStage *stage = data;

  pthread_cleanup_push (note_end, stage);
  stage->scene->act (stage);
  pthread_cleanup_pop (TRUE);
  return NULL;
}

/* Nothing is in use, and as much open as is counted. */
static void
check_settles (TlcCancelStage *stage)
{
  TlcStats stats;

  for (guint i = 0; i < SETTLES_MS; i++)
    {
      tlc_service_get_stats (stage->service, &stats);
      if (stats.connections_busy == 0 && stats.waiting == 0
          && stats.connections_open == tlc_process_count_connections (stage->endpoint))
        return;
      g_usleep (1000);
    }
  ck_abort_msg ("%s, %u: %u busy, %u waiting, %u open, of which %u are there", stage->scene->name,
                stage->points.fatal, (guint) stats.connections_busy, (guint) stats.waiting,
                (guint) stats.connections_open, tlc_process_count_connections (stage->endpoint));
}

static void
check_adds_up (TlcCancelStage *stage)
{
  TlcStats stats;

  check_settles (stage);
  tlc_echo_must_add (stage->service);
  tlc_holder_elsewhere (tlc_cancel_call_elsewhere, stage->service);
  stage->n_others += 2;
  check_settles (stage);
  tlc_service_get_stats (stage->service, &stats);
  ck_assert_uint_eq (stats.threads, 1);
  ck_assert_uint_eq (stats.calls, stage->n_begun + stage->n_others);
  ck_assert_uint_eq (stats.failures, stage->n_failed);
}

static void
check_nothing_left (const TlcCancelStage *stage, guint fds)
{
  ck_assert_msg (tlc_process_settles (tlc_process_count_fds, fds), "%s, %u: files are left open",
                 stage->scene->name, stage->points.fatal);
  ck_assert_msg (tlc_process_settles (tlc_process_count_library_threads, 0),
                 "%s, %u: threads are left", stage->scene->name, stage->points.fatal);
}

/* Where it could have ended is where it may. */
static void
check_points (const TlcCancelStage *stage)
{
  g_auto (GStrv) names = g_strsplit (stage->points.open, " ", -1);

  for (guint i = 0; names[i] != NULL; i++)
    ck_assert_msg (strstr (stage->scene->open, names[i]) != NULL, "%s: cancelled in %s()",
                   stage->scene->name, names[i]);
}

/* TRUE: there was a point to be cancelled at. */
static gboolean
play_once (const TlcCancelScene *scene, guint fatal)
{
  const char *const *s = scene->settings;
  TlcCancelStage stage = { .scene = scene, .points.fatal = fatal };
  guint fds = tlc_process_count_fds ();

  stage.endpoint = tlc_server_get_endpoint (server);
  stage.service = tlc_echo_service (stage.endpoint, s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7],
                                    NULL);
  if (scene->prepare != NULL)
    scene->prepare (&stage);
  ck_assert_int_eq (pthread_create (&stage.thread, NULL, act, &stage), 0);
  if (scene->meet != NULL)
    scene->meet (&stage);
  ck_assert_int_eq (pthread_join (stage.thread, NULL), 0);
  if (scene->after != NULL)
    scene->after (&stage);
  ck_assert_msg (!stage.is_wrong, "%s, %u", scene->name, fatal);
  check_points (&stage);
  check_adds_up (&stage);
  tlc_service_unref (stage.service);
  tlc_thread_detach ();
  tlc_script_free (stage.script);
  check_nothing_left (&stage, fds);
  return fatal > 0 && atomic_load (&stage.points.n) >= fatal;
}

static gboolean
play (const TlcCancelScene *scene, guint fatal)
{
  static long live;
  long before = 0;

  for (guint i = 0; i < LEAK_ROUNDS; i++)
    {
      gboolean was_there = play_once (scene, fatal);

      before = live;
      live = tlc_shim_malloc_live ();
      if (live <= before || !tlc_shim_malloc_is_there ())
        return was_there;
    }
  ck_abort_msg ("%s, %u: %ld blocks of memory more each time", scene->name, fatal, live - before);
}

static void
begin (void)
{
  server = tlc_echo_server (NULL);
  server_b = tlc_echo_server (NULL);
  tlc_cancel_other_endpoint = tlc_server_get_endpoint (server_b);
}

static void
end (void)
{
  tlc_server_stop (server);
  tlc_server_stop (server_b);
}

/* Law 7: a thread that is cancelled, wherever that can be, leaves no seat, connection, lock, memory
 * or waiting thread behind, and ends only where it waits for its peer, its turn or the next attempt. */
START_TEST (test_cancel_row_34_at_each_point)
{
  const TlcCancelScene *scene = &tlc_cancel_scenes[_i];
  guint fatal = 0;

  begin ();
  play (scene, 0);
  while (play (scene, ++fatal))
    ;
  printf ("# %s: %u points\n", scene->name, fatal - 1);
  fflush (stdout);
  end ();
}
END_TEST

/* Law 7: what is given to a waiting thread that is cancelled at that moment is given on, without the
 * connection if the request has begun to go over it, and another is opened in its place. */
START_TEST (test_cancel_row_34_with_a_grant_on_its_way)
{
  begin ();
  for (guint i = 0; i < 20; i++)
    play (&tlc_cancel_hand_over, 0);
  end ();
}
END_TEST

static void *
call_cancelled (void *data)
{
  pthread_cancel (pthread_self ());
  echo_if_add (tlc_echo_client (data), &(gint32){ 0 }, 1, 2, NULL);
  return NULL;
}

/* Law 9: the process's first call, which draws the first sequence number for all, may be that of a thread
 * that is cancelled. */
START_TEST (test_cancel_row_34_in_the_very_first_call)
{
  TlcService *service;

  begin ();
  service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  tlc_holder_elsewhere (call_cancelled, service);
  tlc_echo_must_add (service);
  tlc_service_unref (service);
  end ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("cancel");
  TCase *tests = tcase_create ("cancel");

  tcase_add_loop_test (tests, test_cancel_row_34_at_each_point, 0, (int) tlc_cancel_n_scenes);
  tcase_add_test (tests, test_cancel_row_34_with_a_grant_on_its_way);
  tcase_add_test (tests, test_cancel_row_34_in_the_very_first_call);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
