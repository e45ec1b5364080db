/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-seats.h"

/* Sees to the health of a service's endpoints: what happens to calls, dials and probes is told here, and
 * taken in by the state machine of each endpoint (tlc-health.h). Any thread; the lock is held for a few
 * instructions, and never taken by a call that goes well at an endpoint that is well. */
typedef struct _TlcEjector TlcEjector;
struct _TlcEjector {
  TlcSeats *seats;
  const char *service;                /* its name; immutable, not ours */
  void (*wake) (TlcEjector *ejector); /* an endpoint may be to be probed */
};

void tlc_ejector_init (TlcEjector *ejector, TlcSeats *seats, const char *service,
                       void (*wake) (TlcEjector *ejector));
/* A dial or a call failed at @endpoint, for @reason, in a way that speaks against it. */
void tlc_ejector_note_failure (TlcEjector *ejector, TlcEndpoint *endpoint, const char *reason);
/* A connection to @endpoint was found lost that had been idle: if nobody has another, that is worth a probe. */
void tlc_ejector_note_lost (TlcEjector *ejector, TlcEndpoint *endpoint);
/* A call was answered; worth telling where the endpoint is doubtful. */
void tlc_ejector_note_answer (TlcEjector *ejector, TlcEndpoint *endpoint);
/* A probe has connected, or could not. */
void tlc_ejector_note_connected (TlcEjector *ejector, TlcEndpoint *endpoint);
void tlc_ejector_note_unreachable (TlcEjector *ejector, TlcEndpoint *endpoint, const char *reason);
/* TRUE: the endpoint is on trial, and the call that asks is the one. */
gboolean tlc_ejector_take_trial (TlcEjector *ejector, TlcEndpoint *endpoint);

/* A copy of what is under the lock. */
typedef struct {
  TlcHealth health;
  guint64 n_failures, n_ejections;
} TlcEjectorView;

TlcEjectorView tlc_ejector_look (TlcEndpoint *endpoint);

/* Around fork(). */
void tlc_ejector_before_fork (void);
void tlc_ejector_after_fork (void);
