/* SPDX-License-Identifier: Apache-2.0 */
/* Replies as large as allowed, docs/faults.md, rows 49 and 52: they take time in proportion to
 * their bytes, what they took is given back with them, and those that would grow beyond measure in
 * memory are refused before they do. */

#include <string.h>
#include <time.h>

#include "support/tlc-harness.h"
#include "support/tlc-process.h"

#define MIB (1024 * 1024)

/* What a reply without elements takes of max-message-size, at the most. */
#define OVERHEAD 64

/* -- time and memory -- */

static TlcWire *
new_numbers (guint n)
{
  g_autoptr (TlcWire) number = tlc_wire_new ();
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_i32 (number, 4711);
  tlc_wire_reply_begin (wire, "numbers");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_list (wire, T_I32, (gint32) n);
  tlc_wire_repeat (wire, number, n);
  tlc_wire_reply_end (wire);
  return wire;
}

static gint64
get_cpu_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (gint64) now.tv_sec * 1000000000 + now.tv_nsec;
}

/* How much of this thread's processor time one call takes that must return so many numbers. */
static gint64
must_number (TlcService *service, guint n)
{
  g_autoptr (GArray) result = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GError) error = NULL;
  EchoIf *echo = tlc_echo_client (service);
  gint64 begun_ns = get_cpu_ns ();

  if (!echo_if_numbers (echo, &result, (gint32) n, &error))
    ck_abort_msg ("%s", error->message);
  begun_ns = get_cpu_ns () - begun_ns;
  ck_assert_uint_eq (result->len, n);
  ck_assert_int_eq (g_array_index (result, gint32, 0), 4711);
  ck_assert_int_eq (g_array_index (result, gint32, n - 1), 4711);
  return begun_ns;
}

/* Law 5: 16 MB of i32 take ten times as long as 1.6 MB do, not a hundred times; and a thread that
 * sleeps afterwards does not keep the memory: the buffers shrink when the message ends. */
START_TEST (test_faults_row_49_large_reply)
{
  const guint n_small = 400000, n_large = 10 * n_small, n_rounds = 3;
  gint64 small_ns = G_MAXINT64, large_ns = G_MAXINT64;
  gsize before, after;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_serve (harness.script, 1);
  for (guint i = 0; i < n_rounds; i++)
    {
      tlc_script_read (harness.script);
      tlc_script_send (harness.script, new_numbers (n_small));
      tlc_script_read (harness.script);
      tlc_script_send (harness.script, new_numbers (n_large));
    }
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, "call-timeout", "60s", NULL);

  tlc_echo_must_add (harness.service);
  before = tlc_process_allocated ();
  for (guint i = 0; i < n_rounds; i++)
    {
      gint64 ns = must_number (harness.service, n_small);

      small_ns = MIN (small_ns, ns);
      ns = must_number (harness.service, n_large);
      large_ns = MIN (large_ns, ns);
    }
  after = tlc_process_allocated ();
  ck_assert_int_lt (large_ns, 20 * small_ns);
  ck_assert_uint_lt (after, before + MIB / 2);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

/* -- what small things grow to -- */

/* @n elements or entries of zeros: they are what an empty value of each type is. */
static void
add_elements (TlcWire *wire, int element_type, guint n)
{
  tlc_wire_list (wire, element_type, (gint32) n);
  tlc_wire_fill (wire, 0, n * tlc_wire_get_zero_size (element_type));
}

static void
add_entries (TlcWire *wire, int key_type, int value_type, guint n)
{
  tlc_wire_map (wire, key_type, value_type, (gint32) n);
  tlc_wire_fill (wire, 0,
                 n * (tlc_wire_get_zero_size (key_type) + tlc_wire_get_zero_size (value_type)));
}

static void
build_samples (TlcWire *wire, guint n)
{
  tlc_wire_reply_begin (wire, "samples");
  tlc_wire_field (wire, T_LIST, 0);
  add_elements (wire, T_STRUCT, n);
}

static void
build_words (TlcWire *wire, guint n)
{
  tlc_wire_reply_begin (wire, "words");
  tlc_wire_field (wire, T_LIST, 0);
  add_elements (wire, T_STRING, n);
}

