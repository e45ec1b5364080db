/* SPDX-License-Identifier: Apache-2.0 */
/* What hostile lengths cost, docs/faults.md, rows 14, 16 and 17: the most that resident memory
 * grows by while a reply is refused that claims much, has much, or goes on without end. That is
 * max-message-size and a MiB; what hostile structure costs is in test-faults-size.c. */

#include "support/tlc-harness.h"

#define MIB (1024 * 1024)
#define DEFAULT_MAX (16 * MIB)
#define SOME 10000

static const char exceeds[] = "exceeds the bytes that are left";

static void
begin_string (TlcWire *wire, gint32 length)
{
  tlc_wire_reply_begin (wire, "echo_string");
  tlc_wire_field (wire, T_STRING, 0);
  tlc_wire_claim (wire, length);
}

static void
begin_list (TlcWire *wire, gint32 count)
{
  tlc_wire_reply_begin (wire, "echo_list");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_list (wire, T_I32, count);
}

static void
begin_words (TlcWire *wire, gint32 count)
{
  tlc_wire_reply_begin (wire, "words");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_list (wire, T_STRING, count);
}

static void
begin_samples (TlcWire *wire, gint32 count)
{
  tlc_wire_reply_begin (wire, "samples");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_list (wire, T_STRUCT, count);
}

static void
begin_map (TlcWire *wire, gint32 count)
{
  tlc_wire_reply_begin (wire, "echo_map");
  tlc_wire_field (wire, T_MAP, 0);
  tlc_wire_map (wire, T_STRING, T_I32, count);
}

static void
begin_unknown (TlcWire *wire, gint32 length)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_STRING, 99);
  tlc_wire_claim (wire, length);
}

/* @is_binary_claim: in binary protocol, the count alone says how many bytes are due. */
static const struct {
  void (*begin) (TlcWire *wire, gint32 count);
  TlcHarnessCall call;
  gboolean is_claim, is_binary_claim;
} hostile[] = {
  { begin_string, tlc_harness_string, TRUE, TRUE },
  { begin_unknown, tlc_harness_add, TRUE, TRUE },
  { begin_list, tlc_harness_list, FALSE, TRUE },
  { begin_samples, tlc_harness_samples, FALSE, FALSE },
  { begin_words, tlc_harness_words, FALSE, FALSE },
  { begin_map, tlc_harness_map, FALSE, FALSE },
};

/* @length bytes of a message, with its frame if it has one, that claims @count. */
static TlcWire *
new_claim (guint i, gint32 count, gsize length)
{
  TlcWire *wire = tlc_wire_new ();

  hostile[i].begin (wire, count);
  tlc_wire_fill (wire, 0, length - tlc_wire_get_length (wire));
  tlc_wire_frame_end (wire);
  return wire;
}

static gboolean
is_claim (guint i)
{
  return tlc_wire_is_compact () ? hostile[i].is_claim : hostile[i].is_binary_claim;
}

/* Law 5: a length or count of 2^31 - 1 with 10,000 bytes behind it costs no more resident memory
 * than max-message-size and a MiB. */
START_TEST (test_faults_row_16_peak_of_a_claim)
{
  const guint i = (guint) _i;
  TlcWire *reply = new_claim (i, G_MAXINT32, SOME);
  gsize before = tlc_harness_measure_resident ();

  tlc_harness_refuses_claim (reply, hostile[i].call, exceeds, is_claim (i));
  tlc_harness_assert_resident (before, DEFAULT_MAX + MIB);
}
END_TEST

/* A reply that is as large as it may be, once, so that the allocator has seen such blocks. */
static void
take_largest (void)
{
  TlcWire *wire = tlc_wire_new ();

  begin_string (wire, DEFAULT_MAX - 1000);
  tlc_wire_fill (wire, 'x', DEFAULT_MAX - 1000);
  tlc_wire_reply_end (wire);
  tlc_harness_takes (wire, tlc_harness_string);
}

/* Law 5: a hostile count with as many bytes behind it as a message may have, or more, costs no more
 * resident memory than max-message-size and a MiB. */
START_TEST (test_faults_row_17_peak_of_a_full_message)
{
  const guint i = (guint) _i % G_N_ELEMENTS (hostile);
  const gboolean is_framed = tlc_wire_is_framed ();
  TlcWire *reply = new_claim (i, G_MAXINT32, DEFAULT_MAX + (is_framed ? 4 : 4 * MIB));
  gsize before;

  if ((guint) _i >= G_N_ELEMENTS (hostile))
    take_largest ();
  before = tlc_harness_measure_resident ();
  tlc_harness_refuses_claim (reply, hostile[i].call, exceeds, TRUE);
  tlc_harness_assert_resident (before, DEFAULT_MAX + MIB);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-peak");
  TCase *tcase = tcase_create ("peak");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_16_peak_of_a_claim, 0, G_N_ELEMENTS (hostile));
  tcase_add_loop_test (tcase, test_faults_row_17_peak_of_a_full_message, 0,
                       2 * G_N_ELEMENTS (hostile));
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
