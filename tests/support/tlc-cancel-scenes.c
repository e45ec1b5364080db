/* SPDX-License-Identifier: Apache-2.0 */
/* The scenes: see tlc-cancel-scenes.h. */

#include "support/tlc-cancel-scenes.h"

#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tlc-holder.h"

#define PATIENCE_MS 10000
#define CHILD_IS_WELL 7

const char *tlc_cancel_other_endpoint;

/* --- what threads do --- */

static void
await_phase (TlcCancelStage *stage, int phase)
{
  while (atomic_load (&stage->phase) < phase)
    sched_yield ();
}

/* Of what may be cancelled: no ck_assert(), which is a cancellation point itself. */
static void
must (TlcCancelStage *stage, gboolean is_good)
{
  stage->is_wrong |= !is_good;
}

static gpointer
get_client (TlcCancelStage *stage)
{
  return tlc_service_get_client (stage->service, NULL);
}

static void
note_result (TlcCancelStage *stage, gboolean is_good, GError **error)
{
  if (is_good)
    return;
  stage->n_failed++;
  g_clear_error (error);
}

static void
call (TlcCancelStage *stage)
{
  GError *error = NULL;
  gint32 sum = 0;

  stage->n_begun++;
  note_result (stage, echo_if_add (get_client (stage), &sum, 40, 2, &error), &error);
  must (stage, sum == 42 || sum == 0);
}

/* The rest is by heart, so that it is the scene's own points that are counted. */
static void
warm_up (TlcCancelStage *stage)
{
  call (stage);
  tlc_cancel_points_watch (&stage->points);
}

static void
act_call (TlcCancelStage *stage)
{
  warm_up (stage);
  call (stage);
}

static void
act_call_first (TlcCancelStage *stage)
{
  tlc_cancel_points_watch (&stage->points);
  call (stage);
}

/* The second one waits. */
static void
act_wait (TlcCancelStage *stage)
{
  warm_up (stage);
  atomic_store (&stage->phase, 1);
  await_phase (stage, 2);
  call (stage);
}

static void
act_oneway (TlcCancelStage *stage)
{
  GError *error = NULL;

  warm_up (stage);
  stage->n_begun++;
  note_result (stage, echo_if_note (get_client (stage), "note", &error), &error);
}

static void
act_pipeline (TlcCancelStage *stage)
{
  EchoIf *echo = get_client (stage);

  warm_up (stage);
  for (gint32 i = 0; i < 3; i++)
    {
      stage->n_begun++;
      must (stage, echo_client_send_add (echo, i, i, NULL));
    }
  for (gint32 i = 0; i < 3; i++)
    {
      gint32 sum = 0;

      must (stage, echo_client_recv_add (echo, &sum, NULL) && sum == 2 * i);
    }
}

static void
act_hold (TlcCancelStage *stage)
{
  tlc_cancel_points_watch (&stage->points);
  must (stage, tlc_client_hold (get_client (stage), NULL));
  call (stage);
  tlc_client_release (get_client (stage));
}

static void
act_release_to_next (TlcCancelStage *stage)
{
  await_phase (stage, 1);
  must (stage, tlc_client_hold (get_client (stage), NULL));
  atomic_store (&stage->phase, 2);
  await_phase (stage, 3);
  tlc_cancel_points_watch (&stage->points);
  tlc_client_release (get_client (stage));
}

static void
act_time_out (TlcCancelStage *stage)
{
  EchoIf *echo = get_client (stage);
  GError *error = NULL;
  gint32 value;

  tlc_client_set_timeout (echo, 2000);
  warm_up (stage);
  tlc_client_set_timeout (echo, 20);
  stage->n_begun++;
  note_result (stage, echo_if_take (echo, &value, 1000, 1, &error), &error);
}

/* Whose connection is closed, and another opened in its place. */
static void
act_reset (TlcCancelStage *stage)
{
  EchoIf *echo = get_client (stage);

  warm_up (stage);
  stage->n_begun++;
  must (stage, echo_client_send_add (echo, 1, 2, NULL));
  stage->n_failed++; /* and so it counts */
  tlc_client_reset (echo);
}

static void
act_fork (TlcCancelStage *stage)
{
  warm_up (stage);
  stage->child = fork ();
  if (stage->child == 0)
    _exit (CHILD_IS_WELL);
}

static void
act_detach (TlcCancelStage *stage)
{
  warm_up (stage);
  tlc_thread_detach ();
}

static void
act_wait_ready (TlcCancelStage *stage)
{
  tlc_cancel_points_watch (&stage->points);
  must (stage, tlc_service_wait_ready (stage->service, 10000, NULL));
}

