/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Threads that come, call their one service in every way there is, and go, while whoever has
 * started them changes it. Each answer must be its asker's own, and each error be due to what was
 * in force during its call, as far as they are told; else the test fails. What they have seen is
 * counted. */
#include <pthread.h>
#include <stdatomic.h>

#include "support/tlc-echo.h"

/* So many live at a time. */
#define TLC_CROWD_SIZE 8
/* Nobody waits nearly so long but who was forgotten. All time limits that are not to be met. */
#define TLC_CROWD_FOREVER "20s"
/* The request of their oneways, which are notes. */
#define TLC_CROWD_NOTE "tlc-crowd"

/* What is in force at times, and errors can be due to. */
typedef enum {
  TLC_EXCUSE_CAP,     /* there is one: TLC_ERROR_EXHAUSTED */
  TLC_EXCUSE_REFUSED, /* one of the endpoints refuses: TLC_ERROR_UNAVAILABLE, for who is in a hurry */
  TLC_EXCUSE_ALONE,   /* there is no other: for all */
  TLC_EXCUSES
} TlcExcuse;

typedef struct {
  guint64 good;
  guint64 failed[TLC_ERROR_BUSY + 1]; /* by code */
  guint64 failed_holds;               /* which are no calls */
  guint64 given_up, forgotten;   /* replies: by a reset, or by the exit of their thread */
  guint64 notes, doubtful_notes; /* that were sent, that may have been */
} TlcCrowdSum;

typedef struct {
  TlcService *service;
  gboolean is_gentle; /* they do nothing that closes a connection, and have time */
  guint n_due;        /* threads, in all */
  guint32 seed;
  atomic_uint n_born, n_nurses;
  atomic_int last_value; /* of payloads */
  /* who makes changes writes, callers read: changes, and of each excuse how often it came or went,
   * so odd while it holds */
  _Atomic guint64 n_begun, n_returned, excuses[TLC_EXCUSES];
  pthread_mutex_t lock;
  TlcCrowdSum sum; /* under the lock, until all are gone */
  pthread_t nurses[TLC_CROWD_SIZE];
} TlcCrowd;

/* Starts them: @n_due, one after the other in each of its places. */
void tlc_crowd_start (TlcCrowd *crowd, TlcService *service, guint n_due, gboolean is_gentle);
/* Whether one is alive, or to come. */
gboolean tlc_crowd_is_there (TlcCrowd *crowd);
/* Waits for the last. */
void tlc_crowd_join (TlcCrowd *crowd);

/* Around each change of the service, the first before the start: what it @excuses, indexed by
 * TlcExcuse. */
void tlc_crowd_begin_change (TlcCrowd *crowd, const gboolean *excuses);
void tlc_crowd_end_change (TlcCrowd *crowd, const gboolean *excuses);

/* All are gone: the service has counted what they have seen, and nothing of theirs is busy, now or
 * within @patience_ms. Prints it. */
TlcStats tlc_crowd_must_add_up (TlcCrowd *crowd, guint patience_ms);
