/* SPDX-License-Identifier: Apache-2.0 */

/* Balancing: which endpoint a seat's connection leads to, and which connections a change moves. Without
 * sockets: a connection is a reservation that is kept. */
#include <math.h>

#include "connect/tlc-balance.h"
#include "model/tlc-clock.h"
#include "support/tlc-seats-fixture.h"

#define N_SEATS 200
#define SECOND G_USEC_PER_SEC

/* Where the connection of each seat leads. */
typedef struct {
  Fixture fixture;
  TlcSnapshot *current;
  TlcEndpoint *at[N_SEATS];
  gint64 now_us;
} Field;

static TlcSettings *
settings_of (guint n_endpoints, const char *balance)
{
  g_autoptr (GString) endpoints = g_string_new (NULL);

  for (guint i = 0; i < n_endpoints; i++)
    g_string_append_printf (endpoints, "tcp://10.0.0.%u:9090 ", i + 1);
  return tlc_room_settings (endpoints->str, "balance", balance, NULL);
}

static void
field_init (Field *field, TlcSettings *settings, guint64 seed)
{
  *field = (Field){ .now_us = 0 };
  fixture_init_by (&field->fixture, settings);
  field->fixture.balance.seed = seed;
  field->current = tlc_snapshot_ref (field->fixture.held);
  field->now_us = tlc_clock_now_us ();
}

static void
field_clear (Field *field)
{
  tlc_snapshot_unref (field->current);
  fixture_clear (&field->fixture);
}

static TlcEndpoint *
endpoint_at (Field *field, guint i)
{
  return field->current->endpoints->pdata[i];
}

static TlcChoice
choice_of (Field *field, guint seat)
{
  return (TlcChoice){ .snapshot = field->current, .seat = seat, .is_for_call = TRUE, .now_us = field->now_us };
}

static void
dial (Field *field, guint seat)
{
  TlcChoice choice = choice_of (field, seat);

  field->at[seat] = tlc_balance_pick (&field->fixture.balance, &choice);
  ck_assert_ptr_nonnull (field->at[seat]);
}

static void
dial_all (Field *field)
{
  for (guint seat = 0; seat < N_SEATS; seat++)
    dial (field, seat);
}

/* TRUE: the seat's connection leads elsewhere now. */
static gboolean
reconsider (Field *field, guint seat)
{
  TlcChoice choice = choice_of (field, seat);
  TlcEndpoint *next = tlc_balance_reconsider (&field->fixture.balance, &choice, field->at[seat]);

  if (next == NULL)
    return FALSE;
  tlc_endpoint_unreserve (field->at[seat]);
  field->at[seat] = next;
  return TRUE;
}

/* How many have moved. */
static guint
reconsider_all (Field *field)
{
  guint n = 0;

  for (guint seat = 0; seat < N_SEATS; seat++)
    n += reconsider (field, seat) ? 1 : 0;
  return n;
}

static void
change (Field *field, TlcSettings *settings)
{
  fixture_change (&field->fixture, settings);
  tlc_snapshot_unref (field->current);
  field->current = tlc_branch_read (field->fixture.branch);
}

static guint
count (Field *field, guint i)
{
  guint n = 0;

  for (guint seat = 0; seat < N_SEATS; seat++)
    n += field->at[seat] == endpoint_at (field, i);
  ck_assert_uint_eq (n, tlc_endpoint_count_connections (endpoint_at (field, i)));
  return n;
}

static void
set_health (Field *field, guint i, TlcHealthState state, gint64 at_us)
{
  endpoint_at (field, i)->health = (TlcHealth){ .state = state, .at_us = at_us, .n_failures = state != TLC_HEALTH_UP ? 5 : 0 };
  tlc_endpoint_post_health_unlocked (endpoint_at (field, i));
}

/* Whatever the seed: no endpoint has more than 1.25 times the mean, and when one is removed none but its own
 * connections move, to all of the others. */
START_TEST (test_balance_spread)
{
  for (guint64 seed = 0; seed < 100; seed++)
    {
      TlcEndpoint *before[N_SEATS], *gone;
      Field field;

      field_init (&field, settings_of (5, "spread"), seed * G_GUINT64_CONSTANT (0x123456789abcdef));
      dial_all (&field);
      for (guint i = 0; i < 5; i++)
        ck_assert_uint_le (count (&field, i), 50);
      memcpy (before, field.at, sizeof before);
      gone = endpoint_at (&field, 4);
      change (&field, settings_of (4, "spread"));
      for (guint seat = 0; seat < N_SEATS; seat++)
        if (field.at[seat] == gone)
          {
            tlc_endpoint_unreserve (gone);
            dial (&field, seat);
          }
      reconsider_all (&field);
      for (guint seat = 0; seat < N_SEATS; seat++)
        ck_assert (before[seat] == gone || field.at[seat] == before[seat]);
      for (guint i = 0; i < 4; i++)
        ck_assert_uint_le (count (&field, i), 63); /* 1.25 * 50 */
      field_clear (&field);
    }
}
END_TEST

