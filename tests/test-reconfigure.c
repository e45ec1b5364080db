/* SPDX-License-Identifier: Apache-2.0 */

/* Settings that change while a service runs, on real servers. Laws 2, 8, 9. */
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <urcu/urcu-bp.h>

#include "support/tlc-pair.h"
#include "support/tlc-process.h"

static void
assert_served_by (TlcService *service, const char *name)
{
  g_autofree char *who = tlc_echo_who (service);

  ck_assert_str_eq (who, name);
}

static guint64
count_connects (TlcService *service)
{
  TlcStats stats;

  tlc_service_get_stats (service, &stats);
  return stats.connects;
}

/* Law 2: the call after a change goes where the change says, and each change counts. */
START_TEST (test_reconfigure_moves_the_next_call)
{
  TlcPair pair;

  tlc_pair_init (&pair);
  for (guint i = 0; i < 20; i++)
    {
      assert_served_by (pair.service, i % 2 == 0 ? "A" : "B");
      ck_assert_uint_eq (tlc_service_get_generation (pair.service), 1 + i);
      tlc_echo_reconfigure (pair.service, i % 2 == 0 ? pair.at_b : pair.at_a, NULL);
    }
  ck_assert_uint_eq (count_connects (pair.service), 20);
  tlc_pair_clear (&pair);
}
END_TEST

/* Endpoints that stay keep their connections, whatever comes and goes beside them. */
START_TEST (test_reconfigure_keeps_what_stays)
{
  g_autofree char *both = NULL;
  TlcPair pair;

  tlc_pair_init (&pair);
  both = g_strdup_printf ("%s %s", pair.at_b, pair.at_a);
  assert_served_by (pair.service, "A");
  tlc_echo_reconfigure (pair.service, both, NULL);
  assert_served_by (pair.service, "A");
  tlc_echo_reconfigure (pair.service, pair.at_a, "connect-timeout", "300ms", NULL);
  assert_served_by (pair.service, "A");
  ck_assert_uint_eq (count_connects (pair.service), 1);
  tlc_echo_reconfigure (pair.service, both, NULL);
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  assert_served_by (pair.service, "B");
  ck_assert_uint_eq (count_connects (pair.service), 2);
  tlc_pair_clear (&pair);
}
END_TEST

/* Law 2: a call in flight finishes where it began, and its connection is closed when it has; others
 * go on meanwhile. */
START_TEST (test_reconfigure_row_39_calls_in_flight)
{
  TlcTake take;
  TlcPair pair;

  tlc_pair_init (&pair);
  tlc_take_start (&take, pair.service, 1000);
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  assert_served_by (pair.service, "B");
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), 1);
  tlc_take_join (&take);
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), 0);
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_b), 1);
  tlc_pair_clear (&pair);
}
END_TEST

typedef struct {
  TlcService *service;
  pthread_barrier_t called, leave;
} Sleeper;

static void *
call_sleep_call (void *data)
{
  Sleeper *sleeper = data;

  assert_served_by (sleeper->service, "A");
  pthread_barrier_wait (&sleeper->called);
  pthread_barrier_wait (&sleeper->leave);
  assert_served_by (sleeper->service, "B");
  return NULL;
}

/* Law 6: connections to an endpoint that was taken out are closed without the help of the threads
 * that sleep on them; and these call again when they wake. */
START_TEST (test_reconfigure_closes_what_sleepers_have)
{
  enum { N = 40 };
  pthread_t threads[N];
  Sleeper sleeper;
  TlcPair pair;

  tlc_pair_init (&pair);
  sleeper.service = pair.service;
  pthread_barrier_init (&sleeper.called, NULL, N + 1);
  pthread_barrier_init (&sleeper.leave, NULL, N + 1);
  for (guint i = 0; i < N; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_sleep_call, &sleeper), 0);
  pthread_barrier_wait (&sleeper.called);
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), N);
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  ck_assert (tlc_pair_settles (&pair, 0, 0));
  ck_assert_uint_eq (tlc_process_count_connections (pair.at_a), 0);
  pthread_barrier_wait (&sleeper.leave);
  for (guint i = 0; i < N; i++)
    pthread_join (threads[i], NULL);
  tlc_pair_clear (&pair);
}
END_TEST

static void *
call_who (void *data)
{
  return tlc_echo_who (data);
}

/* Law 2: a change that falls into a connect. The old server accepts in the end, after the change, unless
 * the connect was called off before; it gets not one byte, and the call goes to the new one. */
