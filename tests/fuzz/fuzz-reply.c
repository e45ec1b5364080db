/* SPDX-License-Identifier: Apache-2.0 */

/* Replies from hell, through the generated client: bytes enter below the transport's receive,
 * without a socket.
 *
 * The first byte of an input chooses the method, the second whether a right header is put before
 * the rest or the rest is the whole message. Whatever comes, the call returns, and the next one
 * starts afresh. */
#include <string.h>

#include "client/tlc-framing.h"
#include "client/tlc-protocol.h"
#include "client/tlc-slot.h"
#include "echo.h"
#include "fuzz/fuzz.h"
#include "support/tlc-check.h"

/* Generated readers lose what they had read of a map or a list when they fail: not ours to report. */
#ifdef TLC_TEST_ADDRESS_SANITIZER
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable()
#define __lsan_enable()
#endif

/* What objects a message may make, in bytes: a fuzzer has little memory. */
#define FUZZ_MAX_DECODED_SIZE "4MiB"

static const guint8 *fuzz_reply;
static gsize fuzz_reply_length;

static void
fuzz_seal (TlcCall *call)
{
}

/* Gives the input once; then the peer is gone. */
static gboolean
fuzz_receive (TlcCall *call, gsize *ret_start, GError **error)
{
  if (fuzz_reply == NULL || !tlc_buffer_reserve (&call->in, fuzz_reply_length))
    return tlc_call_fail (call, error, TLC_ERROR_CONNECTION_LOST, "no more input");
  if (fuzz_reply_length > 0)
    memcpy (call->in.data, fuzz_reply, fuzz_reply_length);
  call->in.length = call->in_end = fuzz_reply_length;
  fuzz_reply = NULL;
  *ret_start = 0;
  return TRUE;
}

static const TlcFraming fuzz_framing = { 0, fuzz_seal, fuzz_receive };

static TlcCore *
fuzz_make_core (void)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  TlcSettings *settings;
  GPtrArray *answers;

  g_assert (tlc_config_set (config, "endpoints", "unix:@fuzz", NULL));
  g_assert (tlc_config_set (config, "max-decoded-size", FUZZ_MAX_DECODED_SIZE, NULL));
  settings = tlc_settings_new (config, "fuzz", NULL);
  answers = tlc_answers_new ();
  g_ptr_array_add (answers, tlc_answer_ask (settings->addresses->pdata[0]));
  return tlc_core_new ("fuzz", TYPE_ECHO_CLIENT, tlc_root_new (settings, answers, NULL));
}

/* As if a request for @method had just been sent. */
static void
fuzz_await (TlcCall *call, ThriftProtocol *protocol, const char *method)
{
  g_autoptr (TlcSnapshot) current = tlc_root_read (call->core->root);
  TlcConnection *connection = g_new0 (TlcConnection, 1);

  g_assert (thrift_protocol_write_message_begin (protocol, method, T_CALL, 0, NULL) >= 0);
  g_assert (tlc_seats_claim (&call->core->seats, &call->home, 1, 0));
  call->is_claimed = TRUE;
  connection->fd = -1;
  connection->endpoint = tlc_endpoint_ref (current->endpoints->pdata[0]);
  tlc_seat_close_connection (call->home.seat);
  tlc_seat_put_connection (call->home.seat, connection);
  tlc_connection_carry (connection, 4711);
  tlc_connection_carry (connection, call->sequence);
  call->in.length = call->in_end = 0;
  call->state = TLC_CALL_AWAITING;
}

static void
receive_add (EchoIf *echo)
{
  gint32 value = 0;

  echo_client_recv_add (echo, &value, NULL);
}

static void
receive_everything (EchoIf *echo)
{
  Everything *everything = g_object_new (TYPE_EVERYTHING, NULL);

  echo_client_recv_echo_everything (echo, &everything, NULL);
  g_object_unref (everything);
}

static void
receive_tree (EchoIf *echo)
{
  Tree *tree = g_object_new (TYPE_TREE, NULL);

  echo_client_recv_echo_tree (echo, &tree, NULL);
  g_object_unref (tree);
}

static void
receive_samples (EchoIf *echo)
{
  GPtrArray *samples = g_ptr_array_new_with_free_func (g_object_unref);

  echo_client_recv_samples (echo, &samples, NULL);
  g_ptr_array_unref (samples);
}

static void
receive_string (EchoIf *echo)
{
  char *string = NULL;

  echo_client_recv_echo_string (echo, &string, NULL);
  g_free (string);
}

static void
receive_fail (EchoIf *echo)
{
  Rejected *rejected = NULL;
  NotFound *not_found = NULL;
  gint32 value = 0;

  echo_client_recv_fail (echo, &value, &rejected, &not_found, NULL);
  g_clear_object (&rejected);
  g_clear_object (&not_found);
}

static const struct {
  const char *method;
  void (*receive) (EchoIf *echo);
} fuzz_methods[] = {
  { "add", receive_add },
  { "echo_everything", receive_everything },
  { "echo_tree", receive_tree },
  { "samples", receive_samples },
  { "echo_string", receive_string },
  { "fail", receive_fail },
};

/* @body behind the header that the call waits for. */
static GByteArray *
fuzz_with_header (const TlcCall *call, const char *method, const guint8 *body, gsize length)
{
  GByteArray *message = g_byte_array_new ();
  guint32 version = GUINT32_TO_BE (0x80010000u | T_REPLY);
  guint32 name_length = GUINT32_TO_BE ((guint32) strlen (method));
  guint32 sequence = GUINT32_TO_BE ((guint32) call->sequence);

  g_byte_array_append (message, (guint8 *) &version, 4);
  g_byte_array_append (message, (guint8 *) &name_length, 4);
  g_byte_array_append (message, (const guint8 *) method, (guint) strlen (method));
  g_byte_array_append (message, (guint8 *) &sequence, 4);
  return g_byte_array_append (message, body, (guint) length);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize length)
{
  static TlcTransport *transport;
  static ThriftProtocol *protocol;
  static EchoIf *echo;
  g_autoptr (GByteArray) message = NULL;
  TlcCall *call;
  guint method;

  if (length < 2)
    return 0;
  if (transport == NULL)
    {
      transport = tlc_transport_new (fuzz_make_core ());
      protocol = tlc_protocol_new (TLC_TYPE_BINARY_PROTOCOL, transport, NULL);
      echo = g_object_new (TYPE_ECHO_CLIENT, "input_protocol", protocol, "output_protocol",
                           protocol, NULL);
    }
  method = data[0] % G_N_ELEMENTS (fuzz_methods);
  call = tlc_transport_get_call (transport);
  call->framing = &fuzz_framing;
  fuzz_await (call, protocol, fuzz_methods[method].method);
  if (data[1] % 2 == 0)
    message = fuzz_with_header (call, fuzz_methods[method].method, data + 2, length - 2);
  else
    message = g_byte_array_append (g_byte_array_new (), data + 2, (guint) length - 2);
  fuzz_reply = message->data != NULL ? message->data : (const guint8 *) "";
  fuzz_reply_length = message->len;
  __lsan_disable ();
  fuzz_methods[method].receive (echo);
  __lsan_enable ();
  return 0;
}
