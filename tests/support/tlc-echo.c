/* SPDX-License-Identifier: Apache-2.0 */

/* The service, server and calls that most tests want. */
#include "support/tlc-echo.h"

#include <string.h>

TlcService *
tlc_echo_service (const char *endpoint, ...)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  TlcService *service;
  const char *key;
  va_list keys;

  ck_assert (tlc_config_set (config, "endpoints", endpoint, NULL));
  va_start (keys, endpoint);
  while ((key = va_arg (keys, const char *)) != NULL)
    if (!tlc_config_set (config, key, va_arg (keys, const char *), &error))
      ck_abort_msg ("%s", error->message);
  va_end (keys);
  service = tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, &error);
  if (service == NULL)
    ck_abort_msg ("%s", error->message);
  return service;
}

TlcServer *
tlc_echo_server (const char *const *extra_args)
{
  g_autoptr (GError) error = NULL;
  TlcServer *server = tlc_server_start (TLC_SERVER_C, extra_args, &error);

  if (server == NULL)
    ck_abort_msg ("%s", error->message);
  return server;
}

EchoIf *
tlc_echo_client (TlcService *service)
{
  g_autoptr (GError) error = NULL;
  gpointer client = tlc_service_get_client (service, &error);

  if (client == NULL)
    ck_abort_msg ("%s", error->message);
  return ECHO_IF (client);
}

void
tlc_echo_must_add (TlcService *service)
{
  static _Thread_local gint32 n;
  g_autoptr (GError) error = NULL;
  gint32 sum = 0, a = ++n, b = 1000 * n;

  if (!echo_if_add (tlc_echo_client (service), &sum, a, b, &error))
    ck_abort_msg ("%s", error->message);
  ck_assert_int_eq (sum, a + b);
}

void
tlc_echo_must_fail (TlcService *service, TlcError code, TlcDelivery delivery, const char *text)
{
  g_autoptr (GError) error = NULL;
  gint32 sum = 4711;

  ck_assert (!echo_if_add (tlc_echo_client (service), &sum, 1, 2, &error));
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (error->domain == TLC_ERROR && error->code == (int) code, "code %d: %s",
                 error->code, error->message);
  ck_assert_msg (tlc_error_get_delivery (error) == delivery, "%s", error->message);
  ck_assert_msg (strstr (error->message, text) != NULL, "%s", error->message);
  ck_assert_int_eq (sum, 4711);
}
