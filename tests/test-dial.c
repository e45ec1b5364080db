/* SPDX-License-Identifier: Apache-2.0 */

/* Dialling: each kind of address, in the order of the endpoints, within connect-timeout; and what a
 * fresh socket is like. */
#include "connect/tlc-dial.h"
#include "connect/tlc-idle.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/tlc-clock.h"
#include "support/tlc-seats-fixture.h"

#define CONNECT_TIMEOUT_US (400 * 1000)

static void
fixture_init_for (Fixture *fixture, const char *endpoints)
{
  fixture_init_by (fixture, tlc_room_settings (endpoints, "connect-timeout", "400ms", "balance",
                                               "ordered", NULL));
}

static TlcConnection *
dial (Fixture *fixture, TlcDialReport *report)
{
  report->balance = &fixture->balance;
  return tlc_dial (fixture->held, tlc_clock_now_us () + 5000000, report);
}

static int
listen_at (const struct sockaddr *address, socklen_t length, int backlog)
{
  int fd = socket (address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0 || bind (fd, address, length) != 0 || listen (fd, backlog) != 0)
    {
      close (fd);
      return -1;
    }
  return fd;
}

static int
listen_in4 (guint16 *ret_port)
{
  struct sockaddr_in address = { .sin_family = AF_INET };
  socklen_t length = sizeof address;
  int fd;

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  fd = listen_at ((struct sockaddr *) &address, length, 16);
  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (getsockname (fd, (struct sockaddr *) &address, &length), 0);
  *ret_port = ntohs (address.sin_port);
  return fd;
}

/* -1 where the machine has no IPv6. */
static int
listen_in6 (guint16 *ret_port)
{
  struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
  socklen_t length = sizeof address;
  int fd = listen_at ((struct sockaddr *) &address, length, 16);

  if (fd >= 0)
    {
      ck_assert_int_eq (getsockname (fd, (struct sockaddr *) &address, &length), 0);
      *ret_port = ntohs (address.sin6_port);
    }
  return fd;
}

static int
listen_abstract (const char *name, int backlog)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  memcpy (address.sun_path + 1, name, strlen (name));
  return listen_at ((struct sockaddr *) &address,
                    (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + strlen (name)),
                    backlog);
}

/* Dials @endpoints; the connection must come from @listener, and is to the endpoint numbered
 * @index. */
static TlcConnection *
must_dial (const char *endpoints, int listener, guint index)
{
  TlcDialReport report = { .reasons = NULL };
  TlcConnection *connection;
  Fixture fixture;
  int accepted;

  fixture_init_for (&fixture, endpoints);
  connection = dial (&fixture, &report);
  ck_assert_ptr_nonnull (connection);
  ck_assert_ptr_eq (connection->endpoint, fixture.held->endpoints->pdata[index]);
  ck_assert_uint_eq (report.failed, index);
  for (guint i = 0; i < fixture.held->endpoints->len; i++)
    ck_assert_uint_eq (tlc_endpoint_count_connections (fixture.held->endpoints->pdata[i]), i == index);
  accepted = accept (listener, NULL, NULL);
  ck_assert_int_ge (accepted, 0);
  ck_assert_int_eq (tlc_idle_look (connection, 0), TLC_IDLE_GOOD);
  close (accepted);
  fixture_clear (&fixture);
  return connection;
}

static int
get_option (int fd, int level, int option)
{
  int value = -1;
  socklen_t length = sizeof value;

  ck_assert_int_eq (getsockopt (fd, level, option, &value, &length), 0);
  return value;
}

/* tcp:// by IPv4: connected, NODELAY, KEEPALIVE, closed on exec, blocking with a timer short of
 * call-timeout. */
