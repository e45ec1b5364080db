/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to addresses of all kinds, docs/faults.md, row 30: each is answered, or refused when it is set or
 * when the service is made, with a reason. How addresses are read stands in test-address. */

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "faults/tlc-relay.h"
#include "support/tlc-echo.h"
#include "support/tlc-process.h"

/* A server, and a relay at the address of the test: the call is to go by it. */
typedef struct {
  TlcServer *server;
  TlcRelay *relay;
  guint fds;
} Place;

static void
place_init (Place *place, const void *address, gsize length)
{
  place->server = tlc_echo_server (NULL);
  place->fds = tlc_process_count_fds ();
  place->relay = tlc_relay_new (address, (socklen_t) length,
                                tlc_server_get_endpoint (place->server));
}

static void
place_clear (Place *place)
{
  tlc_relay_free (place->relay);
  ck_assert_msg (tlc_process_settles (tlc_process_count_fds, place->fds), "files are left open");
  tlc_server_stop (place->server);
}

/* Calls at @endpoint are answered, large ones too, on one connection by way of the relay. */
static void
must_be_called (Place *place, const char *endpoint)
{
  TlcService *service = tlc_echo_service (endpoint, NULL);
  g_autofree char *text = g_strnfill (200000, 'x');
  g_autofree char *result = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 10; i++)
    tlc_echo_must_add (service);
  if (!echo_if_echo_string (tlc_echo_client (service), &result, text, &error))
    ck_abort_msg ("%s", error->message);
  ck_assert_str_eq (result, text);
  ck_assert_uint_eq (tlc_relay_count_connections (place->relay), 1);
  tlc_service_unref (service);
  tlc_thread_detach ();
}

/* Nobody listens at @endpoint: a call says so, with the endpoint and @reason. */
static void
must_be_unavailable (const char *endpoint, const char *reason)
{
  g_autofree char *text = g_strdup_printf ("%s: %s", endpoint, reason);
  TlcService *service = tlc_echo_service (endpoint, NULL);

  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT, text);
  tlc_service_unref (service);
  tlc_thread_detach ();
}

/* @endpoint is refused when it is set, with @reason. */
static void
must_be_refused (const char *endpoint, const char *reason)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;

  ck_assert_msg (!tlc_config_set (config, "endpoints", endpoint, &error), "%s", endpoint);
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG), "%s", error->message);
  ck_assert_msg (strstr (error->message, reason) != NULL, "no \"%s\" in: %s", reason,
                 error->message);
}

static gboolean
skip_without (const Place *place, const char *what)
{
  if (place->relay != NULL)
    return FALSE;
  printf ("# SKIPPED: no %s here: %s\n", what, g_strerror (errno));
  fflush (stdout);
  return TRUE;
}

/* Law 5: calls to an IPv6 literal are answered, however it is written. */
START_TEST (test_faults_row_30_ipv6_literal)
{
  static const char *const forms[] = { "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]" };
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
  g_autofree char *endpoint = NULL;
  Place place;

  place_init (&place, &in6, sizeof in6);
  if (!skip_without (&place, "IPv6"))
    {
      endpoint = g_strdup_printf ("tcp://%s:%u", forms[_i], tlc_relay_get_port (place.relay));
      must_be_called (&place, endpoint);
    }
  place_clear (&place);
}
END_TEST

/* Law 5: calls to an IPv4 address that is written as an IPv6 one are answered. */
START_TEST (test_faults_row_30_v4_mapped)
{
  struct sockaddr_in in4 = { .sin_family = AF_INET };
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
  g_autofree char *endpoint = NULL;
  int fd = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean has_in6 = fd >= 0 && bind (fd, (struct sockaddr *) &in6, sizeof in6) == 0;
  Place place;

  close (fd);
  in4.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  place_init (&place, &in4, sizeof in4);
  endpoint = g_strdup_printf ("tcp://[::ffff:127.0.0.1]:%u", tlc_relay_get_port (place.relay));
  if (has_in6)
    must_be_called (&place, endpoint);
  else
    printf ("# SKIPPED: no IPv6 here\n");
  place_clear (&place);
}
END_TEST

/* Law 5: a link-local address is called on its interface, where one answers or none does;
 * without an interface, or with one that is not there, it is refused when it is set. */
START_TEST (test_faults_row_30_scope)
{
  g_autoptr (GError) error = NULL;
  TlcService *service;
  gint64 began_us;
  gint32 sum = 0;

  must_be_refused ("tcp://[fe80::1]:9090", "needs an interface");
  must_be_refused ("tcp://[fe80::1%nowhere0]:9090", "no such interface");
  must_be_refused ("tcp://[::1%lo]:9090", "only a link-local address");

  service = tlc_echo_service ("tcp://[fe80::1%lo]:9", "connect-timeout", "200ms", NULL);
  began_us = g_get_monotonic_time ();
  ck_assert (!echo_if_add (tlc_echo_client (service), &sum, 1, 2, &error));
  ck_assert_int_lt (g_get_monotonic_time () - began_us, 2 * G_USEC_PER_SEC);
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE), "%s", error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_msg (strstr (error->message, "tcp://[fe80::1%lo]:9: ") != NULL, "%s", error->message);
  tlc_service_unref (service);
  tlc_thread_detach ();
}
END_TEST

