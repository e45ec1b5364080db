/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "support/tlc-echo.h"

/* Threads that call once each time they are told to, and sleep between. */
typedef struct {
  TlcService *service;
  guint n;
  pthread_barrier_t meet;
  gboolean is_over; /* by the barrier */
  pthread_t *threads;
} TlcSleepers;

void tlc_sleepers_start (TlcSleepers *sleepers, TlcService *service, guint n);
/* Returns when all have called, which must succeed, and sleep. */
void tlc_sleepers_call (TlcSleepers *sleepers);
/* They exit without another call. */
void tlc_sleepers_end (TlcSleepers *sleepers);