static void
build_trees (TlcWire *wire, guint n)
{
  tlc_wire_reply_begin (wire, "echo_tree");
  tlc_wire_field (wire, T_STRUCT, 0);
  tlc_wire_struct (wire);
  tlc_wire_field (wire, T_LIST, 2);
  add_elements (wire, T_STRUCT, n);
  tlc_wire_stop (wire);
}

static void
begin_member (TlcWire *wire, int type, int id)
{
  tlc_wire_reply_begin (wire, "echo_everything");
  tlc_wire_field (wire, T_STRUCT, 0);
  tlc_wire_struct (wire);
  tlc_wire_field (wire, type, id);
}

static void
build_rows (TlcWire *wire, guint n)
{
  begin_member (wire, T_LIST, 22);
  add_elements (wire, T_LIST, n);
  tlc_wire_stop (wire);
}

static void
build_places (TlcWire *wire, guint n)
{
  begin_member (wire, T_MAP, 26);
  add_entries (wire, T_I32, T_STRUCT, n);
  tlc_wire_stop (wire);
}

static void
build_series (TlcWire *wire, guint n)
{
  begin_member (wire, T_MAP, 27);
  add_entries (wire, T_STRING, T_LIST, n);
  tlc_wire_stop (wire);
}

static void
build_set (TlcWire *wire, guint n)
{
  begin_member (wire, T_SET, 24);
  add_elements (wire, T_STRING, n);
  tlc_wire_stop (wire);
}

static void
build_skipped_structs (TlcWire *wire, guint n)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_LIST, 99);
  add_elements (wire, T_STRUCT, n);
}

static void
build_skipped_lists (TlcWire *wire, guint n)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_LIST, 99);
  add_elements (wire, T_LIST, n);
}

/* Keys that differ make tables that grow. */
static void
build_distinct_set (TlcWire *wire, guint n)
{
  tlc_wire_reply_begin (wire, "echo_set");
  tlc_wire_field (wire, T_SET, 0);
  tlc_wire_list (wire, T_I32, (gint32) n);
  for (guint i = 0; i < n; i++)
    tlc_wire_i32 (wire, (gint32) i);
}

static void
build_distinct_map (TlcWire *wire, guint n)
{
  tlc_wire_reply_begin (wire, "echo_map");
  tlc_wire_field (wire, T_MAP, 0);
  tlc_wire_map (wire, T_STRING, T_I32, (gint32) n);
  for (guint i = 0; i < n; i++)
    {
      const char key[] = { (char) ('0' + (i & 63)), (char) ('0' + (i >> 6 & 63)),
                           (char) ('0' + (i >> 12 & 63)), (char) ('0' + (i >> 18)), '\0' };

      tlc_wire_string (wire, key);
      tlc_wire_i32 (wire, 0);
    }
}

/* What grows, of which elements, and how many of them the default of max-decoded-size surely allows
 * and surely not. */
static const struct {
  void (*build) (TlcWire *wire, guint n);
  TlcHarnessCall call;
  int first, second;
  guint n_within, n_beyond;
} growing[] = {
  { build_samples, tlc_harness_samples, T_STRUCT, 0, 240000, 270000 },
  { build_words, tlc_harness_words, T_STRING, 0, 2500000, 2900000 },
  { build_trees, tlc_harness_tree, T_STRUCT, 0, 240000, 270000 },
  { build_rows, tlc_harness_everything, T_LIST, 0, 1100000, 1300000 },
  { build_places, tlc_harness_everything, T_I32, T_STRUCT, 220000, 250000 },
  { build_series, tlc_harness_everything, T_STRING, T_LIST, 600000, 800000 },
  { build_set, tlc_harness_everything, T_STRING, 0, 1300000, 1500000 },
  { build_distinct_set, tlc_harness_set, T_I32, 0, 2090000, 2500000 },
  { build_distinct_map, tlc_harness_map, T_STRING, T_I32, 1330000, 1350000 },
  { build_skipped_structs, tlc_harness_add, T_STRUCT, 0, 240000, 270000 },
  { build_skipped_lists, tlc_harness_add, T_LIST, 0, 1100000, 1300000 },
};

