/* SPDX-License-Identifier: Apache-2.0 */

/* Every valid reply with every byte changed, cut at every byte, and in every two pieces: what comes
 * of it is a value, an exception or an error of the library, and a cut one is never a value.
 * Compiled once for each wire, FUZZ_WIRE.
 *
 * Numbers differ from call to call, so a change is made when the reply is: the peer knows then. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tlc/tlc.h>

#include "fuzz/fuzz-client.h"
#include "fuzz/fuzz-peer.h"
#include "fuzz/fuzz-replies.h"
#include "support/tlc-check.h"

/* Up to so long a reply gets all 255 other values of each byte, else some. */
#ifdef TLC_TEST_SANITIZER
#define ALL_VALUES_MAX 32
#else
#define ALL_VALUES_MAX 256
#endif

typedef struct {
  const FuzzReply *reply;
  GByteArray *body;
  /* What is done to it. */
  gssize at; /* byte to change, -1: none */
  guint8 value;
  guint cut;        /* so many bytes are missing at the end */
  gboolean reframe; /* in a frame that says so */
  /* What came of it. */
  guint length; /* of all that a right reply is */
  guint8 original;
  gboolean is_reply; /* it still has a right header */
} Mutation;

static const FuzzWire *wire;
static Mutation mutation;
static guint n_outcomes[FUZZ_EXCEPTION + 1];

/* What no check prints when the library itself aborts. */
static void
report_crash (int signal_number)
{
  char text[128];
  int n = snprintf (text, sizeof text, "# %s: byte %d as 0x%02x, cut by %u\n", mutation.reply->name,
                    (int) mutation.at, mutation.value, mutation.cut);

  if (write (STDERR_FILENO, text, (size_t) n) == n)
    signal (signal_number, SIG_DFL);
  raise (signal_number);
}

static void
answer (GByteArray *stream, const GByteArray *request, gpointer data)
{
  gint32 number = fuzz_wire_get_number (wire, request);
  g_autoptr (GByteArray) message = g_byte_array_new ();
  ThriftMessageType type = mutation.reply->is_exception ? T_EXCEPTION : T_REPLY;

  fuzz_wire_put_header (wire, message, type, mutation.reply->method, number);
  g_byte_array_append (message, mutation.body->data, mutation.body->len);
  if (mutation.reframe)
    g_byte_array_set_size (message, message->len - MIN (mutation.cut, message->len));
  fuzz_wire_put_message (wire, stream, message);
  mutation.length = stream->len;
  if (!mutation.reframe)
    g_byte_array_set_size (stream, stream->len - MIN (mutation.cut, stream->len));
  if (mutation.at >= 0 && (guint) mutation.at < stream->len)
    {
      mutation.original = stream->data[mutation.at];
      stream->data[mutation.at] = mutation.value;
    }
  mutation.is_reply = fuzz_wire_is_reply (wire, stream, mutation.reply->method, number);
}

static FuzzOutcome
call (int *ret_code)
{
  FuzzOutcome outcome;

  fuzz_peer_set_answer (answer, NULL);
  outcome = fuzz_client_call (fuzz_method_find (mutation.reply->method), ret_code);
  /* What is refused loses its connection, and needs no help of ours to lose the rest. */
  if (outcome != FUZZ_REFUSED)
    fuzz_peer_lose_rest ();
  n_outcomes[outcome]++;
  ck_assert_msg (outcome != FUZZ_DECODED || mutation.is_reply,
                 "a value behind a wrong header: byte %d as 0x%02x", (int) mutation.at,
                 mutation.value);
  return outcome;
}