START_TEST (test_reconfigure_falls_into_a_connect)
{
  TlcFullListener slow;
  pthread_t thread;
  guint fds;
  int accepted;
  void *who;
  char byte;
  TlcPair pair;

  tlc_pair_init (&pair);
  tlc_full_listener_init (&slow);
  tlc_echo_reconfigure (pair.service, slow.endpoint, "connect-timeout", "20s", "call-timeout",
                        "20s", NULL);
  fds = tlc_process_count_fds ();
  ck_assert_int_eq (pthread_create (&thread, NULL, call_who, pair.service), 0);
  ck_assert (tlc_process_settles (tlc_process_count_fds, fds + 1)); /* it connects */
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  accepted = tlc_full_listener_accept (&slow);
  if (accepted >= 0)
    ck_assert_int_eq (recv (accepted, &byte, 1, 0), 0);
  pthread_join (thread, &who);
  ck_assert_str_eq (who, "B");
  g_free (who);
  ck_assert_uint_eq (count_connects (pair.service), accepted >= 0 ? 2 : 1);
  if (accepted >= 0)
    close (accepted);
  tlc_full_listener_clear (&slow);
  tlc_pair_clear (&pair);
}
END_TEST

/* A call whose connect fails because the old server is going away goes to the new one: nothing was
 * sent. */
START_TEST (test_reconfigure_saves_a_call_whose_connect_fails)
{
  TlcFullListener slow;
  pthread_t thread;
  guint fds;
  void *who;
  TlcPair pair;

  tlc_pair_init (&pair);
  tlc_full_listener_init (&slow);
  tlc_echo_reconfigure (pair.service, slow.endpoint, "connect-timeout", "20s", "call-timeout",
                        "20s", NULL);
  fds = tlc_process_count_fds ();
  ck_assert_int_eq (pthread_create (&thread, NULL, call_who, pair.service), 0);
  ck_assert (tlc_process_settles (tlc_process_count_fds, fds + 1)); /* it connects */
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  tlc_full_listener_clear (&slow); /* refuses */
  pthread_join (thread, &who);
  ck_assert_str_eq (who, "B");
  g_free (who);
  tlc_pair_clear (&pair);
}
END_TEST

/* call-timeout changed alone: no reconnect, and the very next call goes by it, shorter or longer. */
START_TEST (test_reconfigure_call_timeout_alone)
{
  static const char *const timeouts[] = { "80ms", "20s", "10ms", "300ms" };
  gint32 value;
  TlcPair pair;

  tlc_pair_init (&pair);
  tlc_echo_must_add (pair.service);
  tlc_echo_reconfigure (pair.service, pair.at_a, "call-timeout", "30s", NULL);
  ck_assert (echo_if_take (tlc_echo_client (pair.service), &value, 20, 1, NULL));
  ck_assert_uint_eq (count_connects (pair.service), 1);
  for (guint i = 0; i < G_N_ELEMENTS (timeouts); i++)
    {
      g_autofree char *text = g_strdup_printf ("timed out after %s", timeouts[i]);
      g_autoptr (GError) error = NULL;
      guint64 connects = count_connects (pair.service);

      text[strlen (text) - 2] = '\0'; /* "80 ms" in messages */
      tlc_echo_reconfigure (pair.service, pair.at_a, "call-timeout", timeouts[i], NULL);
      if (i % 2 == 1)
        ck_assert (echo_if_take (tlc_echo_client (pair.service), &value, 150, 1, &error));
      else
        {
          ck_assert (!echo_if_take (tlc_echo_client (pair.service), &value, 150, 1, &error));
          ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_TIMED_OUT));
          ck_assert_msg (strstr (error->message, text) != NULL, "%s", error->message);
        }
      /* Calls that timed out close theirs. */
      ck_assert_uint_eq (count_connects (pair.service), connects + i % 2);
    }
  tlc_pair_clear (&pair);
}
END_TEST

static gboolean
echo_bytes (TlcService *service, gsize n, GError **error)
{
  g_autofree char *text = g_strnfill (n, 'x');
  g_autofree char *back = NULL;

  if (!echo_if_echo_string (tlc_echo_client (service), &back, text, error))
    return FALSE;
  ck_assert_str_eq (back, text);
  return TRUE;
}

/* A lower max-message-size holds for the next request, though its buffer has room for more; and a
 * higher one too. */
START_TEST (test_reconfigure_max_message_size)
{
  TlcPair pair;

  tlc_pair_init (&pair);
  ck_assert (echo_bytes (pair.service, 50000, NULL));
  for (guint i = 0; i < 2; i++)
    {
      tlc_echo_reconfigure (pair.service, pair.at_a, "max-message-size", "1KiB", NULL);
      for (guint j = 0; j < 3; j++)
        {
          g_autoptr (GError) error = NULL;

          ck_assert (!echo_bytes (pair.service, 40000, &error));
          ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_MESSAGE_TOO_LARGE));
          ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
          ck_assert_ptr_nonnull (strstr (error->message, "max-message-size = 1024"));
          ck_assert (echo_bytes (pair.service, 900, NULL));
        }
      tlc_echo_reconfigure (pair.service, pair.at_a, NULL);
      ck_assert (echo_bytes (pair.service, 200000, NULL));
    }
  tlc_pair_clear (&pair);
}
END_TEST

