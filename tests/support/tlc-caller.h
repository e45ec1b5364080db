/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A thread that calls, in every way there is, until its service is closed; it fails the test where a
 * call ends otherwise than with its own answer or by TLC_ERROR_CLOSED. */
#include <stdatomic.h>

#include "support/tlc-echo.h"

typedef enum {
  TLC_CALLER_ADD,
  TLC_CALLER_RUN,
  TLC_CALLER_NOTE,
  TLC_CALLER_PIPELINE,
  TLC_CALLER_HOLD,
  TLC_CALLER_SLOW, /* two seconds */
  TLC_CALLER_DEEDS
} TlcCallerDeed;

/* Time limits that nobody meets. */
#define TLC_CALLER_FOREVER "60s"

typedef struct {
  EchoIf *echo;
  GRand *random;
  const char *id;         /* the request of its run() */
  atomic_int *n_may_slow; /* how many more slow calls there may be, of all callers */
  TlcCallerDeed deed;
  gboolean is_closed; /* it has been told so */
  gint64 told_us;     /* when */
  guint n_good, n_closed[TLC_CALLER_DEEDS][TLC_DELIVERY_ANSWERED + 1];
  gint32 value;           /* asked for latest */
  guint n_due;            /* replies, of as many latest values */
  gboolean is_slow_due;   /* the first of these is a slow call's */
  gint32 n_ran, n_may_have_run; /* its run() */
} TlcCaller;

/* One deed, whole. */
void tlc_caller_act (TlcCaller *caller);

/* A pipeline in two halves: its requests, and what comes of them. */
void tlc_caller_send (TlcCaller *caller);
void tlc_caller_receive (TlcCaller *caller);

/* After the close: what begins now is refused, not sent. */
void tlc_caller_must_be_refused (TlcCaller *caller);
