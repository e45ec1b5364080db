/* SPDX-License-Identifier: Apache-2.0 */
/* Names, docs/faults.md, row 29: the system's resolver and a name server of the test's own, or, where one
 * cannot have it, a getaddrinfo() of the test's that gives the same answers. What of the resolver's
 * thread is promised stands in test-resolver. */

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "faults/tlc-relay.h"
#include "support/tlc-echo.h"
#include "support/tlc-name-server.h"
#include "support/tlc-process.h"

#define LIMIT_MS 10000 /* of a question, in the library */

/* First of all in a test: it may want a network of its own. */
static void
begin (guint timeout_s)
{
  g_autofree char *reason = NULL;

  if (tlc_name_server_start (timeout_s, &reason))
    return;
  printf ("# SKIPPED the system's resolver: %s\n", reason);
  fflush (stdout);
}

static TlcServer *
start_server (const char *name)
{
  const char *const args[] = { "--name", name, NULL };

  return tlc_echo_server (args);
}

static const char *
get_port (TlcServer *server)
{
  return strrchr (tlc_server_get_endpoint (server), ':') + 1;
}

/* A service that is called by name. */
static TlcService *
new_service (const char *name, const char *port, GError **error)
{
  g_autofree char *endpoint = g_strdup_printf ("tcp://%s:%s", name, port);
  g_autoptr (TlcConfig) config = tlc_config_new ();

  ck_assert (tlc_config_set (config, "endpoints", endpoint, NULL));
  return tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, error);
}

static void
assert_served_by (TlcService *service, const char *name)
{
  g_autofree char *who = tlc_echo_who (service);

  ck_assert_str_eq (who, name);
}

static void
assert_unresolved (const GError *error, const char *name, const char *reason)
{
  g_autofree char *text = g_strdup_printf ("tcp://%s:9090: name not resolved: %s", name, reason);

  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_msg (g_str_has_prefix (error->message, "service echo: "), "%s", error->message);
  ck_assert_msg (strstr (error->message, text) != NULL, "no \"%s\" in: %s", text, error->message);
}

/* Law 8: a name that does not exist, has no address, or whose server fails is told with its
 * reason, by a new service and by a change, which then changes nothing. */
START_TEST (test_faults_row_29_names_that_do_not_resolve)
{
  static const struct {
    TlcNameAnswer answer;
    int reason, other_reason;
  } cases[] = {
    { TLC_NAME_UNKNOWN, EAI_NONAME, EAI_NONAME },
    { TLC_NAME_FOUND, EAI_NODATA, EAI_NONAME }, /* which of the two is libc's affair */
    { TLC_NAME_FAILED, EAI_AGAIN, EAI_AGAIN },
  };
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) change_error = NULL;
  TlcService *service;
  const char *reason;
  TlcServer *server;

  begin (5);
  server = start_server ("A");
  service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  tlc_name_server_set (cases[_i].answer, NULL);
  ck_assert (new_service ("none.invalid", "9090", &error) == NULL);
  reason = gai_strerror (cases[_i].reason);
  if (strstr (error->message, reason) == NULL)
    reason = gai_strerror (cases[_i].other_reason);
  assert_unresolved (error, "none.invalid", reason);

  ck_assert (tlc_config_set (config, "endpoints", "tcp://none.invalid:9090", NULL));
  ck_assert (!tlc_service_reconfigure (service, config, &change_error));
  assert_unresolved (change_error, "none.invalid", reason);
  assert_served_by (service, "A");
  tlc_service_unref (service);
  tlc_server_stop (server);
}
END_TEST

static void *
reconfigure_to_silence (void *data)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;

  ck_assert (tlc_config_set (config, "endpoints", "tcp://silent.test:9090", NULL));
  ck_assert (!tlc_service_reconfigure (data, config, &error));
  assert_unresolved (error, "silent.test", "no answer from the system's resolver within ");
  return NULL;
}

/* Law 9: a resolver that never answers holds a change up for ten seconds and no more; calls
 * go on meanwhile. */
START_TEST (test_faults_row_29_resolver_never_answers)
{
  gint64 began_us, took_us, worst_us = 0;
  TlcService *service;
  TlcServer *server;
  pthread_t thread;

  begin (30);
  server = start_server ("A");
  service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  tlc_name_server_set (TLC_NAME_SILENT, NULL);
  began_us = g_get_monotonic_time ();
  ck_assert_int_eq (pthread_create (&thread, NULL, reconfigure_to_silence, service), 0);
  do
    {
      gint64 call_us = g_get_monotonic_time ();

      assert_served_by (service, "A");
      worst_us = MAX (worst_us, g_get_monotonic_time () - call_us);
      g_usleep (1000);
    }
  while (pthread_tryjoin_np (thread, NULL) != 0);
  took_us = g_get_monotonic_time () - began_us;
  ck_assert_int_ge (took_us, LIMIT_MS * 1000);
  ck_assert_int_lt (took_us, 2 * LIMIT_MS * 1000);
  ck_assert_int_lt (worst_us, LIMIT_MS * 1000 / 2);
  tlc_service_unref (service); /* which does not wait for the resolver */
  ck_assert_int_lt (g_get_monotonic_time () - began_us, 2 * LIMIT_MS * 1000);
  tlc_server_stop (server);
}
END_TEST

#define FIRST 2
#define LAST 61

/* 127.0.0.2 to 127.0.0.61 */
static char *
make_addresses (void)
{
  GString *addresses = g_string_new (NULL);

  for (guint i = FIRST; i <= LAST; i++)
    g_string_append_printf (addresses, "%s127.0.0.%u", i > FIRST ? " " : "", i);
  return g_string_free (addresses, FALSE);
}

