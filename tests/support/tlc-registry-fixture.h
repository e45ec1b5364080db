/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What tests do with a registry: each fails the test when it does not come out as it says. */
#include <pthread.h>

#include "support/tlc-echo.h"

/* Loads a text. */
void registry_must_load (TlcRegistry *registry, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Is refused one, with that code and a message that matches the glob @message. */
void registry_must_refuse (TlcRegistry *registry, TlcError code, const char *message,
                           const char *format, ...) G_GNUC_PRINTF (4, 5);
/* The service of that name, with the echo client. */
TlcService *registry_get (TlcRegistry *registry, const char *name);
void registry_must_not_have (TlcRegistry *registry, const char *name, GType type, TlcError code,
                             const char *message);
/* A call of this thread is served by the server of that name. */
void registry_must_be_served_by (TlcRegistry *registry, const char *name, const char *server);

/* What it was told. */
typedef struct {
  TlcEventKind kind;
  guint64 generation;
  guint n_lost;
  char *message;
  gboolean has_error;
} ToldEvent;

typedef struct {
  TlcRegistry *registry;
  gboolean is_slow; /* the first call does not return before told_go_on() */
  gboolean unrefs;  /* it gives a reference back */
  int load_code;    /* what a load came to that was tried there, by the slow one */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  GPtrArray *events; /* of ToldEvent */
  gboolean is_inside, goes_on, is_destroyed;
} Told;

void told_init (Told *told, TlcRegistry *registry);
/* Waits until nobody is told any more, by when there must have been so many events. */
void told_clear (Told *told, guint n_events);
/* Waits until the slow one has been called. */
void told_await_inside (Told *told);
void told_go_on (Told *told);
/* Waits for so many events, and there must be no more. */
void told_must_have (Told *told, guint n_events);
/* Waits for that event; @message is a glob. */
void told_must_be (Told *told, guint index, TlcEventKind kind, guint64 generation,
                   const char *message);
guint told_sum_lost (Told *told);
