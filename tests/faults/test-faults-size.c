/* SPDX-License-Identifier: Apache-2.0 */
/* Replies as large as allowed, FAULTS.md rows 49 and 52: they take time in proportion to their
 * bytes, what they took is given back with them, and those that would grow beyond measure in
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
  TlcWire *wire = tlc_wire_new ();
  const guint8 number[] = { 0, 0, 0x12, 0x67 };

  tlc_wire_reply_begin (wire, "numbers");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_list (wire, T_I32, (gint32) n);
  tlc_wire_repeat (wire, number, sizeof number, n);
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

/* Law 5: 16 MB of i32 take ten times as long as 1.6 MB do, not a hundred times; and a thread
 * that sleeps afterwards does not keep the memory: the buffers shrink when the message ends. */
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
  g_printerr ("%f %f %zu\n", small_ns/1e6, large_ns/1e6, after-before);ck_assert_int_lt (large_ns, 20 * small_ns);
  ck_assert_uint_lt (after, before + MIB / 2);
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}
END_TEST

/* -- what small things grow to -- */

/* Elements of @size zeros each, as many as fit; that is what an empty value of most types is. */
static gint32
count_elements (guint size)
{
  return (gint32) ((16 * MIB - OVERHEAD) / size);
}

static void
add_elements (TlcWire *wire, int element_type, guint size)
{
  tlc_wire_list (wire, element_type, count_elements (size));
  tlc_wire_fill (wire, 0, (gsize) count_elements (size) * size);
}

static void
add_entries (TlcWire *wire, int key_type, int value_type, guint size)
{
  tlc_wire_map (wire, key_type, value_type, count_elements (size));
  tlc_wire_fill (wire, 0, (gsize) count_elements (size) * size);
}

static void
build_samples (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "samples");
  tlc_wire_field (wire, T_LIST, 0);
  add_elements (wire, T_STRUCT, 1);
}

static void
build_words (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "words");
  tlc_wire_field (wire, T_LIST, 0);
  add_elements (wire, T_STRING, 4);
}

static void
build_trees (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "echo_tree");
  tlc_wire_field (wire, T_STRUCT, 0);
  tlc_wire_field (wire, T_LIST, 2);
  add_elements (wire, T_STRUCT, 1);
  tlc_wire_stop (wire);
}

static void
begin_member (TlcWire *wire, int type, int id)
{
  tlc_wire_reply_begin (wire, "echo_everything");
  tlc_wire_field (wire, T_STRUCT, 0);
  tlc_wire_field (wire, type, id);
}

static void
build_rows (TlcWire *wire)
{
  begin_member (wire, T_LIST, 22);
  add_elements (wire, T_LIST, 5);
  tlc_wire_stop (wire);
}

static void
build_places (TlcWire *wire)
{
  begin_member (wire, T_MAP, 26);
  add_entries (wire, T_I32, T_STRUCT, 5);
  tlc_wire_stop (wire);
}

static void
build_series (TlcWire *wire)
{
  begin_member (wire, T_MAP, 27);
  add_entries (wire, T_STRING, T_LIST, 9);
  tlc_wire_stop (wire);
}

static void
build_set (TlcWire *wire)
{
  begin_member (wire, T_SET, 24);
  add_elements (wire, T_STRING, 4);
  tlc_wire_stop (wire);
}

static void
build_skipped_structs (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_LIST, 99);
  add_elements (wire, T_STRUCT, 1);
}

static void
build_skipped_lists (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_LIST, 99);
  add_elements (wire, T_LIST, 5);
}

static const struct {
  void (*build) (TlcWire *wire);
  TlcHarnessCall call;
} growing[] = {
  { build_samples, tlc_harness_samples },
  { build_words, tlc_harness_words },
  { build_trees, tlc_harness_tree },
  { build_rows, tlc_harness_everything },
  { build_places, tlc_harness_everything },
  { build_series, tlc_harness_everything },
  { build_set, tlc_harness_everything },
  { build_skipped_structs, tlc_harness_add },
  { build_skipped_lists, tlc_harness_add },
};

/* Law 5: 16 MiB of things that are one to nine bytes long each, and up to hundreds in memory,
 * are refused at max-decoded-size, and the process has not grown by much more than that. */
START_TEST (test_faults_row_52_growth)
{
  TlcWire *reply = tlc_wire_new ();
  gsize before;

  growing[_i].build (reply);
  tlc_wire_reply_end (reply);
  ck_assert_uint_le (tlc_wire_get_length (reply), 4 + 16 * MIB);
  ck_assert_uint_gt (tlc_wire_get_length (reply), 15 * MIB);

  tlc_harness_reset_peak ();
  before = tlc_harness_get_memory ("VmRSS");
  tlc_harness_refuses (reply, growing[_i].call, TLC_ERROR_MESSAGE_TOO_LARGE, TLC_DELIVERY_ANSWERED,
                       "max-decoded-size = 134217728");
  g_printerr ("%d: %zu MiB\n", _i, (tlc_harness_get_memory ("VmHWM") - before)/MIB); ck_assert_uint_lt (tlc_harness_get_memory ("VmHWM") - before,
                     (TLC_HARNESS_SANITIZED ? 2000u : 300u) * MIB);
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
  const guint n_within = 200, n_beyond = 2000, n_calls = 100;
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
  tcase_add_loop_test (tcase, test_faults_row_52_growth, 0, G_N_ELEMENTS (growing));
  tcase_add_test (tcase, test_faults_row_52_budget_of_each_reply);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