static void
must_not_reconfigure (TlcService *service, const TlcConfig *config, TlcError code, const char *text)
{
  guint64 generation = tlc_service_get_generation (service);
  g_autoptr (GError) error = NULL;

  ck_assert (!tlc_service_reconfigure (service, config, &error));
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (error->domain == TLC_ERROR && error->code == (int) code, "%s", error->message);
  ck_assert_msg (strstr (error->message, text) != NULL, "%s", error->message);
  ck_assert_msg (g_str_has_prefix (error->message, "service echo: "), "%s", error->message);
  ck_assert_uint_eq (tlc_service_get_generation (service), generation);
  assert_served_by (service, "A");
}

/* Law 8: settings that cannot be change nothing, and the error says what would be right. */
START_TEST (test_reconfigure_refuses_what_cannot_be)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  TlcPair pair;

  tlc_pair_init (&pair);
  assert_served_by (pair.service, "A");
  must_not_reconfigure (pair.service, config, TLC_ERROR_CONFIG,
                        "endpoints: not set; it has no default: give a value such as");
  /* What is no value never gets into a config: the key, the value, what would be right. */
  ck_assert (!tlc_config_set (config, "call-timeout", "never", &error));
  ck_assert_ptr_nonnull (strstr (error->message, "call-timeout = \"never\": "));
  ck_assert (tlc_config_set (config, "endpoints", "tcp://tlc-test.invalid:1", NULL));
  must_not_reconfigure (pair.service, config, TLC_ERROR_UNAVAILABLE,
                        "tcp://tlc-test.invalid:1: name not resolved: ");
  ck_assert (tlc_config_set (config, "endpoints", pair.at_b, NULL));
  ck_assert (tlc_config_set (config, "protocol", "compact", NULL));
  must_not_reconfigure (pair.service, config, TLC_ERROR_CONFIG,
                        "protocol = \"compact\": cannot change while the service runs: leave it at "
                        "binary");
  ck_assert_uint_eq (count_connects (pair.service), 1);
  tlc_pair_clear (&pair);
}
END_TEST

/* Law 5: a change inside an RCU read section, which would wait for itself sooner or later, is refused, each
 * time. */
START_TEST (test_reconfigure_row_42_inside_a_read_section)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  TlcPair pair;

  tlc_pair_init (&pair);
  ck_assert (tlc_config_set (config, "endpoints", pair.at_b, NULL));
  urcu_bp_read_lock ();
  must_not_reconfigure (pair.service, config, TLC_ERROR_BUSY, "RCU read section");
  urcu_bp_read_unlock ();
  ck_assert (tlc_service_reconfigure (pair.service, config, NULL));
  assert_served_by (pair.service, "B");
  tlc_pair_clear (&pair);
}
END_TEST

typedef struct {
  pthread_barrier_t inside, leave;
} Reader;

static void *
read_for_long (void *data)
{
  Reader *reader = data;

  urcu_bp_read_lock ();
  pthread_barrier_wait (&reader->inside);
  pthread_barrier_wait (&reader->leave);
  urcu_bp_read_unlock ();
  return NULL;
}

/* Law 5: a thread of the host that stays inside a read section delays changes for a bounded time,
 * then they are refused; calls go on, and changes when it has left. */
START_TEST (test_reconfigure_bounded_when_a_reader_stays)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  pthread_t thread;
  Reader reader;
  guint n = 0;
  TlcPair pair;

  tlc_pair_init (&pair);
  ck_assert (tlc_config_set (config, "endpoints", pair.at_a, NULL));
  pthread_barrier_init (&reader.inside, NULL, 2);
  pthread_barrier_init (&reader.leave, NULL, 2);
  ck_assert_int_eq (pthread_create (&thread, NULL, read_for_long, &reader), 0);
  pthread_barrier_wait (&reader.inside);
  while (tlc_service_reconfigure (pair.service, config, &error))
    ck_assert_uint_lt (++n, 100);
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_EXHAUSTED));
  ck_assert_ptr_nonnull (strstr (error->message, "are still being read"));
  assert_served_by (pair.service, "A");
  ck_assert_uint_eq (tlc_service_get_generation (pair.service), 1 + n);
  pthread_barrier_wait (&reader.leave);
  pthread_join (thread, NULL);
  ck_assert (tlc_service_reconfigure (pair.service, config, NULL));
  tlc_pair_clear (&pair);
}
END_TEST