/* A call that fails at each of them. Which was the last one. */
static guint
must_fail_at_all (TlcService *service, const char *port)
{
  g_autoptr (GError) error = NULL;
  const char *worst = "";
  guint last = 0;
  gint32 sum = 0;

  ck_assert (!echo_if_add (tlc_echo_client (service), &sum, 1, 2, &error));
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  for (guint i = FIRST; i <= LAST; i++)
    {
      g_autofree char *endpoint = g_strdup_printf ("tcp://127.0.0.%u:%s (many.test)", i, port);
      const char *at = strstr (error->message, endpoint);

      ck_assert_msg (at != NULL, "no %s in: %s", endpoint, error->message);
      if (last == 0 || at > worst)
        {
          worst = at;
          last = i;
        }
    }
  return last;
}

/* Law 5: each of a name's 60 addresses is tried within one connect, each stands in the error
 * when all refuse, and when the last of them takes the call it is answered. */
START_TEST (test_faults_row_29_sixty_addresses)
{
  struct sockaddr_in in4 = { .sin_family = AF_INET };
  g_autofree char *addresses = make_addresses ();
  g_autoptr (GError) error = NULL;
  TlcService *service;
  TlcServer *server;
  TlcRelay *relay;
  TlcStats stats;
  guint last;

  begin (5);
  server = start_server ("A");
  tlc_name_server_set (TLC_NAME_FOUND, addresses);
  service = new_service ("many.test", get_port (server), &error);
  ck_assert_msg (service != NULL, "%s", error ? error->message : "");
  last = must_fail_at_all (service, get_port (server));
  in4.sin_addr.s_addr = htonl (INADDR_LOOPBACK - 1 + last);
  in4.sin_port = htons ((guint16) atoi (get_port (server)));
  relay = tlc_relay_new ((struct sockaddr *) &in4, sizeof in4, tlc_server_get_endpoint (server));
  ck_assert_ptr_nonnull (relay);
  assert_served_by (service, "A");
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.connects, 1);
  ck_assert_uint_eq (stats.connect_failures, 60 + 59);
  tlc_service_unref (service);
  tlc_thread_detach ();
  tlc_relay_free (relay);
  tlc_server_stop (server);
}
END_TEST

/* Law 5: a name that has IPv6 addresses alone is called at those. */
START_TEST (test_faults_row_29_ipv6_only)
{
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
  g_autofree char *port = NULL;
  g_autoptr (GError) error = NULL;
  TlcService *service;
  TlcServer *server;
  TlcRelay *relay;

  begin (5);
  server = start_server ("A");
  relay = tlc_relay_new ((struct sockaddr *) &in6, sizeof in6, tlc_server_get_endpoint (server));
  if (relay == NULL)
    {
      printf ("# SKIPPED: no IPv6 here\n");
      tlc_server_stop (server);
      return;
    }
  port = g_strdup_printf ("%u", tlc_relay_get_port (relay));
  tlc_name_server_set (TLC_NAME_FOUND, "::1");
  service = new_service ("six.test", port, &error);
  ck_assert_msg (service != NULL, "%s", error ? error->message : "");
  assert_served_by (service, "A");
  ck_assert_uint_eq (tlc_relay_count_connections (relay), 1);
  tlc_service_unref (service);
  tlc_thread_detach ();
  tlc_relay_free (relay);
  tlc_server_stop (server);
}
END_TEST

/* Law 2: a name that stands for another address from one change to the next is called at the new
 * one, the old connection is closed, and one that stands for nothing any more is called where it
 * was. */
START_TEST (test_faults_row_29_address_changes)
{
  struct sockaddr_in in4 = { .sin_family = AF_INET };
  g_autofree char *endpoint = NULL;
  g_autoptr (GError) error = NULL;
  TlcServer *a, *b;
  TlcService *service;
  TlcRelay *relay;

  begin (5);
  a = start_server ("A");
  b = start_server ("B");
  in4.sin_addr.s_addr = htonl (INADDR_LOOPBACK + 1);
  in4.sin_port = htons ((guint16) atoi (get_port (a)));
  relay = tlc_relay_new ((struct sockaddr *) &in4, sizeof in4, tlc_server_get_endpoint (b));
  ck_assert_ptr_nonnull (relay);
  endpoint = g_strdup_printf ("tcp://moving.test:%s", get_port (a));

  tlc_name_server_set (TLC_NAME_FOUND, "127.0.0.1");
  service = new_service ("moving.test", get_port (a), &error);
  ck_assert_msg (service != NULL, "%s", error ? error->message : "");
  assert_served_by (service, "A");
  tlc_name_server_set (TLC_NAME_FOUND, "127.0.0.2");
  assert_served_by (service, "A"); /* nobody has asked */
  tlc_echo_reconfigure (service, endpoint, NULL);
  assert_served_by (service, "B");
  /* by port alone: the relay's is the one that is left */
  ck_assert_uint_eq (tlc_process_count_connections (tlc_server_get_endpoint (a)), 1);
  tlc_name_server_set (TLC_NAME_UNKNOWN, NULL);
  tlc_echo_reconfigure (service, endpoint, NULL);
  assert_served_by (service, "B");
  ck_assert_uint_eq (tlc_relay_count_connections (relay), 1);
  tlc_service_unref (service);
  tlc_thread_detach ();
  tlc_relay_free (relay);
  tlc_server_stop (a);
  tlc_server_stop (b);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-names");
  TCase *tcase = tcase_create ("names");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_29_names_that_do_not_resolve, 0, 3);
  tcase_add_test (tcase, test_faults_row_29_resolver_never_answers);
  tcase_add_test (tcase, test_faults_row_29_sixty_addresses);
  tcase_add_test (tcase, test_faults_row_29_ipv6_only);
  tcase_add_test (tcase, test_faults_row_29_address_changes);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
