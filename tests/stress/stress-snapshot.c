/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when N reads of a root, by four threads, while two writers publish as fast as they may
 * and a keeper reclaims, have found only snapshots that are filled, alive, and never older than
 * what was in force when the read began, or than what the same thread saw before; when a read
 * section never fell behind by more than TLC_ROOT_REPLACED_MAX generations; and when never more
 * snapshots were alive than the one in force, the one being made, TLC_ROOT_REPLACED_MAX that were
 * replaced, and those that readers held.
 *
 * Whatever a snapshot contains follows from its generation, as far as a reader can tell: what is
 * half filled, freed or used again does not fit together. Freed memory is filled by malloc
 * (M_PERTURB) where no sanitizer watches it.
 *
 * stress-snapshot [N, 5000000 by default] */
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "model/tlc-clock.h"
#include "model/tlc-rcu.h"
#include "support/tlc-room.h"

#define N_READERS 4
#define N_WRITERS 2

/* A snapshot has so many endpoints, out of so many. */
#define N_ENDPOINTS 3
#define N_NAMES 64

/* One read in so many is of another kind than the common one. */
#define RARELY 8
/* What malloc fills freed memory with. */
#define POISON 165
/* Generations that are not reached: garbage. */
#define GENERATION_MAX (G_GUINT64_CONSTANT (1) << 40)

static guint64 n_reads = 5000000;

/* Ages in powers of two: 0, 1, 2 to 3, 4 to 7, ... */
#define N_AGES 8

typedef struct {
  _Alignas (64) _Atomic guint n_held; /* the reader writes, writers read: references, 0 or 1 */
  pthread_t thread;
  guint32 random;
  guint64 seen; /* the newest generation so far */
  guint64 n_reads, n_sections, n_yields;
  guint64 ages[N_AGES]; /* how far a snapshot was behind when it was let go */
} Reader;

static struct {
  TlcBranch *branch;
  char *names[N_NAMES];
  Reader readers[N_READERS];
  _Atomic guint64 published;       /* writers, under the lock: the newest that is in force */
  _Atomic guint64 n_made;          /* writers, under the lock */
  _Atomic guint64 n_answers_freed; /* any thread: N_ENDPOINTS for each snapshot */
  guint64 max_alive, max_held;     /* writers, under the lock */
  atomic_bool is_read, is_written; /* the main thread: who writes, who reclaims may end */
} stress;

/* What a snapshot says, by its generation. */
static guint64
get_call_timeout_ms (guint64 generation)
{
  return 1 + generation % 80000000;
}

static guint64
get_connect_timeout_ms (guint64 generation)
{
  return 1 + (generation * 31) % 80000000;
}

static guint64
get_message_size (guint64 generation)
{
  return 1024 + generation % 1000000000;
}

static guint64
get_decoded_size (guint64 generation)
{
  return 1024 + (generation * 7919) % 1000000000;
}

static const char *
get_name (guint64 generation, guint i)
{
  return stress.names[(generation + i * (1 + generation % 5)) % N_NAMES];
}

static char *
format (guint64 value, const char *unit)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", value, unit);
}

static TlcSettings *
make_settings (guint64 generation)
{
  g_autofree char *call_timeout = format (get_call_timeout_ms (generation), "ms");
  g_autofree char *connect_timeout = format (get_connect_timeout_ms (generation), "ms");
  g_autofree char *message_size = format (get_message_size (generation), "");
  g_autofree char *decoded_size = format (get_decoded_size (generation), "");
  g_autofree char *endpoints = g_strjoin (" ", get_name (generation, 0), get_name (generation, 1),
                                          get_name (generation, 2), NULL);

  return tlc_room_settings (endpoints, "call-timeout", call_timeout, "connect-timeout",
                            connect_timeout, "max-message-size", message_size, "max-decoded-size",
                            decoded_size, "keepalive", generation % 2 == 0 ? "true" : "false",
                            NULL);
}

/* A snapshot frees its answers when it is freed: so they can be counted. */
static void
free_answer (gpointer answer)
{
  tlc_answer_free (answer);
  atomic_fetch_add_explicit (&stress.n_answers_freed, 1, memory_order_seq_cst);
}