/* Of few connections none is one too many: no endpoint is left out. */
START_TEST (test_balance_few)
{
  for (guint64 seed = 0; seed < 100; seed++)
    {
      Field field;

      field_init (&field, settings_of (3, "spread"), seed * G_GUINT64_CONSTANT (0x123456789abcdef));
      for (guint seat = 0; seat < 6; seat++)
        dial (&field, seat);
      for (guint i = 0; i < 3; i++)
        ck_assert_uint_eq (count (&field, i), 2);
      field_clear (&field);
    }
}
END_TEST

/* The same seat goes the same way, by the hash: not to where there is least. */
START_TEST (test_balance_prefers)
{
  Field first, second;
  guint n_same = 0;

  field_init (&first, settings_of (5, "spread"), 7);
  field_init (&second, settings_of (5, "spread"), 7);
  dial_all (&first);
  for (guint seat = N_SEATS; seat-- > 0;)
    dial (&second, seat);
  for (guint seat = 0; seat < N_SEATS; seat++)
    n_same += g_str_equal (tlc_endpoint_get_text (first.at[seat]), tlc_endpoint_get_text (second.at[seat]));
  ck_assert_uint_gt (n_same, N_SEATS * 2 / 5); /* by chance, a fifth */
  field_clear (&first);
  field_clear (&second);
}
END_TEST

/* Weights are shares. */
START_TEST (test_balance_weights)
{
  Field field;

  field_init (&field, tlc_room_settings ("tcp://10.0.0.1:90 tcp://10.0.0.2:90?weight=3 tcp://10.0.0.3:90", NULL), 3);
  dial_all (&field);
  ck_assert_uint_le (count (&field, 0), 50);
  ck_assert_uint_ge (count (&field, 1), 100);
  ck_assert_uint_le (count (&field, 1), 150);
  ck_assert_uint_le (count (&field, 2), 50);
  field_clear (&field);
}
END_TEST

/* An endpoint that is added is given its share from those that have more, gradually; and when it has it
 * nothing moves any more. */
START_TEST (test_balance_slow_start)
{
  guint before = 0, n_moved = 0;
  Field field;

  field_init (&field, settings_of (4, "spread"), 5);
  dial_all (&field);
  field.now_us += 100 * SECOND;
  change (&field, settings_of (5, "spread"));
  tlc_endpoint_join (endpoint_at (&field, 4), field.now_us);
  for (guint tenth = 0; tenth <= 10; tenth++)
    {
      double share = MAX (tenth, 1) / (40.0 + MAX (tenth, 1));
      guint n;

      n_moved += reconsider_all (&field);
      n = count (&field, 4);
      ck_assert_uint_ge (n, before);
      ck_assert_uint_le (n, (guint) (N_SEATS * share));
      ck_assert_uint_ge (n, (guint) (N_SEATS * share * 0.875));
      before = n;
      field.now_us += SECOND;
    }
  ck_assert_uint_eq (n_moved, count (&field, 4));
  ck_assert_uint_eq (reconsider_all (&field), 0);
  for (guint i = 0; i < 4; i++)
    ck_assert_uint_ge (count (&field, i), 39); /* none has given below its share */
  field_clear (&field);
}
END_TEST

/* One that is ejected loses all, and is given none, whoever dials; on trial one seat alone goes there, and the
 * crowd when that was answered. */
START_TEST (test_balance_ejected)
{
  guint n_there = 0;
  Field field;

  field_init (&field, settings_of (3, "spread"), 9);
  dial_all (&field);
  set_health (&field, 0, TLC_HEALTH_EJECTED, field.now_us + 10 * SECOND);
  reconsider_all (&field);
  ck_assert_uint_eq (count (&field, 0), 0);
  ck_assert_uint_eq (reconsider_all (&field), 0);
  set_health (&field, 0, TLC_HEALTH_TRIAL, field.now_us);
  ck_assert_uint_eq (reconsider_all (&field), 1);
  ck_assert_uint_eq (count (&field, 0), 1);
  for (guint seat = 0; seat < N_SEATS; seat++)
    n_there += field.at[seat] != endpoint_at (&field, 0) && reconsider (&field, seat);
  ck_assert_uint_eq (n_there, 0);
  tlc_ejector_note_answer (&field.fixture.ejector, endpoint_at (&field, 0));
  field.now_us = tlc_clock_now_us () + 10 * SECOND;
  reconsider_all (&field);
  ck_assert_uint_ge (count (&field, 0), 58); /* 7/8 of a third */
  ck_assert_uint_le (count (&field, 0), 66);
  field_clear (&field);
}
END_TEST

