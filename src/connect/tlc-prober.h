/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "connect/tlc-ejector.h"

/* Looks whether endpoints that are ejected, or have failed, can be connected to. The keeper's alone. */
typedef struct {
  TlcEjector *ejector;
  TlcSnapshot *snapshot; /* a reference, while one of its endpoints is probed; else NULL */
} TlcProber;

/* When to go on. */
typedef struct {
  gint64 due_us; /* G_MAXINT64: when an endpoint has failed */
  int fd;        /* or when this is writable; -1: there is none */
} TlcProberNext;

void tlc_prober_init (TlcProber *prober, TlcEjector *ejector);
/* Goes on, and never waits. Where @current is closed it ends. */
TlcProberNext tlc_prober_step (TlcProber *prober, TlcSnapshot *current);
/* Nobody steps any more. */
void tlc_prober_clear (TlcProber *prober);
/* In the child of fork(): what the parent's keeper was at is not ours. */
void tlc_prober_after_fork_child (TlcProber *prober);
