/* SPDX-License-Identifier: Apache-2.0 */

/* Threads that hold, and those who want what they hold. */
#include "support/tlc-holder.h"

#include <string.h>

#include "support/tlc-process.h"

#define PATIENCE_MS 10000

TlcServer *
tlc_holder_server (const char *name)
{
  return tlc_echo_server ((const char *const[]){ "--number-connections", "--name", name, NULL });
}

void
tlc_holder_hold (TlcService *service)
{
  g_autoptr (GError) error = NULL;

  if (!tlc_client_hold (tlc_echo_client (service), &error))
    ck_abort_msg ("%s", error->message);
  ck_assert_ptr_null (error);
}

void
tlc_holder_must_not_hold (TlcService *service, TlcError code, const char *text)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!tlc_client_hold (tlc_echo_client (service), &error));
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (g_error_matches (error, TLC_ERROR, (int) code), "%s", error->message);
  ck_assert_msg (tlc_error_get_delivery (error) == TLC_DELIVERY_NOT_SENT, "%s", error->message);
  ck_assert_msg (strstr (error->message, text) != NULL, "no \"%s\" in: %s", text, error->message);
}

void
tlc_holder_release (TlcService *service)
{
  tlc_client_release (tlc_echo_client (service));
}

void
tlc_holder_must_meet (TlcService *service, const char *who)
{
  g_autofree char *met = tlc_echo_who (service);

  ck_assert_str_eq (met, who);
}

void
tlc_holder_must_be_over (TlcService *service, TlcError code, const char *text)
{
  TlcStats before, after;

  tlc_service_get_stats (service, &before);
  tlc_echo_must_fail (service, code, TLC_DELIVERY_NOT_SENT, text);
  tlc_service_get_stats (service, &after);
  ck_assert_uint_eq (after.connects, before.connects);
  ck_assert_uint_eq (after.connect_failures, before.connect_failures);
  ck_assert_uint_eq (after.retries, before.retries);
  ck_assert_uint_eq (after.bytes_sent, before.bytes_sent);
}

void
tlc_holder_await_waiting (TlcService *service, guint64 n)
{
  TlcStats stats;

  for (guint i = 0; i < PATIENCE_MS; i++)
    {
      tlc_service_get_stats (service, &stats);
      if (stats.waiting == n)
        return;
      g_usleep (1000);
    }
  ck_abort_msg ("%" G_GUINT64_FORMAT " wait, not %" G_GUINT64_FORMAT, stats.waiting, n);
}

void
tlc_holder_await_connections (const char *endpoint, guint n, guint watchdog_ms)
{
  gint64 deadline_us = g_get_monotonic_time () + (gint64) watchdog_ms * 1000;

  while (tlc_process_count_connections (endpoint) != n)
    {
      ck_assert_msg (g_get_monotonic_time () < deadline_us, "%u are open, not %u",
                     tlc_process_count_connections (endpoint), n);
      g_usleep (1000);
    }
}

static void *
tlc_asker_main (void *data)
{
  TlcAsker *asker = data;
  EchoIf *echo = tlc_echo_client (asker->service);

  if (echo_if_run (echo, &asker->turn, "tlc-asker", &asker->error))
    identity_if_who (IDENTITY_IF (echo), &asker->who, &asker->error);
  return NULL;
}

void
tlc_asker_start (TlcAsker *asker, TlcService *service)
{
  *asker = (TlcAsker) { .service = service };
  ck_assert_int_eq (pthread_create (&asker->thread, NULL, tlc_asker_main, asker), 0);
}

void
tlc_asker_must_meet (TlcAsker *asker, const char *who)
{
  ck_assert_int_eq (pthread_join (asker->thread, NULL), 0);
  if (asker->error != NULL)
    ck_abort_msg ("%s", asker->error->message);
  ck_assert_str_eq (asker->who, who);
  g_clear_pointer (&asker->who, g_free);
}

void
tlc_asker_ask (TlcService *service, const char *who)
{
  TlcAsker asker;

  tlc_asker_start (&asker, service);
  tlc_asker_must_meet (&asker, who);
}

void
tlc_holder_elsewhere (void *(*func) (void *), void *data)
{
  pthread_t thread;

  ck_assert_int_eq (pthread_create (&thread, NULL, func, data), 0);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
}