static void
act_wait_ready_in_vain (TlcCancelStage *stage)
{
  tlc_cancel_points_watch (&stage->points);
  must (stage, !tlc_service_wait_ready (stage->second, 30, NULL));
}

static void
act_drain (TlcCancelStage *stage)
{
  tlc_cancel_points_watch (&stage->points);
  must (stage, tlc_service_drain (stage->service, 10000, NULL));
}

static void
act_reconfigure (TlcCancelStage *stage)
{
  warm_up (stage);
  must (stage, tlc_service_reconfigure (stage->service, stage->config, NULL));
}

static void
act_close (TlcCancelStage *stage)
{
  tlc_cancel_points_watch (&stage->points);
  tlc_service_close (stage->second);
}

static void
act_new_and_unref (TlcCancelStage *stage)
{
  tlc_cancel_points_watch (&stage->points);
  tlc_service_unref (tlc_service_new ("second", TYPE_ECHO_CLIENT, stage->config, NULL));
}

/* --- what others do --- */

static void
make_config (TlcCancelStage *stage)
{
  g_autofree char *by_name = g_strdup_printf ("tcp://localhost%s", strrchr (stage->endpoint, ':'));

  stage->config = tlc_config_new ();
  ck_assert (tlc_config_set (stage->config, "endpoints", by_name, NULL));
  ck_assert (tlc_config_set (stage->config, "min-connections", "1", NULL));
}

static void
prepare_second (TlcCancelStage *stage)
{
  stage->second = tlc_echo_service (stage->endpoint, NULL);
  tlc_echo_must_send_add (tlc_echo_client (stage->second), 1, 2);
}

static void
prepare_unreachable (TlcCancelStage *stage)
{
  stage->second = tlc_echo_service ("unix:@tlc-test-cancel-nobody-listens", NULL);
}

static void
prepare_hold (TlcCancelStage *stage)
{
  tlc_holder_hold (stage->service);
}

static void
prepare_drain (TlcCancelStage *stage)
{
  tlc_echo_must_send_add (tlc_echo_client (stage->service), 1, 2);
  stage->n_others++;
  stage->endpoint = tlc_cancel_other_endpoint;
  tlc_echo_reconfigure (stage->service, stage->endpoint, NULL);
}

/* The first connection breaks with the reply outstanding. */
static void
prepare_script (TlcCancelStage *stage)
{
  tlc_service_unref (stage->service);
  stage->script = tlc_script_new (TLC_SCRIPT_INET);
  tlc_script_accept (stage->script);
  tlc_script_read (stage->script);
  tlc_script_reset (stage->script);
  for (guint i = 0; i < 3; i++)
    {
      tlc_script_accept (stage->script);
      tlc_script_serve (stage->script, 0);
    }
  tlc_script_start (stage->script);
  stage->endpoint = tlc_script_get_endpoint (stage->script);
  stage->service = tlc_echo_service (stage->endpoint, "retry", "idempotent", "idempotent-methods", "*",
                                     NULL);
}

static gboolean
is_waiting (TlcCancelStage *stage)
{
  TlcStats stats;

  tlc_service_get_stats (stage->service, &stats);
  return stats.waiting > 0;
}

static void
meet_in_queue (TlcCancelStage *stage)
{
  while (!is_waiting (stage) && !atomic_load (&stage->has_ended))
    sched_yield ();
  tlc_holder_release (stage->service);
}

static void
cancel_thread (void *data)
{
  ck_assert_int_eq (pthread_cancel (((TlcCancelStage *) data)->thread), 0);
}

/* It is cancelled when it has been given the connection, with its request, and is not told yet. */
static void
meet_in_hand_over (TlcCancelStage *stage)
{
  await_phase (stage, 1);
  tlc_holder_hold (stage->service);
  atomic_store (&stage->phase, 2);
  tlc_holder_await_waiting (stage->service, 1);
  tlc_cancel_points_after_send (cancel_thread, stage);
  tlc_holder_release (stage->service);
}

static void
meet_at_end (TlcCancelStage *stage)
{
  while (!atomic_load (&stage->has_ended))
    sched_yield ();
  tlc_holder_release (stage->service);
}

static void
meet_in_drain (TlcCancelStage *stage)
{
  while (atomic_load (&stage->points.n) == 0 && !atomic_load (&stage->has_ended))
    sched_yield ();
  tlc_echo_must_receive_sum (tlc_echo_client (stage->service), 3);
}

