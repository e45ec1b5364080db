/* SPDX-License-Identifier: Apache-2.0 */
/* The frame around tests of faults. Belongs to the thread that runs the test. */

#include "support/tlc-harness.h"

#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support/tlc-process.h"

#ifdef TLC_TEST_ADDRESS_SANITIZER
#include <sanitizer/lsan_interface.h>
#endif

void
tlc_harness_begin (TlcHarness *harness, TlcScriptFamily family)
{
  /* an arena of its own for the server's thread would raise VmPeak by 128 MiB for a moment, under
   * which much could hide */
  mallopt (M_ARENA_MAX, 1);
  harness->fds = tlc_process_count_fds ();
  harness->threads = tlc_process_count_threads ();
  harness->script = tlc_script_new (family);
  harness->service = NULL;
}

void
tlc_harness_then_serve (TlcHarness *harness)
{
  tlc_script_accept (harness->script);
  tlc_script_serve (harness->script, 0);
}

void
tlc_harness_end (TlcHarness *harness)
{
  g_autofree char *failure = NULL;

  tlc_service_unref (harness->service);
  tlc_thread_detach ();
  for (guint i = 0; i < tlc_script_count_connections (harness->script); i++)
    ck_assert_msg (tlc_script_wait_ended (harness->script, i), "connection %u is left open", i);
  failure = tlc_script_dup_failure (harness->script);
  if (failure != NULL)
    ck_abort_msg ("%s", failure);
  tlc_script_free (harness->script);
  ck_assert_msg (tlc_process_settles (tlc_process_count_fds, harness->fds), "files are left open");
#ifndef TLC_TEST_THREAD_SANITIZER /* which starts one of its own with the first of ours */
  ck_assert_msg (tlc_process_settles (tlc_process_count_threads, harness->threads),
                 "threads are left");
#endif
}

/* Whether @fd is connected to the address at which @endpoint listens. */
static gboolean
tlc_harness_is_client (int fd, const char *endpoint)
{
  struct sockaddr_storage storage = { 0 };
  const struct sockaddr_in *in4 = (const struct sockaddr_in *) &storage;
  const struct sockaddr_un *un = (const struct sockaddr_un *) &storage;
  socklen_t length = sizeof storage;
  g_autofree char *peer = NULL;

  if (getpeername (fd, (struct sockaddr *) &storage, &length) != 0)
    return FALSE;
  if (storage.ss_family == AF_INET)
    peer = g_strdup_printf ("tcp://127.0.0.1:%u", ntohs (in4->sin_port));
  else if (storage.ss_family == AF_UNIX && length > sizeof un->sun_family)
    peer = g_strdup_printf ("unix:@%s", un->sun_path + 1);
  return g_strcmp0 (peer, endpoint) == 0;
}

int
tlc_harness_find_socket (TlcHarness *harness)
{
  for (int fd = 0; fd < 1024; fd++)
    if (tlc_harness_is_client (fd, tlc_script_get_endpoint (harness->script)))
      return fd;
  ck_abort_msg ("no connection to the script is open");
}

gboolean
tlc_harness_wait_hung_up (int fd)
{
  struct pollfd pollfd = { fd, POLLRDHUP, 0 };

  return poll (&pollfd, 1, TLC_SCRIPT_PATIENCE_MS) == 1;
}

/* -- outcomes -- */

void
tlc_harness_must_echo (TlcHarness *harness, gsize n)
{
  g_autofree char *value = g_malloc (n + 1);
  g_autofree char *result = NULL;
  g_autoptr (GError) error = NULL;

  memset (value, 'x', n);
  value[n] = '\0';
  if (!echo_if_echo_string (tlc_echo_client (harness->service), &result, value, &error))
    ck_abort_msg ("%s", error->message);
  ck_assert_str_eq (result, value);
}

static void
tlc_harness_ignore_leaks (gboolean ignored)
{
#ifdef TLC_TEST_ADDRESS_SANITIZER
  if (ignored)
    __lsan_disable ();
  else
    __lsan_enable ();
#endif
}

static const char *
tlc_harness_get_ending (TlcDelivery delivery)
{
  switch (delivery)
    {
    case TLC_DELIVERY_NOT_SENT:
      return "not sent)";
    case TLC_DELIVERY_UNKNOWN:
      return "may have run)";
    case TLC_DELIVERY_ANSWERED:
    default:
      return "answered)";
    }
}

/* Generated readers of containers lose an element that they cannot finish: nobody
 * else can free it. Calls of all other kinds are watched for leaks, of the library's too. */
static gboolean
tlc_harness_call_quietly (TlcHarnessCall call, EchoIf *echo, GError **error)
{
  gboolean is_leaky = call == tlc_harness_list || call == tlc_harness_set
                      || call == tlc_harness_map || call == tlc_harness_everything;
  gboolean result;

  if (is_leaky)
    tlc_harness_ignore_leaks (TRUE);
  result = call (echo, error);
  if (is_leaky)
    tlc_harness_ignore_leaks (FALSE);
  return result;
}

