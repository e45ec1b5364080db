/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The cancellation points that the library comes by: tlc-cancel-points.c, linked into a program in front
 * of libc, counts them, and at one of them cancels the thread, which ends there if it can be cancelled,
 * else at the next where it can. */
#include <stdatomic.h>

typedef struct {
  unsigned fatal; /* at which one, counted from 1, the thread is cancelled; 0: at none */
  atomic_uint n;  /* how many it has come by */
  char open[128]; /* the names of those where it could have been, each once, a space behind each */
} TlcCancelPoints;

/* Has the calling thread's points noted in @points, until its end; NULL: no more. A ppoll() that
 * waits for nothing but the time is called "pause". */
void tlc_cancel_points_watch (TlcCancelPoints *points);

/* Has @func called, once, by the thread that sends next, when it has sent. */
void tlc_cancel_points_after_send (void (*func) (void *data), void *data);