/* The reply as it is; this is also how long it is, and what its bytes are. */
static void
start (guint i)
{
  int code;
  FuzzOutcome outcome;

  wire = fuzz_wire_find (FUZZ_WIRE);
  fuzz_client_open (wire);
  fuzz_peer_set_chunks (0);
  memset (n_outcomes, 0, sizeof n_outcomes);
  signal (SIGABRT, report_crash);
  mutation = (Mutation){ .reply = &fuzz_replies[i], .at = -1 };
  mutation.body = fuzz_reply_write_body (mutation.reply, wire);
  outcome = call (&code);
  ck_assert_msg (outcome != FUZZ_REFUSED, "%s is refused", mutation.reply->name);
}

static void
end (const char *what)
{
  ck_assert (fuzz_client_add ());
  printf ("# %s %s: %u %s: %u values, %u refused, %u exceptions\n", wire->name,
          mutation.reply->name, n_outcomes[0] + n_outcomes[1] + n_outcomes[2], what,
          n_outcomes[FUZZ_DECODED], n_outcomes[FUZZ_REFUSED], n_outcomes[FUZZ_EXCEPTION]);
  fflush (stdout);
  g_byte_array_unref (mutation.body);
}

static void
change (guint at, guint8 value)
{
  int code;

  mutation.at = (gssize) at;
  mutation.value = value;
  call (&code);
}

/* No change of one byte crashes, hangs, or makes a value of what has a wrong header; and the call
 * after it is served. */
START_TEST (test_mutations_of_each_byte)
{
  guint length;

  start ((guint) _i);
  length = mutation.length;
  for (guint at = 0; at < length; at++)
    {
      static const guint8 extremes[] = { 0x00, 0xff, 0x7f, 0x80 };
      guint8 original;

      change (at, 0);
      original = mutation.original;
      for (guint value = 1; length <= ALL_VALUES_MAX && value <= 0xff; value++)
        change (at, (guint8) value);
      for (guint i = 0; length > ALL_VALUES_MAX && i < 8; i++)
        change (at, original ^ (guint8) (1u << i));
      for (guint i = 1; length > ALL_VALUES_MAX && i < G_N_ELEMENTS (extremes); i++)
        change (at, extremes[i]);
      ck_assert (fuzz_client_add ());
    }
  end ("changes");
}
END_TEST

/* A reply that is cut is lost, wherever it is cut; in a frame that is as short, it is wrong. */
START_TEST (test_mutations_cuts)
{
  guint length;
  int code;

  start ((guint) _i);
  length = mutation.length;
  for (guint cut = 1; cut <= length; cut++)
    {
      mutation.cut = cut;
      mutation.reframe = FALSE;
      ck_assert_msg (call (&code) == FUZZ_REFUSED && code == TLC_ERROR_CONNECTION_LOST,
                     "cut by %u: %d", cut, code);
      mutation.reframe = TRUE;
      if (!wire->is_framed)
        continue;
      ck_assert_msg (call (&code) == FUZZ_REFUSED && code == TLC_ERROR_PROTOCOL,
                     "cut by %u, in a frame: %d", cut, code);
    }
  end ("cuts");
}
END_TEST

/* Where a reply is broken into pieces makes no difference. */
START_TEST (test_mutations_pieces)
{
  int code;
  FuzzOutcome outcome;

  start ((guint) _i);
  outcome = call (&code);
  for (guint chunks = 1; chunks <= 0xff; chunks++)
    {
      fuzz_peer_set_chunks ((guint8) chunks);
      ck_assert_msg (call (&code) == outcome, "in pieces by %u: %d", chunks, code);
    }
  end ("ways to come in pieces");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("mutations-" FUZZ_WIRE);
  TCase *tests = tcase_create ("mutations");
  int n = (int) fuzz_n_replies;

  /* A process for each would cost thread-sanitized ones a second each, at their end. */
  g_setenv ("CK_FORK", "no", FALSE);
  tcase_add_loop_test (tests, test_mutations_of_each_byte, 0, n);
  tcase_add_loop_test (tests, test_mutations_cuts, 0, n);
  tcase_add_loop_test (tests, test_mutations_pieces, 0, n);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
