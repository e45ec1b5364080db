/* SPDX-License-Identifier: Apache-2.0 */

/* The bytes of requests: for every method, what the library sends is what the stock c_glib stack
 * sends for the same arguments, by the same protocol and transport, framing included, byte for byte.
 * Only the sequence number differs: generated code has 0 there, the library its own.
 *
 * Our side speaks to a socket of the test's own, where the kernel accepts: a request fits in its
 * buffer, and is read when the client is gone, to the end of the stream. So nothing more was sent,
 * either. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thrift/c_glib/protocol/thrift_binary_protocol.h>
#include <thrift/c_glib/protocol/thrift_compact_protocol.h>
#include <thrift/c_glib/transport/thrift_buffered_transport.h>
#include <thrift/c_glib/transport/thrift_framed_transport.h>
#include <thrift/c_glib/transport/thrift_memory_buffer.h>

#include "conformance/tlc-conformance.h"
#include "conformance/tlc-requests.h"
#include "support/tlc-echo.h"

#define STOCK_MAX (16 * 1024 * 1024)

#define FRAME_HEADER sizeof (guint32)

static gboolean
is_compact (void)
{
  return g_str_equal (tlc_conformance_get_protocol (), "compact");
}

static gboolean
is_framed (void)
{
  return g_str_equal (tlc_conformance_get_transport (), "framed");
}

/* A client of the stock stack, which writes to memory: made once and kept, since c_glib's
 * transports leak when they end. Belongs to the one thread that there is. */
static EchoIf *
get_stock (ThriftMemoryBuffer **ret_memory)
{
  static ThriftTransport *memory, *transport;
  static ThriftProtocol *protocol;
  static EchoIf *echo;

  if (echo == NULL)
    {
      memory = g_object_new (THRIFT_TYPE_MEMORY_BUFFER, "buf_size", STOCK_MAX, NULL);
      transport = g_object_new (is_framed () ? THRIFT_TYPE_FRAMED_TRANSPORT
                                              : THRIFT_TYPE_BUFFERED_TRANSPORT,
                                "transport", memory, NULL);
      protocol = g_object_new (is_compact () ? THRIFT_TYPE_COMPACT_PROTOCOL
                                             : THRIFT_TYPE_BINARY_PROTOCOL,
                               "transport", transport, NULL);
      echo = g_object_new (TYPE_ECHO_CLIENT, "input_protocol", protocol, "output_protocol",
                           protocol, NULL);
    }
  *ret_memory = THRIFT_MEMORY_BUFFER (memory);
  return echo;
}

/* What the stock stack sends. (transfer full) */
static GByteArray *
record_stock (const TlcRequest *request, guint i)
{
  GByteArray *bytes = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  ThriftMemoryBuffer *memory;
  EchoIf *echo = get_stock (&memory);

  g_byte_array_set_size (memory->buf, 0);
  if (!request->send (echo, i, &error))
    ck_abort_msg ("stock %s: %s", request->method, error->message);
  g_byte_array_append (bytes, memory->buf->data, memory->buf->len);
  return bytes;
}

/* A socket that listens under a name that the kernel chose. */
static int
listen_somewhere (char **ret_endpoint)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  socklen_t length = sizeof address.sun_family;
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  ck_assert_int_eq (bind (fd, (struct sockaddr *) &address, length), 0);
  ck_assert_int_eq (listen (fd, 1), 0);
  length = sizeof address;
  ck_assert_int_eq (getsockname (fd, (struct sockaddr *) &address, &length), 0);
  /* the kernel's names are a NUL and five digits, without a NUL behind them */
  *ret_endpoint = g_strdup_printf ("unix:@%.*s", (int) (length - sizeof address.sun_family - 1),
                                   address.sun_path + 1);
  return fd;
}

/* Everything that the next connection of @listener brings. */
static GByteArray *
read_connection (int listener)
{
  GByteArray *bytes = g_byte_array_new ();
  int fd = accept (listener, NULL, NULL);
  guint8 some[4096];
  ssize_t n;

  ck_assert_int_ge (fd, 0);
  while ((n = read (fd, some, sizeof some)) > 0)
    g_byte_array_append (bytes, some, (guint) n);
  ck_assert_int_eq (n, 0);
  close (fd);
  return bytes;
}