/* How many fit into a message, were all of them zeros; others do not come to so many. */
static guint
count_all (guint i)
{
  gboolean is_distinct
      = growing[i].build == build_distinct_set || growing[i].build == build_distinct_map;
  gsize size = tlc_wire_get_zero_size (growing[i].first);

  if (growing[i].second != 0)
    size += tlc_wire_get_zero_size (growing[i].second);
  if (is_distinct)
    return growing[i].n_beyond;
  return (guint) ((16 * MIB - OVERHEAD) / size);
}

static TlcWire *
new_growing (guint i, guint n)
{
  TlcWire *wire = tlc_wire_new ();

  growing[i].build (wire, n);
  tlc_wire_reply_end (wire);
  return wire;
}

/* What a reply may take: what the setting says, and the bytes it came in. */
static gsize
get_limit (const TlcWire *reply)
{
  return 128 * MIB + tlc_wire_get_length (reply) + MIB;
}

/* Law 5: things of one to nine bytes on the wire and of up to hundreds in memory, just too many or
 * as many as a message holds, are refused at max-decoded-size, and resident memory has not grown by
 * more than that and the message. */
START_TEST (test_faults_row_52_growth)
{
  const guint i = (guint) _i % G_N_ELEMENTS (growing);
  const gboolean is_full = (guint) _i < G_N_ELEMENTS (growing);
  TlcWire *reply = new_growing (i, is_full ? count_all (i) : growing[i].n_beyond);
  gsize limit = get_limit (reply), before = tlc_harness_measure_resident ();

  tlc_harness_refuses (reply, growing[i].call, TLC_ERROR_MESSAGE_TOO_LARGE, TLC_DELIVERY_ANSWERED,
                       "max-decoded-size = 134217728");
  tlc_harness_assert_resident (before, limit);
}
END_TEST

/* Law 5: as many as max-decoded-size does allow are taken, and take no more resident memory than it
 * says, and the message. */
START_TEST (test_faults_row_52_growth_allowed)
{
  TlcWire *reply = new_growing ((guint) _i, growing[_i].n_within);
  gsize limit = get_limit (reply), before = tlc_harness_measure_resident ();

  tlc_harness_takes (reply, growing[_i].call);
  tlc_harness_assert_resident (before, limit);
}
END_TEST

static TlcWire *
new_samples (guint n)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, "samples");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_list (wire, T_STRUCT, (gint32) n);
  tlc_wire_fill (wire, T_STOP, n);
  tlc_wire_reply_end (wire);
  return wire;
}

/* Law 5: the bound is each reply's own, and the setting's: replies within it are taken, however
 * many; one beyond it is not, and does no harm to those that follow. */
START_TEST (test_faults_row_52_budget_of_each_reply)
{
  const guint n_within = 100, n_beyond = 2000, n_calls = 100;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  for (guint i = 0; i < n_calls; i++)
    {
      tlc_script_read (harness.script);
      tlc_script_send (harness.script, new_samples (n_within));
    }
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, new_samples (n_beyond));
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, new_samples (n_within));
  tlc_harness_start (&harness, "max-decoded-size", "64KiB", NULL);

  for (guint i = 0; i < n_calls; i++)
    ck_assert (tlc_harness_samples (tlc_echo_client (harness.service), NULL));
  tlc_harness_must_fail (&harness, tlc_harness_samples, TLC_ERROR_MESSAGE_TOO_LARGE,
                         TLC_DELIVERY_ANSWERED, "max-decoded-size = 65536");
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  ck_assert (tlc_harness_samples (tlc_echo_client (harness.service), NULL));
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-size");
  TCase *tcase = tcase_create ("size");

  tcase_set_timeout (tcase, 120);
  tcase_add_test (tcase, test_faults_row_49_large_reply);
  tcase_add_loop_test (tcase, test_faults_row_52_growth, 0, 2 * G_N_ELEMENTS (growing));
  tcase_add_loop_test (tcase, test_faults_row_52_growth_allowed, 0, G_N_ELEMENTS (growing));
  tcase_add_test (tcase, test_faults_row_52_budget_of_each_reply);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
