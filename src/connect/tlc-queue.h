/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "connect/tlc-seat.h"

typedef struct _TlcSeats TlcSeats;
typedef struct _TlcWaiter TlcWaiter;

/* Threads that wait for a seat, first come, first served. */
typedef struct {
  pthread_mutex_t lock;
  /* under the lock: */
  TlcWaiter *first, *last;
  guint n_waiting;
} TlcQueue;

typedef enum {
  TLC_QUEUE_GRANTED,
  TLC_QUEUE_TIMED_OUT,
  TLC_QUEUE_FULL,  /* @max_waiting wait already */
  TLC_QUEUE_CLOSED /* the service is */
} TlcQueueVerdict;

/* What a waiter would send first on the connection that it is given. */
typedef struct {
  const guint8 *data; /* NULL: nothing */
  gsize length;
  guint64 generation; /* the one that it was written by, as in stamps */
  gint64 check_after_idle_us;
  gsize sent; /* out: how much of it was sent, by whoever gave the connection away */
} TlcQueueRequest;

void tlc_queue_init (TlcQueue *queue);
void tlc_queue_clear (TlcQueue *queue);

/* Has thread @thread, the caller, wait for a seat until @deadline_us. If it is GRANTED, @home is that seat, claimed; and @request,
 * nullable, may be on its way. The one place where threads wait for one another, and a cancellation
 * point: nothing that would stay must be in the caller's hands. */
TlcQueueVerdict tlc_queue_wait (TlcSeats *seats, TlcHome *home, TlcQueueRequest *request, gint32 thread,
                                guint max_waiting, gint64 deadline_us);
/* Gives the claimed seat of @home, as it is, to the thread that has waited longest. FALSE: none
 * waits, and the seat is still the caller's. */
gboolean tlc_queue_serve (TlcSeats *seats, TlcHome *home);
/* Sends away all that wait, and all that come. */
void tlc_queue_close (TlcSeats *seats);
guint tlc_queue_count (TlcQueue *queue);

/* Around fork(). In the child nobody waits. */
void tlc_queue_before_fork (TlcQueue *queue);
void tlc_queue_after_fork_parent (TlcQueue *queue);
void tlc_queue_after_fork_child (TlcSeats *seats);