static GPtrArray *
make_answers (const TlcSettings *settings)
{
  GPtrArray *answers = tlc_room_answers (settings);

  g_assert (answers->len == N_ENDPOINTS);
  g_ptr_array_set_free_func (answers, free_answer);
  atomic_fetch_add_explicit (&stress.n_made, 1, memory_order_seq_cst);
  return answers;
}

static guint64
count_alive (void)
{
  guint64 n_freed = atomic_load_explicit (&stress.n_answers_freed, memory_order_seq_cst);

  return atomic_load_explicit (&stress.n_made, memory_order_seq_cst) - n_freed / N_ENDPOINTS;
}

static const char *
find_wrong_endpoint (const TlcSnapshot *snapshot)
{
  if (snapshot->endpoints->len != N_ENDPOINTS || snapshot->answers->len != N_ENDPOINTS)
    return "endpoints are missing";
  for (guint i = 0; i < N_ENDPOINTS; i++)
    if (strcmp (tlc_endpoint_get_text (snapshot->endpoints->pdata[i]),
                get_name (snapshot->generation, i))
        != 0)
      return "an endpoint is of another generation";
  return NULL;
}

/* What does not fit together in @snapshot; NULL when all does. */
static const char *
find_wrong (const TlcSnapshot *snapshot, guint64 generation)
{
  const TlcSettings *settings = snapshot->settings;

  if (generation == 0 || generation > GENERATION_MAX)
    return "the generation is none";
  if (snapshot->closed || settings == NULL || snapshot->before != NULL)
    return "it is not filled";
  if (settings->call_timeout_us != (gint64) get_call_timeout_ms (generation) * 1000
      || settings->connect_timeout_us != (gint64) get_connect_timeout_ms (generation) * 1000
      || settings->max_message_size != get_message_size (generation)
      || settings->max_decoded_size != get_decoded_size (generation)
      || settings->keepalive != (generation % 2 == 0))
    return "a setting is of another generation";
  return find_wrong_endpoint (snapshot);
}

/* The hot path has no ck_assert(), each of which takes a lock when all is well. */
static void
check (const TlcSnapshot *snapshot, guint64 generation)
{
  const char *wrong = snapshot->generation != generation ? "it changed under a reader"
                                                         : find_wrong (snapshot, generation);

  if (G_UNLIKELY (wrong != NULL))
    ck_abort_msg ("generation %" G_GUINT64_FORMAT " (0x%" G_GINT64_MODIFIER "x): %s", generation,
                  generation, wrong);
}

static guint32
draw (Reader *reader, guint32 below)
{
  reader->random ^= reader->random << 13;
  reader->random ^= reader->random >> 17;
  reader->random ^= reader->random << 5;
  return reader->random % below;
}

static void
yield_to_others (Reader *reader)
{
  reader->n_yields++;
  sched_yield ();
}

static TlcSnapshot *
take (Reader *reader)
{
  atomic_store_explicit (&reader->n_held, 1, memory_order_seq_cst);
  return tlc_branch_read (stress.branch);
}

static void
give_back (Reader *reader, TlcSnapshot *snapshot)
{
  tlc_snapshot_unref (snapshot);
  atomic_store_explicit (&reader->n_held, 0, memory_order_seq_cst);
}

/* How many generations @generation is behind now. It may be ahead of what its writer has noted. */
static guint64
note_age (Reader *reader, guint64 generation)
{
  guint64 published = atomic_load_explicit (&stress.published, memory_order_acquire);
  guint64 age = published > generation ? published - generation : 0;

  reader->ages[age == 0 ? 0 : MIN (g_bit_storage (age), N_AGES - 1)]++;
  return age;
}

/* The first look at what was read. A reader that noted @before could not have been given less. */
static guint64
note_generation (Reader *reader, const TlcSnapshot *snapshot, guint64 before)
{
  guint64 generation = snapshot->generation;

  check (snapshot, generation);
  if (G_UNLIKELY (generation < reader->seen))
    ck_abort_msg ("generation %" G_GUINT64_FORMAT " after %" G_GUINT64_FORMAT, generation,
                  reader->seen);
  if (G_UNLIKELY (generation < before))
    ck_abort_msg ("generation %" G_GUINT64_FORMAT ", when %" G_GUINT64_FORMAT " was in force",
                  generation, before);
  reader->seen = generation;
  return generation;
}

