/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are not what they say, docs/faults.md, rows 16 and 17: strings and containers that
 * claim more than there is. Generated code believes them; the protocol must not. Each is tried
 * where generated code reads it and where it is skipped. */

#include "support/tlc-harness.h"

/* -- strings -- */

static void
begin_string (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "echo_string");
  tlc_wire_field (wire, T_STRING, 0);
}

static void
begin_binary (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "echo_binary");
  tlc_wire_field (wire, T_STRING, 0);
}

static void
begin_word (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "words");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_list (wire, T_STRING, 2);
  tlc_wire_string (wire, "a right one");
}

static void
begin_key (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "echo_map");
  tlc_wire_field (wire, T_MAP, 0);
  tlc_wire_map (wire, T_STRING, T_I32, 1);
}

static void
begin_member (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "samples");
  tlc_wire_field (wire, T_LIST, 0);
  tlc_wire_list (wire, T_STRUCT, 1);
  tlc_wire_struct (wire);
  tlc_wire_field (wire, T_STRING, 2);
}

static void
begin_unknown (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_STRING, 99);
}

static void
begin_unknown_key (TlcWire *wire)
{
  tlc_wire_reply_begin (wire, "add");
  tlc_wire_field (wire, T_MAP, 99);
  tlc_wire_map (wire, T_STRING, T_I32, 1);
}

static void
begin_reason (TlcWire *wire)
{
  tlc_wire_frame_begin (wire);
  tlc_wire_message (wire, T_EXCEPTION, "add");
  tlc_wire_field (wire, T_STRING, 1);
}

/* Where a string may stand, of which type a value follows on it, and how many structs end then. */
static const struct {
  void (*begin) (TlcWire *wire);
  TlcHarnessCall call;
  int next;
  guint n_stops;
} places[] = {
  { begin_string, tlc_harness_string, 0, 1 },
  { begin_binary, tlc_harness_binary, 0, 1 },
  { begin_word, tlc_harness_words, 0, 1 },
  { begin_key, tlc_harness_map, T_I32, 1 },
  { begin_member, tlc_harness_samples, 0, 2 },
  { begin_unknown, tlc_harness_add, 0, 1 },
  { begin_unknown_key, tlc_harness_add, T_I32, 1 },
  { begin_reason, tlc_harness_add, 0, 1 },
};

/* How many bytes end the message behind the string. */
static guint
count_behind (guint place)
{
  gsize next = places[place].next != 0 ? tlc_wire_get_zero_size (places[place].next) : 0;

  return (guint) next + places[place].n_stops;
}

static TlcWire *
new_string (guint place, gint32 length)
{
  TlcWire *wire = tlc_wire_new ();

  places[place].begin (wire);
  tlc_wire_claim (wire, length);
  tlc_wire_raw (wire, "text", 4);
  tlc_wire_fill (wire, 0, count_behind (place));
  tlc_wire_frame_end (wire);
  return wire;
}

static const char negative[] = "a length is negative";
static const char exceeds[] = "exceeds the bytes that are left";

/* Law 5: a string that is negative, one byte longer than what is left, or as long as 31 bits allow
 * is refused, and not with memory. */
START_TEST (test_faults_row_16_string_length)
{
  const guint place = (guint) _i % G_N_ELEMENTS (places);
  const gint32 one_more = 4 + (gint32) count_behind (place) + 1;
  const gint32 lengths[] = { -1, G_MININT32, one_more, G_MAXINT32 - 1, G_MAXINT32 };
  const gint32 length = lengths[(guint) _i / G_N_ELEMENTS (places)];
  TlcWire *reply = new_string (place, length);
  gsize before = tlc_harness_measure_space ();

  if (length < 0)
    tlc_harness_refuses_structure (reply, places[place].call, negative);
  else
    tlc_harness_refuses_claim (reply, places[place].call, exceeds, length != one_more);
  tlc_harness_assert_space (before, 8 * 1024 * 1024);
}
END_TEST

/* Law 5: the strings above are refused for their length: with the right one they are taken. The
 * last place is in an exception, which is no success. */
START_TEST (test_faults_row_16_string_of_right_length)
{
  tlc_harness_takes (new_string ((guint) _i, 4), places[_i].call);
}
END_TEST

/* -- containers -- */

/* A container behind a field of @id, of @n elements or entries that are all zeros. */
static TlcWire *
new_container (const char *method, int id, int container, int first, int second, gint32 count,
               guint n)
{
  TlcWire *wire = tlc_wire_new ();

  tlc_wire_reply_begin (wire, method);
  tlc_wire_field (wire, container, id);
  if (container == T_MAP)
    tlc_wire_map (wire, first, second, count);
  else
    tlc_wire_list (wire, first, count);
  if (n > 0)
    tlc_wire_fill (wire, 0, n * tlc_wire_get_zero_size (first));
  if (n > 0 && container == T_MAP)
    tlc_wire_fill (wire, 0, n * tlc_wire_get_zero_size (second));
  tlc_wire_reply_end (wire);
  return wire;
}

