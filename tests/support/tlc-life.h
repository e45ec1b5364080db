/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One thread of a crowd. */
#include "support/tlc-crowd.h"

typedef struct {
  TlcCrowd *crowd;
  GRand *random;
  EchoIf *echo;
  TlcCrowdSum sum;
  gboolean is_hurried;       /* its calls have little time */
  gint64 begun_us;           /* the call at hand */
  guint64 seen[TLC_EXCUSES]; /* then */
  gboolean is_holding;
  guint64 n_returned;  /* when the hold began */
  gboolean has_failed; /* something in the hold, or before in the pipeline */
} TlcLife;

/* What it does until it exits. Of a TlcLife with a crowd and a random, and nothing else yet. */
void *tlc_life_main (void *life);
