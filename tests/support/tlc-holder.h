/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "support/tlc-echo.h"

/* A server whose who() says over which connection it was asked: "A#1" over the first. */
TlcServer *tlc_holder_server (const char *name);

/* Holds the connection of this thread's client; fails the test when that fails. */
void tlc_holder_hold (TlcService *service);
/* It must fail with @code, not sent, and a message that has @text. */
void tlc_holder_must_not_hold (TlcService *service, TlcError code, const char *text);
void tlc_holder_release (TlcService *service);

/* One call that must be answered by @who. */
void tlc_holder_must_meet (TlcService *service, const char *who);
/* One call of a hold that is over: it must fail with @code, not sent, without a connection to it. */
void tlc_holder_must_be_over (TlcService *service, TlcError code, const char *text);

/* So many threads wait for a connection, now or within ten seconds. */
void tlc_holder_await_waiting (TlcService *service, guint64 n);
/* This process has so many connections open to @endpoint, now or before @watchdog_ms have passed. */
void tlc_holder_await_connections (const char *endpoint, guint n, guint watchdog_ms);

/* A thread that makes two calls, and exits. */
typedef struct {
  TlcService *service;
  pthread_t thread;
  gint32 turn; /* in which its first call ran, among all askers of a server */
  char *who;   /* that of the second; NULL: it failed */
  GError *error;
} TlcAsker;

void tlc_asker_start (TlcAsker *asker, TlcService *service);
/* Waits for its end; the answer must be @who's. */
void tlc_asker_must_meet (TlcAsker *asker, const char *who);
/* Start and end in one. */
void tlc_asker_ask (TlcService *service, const char *who);

/* Runs @func on a thread of its own, and waits for its end. */
void tlc_holder_elsewhere (void *(*func) (void *), void *data);
