/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "support/tlc-echo.h"

/* Two servers, named "A" and "B", and a service that calls A: for what happens when it is told to
 * call B. */
typedef struct {
  TlcServer *a, *b;
  const char *at_a, *at_b;
  TlcService *service;
} TlcPair;

void tlc_pair_init (TlcPair *pair);
void tlc_pair_clear (TlcPair *pair);

/* Whether so many of the service's connections are open, of which so many are in use, now or within
 * ten seconds. */
gboolean tlc_pair_settles (TlcPair *pair, guint64 open, guint64 busy);

/* A call on a thread of its own that takes so long. It has been sent when _start() returns; _join()
 * fails the test if it did not succeed. */
typedef struct {
  TlcService *service;
  gint32 milliseconds;
  pid_t thread_id;
  pthread_t thread;
  gboolean ok;
} TlcTake;

void tlc_take_start (TlcTake *take, TlcService *service, gint32 milliseconds);
void tlc_take_join (TlcTake *take);

/* A server that accepts nobody yet: a connect to it waits, until tlc_full_listener_accept() or
 * _clear(), which refuses it. */
typedef struct {
  int fd, filler;
  char *endpoint;
} TlcFullListener;

void tlc_full_listener_init (TlcFullListener *listener);
void tlc_full_listener_clear (TlcFullListener *listener);
/* Makes room for the connection that waits, and returns it; -1: none does any more. */
int tlc_full_listener_accept (TlcFullListener *listener);
