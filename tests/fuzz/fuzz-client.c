/* SPDX-License-Identifier: Apache-2.0 */

/* The service and its calls, and what holds for every one of them whatever the peer says. */
#include "fuzz/fuzz-client.h"

#include <thrift/c_glib/thrift_application_exception.h>
#include <tlc/tlc.h>

#include "fuzz/fuzz-peer.h"
#include "support/tlc-check.h"

/* Generated readers lose what they had read of a map or a list when they fail: not ours to
 * report. */
#ifdef TLC_TEST_ADDRESS_SANITIZER
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable()
#define __lsan_enable()
#endif

static const FuzzWire *fuzz_client_wire;
static TlcService *fuzz_client_service;
static gint32 fuzz_client_add_number;

void
fuzz_client_open (const FuzzWire *wire)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;

  if (fuzz_client_service != NULL)
    return;
  fuzz_client_wire = wire;
  if (!tlc_config_set (config, "endpoints", "unix:@fuzz", &error)
      || !tlc_config_set (config, "protocol", wire->protocol, &error)
      || !tlc_config_set (config, "transport", wire->transport, &error)
      || !tlc_config_set (config, "max-decoded-size", FUZZ_MAX_DECODED_SIZE, &error))
    g_error ("%s", error->message);
  fuzz_client_service = tlc_service_new ("fuzz", TYPE_ECHO_CLIENT, config, &error);
  if (fuzz_client_service == NULL)
    g_error ("%s", error->message);
}

/* The request went out, the peer answered and closed: that is all that can have happened. */
static void
fuzz_client_check_error (const GError *error)
{
  g_assert (error != NULL && error->message != NULL);
  if (error->domain == TLC_ERROR)
    {
      if ((error->code != TLC_ERROR_PROTOCOL && error->code != TLC_ERROR_CONNECTION_LOST
           && error->code != TLC_ERROR_MESSAGE_TOO_LARGE)
          || tlc_error_get_delivery (error) == TLC_DELIVERY_NOT_SENT)
        g_error ("fails as it cannot: %d, %s", error->code, error->message);
    }
  else if (error->domain != THRIFT_APPLICATION_EXCEPTION_ERROR
           && error->domain != THRIFT_PROTOCOL_ERROR && error->domain != REJECTED_ERROR
           && error->domain != NOT_FOUND_ERROR)
    g_error ("fails with a strange error: %s", error->message);
}

FuzzOutcome
fuzz_client_call (const FuzzMethod *method, int *ret_code)
{
  g_autoptr (GError) error = NULL;
  EchoIf *echo = tlc_service_get_client (fuzz_client_service, NULL);
  gboolean is_done;

  *ret_code = -1;
  __lsan_disable ();
  is_done = method->call (echo, &error);
  __lsan_enable ();
  if (is_done)
    {
      g_assert (error == NULL);
      return FUZZ_DECODED;
    }
  fuzz_client_check_error (error);
  if (error->domain != TLC_ERROR)
    return FUZZ_EXCEPTION;
  *ret_code = error->code;
  return FUZZ_REFUSED;
}

#define FUZZ_A 40000
#define FUZZ_B -7
/* Field 0, an i32; the result's end. */
static const guint8 fuzz_binary_sum[]
    = { T_I32, 0, 0, 0, 0, (FUZZ_A + FUZZ_B) >> 8, (FUZZ_A + FUZZ_B) & 0xff, T_STOP };
static const guint8 fuzz_compact_sum[]
    = { 0x05, 0x00, (2 * (FUZZ_A + FUZZ_B)) % 0x80 | 0x80,
        ((2 * (FUZZ_A + FUZZ_B)) >> 7) % 0x80 | 0x80, (2 * (FUZZ_A + FUZZ_B)) >> 14, T_STOP };

static void
fuzz_client_answer_sum (GByteArray *stream, const GByteArray *request, gpointer data)
{
  const FuzzWire *wire = fuzz_client_wire;
  g_autoptr (GByteArray) message = g_byte_array_new ();

  fuzz_client_add_number = fuzz_wire_get_number (wire, request);
  fuzz_wire_put_header (wire, message, T_REPLY, "add", fuzz_client_add_number);
  if (wire->is_compact)
    g_byte_array_append (message, fuzz_compact_sum, sizeof fuzz_compact_sum);
  else
    g_byte_array_append (message, fuzz_binary_sum, sizeof fuzz_binary_sum);
  fuzz_wire_put_message (wire, stream, message);
}

gboolean
fuzz_client_add (void)
{
  g_autoptr (GError) error = NULL;
  EchoIf *echo = tlc_service_get_client (fuzz_client_service, NULL);
  gint32 sum = 0;

  fuzz_peer_set_answer (fuzz_client_answer_sum, NULL);
  if (echo_if_add (echo, &sum, FUZZ_A, FUZZ_B, &error))
    {
      g_assert_cmpint (sum, ==, FUZZ_A + FUZZ_B);
      return TRUE;
    }
  fuzz_client_check_error (error);
  return FALSE;
}

gint32
fuzz_client_get_add_number (void)
{
  return fuzz_client_add_number;
}
