/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when, of threads that call without end, in every way there is, while N others that do so too are
 * cancelled at any moment, none fails, gets another's answer or waits for ever; when afterwards each of
 * them is answered again, nothing is busy, nobody waits, as much is open as is counted, no more than the
 * cap and no less than min-connections; and when the service has counted each call that was begun. Under
 * a cap of one, of three and of none. Laws 3, 7 and 9.
 *
 * stress-cancel [N, 1000 by default, for each cap] */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "support/tlc-echo.h"
#include "support/tlc-process.h"

#define N_CALLERS 4
#define N_VICTIMS 2 /* at once */
#define LIVES_US 3000
#define SETTLES_MS 10000
/* Nobody waits nearly so long but who was forgotten. */
#define FOREVER "100s"

#ifdef TLC_TEST_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#define FRAMES_SIZE (64 * 1024)
#endif

static guint n_victims = 1000;

static const struct {
  const char *max_connections, *min_connections;
  guint64 max, min;
} caps[] = {
  { "1", "1", 1, 1 },
  { "3", "2", 3, 2 },
  { "unlimited", "2", G_MAXUINT64, 2 },
};

typedef struct {
  TlcService *service;
  EchoIf *echo;
  gint32 value; /* of the next call: its own */
  guint n_ways;
  guint64 n_begun;
  atomic_uint n_answered;
  atomic_bool is_wrong, may_stop;
  GError *error;
  pthread_t thread;
} Caller;

/* No ck_assert() here, in which a thread could be cancelled. */
static void
note (Caller *caller, gboolean is_good)
{
  if (!is_good)
    atomic_store (&caller->is_wrong, TRUE);
  atomic_fetch_add (&caller->n_answered, 1);
}

static void
call (Caller *caller)
{
  gint32 sum = 0;

  caller->n_begun++;
  note (caller, echo_if_add (caller->echo, &sum, caller->value, 1, &caller->error)
                    && sum == caller->value + 1);
  caller->value++;
}

static void
call_oneway (Caller *caller)
{
  caller->n_begun++;
  note (caller, echo_if_note (caller->echo, "stress-cancel", &caller->error));
}

static void
call_in_a_row (Caller *caller)
{
  for (gint32 i = 0; i < 3; i++)
    {
      caller->n_begun++;
      if (!echo_client_send_add (caller->echo, caller->value, i, &caller->error))
        note (caller, FALSE);
    }
  for (gint32 i = 0; i < 3 && !atomic_load (&caller->is_wrong); i++)
    {
      gint32 sum = 0;

      note (caller, echo_client_recv_add (caller->echo, &sum, &caller->error)
                        && sum == caller->value + i);
    }
  caller->value++;
}

static void
call_twice_on_one (Caller *caller)
{
  if (!tlc_client_hold (caller->echo, &caller->error))
    {
      note (caller, FALSE);
      return;
    }
  call (caller);
  call (caller);
  tlc_client_release (caller->echo);
}

/* What the address sanitizer has marked in the frames that a cancelled thread leaves stays marked, and
 * destructors have the same memory next. */
static void
leave_frames (void *unused)
{
#ifdef TLC_TEST_ADDRESS_SANITIZER
  __asan_unpoison_memory_region ((char *) __builtin_frame_address (0) - FRAMES_SIZE, FRAMES_SIZE);
#endif
}

static void *
call_on (void *data)
{
  static void (*const ways[]) (Caller *) = { call, call_in_a_row, call_oneway, call, call_twice_on_one };
  Caller *caller = data;

  pthread_cleanup_push (leave_frames, NULL);
  caller->echo = tlc_service_get_client (caller->service, &caller->error);
  while (!atomic_load (&caller->may_stop) && !atomic_load (&caller->is_wrong))
    ways[caller->n_ways++ % G_N_ELEMENTS (ways)] (caller);
  pthread_cleanup_pop (FALSE);
  return NULL;
}

static void
start (Caller *caller, TlcService *service, guint i)
{
  memset (caller, 0, sizeof *caller);
  caller->service = service;
  caller->value = (gint32) i * 1000000;
  caller->n_ways = i;
  ck_assert_int_eq (pthread_create (&caller->thread, NULL, call_on, caller), 0);
}

