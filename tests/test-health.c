/* SPDX-License-Identifier: Apache-2.0 */

/* The state machine of an endpoint's health: each transition, and what holds on every way through it. */
#include "model/tlc-health.h"

#include "support/tlc-check.h"

#define SECOND G_USEC_PER_SEC

static TlcHealthRules
rules_at (gint64 now_us)
{
  return (TlcHealthRules){ .now_us = now_us,
                           .eject_after = 3,
                           .eject_for_us = SECOND,
                           .trial_us = 5 * SECOND,
                           .probe_us = SECOND / 2,
                           .may_eject = TRUE };
}

static gboolean
step (TlcHealth *health, TlcHealthEvent event, gint64 now_us)
{
  TlcHealthRules rules = rules_at (now_us);

  return tlc_health_step (health, event, &rules);
}

/* In that state at second 100, from where its time is not over yet. */
static TlcHealth
in_state (TlcHealthState state)
{
  TlcHealth health = tlc_health_new (90 * SECOND);

  if (state == TLC_HEALTH_UP)
    return health;
  for (guint i = 0; i < 3; i++)
    step (&health, TLC_HEALTH_FAILED, 100 * SECOND);
  if (state != TLC_HEALTH_EJECTED)
    step (&health, TLC_HEALTH_CONNECTED, 100 * SECOND);
  if (state == TLC_HEALTH_TRYING)
    step (&health, TLC_HEALTH_TAKEN, 100 * SECOND);
  return health;
}

/* The transition table, as the header draws it. */
START_TEST (test_health_transitions)
{
  static const TlcHealthState after[TLC_N_HEALTH_STATES][TLC_N_HEALTH_EVENTS] = {
    /* ANSWERED, FAILED, LOST, CONNECTED, UNREACHABLE, TAKEN */
    [TLC_HEALTH_UP] = { TLC_HEALTH_UP, TLC_HEALTH_UP, TLC_HEALTH_UP, TLC_HEALTH_UP, TLC_HEALTH_UP,
                        TLC_HEALTH_UP },
    [TLC_HEALTH_EJECTED] = { TLC_HEALTH_UP, TLC_HEALTH_EJECTED, TLC_HEALTH_EJECTED, TLC_HEALTH_TRIAL,
                             TLC_HEALTH_EJECTED, TLC_HEALTH_EJECTED },
    [TLC_HEALTH_TRIAL] = { TLC_HEALTH_UP, TLC_HEALTH_TRIAL, TLC_HEALTH_TRIAL, TLC_HEALTH_TRIAL,
                           TLC_HEALTH_TRIAL, TLC_HEALTH_TRYING },
    [TLC_HEALTH_TRYING] = { TLC_HEALTH_UP, TLC_HEALTH_EJECTED, TLC_HEALTH_TRYING, TLC_HEALTH_TRYING,
                            TLC_HEALTH_TRYING, TLC_HEALTH_TRYING },
  };

  for (guint state = 0; state < TLC_N_HEALTH_STATES; state++)
    for (guint event = 0; event < TLC_N_HEALTH_EVENTS; event++)
      {
        TlcHealth health = in_state ((TlcHealthState) state);
        gboolean is_other;

        ck_assert_uint_eq (health.state, state);
        is_other = step (&health, (TlcHealthEvent) event, 100 * SECOND);
        ck_assert_uint_eq (health.state, after[state][event]);
        ck_assert_int_eq (is_other, after[state][event] != state);
      }
}
END_TEST

/* Failures in a row eject, and no others do. */
START_TEST (test_health_in_a_row)
{
  TlcHealth health = tlc_health_new (0);

  for (guint i = 0; i < 10; i++)
    {
      step (&health, TLC_HEALTH_FAILED, SECOND);
      step (&health, TLC_HEALTH_FAILED, SECOND);
      ck_assert_uint_eq (health.n_failures, 2);
      step (&health, TLC_HEALTH_ANSWERED, SECOND);
      ck_assert_uint_eq (health.n_failures, 0);
    }
  ck_assert_uint_eq (health.state, TLC_HEALTH_UP);
}
END_TEST