void
tlc_harness_must_fail (TlcHarness *harness, TlcHarnessCall call, TlcError code,
                       TlcDelivery delivery, const char *text)
{
  g_autoptr (GError) error = NULL;
  const char *message;
  EchoIf *echo;

  echo = tlc_echo_client (harness->service);
  ck_assert_msg (!tlc_harness_call_quietly (call, echo, &error), "the call succeeded");
  ck_assert_msg (error != NULL, "the call failed without an error");
  message = error->message;
  ck_assert_msg (error->domain == TLC_ERROR && error->code == (int) code, "%s %d: %s",
                 g_quark_to_string (error->domain), error->code, message);
  ck_assert_msg (tlc_error_get_delivery (error) == delivery, "delivery %d: %s",
                 (int) tlc_error_get_delivery (error), message);
  ck_assert_msg (g_str_has_suffix (message, tlc_harness_get_ending (delivery)), "%s", message);
  ck_assert_msg (strstr (message, text) != NULL, "no \"%s\" in: %s", text, message);
  ck_assert_msg (g_str_has_prefix (message, "echo."), "%s", message);
  if (delivery != TLC_DELIVERY_NOT_SENT)
    ck_assert_msg (strstr (message, tlc_script_get_endpoint (harness->script)) != NULL, "%s",
                   message);
}

const char *
tlc_harness_text (const char *framed, const char *buffered)
{
  return tlc_wire_is_framed () ? framed : buffered;
}

/* @end: what the server does after the reply, if anything. */
static void
tlc_harness_refuses_ended (TlcWire *reply, void (*end) (TlcScript *), TlcHarnessCall call,
                           TlcError code, TlcDelivery delivery, const char *text)
{
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, reply);
  if (end != NULL)
    end (harness.script);
  tlc_harness_then_serve (&harness);
  tlc_harness_start (&harness, "call-timeout", "30s", NULL);

  tlc_harness_must_fail (&harness, call, code, delivery, text);
  ck_assert (tlc_script_wait_closed (harness.script, 0));
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 2);
  tlc_harness_end (&harness);
}

void
tlc_harness_refuses (TlcWire *reply, TlcHarnessCall call, TlcError code, TlcDelivery delivery,
                     const char *text)
{
  tlc_harness_refuses_ended (reply, NULL, call, code, delivery, text);
}

void
tlc_harness_refuses_structure (TlcWire *reply, TlcHarnessCall call, const char *text)
{
  tlc_harness_refuses (reply, call, TLC_ERROR_PROTOCOL,
                       tlc_wire_is_framed () ? TLC_DELIVERY_ANSWERED : TLC_DELIVERY_UNKNOWN, text);
}

void
tlc_harness_refuses_claim (TlcWire *reply, TlcHarnessCall call, const char *framed_text,
                           gboolean is_too_large)
{
  g_autofree char *loss = g_strdup_printf ("connection closed by peer after %" G_GSIZE_FORMAT
                                           " bytes of the reply",
                                           tlc_wire_get_length (reply));

  if (tlc_wire_is_framed ())
    tlc_harness_refuses (reply, call, TLC_ERROR_PROTOCOL, TLC_DELIVERY_ANSWERED, framed_text);
  else if (is_too_large)
    tlc_harness_refuses (reply, call, TLC_ERROR_MESSAGE_TOO_LARGE, TLC_DELIVERY_UNKNOWN,
                         "bytes exceeds max-message-size = 16777216");
  else
    tlc_harness_refuses_ended (reply, tlc_script_half_close, call, TLC_ERROR_CONNECTION_LOST,
                               TLC_DELIVERY_UNKNOWN, loss);
}

void
tlc_harness_takes (TlcWire *reply, TlcHarnessCall call)
{
  g_autoptr (GError) error = NULL;
  TlcHarness harness;

  tlc_harness_begin (&harness, TLC_SCRIPT_INET);
  tlc_script_accept (harness.script);
  tlc_script_read (harness.script);
  tlc_script_send (harness.script, reply);
  tlc_script_serve (harness.script, 0);
  tlc_harness_start (&harness, NULL);

  ck_assert_msg (call (tlc_echo_client (harness.service), &error), "%s",
                 error != NULL ? error->message : "no error");
  tlc_echo_must_add (harness.service);
  ck_assert_uint_eq (tlc_script_count_connections (harness.script), 1);
  tlc_harness_end (&harness);
}

void
tlc_harness_assert_took (gint64 begun_us, guint promise_ms)
{
  gint64 took_us = g_get_monotonic_time () - begun_us;

  ck_assert_int_ge (took_us, (gint64) promise_ms * 1000);
  ck_assert_int_lt (took_us, (gint64) promise_ms * 10 * 1000);
}