/* The second service is closed when its call is over. */
static void
meet_in_close (TlcCancelStage *stage)
{
  while (atomic_load (&stage->points.n) == 0 && !atomic_load (&stage->has_ended))
    sched_yield ();
  tlc_echo_must_receive_sum (tlc_echo_client (stage->second), 3);
}

void *
tlc_cancel_call_elsewhere (void *data)
{
  tlc_echo_must_add (data);
  return NULL;
}

/* Once before, so that what it then waits with can be sent for it. */
static void *
call_and_wait (void *data)
{
  TlcCancelStage *stage = data;

  tlc_echo_must_add (stage->service);
  atomic_store (&stage->phase, 1);
  await_phase (stage, 2);
  tlc_echo_must_add (stage->service);
  return NULL;
}

static void
meet_next (TlcCancelStage *stage)
{
  ck_assert_int_eq (pthread_create (&stage->other, NULL, call_and_wait, stage), 0);
  stage->n_others += 2;
  await_phase (stage, 2);
  tlc_holder_await_waiting (stage->service, 1);
  atomic_store (&stage->phase, 3);
}

static void
join_next (TlcCancelStage *stage)
{
  ck_assert_int_eq (pthread_join (stage->other, NULL), 0);
}

static void
check_closed (TlcCancelStage *stage)
{
  TlcStats stats;

  tlc_service_get_stats (stage->second, &stats);
  ck_assert_uint_eq (stats.connections_open, 0);
  tlc_service_unref (stage->second);
}

/* Without a call. */
static void
await_open (TlcCancelStage *stage)
{
  tlc_holder_await_connections (stage->endpoint, 1, PATIENCE_MS);
}

static void
check_child (TlcCancelStage *stage)
{
  int status;

  ck_assert_int_eq (waitpid (stage->child, &status, 0), stage->child);
  ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == CHILD_IS_WELL);
}

static void
free_config (TlcCancelStage *stage)
{
  tlc_config_free (stage->config);
}

const TlcCancelScene tlc_cancel_scenes[] = {
  { "call", "send recv poll ", { NULL }, NULL, act_call, NULL, NULL },
  { "first-call", "send recv poll ", { NULL }, NULL, act_call_first, NULL, NULL },
  { "oneway", "send ", { NULL }, NULL, act_oneway, NULL, NULL },
  { "pipeline", "send recv poll ", { NULL }, NULL, act_pipeline, NULL, NULL },
  { "hold", "send recv poll ", { NULL }, NULL, act_hold, NULL, NULL },
  { "queue", "sem_clockwait send recv poll ", { "max-connections", "1" }, prepare_hold,
    act_call_first, meet_in_queue, NULL },
  { "queue-too-long", "sem_clockwait ", { "max-connections", "1", "claim-timeout", "20ms" },
    prepare_hold, act_call_first, meet_at_end, NULL },
  { "release-to-next", "", { "max-connections", "1" }, NULL, act_release_to_next, meet_next,
    join_next },
  { "retry", "send recv poll pause ", { NULL }, prepare_script, act_call_first, NULL, NULL },
  { "time-out", "send recv poll ", { "min-connections", "2" }, NULL, act_time_out, NULL, NULL },
  { "exit", "", { "spare-connections", "0" }, NULL, warm_up, NULL, NULL },
  { "exit-donates", "", { "min-connections", "2" }, NULL, warm_up, NULL, NULL },
  { "detach", "", { "min-connections", "1", "spare-connections", "0" }, NULL, act_detach, NULL, NULL },
  { "wait-ready", "", { NULL }, NULL, act_wait_ready, NULL, NULL },
  { "drain", "", { NULL }, prepare_drain, act_drain, meet_in_drain, NULL },
  { "reconfigure", "", { NULL }, make_config, act_reconfigure, NULL, free_config },
  { "close", "", { NULL }, prepare_second, act_close, meet_in_close, check_closed },
  { "wait-ready-in-vain", "", { NULL }, prepare_unreachable, act_wait_ready_in_vain, NULL,
    check_closed },
  { "reset", "send ", { "min-connections", "2" }, NULL, act_reset, NULL, NULL },
  { "fork", "", { NULL }, NULL, act_fork, NULL, check_child },
  { "new", "", { NULL }, make_config, act_new_and_unref, NULL, free_config },
};
const guint tlc_cancel_n_scenes = G_N_ELEMENTS (tlc_cancel_scenes);

/* The keeper would not look for as long by itself. */
const TlcCancelScene tlc_cancel_hand_over
    = { "hand-over",
        "sem_clockwait ",
        { "max-connections", "1", "min-connections", "1", "call-timeout", "60s", "hold-timeout", "60s" },
        NULL,
        act_wait,
        meet_in_hand_over,
        await_open };