/* Only a reader who did not synchronize with the writer in another way shows whether the root
 * does: this one does not look what is in force. */
static void
read_plainly (Reader *reader)
{
  TlcSnapshot *snapshot = take (reader);

  note_generation (reader, snapshot, 0);
  give_back (reader, snapshot);
}

static void
read_noting (Reader *reader)
{
  guint64 before = atomic_load_explicit (&stress.published, memory_order_acquire);
  TlcSnapshot *snapshot = take (reader);
  guint64 generation = note_generation (reader, snapshot, before);

  give_back (reader, snapshot);
  note_age (reader, generation);
}

/* A reference keeps a snapshot, whatever is replaced and reclaimed meanwhile. */
static void
read_and_hold (Reader *reader)
{
  TlcSnapshot *snapshot = take (reader);
  guint64 generation = note_generation (reader, snapshot, 0);

  for (guint n = draw (reader, 16); n > 0; n--)
    yield_to_others (reader);
  check (snapshot, generation);
  note_age (reader, generation);
  give_back (reader, snapshot);
}

/* What a reader may do between the load of the pointer and the reference, drawn out: in a section
 * of his own he has a snapshot that only the root refers to. */
static void
read_in_section (Reader *reader)
{
  TlcSnapshot *snapshot;
  guint64 generation, age;
  gboolean by_stand_in;

  reader->n_sections++;
  by_stand_in = tlc_rcu_read_lock ();
  snapshot = take (reader);
  generation = note_generation (reader, snapshot, 0);
  give_back (reader, snapshot);
  if (draw (reader, RARELY) == 0)
    yield_to_others (reader);
  check (snapshot, generation);
  age = note_age (reader, generation);
  atomic_store_explicit (&reader->n_held, 1, memory_order_seq_cst);
  tlc_snapshot_ref (snapshot);
  tlc_rcu_read_unlock (by_stand_in);
  check (snapshot, generation);
  give_back (reader, snapshot);
  if (G_UNLIKELY (age > TLC_ROOT_REPLACED_MAX))
    ck_abort_msg ("%" G_GUINT64_FORMAT " generations were published inside one read section", age);
}

static void *
reader_main (void *data)
{
  Reader *reader = data;

  for (; reader->n_reads < n_reads / N_READERS; reader->n_reads++)
    switch (draw (reader, 8 * RARELY))
      {
      case 0:
        read_and_hold (reader);
        break;
      case 1:
      case 2:
      case 3:
      case 4:
        read_in_section (reader);
        break;
      default:
        if (reader->n_reads % 2 == 0)
          read_plainly (reader);
        else
          read_noting (reader);
      }
  return NULL;
}

/* With the lock held, while the next snapshot is there and fewer than TLC_ROOT_REPLACED_MAX were
 * replaced: alive are these, the one in force, and what readers alone hold. A reader who takes a
 * reference after he was counted takes one of the former. */
static void
count_unlocked (void)
{
  guint64 alive, held = 0;

  for (guint i = 0; i < N_READERS; i++)
    held += atomic_load_explicit (&stress.readers[i].n_held, memory_order_seq_cst);
  alive = count_alive ();
  if (G_UNLIKELY (alive > 1 + 1 + (TLC_ROOT_REPLACED_MAX - 1) + held))
    ck_abort_msg ("%" G_GUINT64_FORMAT " snapshots alive, while readers held %" G_GUINT64_FORMAT,
                  alive, held);
  stress.max_alive = MAX (stress.max_alive, alive);
  stress.max_held = MAX (stress.max_held, held);
}

static void
publish (void)
{
  g_autoptr (GError) error = NULL;
  TlcSettings *settings;
  TlcSnapshot *next;
  guint64 generation;

  tlc_root_lock ();
  if (!tlc_root_wait_for_room_unlocked (stress.branch->root, tlc_clock_now_us () + 60 * G_USEC_PER_SEC))
    ck_abort_msg ("no room for a minute");
  generation = tlc_branch_peek_unlocked (stress.branch)->generation + 1;
  settings = make_settings (generation);
  next = tlc_branch_make_next_unlocked (stress.branch, settings, make_answers (settings), &error);
  if (next == NULL || next->generation != generation)
    ck_abort_msg ("%s", error != NULL ? error->message : "another generation than the next");
  count_unlocked ();
  tlc_branch_publish_unlocked (stress.branch, next);
  atomic_store_explicit (&stress.published, generation, memory_order_release);
  tlc_root_unlock ();
}