/* Where no more may be ejected it stays, and goes as soon as one may. */
START_TEST (test_health_may_not)
{
  TlcHealth health = tlc_health_new (0);
  TlcHealthRules rules = rules_at (SECOND);

  rules.may_eject = FALSE;
  for (guint i = 0; i < 10; i++)
    ck_assert (!tlc_health_step (&health, TLC_HEALTH_FAILED, &rules));
  ck_assert_uint_eq (health.state, TLC_HEALTH_UP);
  /* Nor again after a trial. */
  ck_assert (step (&health, TLC_HEALTH_CONNECTED, SECOND));
  ck_assert (step (&health, TLC_HEALTH_TAKEN, SECOND));
  ck_assert (tlc_health_step (&health, TLC_HEALTH_FAILED, &rules));
  ck_assert_uint_eq (health.state, TLC_HEALTH_UP);
  rules.may_eject = TRUE;
  ck_assert (tlc_health_step (&health, TLC_HEALTH_FAILED, &rules));
  ck_assert_uint_eq (health.state, TLC_HEALTH_EJECTED);
}
END_TEST

/* The n-th ejection in a row takes 2^n seconds, a minute at most, and a quarter less by chance at most; until
 * it has been well for as long as it was away. */
START_TEST (test_health_doubles)
{
  TlcHealth health = in_state (TLC_HEALTH_EJECTED);
  gint64 now_us = 100 * SECOND, expected_us = SECOND;

  for (guint i = 0; i < 10; i++)
    {
      ck_assert_int_eq (health.at_us - now_us, expected_us);
      now_us = health.at_us;
      ck_assert_uint_eq (tlc_health_get_state (&health, now_us - 1), TLC_HEALTH_EJECTED);
      ck_assert_uint_eq (tlc_health_get_state (&health, now_us), TLC_HEALTH_TRIAL);
      ck_assert (step (&health, TLC_HEALTH_TAKEN, now_us));
      ck_assert (step (&health, TLC_HEALTH_FAILED, now_us));
      expected_us = MIN (2 * expected_us, 60 * SECOND);
    }
  for (guint i = 0; i < 2; i++)
    {
      step (&health, TLC_HEALTH_ANSWERED, now_us);
      now_us += i == 0 ? 60 * SECOND - 1 : 60 * SECOND;
      for (guint n = 0; n < 3; n++)
        step (&health, TLC_HEALTH_FAILED, now_us);
      ck_assert_int_eq (health.at_us - now_us, i == 0 ? 60 * SECOND : SECOND);
    }
}
END_TEST

START_TEST (test_health_jitter)
{
  gint64 least_us = G_MAXINT64, most_us = 0;

  for (guint noise = 0; noise < 5000; noise++)
    {
      TlcHealth health = in_state (TLC_HEALTH_TRYING);
      TlcHealthRules rules = rules_at (100 * SECOND);

      rules.noise = noise;
      tlc_health_step (&health, TLC_HEALTH_FAILED, &rules);
      least_us = MIN (least_us, health.at_us - rules.now_us);
      most_us = MAX (most_us, health.at_us - rules.now_us);
    }
  ck_assert_int_eq (most_us, 2 * SECOND);
  ck_assert_int_ge (least_us, 3 * SECOND / 2);
  ck_assert_int_lt (least_us, 3 * SECOND / 2 + SECOND / 100);
}
END_TEST

/* Failures that are too few are put to the test by a probe, too: it counts as one more, or leads to a trial. */
START_TEST (test_health_doubt)
{
  TlcHealth health = tlc_health_new (0);

  ck_assert (!step (&health, TLC_HEALTH_CONNECTED, SECOND));
  for (guint i = 0; i < 10; i++)
    step (&health, TLC_HEALTH_LOST, SECOND); /* which is one, however often */
  ck_assert (!step (&health, TLC_HEALTH_UNREACHABLE, SECOND));
  ck_assert (step (&health, TLC_HEALTH_CONNECTED, SECOND));
  ck_assert_uint_eq (health.state, TLC_HEALTH_TRIAL);
  health.state = TLC_HEALTH_UP;
  ck_assert (step (&health, TLC_HEALTH_UNREACHABLE, SECOND));
  ck_assert_uint_eq (health.state, TLC_HEALTH_EJECTED);
}
END_TEST

