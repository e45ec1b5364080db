/* SPDX-License-Identifier: Apache-2.0 */

/* The root: when what was replaced is freed, and how much of it there may be. */
#include "model/tlc-branch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "model/tlc-clock.h"
#include "model/tlc-rcu.h"
#include "support/tlc-root-fixture.h"

static int
count_references (TlcSnapshot *snapshot)
{
  return atomic_load_explicit (&snapshot->ref_count, memory_order_acquire);
}

/* A snapshot that was replaced is kept until the next reclaim, and freed by it. */
START_TEST (test_reclaim_frees_what_was_replaced)
{
  g_autoptr (TlcBranch) branch = tlc_room_branch (tlc_room_settings ("unix:@a", NULL));
  g_autoptr (TlcSnapshot) first = tlc_branch_read (branch);
  g_autoptr (TlcSnapshot) second = NULL;

  tlc_root_reclaim (branch->root);
  ck_assert_int_eq (count_references (first), 2); /* the root's and ours */
  change (branch, "unix:@b");
  second = tlc_branch_read (branch);
  change (branch, "unix:@c");
  ck_assert_int_eq (count_references (first), 2);
  ck_assert_int_eq (count_references (second), 2);
  tlc_root_reclaim (branch->root);
  ck_assert_int_eq (count_references (first), 1);
  ck_assert_int_eq (count_references (second), 1);
}
END_TEST

/* A reader who stays inside its read section with a snapshot that it has no reference to. */
typedef struct {
  TlcBranch *branch;
  pthread_barrier_t inside, leave;
  guint64 generation; /* what it reads there before it leaves */
} Reader;

static void *
read_for_long (void *data)
{
  Reader *reader = data;
  gboolean by_stand_in = tlc_rcu_read_lock ();
  TlcSnapshot *snapshot;

  snapshot = tlc_branch_read (reader->branch);
  tlc_snapshot_unref (snapshot);
  pthread_barrier_wait (&reader->inside);
  pthread_barrier_wait (&reader->leave);
  reader->generation = snapshot->generation;
  tlc_rcu_read_unlock (by_stand_in);
  return NULL;
}

typedef struct {
  TlcBranch *branch;
  atomic_bool has_returned;
} Reclaimer;

static void *
reclaim (void *data)
{
  Reclaimer *reclaimer = data;

  tlc_root_reclaim (reclaimer->branch->root);
  atomic_store_explicit (&reclaimer->has_returned, true, memory_order_release);
  return NULL;
}

static void
fill (TlcBranch *branch)
{
  for (guint i = 0; i < TLC_ROOT_REPLACED_MAX; i++)
    {
      tlc_root_lock ();
      ck_assert (tlc_root_wait_for_room_unlocked (branch->root, tlc_clock_now_us ()));
      tlc_root_unlock ();
      change (branch, i % 2 == 0 ? "unix:@a" : "unix:@b");
    }
}

static gboolean
has_room_by (TlcBranch *branch, gint64 deadline_us)
{
  gboolean has_room;

  tlc_root_lock ();
  has_room = tlc_root_wait_for_room_unlocked (branch->root, deadline_us);
  tlc_root_unlock ();
  return has_room;
}

/* Reclaiming waits for who began to read before it, frees nothing and makes no room until he
 * leaves; and then it ends. */
START_TEST (test_reclaim_waits_for_readers)
{
  g_autoptr (TlcBranch) branch = tlc_room_branch (tlc_room_settings ("unix:@first", NULL));
  g_autoptr (TlcSnapshot) replaced = NULL;
  Reader reader = { .branch = branch };
  Reclaimer reclaimer = { .branch = branch };
  pthread_t reading, reclaiming;

  pthread_barrier_init (&reader.inside, NULL, 2);
  pthread_barrier_init (&reader.leave, NULL, 2);
  ck_assert_int_eq (pthread_create (&reading, NULL, read_for_long, &reader), 0);
  pthread_barrier_wait (&reader.inside);
  fill (branch);
  replaced = tlc_branch_read (branch);
  ck_assert_int_eq (pthread_create (&reclaiming, NULL, reclaim, &reclaimer), 0);
  /* Nothing is to happen in this time; it is what the reclaimer has to do the wrong thing. */
  ck_assert (!has_room_by (branch, tlc_clock_now_us () + 300000));
  ck_assert (!atomic_load_explicit (&reclaimer.has_returned, memory_order_acquire));
  pthread_barrier_wait (&reader.leave);
  ck_assert (has_room_by (branch, tlc_clock_now_us () + 30 * G_USEC_PER_SEC));
  pthread_join (reclaiming, NULL);
  pthread_join (reading, NULL);
  ck_assert_uint_eq (reader.generation, 1);
  pthread_barrier_destroy (&reader.inside);
  pthread_barrier_destroy (&reader.leave);
}
END_TEST

/* Law 5: no more than so many are replaced and not reclaimed: a writer waits until his deadline, or
 * until the keeper has made room. */
START_TEST (test_reclaim_replaced_are_bounded)
{
  g_autoptr (TlcBranch) branch = tlc_room_branch (tlc_room_settings ("unix:@first", NULL));
  Reclaimer reclaimer = { .branch = branch };
  gint64 deadline_us;
  pthread_t reclaiming;

  fill (branch);
  deadline_us = tlc_clock_now_us () + 50000;
  ck_assert (!has_room_by (branch, deadline_us));
  ck_assert_int_ge (tlc_clock_now_us (), deadline_us);
  ck_assert_int_lt (tlc_clock_now_us (), deadline_us + 500000);

  /* The lock is ours until we wait, so it is while we wait that room is made. */
  tlc_root_lock ();
  ck_assert_int_eq (pthread_create (&reclaiming, NULL, reclaim, &reclaimer), 0);
  deadline_us = tlc_clock_now_us () + 30 * G_USEC_PER_SEC;
  ck_assert (tlc_root_wait_for_room_unlocked (branch->root, deadline_us));
  tlc_root_unlock ();
  ck_assert_int_lt (tlc_clock_now_us (), deadline_us);
  pthread_join (reclaiming, NULL);
  fill (branch);
  ck_assert (!has_room_by (branch, tlc_clock_now_us ()));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("reclaim");
  TCase *tests = tcase_create ("reclaim");

  tcase_add_test (tests, test_reclaim_frees_what_was_replaced);
  tcase_add_test (tests, test_reclaim_waits_for_readers);
  tcase_add_test (tests, test_reclaim_replaced_are_bounded);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
