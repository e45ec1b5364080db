/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Whether an endpoint takes calls: a state machine, and nothing else. Who drives it, and for whom, is
 * tlc-ejector.h.
 *
 *                n-th failure in a row                     its time is over, or
 *        .---------- if one more may be -----> EJECTED ----- a probe connects ---> TRIAL
 *        |                                          ^                              |   ^
 *       UP --- has failed, and a probe connects ----|----------------------------->|   |
 *        ^                                          |                         taken|   |too late
 *        |                                          '------- a failure ---------.  v   |
 *        '---------- an answer, or a failure where no more may be ------------ TRYING -'
 *
 * As long as probes find it unreachable the time of an ejection is not over, so that no call finds out again. An
 * answer always ends in UP: somebody got through. In TRIAL one call may go there before the crowd; who
 * takes it makes it TRYING, and no other does until that call is over, or overdue. */
typedef enum {
  TLC_HEALTH_UP,
  TLC_HEALTH_EJECTED,
  TLC_HEALTH_TRIAL,
  TLC_HEALTH_TRYING,
  TLC_N_HEALTH_STATES
} TlcHealthState;

typedef enum {
  TLC_HEALTH_ANSWERED,    /* a call */
  TLC_HEALTH_FAILED,      /* a call, or a dial */
  TLC_HEALTH_LOST,        /* a connection that had been idle, which may be nobody's fault */
  TLC_HEALTH_CONNECTED,   /* a probe */
  TLC_HEALTH_UNREACHABLE, /* for a probe */
  TLC_HEALTH_TAKEN,       /* the trial */
  TLC_N_HEALTH_EVENTS
} TlcHealthEvent;

typedef struct {
  TlcHealthState state;
  guint n_failures;  /* in a row, since the last answer */
  guint n_ejections; /* in a row: the next takes longer for each */
  gint64 at_us;      /* UP: since when; EJECTED: until when; TRYING: when it is overdue */
} TlcHealth;

/* What drives it has to say besides. */
typedef struct {
  gint64 now_us;
  guint eject_after;   /* so many failures in a row */
  gint64 eject_for_us; /* the first time; twice as long each time in a row */
  gint64 trial_us;     /* how long a trial may take */
  gint64 probe_us;     /* how long until the next probe has ended */
  gboolean may_eject;  /* one more */
  guint32 noise;       /* any number */
} TlcHealthRules;

/* An ejection takes no longer, unless eject-for does. */
#define TLC_HEALTH_EJECTION_MAX_US (60 * G_USEC_PER_SEC)

/* It takes calls since @now_us. */
TlcHealth tlc_health_new (gint64 now_us);
/* The state as time has it by now. */
TlcHealthState tlc_health_get_state (const TlcHealth *health, gint64 now_us);
/* Takes @event in. TRUE: it has another state than it had by time alone. */
gboolean tlc_health_step (TlcHealth *health, TlcHealthEvent event, const TlcHealthRules *rules);