static guint64
join (Caller *caller)
{
  ck_assert_int_eq (pthread_join (caller->thread, NULL), 0);
  ck_assert_msg (!atomic_load (&caller->is_wrong), "%s",
                 caller->error != NULL ? caller->error->message : "another's answer");
  return caller->n_begun;
}

/* How many calls they have begun. */
static guint64
cancel_some (TlcService *service, GRand *random)
{
  Caller victims[N_VICTIMS];
  guint64 n_begun = 0;

  for (guint i = 0; i < N_VICTIMS; i++)
    start (&victims[i], service, (guint) g_rand_int_range (random, N_CALLERS, 100));
  g_usleep ((gulong) g_rand_int_range (random, 0, LIVES_US));
  for (guint i = 0; i < N_VICTIMS; i++)
    ck_assert_int_eq (pthread_cancel (victims[i].thread), 0);
  for (guint i = 0; i < N_VICTIMS; i++)
    n_begun += join (&victims[i]);
  return n_begun;
}

/* Each is answered once more, since it was looked at. */
static void
must_go_on (Caller *callers)
{
  for (guint i = 0; i < N_CALLERS; i++)
    {
      guint before = atomic_load (&callers[i].n_answered);

      while (atomic_load (&callers[i].n_answered) < before + 2)
        g_usleep (1000);
    }
}

/* What is opened in advance comes a little later. */
static void
must_settle (TlcService *service, const char *endpoint, guint cap)
{
  TlcStats stats;

  for (guint i = 0; i < SETTLES_MS; i++)
    {
      tlc_service_get_stats (service, &stats);
      if (stats.connections_busy == 0 && stats.waiting == 0 && stats.threads == 0
          && stats.connections_open == tlc_process_count_connections (endpoint)
          && stats.connections_open <= caps[cap].max && stats.connections_open >= caps[cap].min)
        return;
      g_usleep (1000);
    }
  ck_abort_msg ("%u busy, %u waiting, %u threads, %u open, of which %u are there",
                (guint) stats.connections_busy, (guint) stats.waiting, (guint) stats.threads,
                (guint) stats.connections_open, tlc_process_count_connections (endpoint));
}

START_TEST (stress_cancel_leaves_nothing)
{
  g_autoptr (TlcServer) server = tlc_echo_server (NULL);
  const char *endpoint = tlc_server_get_endpoint (server);
  guint fds = tlc_process_count_fds ();
  TlcService *service
      = tlc_echo_service (endpoint, "max-connections", caps[_i].max_connections, "min-connections",
                          caps[_i].min_connections, "claim-timeout", FOREVER, "call-timeout", FOREVER,
                          "hold-timeout", FOREVER, NULL);
  GRand *random = g_rand_new_with_seed (1);
  Caller callers[N_CALLERS];
  guint64 n_begun = 0;
  TlcStats stats;

  for (guint i = 0; i < N_CALLERS; i++)
    start (&callers[i], service, i);
  for (guint i = 0; i < n_victims; i += N_VICTIMS)
    n_begun += cancel_some (service, random);
  must_go_on (callers);
  for (guint i = 0; i < N_CALLERS; i++)
    atomic_store (&callers[i].may_stop, TRUE);
  for (guint i = 0; i < N_CALLERS; i++)
    n_begun += join (&callers[i]);
  must_settle (service, endpoint, (guint) _i);
  tlc_service_get_stats (service, &stats);
  printf ("# max-connections %s: %u cancelled beside %u; %u calls, %u connections made\n",
          caps[_i].max_connections, n_victims, N_CALLERS, (guint) stats.calls, (guint) stats.connects);
  fflush (stdout);
  ck_assert_uint_eq (stats.calls, n_begun);
  ck_assert_uint_eq (stats.failures, 0);
  g_rand_free (random);
  tlc_service_unref (service);
  ck_assert (tlc_process_settles (tlc_process_count_fds, fds));
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-cancel");
  TCase *tests = tcase_create ("stress-cancel");

  if (argc > 1)
    n_victims = (guint) atoi (argv[1]);
  tcase_set_timeout (tests, 600);
  tcase_add_loop_test (tests, stress_cancel_leaves_nothing, 0, (int) G_N_ELEMENTS (caps));
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
