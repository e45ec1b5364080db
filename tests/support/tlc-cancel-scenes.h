/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a thread may be at when it is cancelled, and what others do beside it: a stage for test-cancel.c,
 * on which one scene is played per round. */
#include <pthread.h>
#include <stdatomic.h>

#include "support/tlc-cancel-points.h"
#include "support/tlc-harness.h"

typedef struct _TlcCancelStage TlcCancelStage;

typedef struct {
  const char *name;
  const char *open; /* where it may end, and no more than there */
  const char *settings[9];
  void (*prepare) (TlcCancelStage *stage); /* the test's thread, before */
  void (*act) (TlcCancelStage *stage);     /* the thread that is cancelled */
  void (*meet) (TlcCancelStage *stage);    /* the test's thread, beside it */
  void (*after) (TlcCancelStage *stage);   /* the test's thread */
} TlcCancelScene;

struct _TlcCancelStage {
  const TlcCancelScene *scene;
  TlcService *service, *second;
  TlcScript *script;
  const char *endpoint;
  TlcConfig *config;
  pid_t child;
  TlcCancelPoints points;
  pthread_t thread, other;
  atomic_int phase, has_ended;
  /* that thread's, and read when it is gone */
  guint n_begun, n_failed;
  gboolean is_wrong;
  guint n_others; /* calls of others */
};

/* The second, where a scene has two. */
extern const char *tlc_cancel_other_endpoint;

extern const TlcCancelScene tlc_cancel_scenes[];
extern const guint tlc_cancel_n_scenes;
/* Played without a fatal point: it has one of its own. */
extern const TlcCancelScene tlc_cancel_hand_over;

/* One call that must succeed, of the TlcService @data. */
void *tlc_cancel_call_elsewhere (void *data);