/* While probes find it unreachable its time is not over; and is, soon after the last of them. */
START_TEST (test_health_unreachable)
{
  TlcHealth health = in_state (TLC_HEALTH_EJECTED);
  gint64 now_us = 100 * SECOND;

  for (guint i = 0; i < 100; i++)
    {
      now_us += SECOND / 4;
      ck_assert (!step (&health, TLC_HEALTH_UNREACHABLE, now_us));
      ck_assert_int_eq (health.at_us, MAX (now_us + SECOND / 2, 101 * SECOND));
    }
  ck_assert_uint_eq (tlc_health_get_state (&health, now_us + SECOND / 2), TLC_HEALTH_TRIAL);
}
END_TEST

/* A trial whose taker never says how it went is another's after its time. */
START_TEST (test_health_trial_is_overdue)
{
  TlcHealth health = in_state (TLC_HEALTH_TRYING);

  ck_assert (!step (&health, TLC_HEALTH_TAKEN, 105 * SECOND - 1));
  ck_assert (step (&health, TLC_HEALTH_TAKEN, 105 * SECOND));
  ck_assert_uint_eq (health.state, TLC_HEALTH_TRYING);
}
END_TEST

/* Whatever happens, in whichever order, for a million steps: nobody but the taker of a trial is sent to what
 * was ejected; an ejection ends within its bound; and it takes calls whenever it has answered. */
START_TEST (test_health_invariant)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (8);
  TlcHealth health = tlc_health_new (0);
  gint64 now_us = 0;
  guint n_taken = 0, n_ejected = 0;

  for (guint i = 0; i < 1000000; i++)
    {
      TlcHealthEvent event = (TlcHealthEvent) g_rand_int_range (random, 0, TLC_N_HEALTH_EVENTS);
      TlcHealthRules rules;
      TlcHealthState before;
      gboolean is_other;

      now_us += g_rand_int_range (random, 0, 2) == 0 ? 0 : g_rand_int_range (random, 0, 3 * SECOND);
      rules = rules_at (now_us);
      rules.may_eject = g_rand_boolean (random);
      rules.noise = g_rand_int (random);
      before = tlc_health_get_state (&health, now_us);
      is_other = tlc_health_step (&health, event, &rules);
      ck_assert_int_eq (is_other, before != health.state);
      if (event == TLC_HEALTH_ANSWERED)
        ck_assert (health.state == TLC_HEALTH_UP && health.n_failures == 0);
      if (event == TLC_HEALTH_TAKEN && is_other)
        {
          ck_assert_uint_eq (before, TLC_HEALTH_TRIAL);
          n_taken++;
        }
      if (health.state == TLC_HEALTH_EJECTED)
        {
          ck_assert_int_le (health.at_us - now_us, 60 * SECOND);
          n_ejected += is_other ? 1 : 0;
        }
      if (before == TLC_HEALTH_UP && health.state == TLC_HEALTH_EJECTED)
        ck_assert (rules.may_eject);
    }
  ck_assert_uint_gt (n_taken, 1000);
  ck_assert_uint_gt (n_ejected, 1000);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("health");
  TCase *tests = tcase_create ("health");

  tcase_add_test (tests, test_health_transitions);
  tcase_add_test (tests, test_health_in_a_row);
  tcase_add_test (tests, test_health_may_not);
  tcase_add_test (tests, test_health_doubles);
  tcase_add_test (tests, test_health_jitter);
  tcase_add_test (tests, test_health_doubt);
  tcase_add_test (tests, test_health_unreachable);
  tcase_add_test (tests, test_health_trial_is_overdue);
  tcase_add_test (tests, test_health_invariant);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