static void *
writer_main (void *data)
{
  while (!atomic_load_explicit (&stress.is_read, memory_order_relaxed))
    publish ();
  return NULL;
}

static void *
keeper_main (void *data)
{
  guint64 reclaimed = 0, published;

  while (!atomic_load_explicit (&stress.is_written, memory_order_relaxed))
    {
      published = atomic_load_explicit (&stress.published, memory_order_relaxed);
      if (published == reclaimed)
        sched_yield ();
      else
        tlc_root_reclaim (stress.branch->root);
      reclaimed = published;
    }
  tlc_root_reclaim (stress.branch->root);
  return NULL;
}

static void
make_root (void)
{
  g_autoptr (GError) error = NULL;
  TlcSettings *settings;

  for (guint i = 0; i < N_NAMES; i++)
    stress.names[i] = g_strdup_printf ("unix:@tlc-stress-snapshot-%u", i);
  settings = make_settings (1);
  stress.branch = tlc_branch_new_alone (settings, make_answers (settings), &error);
  if (stress.branch == NULL)
    ck_abort_msg ("%s", error->message);
  atomic_store_explicit (&stress.published, 1, memory_order_release);
}

static void
run (void)
{
  pthread_t writers[N_WRITERS], keeper;

  ck_assert_int_eq (pthread_create (&keeper, NULL, keeper_main, NULL), 0);
  for (guint i = 0; i < N_WRITERS; i++)
    ck_assert_int_eq (pthread_create (&writers[i], NULL, writer_main, NULL), 0);
  for (guint i = 0; i < N_READERS; i++)
    {
      stress.readers[i].random = 4711 + i;
      ck_assert_int_eq (pthread_create (&stress.readers[i].thread, NULL, reader_main,
                                        &stress.readers[i]),
                        0);
    }
  for (guint i = 0; i < N_READERS; i++)
    pthread_join (stress.readers[i].thread, NULL);
  atomic_store_explicit (&stress.is_read, true, memory_order_relaxed);
  for (guint i = 0; i < N_WRITERS; i++)
    pthread_join (writers[i], NULL);
  atomic_store_explicit (&stress.is_written, true, memory_order_relaxed);
  pthread_join (keeper, NULL);
}

static void
report (void)
{
  Reader sum = { 0 };

  for (guint i = 0; i < N_READERS; i++)
    {
      sum.n_reads += stress.readers[i].n_reads;
      sum.n_sections += stress.readers[i].n_sections;
      sum.n_yields += stress.readers[i].n_yields;
      for (guint j = 0; j < N_AGES; j++)
        sum.ages[j] += stress.readers[i].ages[j];
    }
  printf ("# %" G_GUINT64_FORMAT " reads, %" G_GUINT64_FORMAT " in sections of their own, %"
          G_GUINT64_FORMAT " yields; %" G_GUINT64_FORMAT " publications\n",
          sum.n_reads, sum.n_sections, sum.n_yields,
          atomic_load_explicit (&stress.published, memory_order_acquire) - 1);
  printf ("# alive at once: %" G_GUINT64_FORMAT " at the most; held by readers: %" G_GUINT64_FORMAT
          "\n# generations behind when let go:",
          stress.max_alive, stress.max_held);
  for (guint i = 0; i < N_AGES; i++)
    printf (" %s%u: %" G_GUINT64_FORMAT, i == N_AGES - 1 ? ">=" : "", i == 0 ? 0 : 1u << (i - 1),
            sum.ages[i]);
  printf ("\n");
}

START_TEST (stress_snapshot)
{
  make_root ();
  run ();
  report ();
  ck_assert_uint_eq (count_alive (), 1);
  tlc_branch_drop (stress.branch);
  ck_assert_uint_eq (count_alive (), 0);
  for (guint i = 0; i < N_NAMES; i++)
    g_free (stress.names[i]);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-snapshot");
  TCase *tests = tcase_create ("stress-snapshot");

  if (argc > 1)
    n_reads = g_ascii_strtoull (argv[1], NULL, 10);
  mallopt (M_PERTURB, POISON);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, stress_snapshot);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
