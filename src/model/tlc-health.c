/* SPDX-License-Identifier: Apache-2.0 */

/* The states of an endpoint's health, and what leads from one to the next. Pure: no clock, no lock. */
#include "model/tlc-health.h"

/* What an event does. */
typedef enum {
  STAY,
  SETTLE, /* no failures in a row any more */
  COUNT,  /* one failure more; ejected, where it is one too many */
  HINT,   /* a failure in a row, where there is none */
  REJECT, /* ejected again */
  EXTEND, /* until after the next probe */
  DOUBT,  /* OFFER, where it has failed */
  OFFER,  /* a trial */
  TRY,
  RECOVER
} TlcHealthAction;

/* A failure in EJECTED is of a call that had begun before, or that was made since all were ejected; in
 * TRIAL too. In TRYING it is taken for that of the trial. */
static const TlcHealthAction tlc_health_actions[TLC_N_HEALTH_STATES][TLC_N_HEALTH_EVENTS] = {
  /*                        ANSWERED  FAILED  LOST  CONNECTED  UNREACHABLE  TAKEN */
  [TLC_HEALTH_UP]      = {  SETTLE,   COUNT,  HINT, DOUBT,     COUNT,       STAY  },
  [TLC_HEALTH_EJECTED] = {  RECOVER,  STAY,   STAY, OFFER,     EXTEND,      STAY  },
  [TLC_HEALTH_TRIAL]   = {  RECOVER,  STAY,   STAY, STAY,      STAY,        TRY   },
  [TLC_HEALTH_TRYING]  = {  RECOVER,  REJECT, STAY, STAY,      STAY,        STAY  },
};

TlcHealth
tlc_health_new (gint64 now_us)
{
  return (TlcHealth){ .state = TLC_HEALTH_UP, .at_us = now_us };
}

TlcHealthState
tlc_health_get_state (const TlcHealth *health, gint64 now_us)
{
  gboolean is_over = now_us >= health->at_us;

  if (is_over && (health->state == TLC_HEALTH_EJECTED || health->state == TLC_HEALTH_TRYING))
    return TLC_HEALTH_TRIAL;
  return health->state;
}

/* Without the jitter, which only shortens it. */
static gint64
tlc_health_get_ejection_us (guint n_before, const TlcHealthRules *rules)
{
  gint64 max_us = MAX (TLC_HEALTH_EJECTION_MAX_US, rules->eject_for_us);
  gint64 ejection_us = rules->eject_for_us;

  for (; n_before > 0 && ejection_us < max_us; n_before--)
    ejection_us *= 2;
  return MIN (ejection_us, max_us);
}

static void
tlc_health_eject (TlcHealth *health, const TlcHealthRules *rules)
{
  gint64 ejection_us;

  /* It was well for at least as long as it had been away: that is forgotten. */
  if (health->state == TLC_HEALTH_UP && health->n_ejections > 0
      && rules->now_us - health->at_us >= tlc_health_get_ejection_us (health->n_ejections - 1, rules))
    health->n_ejections = 0;
  ejection_us = tlc_health_get_ejection_us (health->n_ejections, rules);
  health->n_ejections++;
  health->state = TLC_HEALTH_EJECTED;
  health->at_us = rules->now_us + ejection_us - (ejection_us / 4 * (rules->noise % 1024)) / 1024;
}

static void
tlc_health_count (TlcHealth *health)
{
  if (health->n_failures < G_MAXUINT)
    health->n_failures++;
}

static void
tlc_health_let_be (TlcHealth *health, const TlcHealthRules *rules)
{
  health->state = TLC_HEALTH_UP;
  health->at_us = rules->now_us;
}

static void
tlc_health_act (TlcHealth *health, TlcHealthAction action, const TlcHealthRules *rules)
{
  switch (action)
    {
    case STAY:
      return;
    case SETTLE:
      health->n_failures = 0;
      return;
    case COUNT:
      tlc_health_count (health);
      if (health->n_failures >= rules->eject_after && rules->may_eject)
        tlc_health_eject (health, rules);
      return;
    case HINT:
      health->n_failures = MAX (health->n_failures, 1);
      return;
    case REJECT:
      tlc_health_count (health);
      if (rules->may_eject)
        tlc_health_eject (health, rules);
      else
        tlc_health_let_be (health, rules);
      return;
    case EXTEND:
      health->at_us = MAX (health->at_us, rules->now_us + rules->probe_us);
      return;
    case DOUBT:
      if (health->n_failures > 0)
        health->state = TLC_HEALTH_TRIAL;
      return;
    case OFFER:
      health->state = TLC_HEALTH_TRIAL;
      return;
    case TRY:
      health->state = TLC_HEALTH_TRYING;
      health->at_us = rules->now_us + rules->trial_us;
      return;
    case RECOVER:
      health->n_failures = 0;
      tlc_health_let_be (health, rules);
      return;
    }
}

gboolean
tlc_health_step (TlcHealth *health, TlcHealthEvent event, const TlcHealthRules *rules)
{
  TlcHealthState before;

  health->state = before = tlc_health_get_state (health, rules->now_us);
  tlc_health_act (health, tlc_health_actions[before][event], rules);
  return health->state != before;
}
