/* SPDX-License-Identifier: Apache-2.0 */

/* The service, server and calls that most tests want. */
#include "support/tlc-echo.h"

#include <string.h>

static TlcConfig *
tlc_echo_config (const char *endpoints, va_list keys)
{
  TlcConfig *config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  const char *key;

  ck_assert (tlc_config_set (config, "endpoints", endpoints, NULL));
  while ((key = va_arg (keys, const char *)) != NULL)
    if (!tlc_config_set (config, key, va_arg (keys, const char *), &error))
      ck_abort_msg ("%s", error->message);
  return config;
}

TlcService *
tlc_echo_service (const char *endpoint, ...)
{
  g_autoptr (TlcConfig) config = NULL;
  g_autoptr (GError) error = NULL;
  TlcService *service;
  va_list keys;

  va_start (keys, endpoint);
  config = tlc_echo_config (endpoint, keys);
  va_end (keys);
  service = tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, &error);
  if (service == NULL)
    ck_abort_msg ("%s", error->message);
  return service;
}

void
tlc_echo_reconfigure (TlcService *service, const char *endpoints, ...)
{
  g_autoptr (TlcConfig) config = NULL;
  g_autoptr (GError) error = NULL;
  va_list keys;

  va_start (keys, endpoints);
  config = tlc_echo_config (endpoints, keys);
  va_end (keys);
  if (!tlc_service_reconfigure (service, config, &error))
    ck_abort_msg ("%s", error->message);
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

char *
tlc_echo_who (TlcService *service)
{
  g_autoptr (GError) error = NULL;
  char *who = NULL;

  if (!identity_if_who (IDENTITY_IF (tlc_echo_client (service)), &who, &error))
    ck_abort_msg ("%s", error->message);
  return who;
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

void
tlc_echo_must_send_add (EchoIf *echo, gint32 a, gint32 b)
{
  g_autoptr (GError) error = NULL;

  if (!echo_client_send_add (echo, a, b, &error))
    ck_abort_msg ("%s", error->message);
}

void
tlc_echo_must_receive_sum (EchoIf *echo, gint32 sum)
{
  g_autoptr (GError) error = NULL;
  gint32 value = 0;

  if (!echo_client_recv_add (echo, &value, &error))
    ck_abort_msg ("%s", error->message);
  ck_assert_int_eq (value, sum);
}