/* A link-local address of this machine, and its interface; FALSE: it has none. */
static gboolean
find_link_local (struct sockaddr_in6 *in6, char *interface, gsize size)
{
  g_autofree char *table = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents ("/proc/net/if_inet6", &table, NULL, NULL))
    return FALSE;
  lines = g_strsplit (table, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      guint index, prefix, scope, flags;
      char digits[33], name[32];

      if (sscanf (*line, "%32s %x %x %x %x %31s", digits, &index, &prefix, &scope, &flags, name)
              != 6
          || !g_str_has_prefix (digits, "fe80"))
        continue;
      *in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_scope_id = index };
      for (guint i = 0; i < 16; i++)
        in6->sin6_addr.s6_addr[i] = (guint8) (g_ascii_xdigit_value (digits[2 * i]) << 4
                                              | g_ascii_xdigit_value (digits[2 * i + 1]));
      g_strlcpy (interface, name, size);
      return TRUE;
    }
  return FALSE;
}

/* Law 5: calls to a link-local address of the machine itself, on its interface, are
 * answered. */
START_TEST (test_faults_row_30_scope_that_answers)
{
  struct sockaddr_in6 in6;
  g_autofree char *endpoint = NULL;
  char host[64], interface[32];
  Place place;

  if (!find_link_local (&in6, interface, sizeof interface))
    {
      printf ("# SKIPPED: no interface with a link-local address here\n");
      return;
    }
  place_init (&place, &in6, sizeof in6);
  if (!skip_without (&place, "link-local address"))
    {
      for (guint i = 0; i < 8; i++)
        g_snprintf (host + 5 * i, 6, "%02x%02x:", in6.sin6_addr.s6_addr[2 * i],
                    in6.sin6_addr.s6_addr[2 * i + 1]);
      host[39] = '\0';
      endpoint = g_strdup_printf ("tcp://[%s%%%s]:%u", host, interface,
                                  tlc_relay_get_port (place.relay));
      must_be_called (&place, endpoint);
    }
  place_clear (&place);
}
END_TEST

/* A path in @folder that is @length bytes long. */
static char *
make_path (const char *folder, gsize length)
{
  GString *path = g_string_new (folder);

  g_string_append_c (path, '/');
  while (path->len < length)
    g_string_append_c (path, 'p');
  ck_assert_uint_eq (path->len, length);
  return g_string_free (path, FALSE);
}

/* Law 5: calls to a UNIX socket whose path has 107 bytes, as many as fit with the end of a
 * string, are answered; a path of 108 is refused when it is set; a path where no socket is, when
 * it is called. */
START_TEST (test_faults_row_30_unix_paths)
{
  g_autofree char *folder = g_dir_make_tmp ("tlc-XXXXXX", NULL);
  g_autofree char *path = make_path (folder, 107), *longer = make_path (folder, 108);
  g_autofree char *endpoint = g_strconcat ("unix:", path, NULL);
  g_autofree char *longer_endpoint = g_strconcat ("unix:", longer, NULL);
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  Place place;

  ck_assert_uint_eq (sizeof un.sun_path, 108);
  must_be_unavailable (endpoint, "No such file or directory");
  strcpy (un.sun_path, path);
  place_init (&place, &un, sizeof un);
  ck_assert_ptr_nonnull (place.relay);
  must_be_called (&place, endpoint);
  place_clear (&place);
  must_be_unavailable (endpoint, "Connection refused");
  must_be_refused (longer_endpoint, "from 1 to 107 bytes; here are 108");
  unlink (path);
  rmdir (folder);
}
END_TEST

/* Law 5: calls to an abstract socket are answered, also where its name has 107 bytes, as
 * many as there can be; a longer name is refused when it is set, a name that nobody has when it
 * is called. */
START_TEST (test_faults_row_30_abstract_names)
{
  g_autofree char *name = g_strdup_printf ("tlc-faults-%d-", getpid ());
  g_autofree char *filling = g_strnfill (107 - strlen (name), 'n');
  g_autofree char *whole = g_strconcat (name, _i == 0 ? "" : filling, NULL);
  g_autofree char *endpoint = g_strconcat ("unix:@", whole, NULL);
  g_autofree char *longer = g_strconcat ("unix:@", name, filling, "n", NULL);
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  Place place;

  must_be_unavailable (endpoint, "Connection refused");
  memcpy (un.sun_path + 1, whole, strlen (whole));
  place_init (&place, &un, offsetof (struct sockaddr_un, sun_path) + 1 + strlen (whole));
  ck_assert_ptr_nonnull (place.relay);
  must_be_called (&place, endpoint);
  place_clear (&place);
  must_be_refused (longer, "from 1 to 107 bytes; here are 108");
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-address");
  TCase *tcase = tcase_create ("address");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_30_ipv6_literal, 0, 3);
  tcase_add_test (tcase, test_faults_row_30_v4_mapped);
  tcase_add_test (tcase, test_faults_row_30_scope);
  tcase_add_test (tcase, test_faults_row_30_scope_that_answers);
  tcase_add_test (tcase, test_faults_row_30_unix_paths);
  tcase_add_loop_test (tcase, test_faults_row_30_abstract_names, 0, 2);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
