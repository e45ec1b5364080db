/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What test-faults-torture does over and over: one scenario of calls of all kinds, with the shim's
 * rules in force, after which all must be as before.
 *
 * Each answer that comes is compared; each failure is a %TLC_ERROR of a kind that a system call
 * can cause, and what it says of delivery is compared with what the servers counted. */

#include "support/tlc-echo.h"

/* One call. TRUE: the right answer came, or the right exception. FALSE: an error. A wrong answer
 * fails the test. */
typedef struct {
  const char *name;
  gboolean (*call) (EchoIf *echo, GError **error);
} TlcTortureCall;

extern const TlcTortureCall tlc_torture_calls[];
extern const guint tlc_torture_n_calls;

typedef struct {
  TlcServer *a, *b;
  const char *at_a, *at_b;
  const char *protocol, *transport;
  char *both; /* a name that leads to a, and b's address */
  guint fds;
  guint round;    /* how many there were */
  long live;      /* blocks of memory after the last one */
  GArray *runs;   /* of TlcTortureRun: this round's calls that servers count */
  gboolean is_ok; /* nothing failed in this round */
} TlcTorture;

void tlc_torture_begin (TlcTorture *torture, const char *protocol, const char *transport);
void tlc_torture_end (TlcTorture *torture);

/* The scenario under @rules, and what is to hold after it. How many @call there were. */
long tlc_torture_play (TlcTorture *torture, const char *rules, const char *call);

/* A round after which there are more blocks of memory than before it is played again: where there
 * are more each time, that is a leak. */
#define TLC_TORTURE_LEAK_ROUNDS 4