START_TEST (test_dial_in4)
{
  guint16 port;
  int listener = listen_in4 (&port);
  g_autofree char *endpoint = g_strdup_printf ("tcp://127.0.0.1:%u", port);
  TlcConnection *connection = must_dial (endpoint, listener, 0);

  ck_assert_int_ne (get_option (connection->fd, IPPROTO_TCP, TCP_NODELAY), 0);
  ck_assert_int_ne (get_option (connection->fd, SOL_SOCKET, SO_KEEPALIVE), 0);
  ck_assert_int_eq (fcntl (connection->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  ck_assert_int_eq (fcntl (connection->fd, F_GETFL) & O_NONBLOCK, 0);
  ck_assert_int_gt (connection->receive_timer_us, 4900000);
  ck_assert_int_lt (connection->receive_timer_us, 5000000);
  tlc_connection_close (connection);
  close (listener);
}
END_TEST

/* tcp:// by IPv6, which c_glib cannot. */
START_TEST (test_dial_in6)
{
  guint16 port = 0;
  int listener = listen_in6 (&port);
  g_autofree char *endpoint = g_strdup_printf ("tcp://[::1]:%u", port);

  if (listener < 0)
    {
      printf ("# no IPv6 here: %s\n", strerror (errno));
      return;
    }
  tlc_connection_close (must_dial (endpoint, listener, 0));
  close (listener);
}
END_TEST

/* tcp:// by a name: each of its addresses is an endpoint, one of which listens. */
START_TEST (test_dial_name)
{
  guint16 port;
  int listener = listen_in4 (&port);
  g_autofree char *endpoint = g_strdup_printf ("tcp://localhost:%u", port);
  TlcDialReport report = { .reasons = NULL };
  TlcConnection *connection;
  Fixture fixture;

  fixture_init_for (&fixture, endpoint);
  connection = dial (&fixture, &report);
  ck_assert_ptr_nonnull (connection);
  ck_assert_ptr_nonnull (strstr (tlc_endpoint_get_text (connection->endpoint), "localhost"));
  tlc_connection_close (connection);
  fixture_clear (&fixture);
  close (listener);
}
END_TEST

/* unix: by path and by abstract name. */
START_TEST (test_dial_unix)
{
  g_autofree char *path
      = g_strdup_printf ("%s/tlc-test-dial-%d", g_get_tmp_dir (), (int) getpid ());
  g_autofree char *name = g_strdup_printf ("tlc-test-dial-%d", (int) getpid ());
  g_autofree char *by_path = g_strconcat ("unix:", path, NULL);
  g_autofree char *by_name = g_strconcat ("unix:@", name, NULL);
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int listener;

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  listener = listen_at ((struct sockaddr *) &address, sizeof address, 16);
  ck_assert_int_ge (listener, 0);
  tlc_connection_close (must_dial (by_path, listener, 0));
  close (listener);
  unlink (path);
  listener = listen_abstract (name, 16);
  ck_assert_int_ge (listener, 0);
  tlc_connection_close (must_dial (by_name, listener, 0));
  close (listener);
}
END_TEST

/* An endpoint that refuses costs nothing but a note; the next is dialled. */
START_TEST (test_dial_in_order)
{
  guint16 port, refusing;
  int listener = listen_in4 (&port), other = listen_in4 (&refusing);
  g_autofree char *endpoints = g_strdup_printf (
      "tcp://127.0.0.1:%u, unix:@tlc-test-nobody, tcp://127.0.0.1:%u", refusing, port);

  close (other);
  tlc_connection_close (must_dial (endpoints, listener, 2));
  close (listener);
}
END_TEST

/* Law 5: a backlog that stays full, where the kernel says EAGAIN at once, is waited for and given
 * up in time. */
START_TEST (test_dial_full_backlog)
{
  g_autofree char *name = g_strdup_printf ("tlc-test-backlog-%d", (int) getpid ());
  g_autofree char *endpoint = g_strconcat ("unix:@", name, NULL);
  int listener = listen_abstract (name, 0);
  TlcDialReport report = { .reasons = g_string_new (NULL) };
  TlcConnection *first;
  gint64 began_us, took_us;
  Fixture fixture;

  fixture_init_for (&fixture, endpoint);
  first = dial (&fixture, &report);
  began_us = tlc_clock_now_us ();
  ck_assert_ptr_nonnull (first);
  ck_assert_ptr_null (dial (&fixture, &report));
  took_us = tlc_clock_now_us () - began_us;
  ck_assert_int_ge (took_us, CONNECT_TIMEOUT_US - 1000);
  ck_assert_int_lt (took_us, 10 * CONNECT_TIMEOUT_US);
  ck_assert_uint_eq (report.failed, 1);
  ck_assert_ptr_nonnull (strstr (report.reasons->str, "no connection within"));
  g_string_free (report.reasons, TRUE);
  ck_assert_uint_eq (tlc_endpoint_count_connections (fixture.held->endpoints->pdata[0]), 1);
  tlc_connection_close (first);
  ck_assert_uint_eq (tlc_endpoint_count_connections (fixture.held->endpoints->pdata[0]), 0);
  fixture_clear (&fixture);
  close (listener);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("dial");
  TCase *tests = tcase_create ("dial");

  tcase_add_test (tests, test_dial_in4);
  tcase_add_test (tests, test_dial_in6);
  tcase_add_test (tests, test_dial_name);
  tcase_add_test (tests, test_dial_unix);
  tcase_add_test (tests, test_dial_in_order);
  tcase_add_test (tests, test_dial_full_backlog);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