/* What the library sends. */
static GByteArray *
record_tlc (const TlcRequest *request, guint i, int listener, const char *endpoint)
{
  TlcService *service
      = tlc_echo_service (endpoint, "protocol", tlc_conformance_get_protocol (), "transport",
                          tlc_conformance_get_transport (), NULL);
  g_autoptr (GError) error = NULL;

  if (!request->send (tlc_echo_client (service), i, &error))
    ck_abort_msg ("%s: %s", request->method, error->message);
  tlc_thread_detach ();
  tlc_service_unref (service);
  return read_connection (listener);
}

static guint32
peek_u32 (const GByteArray *frame, gsize at)
{
  guint32 value;

  ck_assert_uint_le (at + sizeof value, frame->len);
  memcpy (&value, frame->data + at, sizeof value);
  return GUINT32_FROM_BE (value);
}

/* The length before a framed message is right, and goes. */
static void
remove_frame (GByteArray *bytes)
{
  if (!is_framed ())
    return;
  ck_assert_uint_eq (peek_u32 (bytes, 0), bytes->len - FRAME_HEADER);
  g_byte_array_remove_range (bytes, 0, FRAME_HEADER);
}

/* The header of @message is that of @request, and loses its sequence number. */
static void
remove_sequence (GByteArray *message, const TlcRequest *request)
{
  const guint name_length = (guint) strlen (request->method);
  guint name_at = 2 * sizeof (guint32), sequence_at = name_at + name_length, n = sizeof (guint32);

  if (!is_compact ())
    {
      ck_assert_uint_eq (peek_u32 (message, 0), 0x80010000u | (guint32) request->type);
      ck_assert_uint_eq (peek_u32 (message, 4), name_length);
    }
  else
    {
      ck_assert_uint_eq (message->data[0], 0x82);
      ck_assert_uint_eq (message->data[1], 1u | (guint) request->type << 5);
      sequence_at = 2;
      for (n = 1; message->data[sequence_at + n - 1] >= 0x80; n++)
        ck_assert_uint_le (n, 5);
      name_at = sequence_at + n + 1;
      ck_assert_uint_eq (message->data[name_at - 1], name_length);
    }
  ck_assert_mem_eq (message->data + name_at, request->method, name_length);
  g_byte_array_remove_range (message, sequence_at, n);
}

static void
must_be_equal (GByteArray *sent, GByteArray *stock, const TlcRequest *request, guint i)
{
  remove_frame (sent);
  remove_frame (stock);
  remove_sequence (sent, request);
  remove_sequence (stock, request);
  for (gsize at = 0; at < MIN (sent->len, stock->len); at++)
    if (sent->data[at] != stock->data[at])
      ck_abort_msg ("%s, number %u: byte %" G_GSIZE_FORMAT " is %02x, not %02x", request->method, i,
                    at, sent->data[at], stock->data[at]);
  ck_assert_msg (sent->len == stock->len, "%s, number %u: %u bytes, not %u", request->method, i,
                 sent->len, stock->len);
}

/* The request with that index of the table, with arguments of every number. */
START_TEST (test_conformance_bytes_of_requests)
{
  const TlcRequest *request = &tlc_requests[_i];
  g_autofree char *endpoint = NULL;
  int listener = listen_somewhere (&endpoint);

  for (guint i = 0; i < TLC_REQUESTS_MAX; i++)
    {
      g_autoptr (GByteArray) stock = record_stock (request, i);
      g_autoptr (GByteArray) sent = record_tlc (request, i, listener, endpoint);

      must_be_equal (sent, stock, request, i);
    }
  close (listener);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("conformance-bytes");
  TCase *tests = tcase_create ("conformance-bytes");

  tcase_add_loop_test (tests, test_conformance_bytes_of_requests, 0, (int) tlc_requests_count);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
