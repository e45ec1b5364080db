/* SPDX-License-Identifier: Apache-2.0 */

/* Replies from hell, through the generated client: bytes enter below the library's receive, without
 * a socket. Compiled once for each wire, FUZZ_WIRE. fuzz-input.h says what an input is.
 *
 * Whatever comes, the call returns; it succeeds only behind a right header; and the next one starts
 * afresh. */
#include "fuzz/fuzz-client.h"
#include "fuzz/fuzz-input.h"
#include "fuzz/fuzz-peer.h"
#include "fuzz/fuzz.h"

typedef struct {
  const FuzzMethod *method;
  FuzzShape shape;
  const guint8 *rest;
  gsize length;
  gboolean may_succeed; /* out: there is a right header */
} FuzzAttempt;

static const FuzzWire *fuzz_wire;

static GByteArray *
fuzz_make_message (const FuzzAttempt *attempt, gint32 number)
{
  GByteArray *message = g_byte_array_new ();
  gsize offset = 0;

  if (attempt->shape == FUZZ_SHAPE_REPLY || attempt->shape == FUZZ_SHAPE_LATE)
    fuzz_wire_put_header (fuzz_wire, message, T_REPLY, attempt->method->name, number);
  else if (attempt->shape == FUZZ_SHAPE_EXCEPTION)
    fuzz_wire_put_header (fuzz_wire, message, T_EXCEPTION, attempt->method->name, number);
  else if (attempt->shape == FUZZ_SHAPE_NUMBERED)
    {
      offset = fuzz_wire_number_offset (fuzz_wire, attempt->rest, attempt->length);
      g_byte_array_append (message, attempt->rest, (guint) offset);
      fuzz_wire_put_number (fuzz_wire, message, number);
    }
  return g_byte_array_append (message, attempt->rest + offset, (guint) (attempt->length - offset));
}

/* The reply to the call before comes once more: it is passed over. */
static void
fuzz_put_late_reply (GByteArray *stream)
{
  g_autoptr (GByteArray) message = g_byte_array_new ();
  const guint8 stop = T_STOP;

  fuzz_wire_put_header (fuzz_wire, message, T_REPLY, "add", fuzz_client_get_add_number ());
  g_byte_array_append (message, &stop, 1);
  fuzz_wire_put_message (fuzz_wire, stream, message);
}

static void
fuzz_answer (GByteArray *stream, const GByteArray *request, gpointer data)
{
  FuzzAttempt *attempt = data;
  gint32 number = fuzz_wire_get_number (fuzz_wire, request);
  g_autoptr (GByteArray) message = fuzz_make_message (attempt, number);

  if (attempt->shape == FUZZ_SHAPE_LATE)
    fuzz_put_late_reply (stream);
  if (attempt->shape == FUZZ_SHAPE_RAW)
    g_byte_array_append (stream, message->data, message->len);
  else
    fuzz_wire_put_message (fuzz_wire, stream, message);
  attempt->may_succeed = attempt->shape == FUZZ_SHAPE_LATE
                         || fuzz_wire_is_reply (fuzz_wire, stream, attempt->method->name, number);
}

/* The call after: where the one before was refused, its connection is gone with all that came on
 * it. */
static void
fuzz_go_on (FuzzOutcome outcome, gboolean keeps_rest)
{
  if (outcome != FUZZ_REFUSED)
    {
      if (keeps_rest)
        fuzz_client_add ();
      fuzz_peer_lose_rest ();
    }
  g_assert (fuzz_client_add ());
}

static void
fuzz_start (void)
{
  fuzz_wire = fuzz_wire_find (FUZZ_WIRE);
  fuzz_client_open (fuzz_wire);
  g_assert (fuzz_client_add ());
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize length)
{
  FuzzAttempt attempt = { 0 };
  FuzzOutcome outcome;
  int code;

  if (length < FUZZ_INPUT_REST)
    return 0;
  if (fuzz_wire == NULL)
    fuzz_start ();
  attempt.method = &fuzz_methods[data[FUZZ_INPUT_METHOD] % fuzz_n_methods];
  attempt.shape = (data[FUZZ_INPUT_SHAPE] & FUZZ_SHAPE_MASK) % FUZZ_N_SHAPES;
  attempt.rest = data + FUZZ_INPUT_REST;
  attempt.length = length - FUZZ_INPUT_REST;
  fuzz_peer_set_answer (fuzz_answer, &attempt);
  fuzz_peer_set_chunks (data[FUZZ_INPUT_CHUNKS]);
  outcome = fuzz_client_call (attempt.method, &code);
  g_assert (outcome != FUZZ_DECODED || attempt.may_succeed);
  fuzz_go_on (outcome, (data[FUZZ_INPUT_SHAPE] & FUZZ_SHAPE_KEEPS_REST) != 0);
  return 0;
}
