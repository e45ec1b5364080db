/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keeper/tlc-worker.h"

/* Something for the keeper to do: a part of the object that it concerns, to which each scheduling
 * holds a reference. */
typedef struct _TlcJob TlcJob;
struct _TlcJob {
  void (*run) (TlcJob *job);  /* on the keeper's thread, no lock held; may schedule it again */
  void (*drop) (TlcJob *job); /* gives that reference back, after it ran; or where nothing runs */
  /* under the lock: */
  gint64 due_us; /* while it runs: by when it was hastened */
  int fd_plus_1; /* what it waits for besides; 0: nothing */
  short events;
  gboolean is_scheduled;
  TlcJob *next, *previous;
};

/* Sees to it that the keeper runs. FALSE and an error when it cannot. Any thread. */
gboolean tlc_keeper_start (GError **error);

/* Has @job run once at @due_us of the monotonic clock, or at an earlier time that it is scheduled
 * for already. TRUE: it was not scheduled before (while it runs it is not), and a reference of the
 * caller's to what it is a part of was taken over; else the caller keeps that. Any thread. */
gboolean tlc_keeper_schedule (TlcJob *job, gint64 due_us);

/* The same for a job that is not scheduled, or as soon as poll() finds @events at @fd, which stays open
 * until it runs. */
gboolean tlc_keeper_schedule_io (TlcJob *job, int fd, short events, gint64 due_us);

/* The same for a job that is scheduled. One that runs, and schedules itself before it ends, is then
 * scheduled for @due_us at the latest; any other stays as it is. */
void tlc_keeper_hasten (TlcJob *job, gint64 due_us);

/* The same, with the workers' lock held. */
void tlc_keeper_hasten_unlocked (TlcJob *job, gint64 due_us);

/* Whether the calling thread is the keeper. */
gboolean tlc_keeper_is_self (void);

/* No service is open: the keeper runs what it still has, due or not, and ends. */
void tlc_keeper_stop (void);

/* In the child of fork(), where the lock is held. */
void tlc_keeper_after_fork_child_unlocked (void);