/* When all are ejected all are tried; and one that fails and may not be ejected is only tried last. */
START_TEST (test_balance_all_ejected)
{
  g_autoptr (GPtrArray) tried = g_ptr_array_new ();
  TlcChoice choice;
  Field field;

  field_init (&field, settings_of (3, "spread"), 9);
  for (guint i = 0; i < 3; i++)
    set_health (&field, i, TLC_HEALTH_EJECTED, field.now_us + (gint64) (i + 1) * 10 * SECOND);
  choice = choice_of (&field, 0);
  choice.tried = tried;
  for (guint i = 0; i < 3; i++)
    {
      TlcEndpoint *endpoint = tlc_balance_pick (&field.fixture.balance, &choice);

      ck_assert_ptr_nonnull (endpoint);
      ck_assert (!g_ptr_array_find (tried, endpoint, NULL));
      g_ptr_array_add (tried, endpoint);
    }
  ck_assert_ptr_null (tlc_balance_pick (&field.fixture.balance, &choice));
  set_health (&field, 1, TLC_HEALTH_UP, 0);
  endpoint_at (&field, 1)->health.n_failures = 5;
  tlc_endpoint_post_health_unlocked (endpoint_at (&field, 1));
  set_health (&field, 2, TLC_HEALTH_UP, 0);
  for (guint seat = 0; seat < N_SEATS; seat++)
    {
      dial (&field, seat);
      ck_assert_ptr_eq (field.at[seat], endpoint_at (&field, 2));
    }
  field_clear (&field);
}
END_TEST

/* ordered: the first; the next while that is ejected; and the first again, gradually. */
START_TEST (test_balance_ordered)
{
  guint before = 0;
  Field field;

  field_init (&field, settings_of (3, "ordered"), 11);
  dial_all (&field);
  ck_assert_uint_eq (count (&field, 0), N_SEATS);
  set_health (&field, 0, TLC_HEALTH_EJECTED, field.now_us + 60 * SECOND);
  reconsider_all (&field);
  ck_assert_uint_eq (count (&field, 1), N_SEATS);
  field.now_us += 30 * SECOND;
  set_health (&field, 0, TLC_HEALTH_UP, field.now_us);
  for (guint tenth = 0; tenth <= 10; tenth++)
    {
      reconsider_all (&field);
      ck_assert_uint_ge (count (&field, 0), before);
      ck_assert_uint_le (count (&field, 0), N_SEATS * MAX (tenth, 1) / 10);
      before = count (&field, 0);
      ck_assert_uint_eq (count (&field, 2), 0);
      field.now_us += SECOND;
    }
  ck_assert_uint_eq (count (&field, 0), N_SEATS);
  ck_assert_uint_eq (reconsider_all (&field), 0);
  field_clear (&field);
}
END_TEST

/* A back-up on trial is nobody's business while the first works. */
START_TEST (test_balance_ordered_trial)
{
  Field field;

  field_init (&field, settings_of (2, "ordered"), 11);
  dial_all (&field);
  set_health (&field, 1, TLC_HEALTH_TRIAL, 0);
  ck_assert_uint_eq (reconsider_all (&field), 0);
  field_clear (&field);
}
END_TEST

/* least-loaded: away from the one that answers 20 times slower, all but the one that looks once a second
 * whether it still does. */
START_TEST (test_balance_least_loaded)
{
  guint n_looks = 0;
  Field field;

  field_init (&field, settings_of (3, "least-loaded"), 13);
  dial_all (&field);
  for (guint i = 0; i < 3; i++)
    {
      ck_assert_uint_ge (count (&field, i), 40);
      tlc_endpoint_note_latency (endpoint_at (&field, i), 1, i == 0 ? 20000 : 1000, field.now_us);
    }
  for (guint i = 0; i < 20; i++)
    {
      field.now_us += 10000;
      reconsider_all (&field);
    }
  ck_assert_uint_eq (count (&field, 0), 0);
  for (guint tenth = 0; tenth < 50; tenth++)
    {
      field.now_us += SECOND / 10;
      for (guint i = 1; i < 3; i++)
        tlc_endpoint_note_latency (endpoint_at (&field, i), 1, 1000, field.now_us);
      for (guint seat = 0; seat < N_SEATS; seat++)
        if (reconsider (&field, seat) && field.at[seat] == endpoint_at (&field, 0))
          {
            n_looks++;
            tlc_endpoint_note_latency (endpoint_at (&field, 0), 1, 20000, field.now_us);
          }
      ck_assert_uint_le (count (&field, 0), 1);
    }
  ck_assert_uint_ge (n_looks, 4);
  ck_assert_uint_le (n_looks, 5);
  /* It gets better, and its share with it. */
  for (guint i = 0; i < 20; i++)
    {
      field.now_us += SECOND;
      tlc_endpoint_note_latency (endpoint_at (&field, 0), 1, 1000, field.now_us);
    }
  dial (&field, 0);
  field_clear (&field);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("balance");
  TCase *tests = tcase_create ("balance");

  tcase_add_test (tests, test_balance_spread);
  tcase_add_test (tests, test_balance_few);
  tcase_add_test (tests, test_balance_prefers);
  tcase_add_test (tests, test_balance_weights);
  tcase_add_test (tests, test_balance_slow_start);
  tcase_add_test (tests, test_balance_ejected);
  tcase_add_test (tests, test_balance_all_ejected);
  tcase_add_test (tests, test_balance_ordered);
  tcase_add_test (tests, test_balance_ordered_trial);
  tcase_add_test (tests, test_balance_least_loaded);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