static void *
change_for_long (void *data)
{
  TlcPair *pair = data;

  tlc_echo_reconfigure (pair->service, pair->at_b, NULL);
  return NULL;
}

/* Law 9: a thread that is cancelled while its change waits takes no lock with it. */
START_TEST (test_reconfigure_cancelled)
{
  pthread_t reading, changing;
  Reader reader;
  TlcPair pair;

  tlc_pair_init (&pair);
  pthread_barrier_init (&reader.inside, NULL, 2);
  pthread_barrier_init (&reader.leave, NULL, 2);
  ck_assert_int_eq (pthread_create (&reading, NULL, read_for_long, &reader), 0);
  pthread_barrier_wait (&reader.inside);
  for (guint i = 0; i < 32; i++) /* so many wait for the reader; one more waits itself */
    tlc_echo_reconfigure (pair.service, pair.at_a, NULL);
  ck_assert_int_eq (pthread_create (&changing, NULL, change_for_long, &pair), 0);
  g_usleep (100000); /* most likely it waits by now; the outcome is the same if not */
  ck_assert_int_eq (pthread_cancel (changing), 0);
  pthread_barrier_wait (&reader.leave);
  pthread_join (reading, NULL);
  pthread_join (changing, NULL);
  tlc_echo_reconfigure (pair.service, pair.at_b, NULL);
  assert_served_by (pair.service, "B");
  tlc_pair_clear (&pair);
}
END_TEST

/* Law 6: where the host's readers keep the keeper waiting, connections that sleepers have to what is
 * taken out are closed all the same. */
START_TEST (test_reconfigure_closes_while_a_reader_stays)
{
  pthread_t thread;
  Reader reader;
  TlcPair pair;

  tlc_pair_init (&pair);
  pthread_barrier_init (&reader.inside, NULL, 2);
  pthread_barrier_init (&reader.leave, NULL, 2);
  ck_assert_int_eq (pthread_create (&thread, NULL, read_for_long, &reader), 0);
  pthread_barrier_wait (&reader.inside);
  for (guint i = 0; i < 10; i++)
    {
      assert_served_by (pair.service, i % 2 == 0 ? "A" : "B");
      tlc_echo_reconfigure (pair.service, i % 2 == 0 ? pair.at_b : pair.at_a, NULL);
      ck_assert (tlc_pair_settles (&pair, 0, 0));
    }
  pthread_barrier_wait (&reader.leave);
  pthread_join (thread, NULL);
  tlc_pair_clear (&pair);
}
END_TEST

/* Law 10: no thread before the first change, one after it, none after the last service. */
START_TEST (test_reconfigure_starts_one_thread)
{
  guint fds;
  TlcPair pair;

  for (guint i = 0; i < 20; i++)
    {
      tlc_pair_init (&pair);
      fds = tlc_process_count_fds ();
      ck_assert (tlc_process_settles (tlc_process_count_library_threads, 0));
      for (guint j = 0; j < 10; j++)
        tlc_echo_reconfigure (pair.service, j % 2 == 0 ? pair.at_b : pair.at_a, NULL);
      ck_assert (tlc_process_settles (tlc_process_count_library_threads, 1));
      ck_assert_uint_eq (tlc_process_count_fds (), fds + 1);
      tlc_service_ref (pair.service);
      tlc_pair_clear (&pair);
      ck_assert (tlc_process_settles (tlc_process_count_library_threads, 1));
      tlc_service_unref (pair.service);
      ck_assert (tlc_process_settles (tlc_process_count_library_threads, 0));
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("reconfigure");
  TCase *tests = tcase_create ("reconfigure");

  tcase_set_timeout (tests, 120);
  tcase_add_test (tests, test_reconfigure_moves_the_next_call);
  tcase_add_test (tests, test_reconfigure_keeps_what_stays);
  tcase_add_test (tests, test_reconfigure_row_39_calls_in_flight);
  tcase_add_test (tests, test_reconfigure_closes_what_sleepers_have);
  tcase_add_test (tests, test_reconfigure_falls_into_a_connect);
  tcase_add_test (tests, test_reconfigure_saves_a_call_whose_connect_fails);
  tcase_add_test (tests, test_reconfigure_call_timeout_alone);
  tcase_add_test (tests, test_reconfigure_max_message_size);
  tcase_add_test (tests, test_reconfigure_refuses_what_cannot_be);
  tcase_add_test (tests, test_reconfigure_row_42_inside_a_read_section);
  tcase_add_test (tests, test_reconfigure_bounded_when_a_reader_stays);
  tcase_add_test (tests, test_reconfigure_cancelled);
  tcase_add_test (tests, test_reconfigure_closes_while_a_reader_stays);
  tcase_add_test (tests, test_reconfigure_starts_one_thread);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