/* Elements that are there. */
#define PRESENT 2

/* One element more than there could be in what is left of the message. */
#define ONE_MORE 0

static const struct {
  const char *method;
  TlcHarnessCall call;
  int container, first, second;
  gint32 count;
} counts[] = {
  { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, -1 },
  { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, G_MININT32 },
  { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, ONE_MORE },
  { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, 1 << 30 },
  { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, G_MAXINT32 },
  { "echo_set", tlc_harness_set, T_SET, T_I32, 0, -1 },
  { "echo_set", tlc_harness_set, T_SET, T_I32, 0, ONE_MORE },
  { "echo_set", tlc_harness_set, T_SET, T_I32, 0, G_MAXINT32 },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_I32, -1 },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_I32, ONE_MORE },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_I32, 1 << 29 },
  { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_I32, G_MAXINT32 },
  { "samples", tlc_harness_samples, T_LIST, T_STRUCT, 0, ONE_MORE },
  { "samples", tlc_harness_samples, T_LIST, T_STRUCT, 0, G_MAXINT32 },
  { "words", tlc_harness_words, T_LIST, T_STRING, 0, ONE_MORE },
};

static gsize
get_element_size (int i)
{
  return tlc_wire_get_zero_size (counts[i].first)
         + (counts[i].second != 0 ? tlc_wire_get_zero_size (counts[i].second) : 0);
}

/* Unframed, a count is a claim of bytes where elements are of a fixed size: in binary protocol, and
 * i32 are all that are here. */
static gboolean
is_claim_too_large (int i)
{
  return !tlc_wire_is_compact () && counts[i].first == T_I32 && counts[i].count >= 1 << 29;
}

static void
check_count (int i, const char *method, int id, TlcHarnessCall call)
{
  const gint32 one_more
      = (gint32) ((PRESENT * get_element_size (i) + 1) / get_element_size (i)) + 1;
  TlcWire *reply
      = new_container (method, id, counts[i].container, counts[i].first, counts[i].second,
                       counts[i].count == ONE_MORE ? one_more : counts[i].count, PRESENT);

  if (counts[i].count < 0)
    tlc_harness_refuses_structure (reply, call, negative);
  else
    tlc_harness_refuses_claim (reply, call, exceeds, is_claim_too_large (i));
}

/* Law 5: a container counts no more elements than there are bytes for. */
START_TEST (test_faults_row_17_count)
{
  check_count (_i, counts[_i].method, 0, counts[_i].call);
}
END_TEST

/* Law 5: a container in a field that nobody knows counts no more elements than there are bytes for.
 * */
START_TEST (test_faults_row_17_count_skipped)
{
  check_count (_i, "add", 99, tlc_harness_add);
}
END_TEST

/* Law 5: as many elements as there are bytes for are taken; and an empty container may leave its
 * types open, as some writers do. */
START_TEST (test_faults_row_17_right_container)
{
  const struct {
    const char *method;
    TlcHarnessCall call;
    int container, first, second;
    guint n;
  } right[] = {
    { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, 2 },
    { "echo_list", tlc_harness_list, T_LIST, T_I32, 0, 100 },
    { "echo_set", tlc_harness_set, T_SET, T_I32, 0, 1 },
    { "echo_map", tlc_harness_map, T_MAP, T_STRING, T_I32, 1 },
    { "samples", tlc_harness_samples, T_LIST, T_STRUCT, 0, 9 },
    { "words", tlc_harness_words, T_LIST, T_STRING, 0, 2 },
    { "echo_map", tlc_harness_map, T_MAP, 0, 0, 0 },
    { "echo_list", tlc_harness_list, T_LIST, 0, 0, 0 },
  };

  tlc_harness_takes (new_container (right[_i].method, 0, right[_i].container, right[_i].first,
                                    right[_i].second, (gint32) right[_i].n, right[_i].n),
                     right[_i].call);
}
END_TEST

static void
add_loop (Suite *suite, const char *name, const TTest *test, int n)
{
  TCase *tcase = tcase_create (name);

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test, 0, n);
  suite_add_tcase (suite, tcase);
}

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-decode");

  add_loop (suite, "strings", test_faults_row_16_string_length, 5 * G_N_ELEMENTS (places));
  add_loop (suite, "strings", test_faults_row_16_string_of_right_length, G_N_ELEMENTS (places) - 1);
  add_loop (suite, "containers", test_faults_row_17_count, G_N_ELEMENTS (counts));
  add_loop (suite, "containers", test_faults_row_17_count_skipped, G_N_ELEMENTS (counts));
  add_loop (suite, "containers", test_faults_row_17_right_container, 8);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
