/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of model/tlc-address.c and tlc-address-parse.c: what an endpoint's address may be, its
 * canonical text, its socket address, and names. Only the loopback interface is taken for granted.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "tlc/error.h"

#include "model/tlc-address.h"
#include "support/tlc-check.h"

#define LABEL_OF_63 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define LABEL_OF_61 "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define NAME_OF_253 LABEL_OF_63 "." LABEL_OF_63 "." LABEL_OF_63 "." LABEL_OF_61
#define PATH_OF_107 "/run/" LABEL_OF_63 "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

typedef struct {
  const char *text;
  TlcAddressKind kind;
  const char *canonical; /* NULL: as written */
} Accepted;

static const Accepted accepted[] = {
  { "tcp://10.0.0.7:9090", TLC_ADDRESS_INET, NULL },
  { "tcp://127.0.0.1:1", TLC_ADDRESS_INET, NULL },
  { "tcp://127.0.0.1:65535", TLC_ADDRESS_INET, NULL },
  { "tcp://127.0.0.1:0080", TLC_ADDRESS_INET, "tcp://127.0.0.1:80" },
  { "tcp://[::1]:9090", TLC_ADDRESS_INET, NULL },
  { "tcp://[0:0:0:0:0:0:0:1]:9090", TLC_ADDRESS_INET, "tcp://[::1]:9090" },
  { "tcp://[2001:DB8::A]:9090", TLC_ADDRESS_INET, "tcp://[2001:db8::a]:9090" },
  { "tcp://[::ffff:10.0.0.7]:9090", TLC_ADDRESS_INET, NULL },
  { "tcp://[::ffff:a00:7]:9090", TLC_ADDRESS_INET, "tcp://[::ffff:10.0.0.7]:9090" },
  { "tcp://[fe80::1%lo]:9090", TLC_ADDRESS_INET, NULL },
  { "tcp://localhost:9090", TLC_ADDRESS_NAME, NULL },
  { "tcp://DB.Example:9090", TLC_ADDRESS_NAME, "tcp://db.example:9090" },
  { "tcp://db.example.:9090", TLC_ADDRESS_NAME, NULL },
  { "tcp://my_db-1.3com.example:9090", TLC_ADDRESS_NAME, NULL },
  { "tcp://" LABEL_OF_63 ":9090", TLC_ADDRESS_NAME, NULL },
  { "tcp://" NAME_OF_253 ":9090", TLC_ADDRESS_NAME, NULL },
  { "tcp://" NAME_OF_253 ".:9090", TLC_ADDRESS_NAME, NULL },
  { "unix:/run/echo.sock", TLC_ADDRESS_UNIX, NULL },
  { "unix:/run/foo\\x2dbar.sock", TLC_ADDRESS_UNIX, NULL },
  { "unix:/run/\xc3\xa9" "cho", TLC_ADDRESS_UNIX, NULL },
  { "unix:" PATH_OF_107, TLC_ADDRESS_UNIX, NULL },
  { "unix:@echo", TLC_ADDRESS_UNIX, NULL },
  { "unix:@a", TLC_ADDRESS_UNIX, NULL },
  { "unix:@" PATH_OF_107, TLC_ADDRESS_UNIX, NULL },
};

typedef struct {
  const char *text;
  const char *remedy; /* a part of the message */
} Refused;

static const Refused refused[] = {
  /* ports */
  { "tcp://10.0.0.7", "a host and a port" },
  { "tcp://10.0.0.7:", "from 1 to 65535" },
  { "tcp://10.0.0.7:0", "from 1 to 65535" },
  { "tcp://10.0.0.7:65536", "from 1 to 65535" },
  { "tcp://10.0.0.7:4294967377", "from 1 to 65535" },         /* 2^32 + 81 */
  { "tcp://10.0.0.7:18446744073709551697", "from 1 to 65535" }, /* 2^64 + 81 */
  { "tcp://10.0.0.7:+80", "from 1 to 65535" },
  { "tcp://10.0.0.7:-80", "from 1 to 65535" },
  { "tcp://10.0.0.7:80x", "from 1 to 65535" },
  { "tcp://10.0.0.7:80/", "from 1 to 65535" },
  { "tcp://10.0.0.7:http", "from 1 to 65535" },
  { "tcp://[::1]", "a host and a port" },
  { "tcp://[::1]9090", "a host and a port" },
  { "tcp://[::1]:", "from 1 to 65535" },
  { "tcp://[::1]:66000", "from 1 to 65535" },
  /* literals */
  { "tcp://10.0.0.256:80", "four numbers from 0 to 255" },
  { "tcp://10.0.0:80", "four numbers from 0 to 255" },
  { "tcp://010.0.0.1:80", "four numbers from 0 to 255" },
  { "tcp://10.0.0.7.:80", "four numbers from 0 to 255" },
  { "tcp://167772167:80", "four numbers from 0 to 255" },
  { "tcp://0x0a000007:80", "four numbers from 0 to 255" },
  { "tcp://::1:80", "in brackets" },
  { "tcp://[::1:80", "a host and a port" },
  { "tcp://[]:80", "an IPv6 address stands between" },
  { "tcp://[10.0.0.7]:80", "an IPv6 address stands between" },
  { "tcp://[db.example]:80", "an IPv6 address stands between" },
  { "tcp://[1::2::3]:80", "an IPv6 address stands between" },
  { "tcp://[::1]]:80", "an IPv6 address stands between" },
  { "tcp://[%lo]:80", "an IPv6 address stands between" },
  /* scopes */
  { "tcp://[fe80::1]:80", "needs an interface" },
  { "tcp://[fe80::1%]:80", "no such interface" },
  { "tcp://[fe80::1%nosuchif]:80", "no such interface" },
  { "tcp://[fe80::1%averyveryverylongname]:80", "no such interface" },
  { "tcp://[::1%lo]:80", "only a link-local address" },
  { "tcp://10.0.0.7%lo:80", "a host is" },
  /* names */
  { "tcp://:80", "a host is" },
  { "tcp://.:80", "a host is" },
  { "tcp://.example:80", "a host is" },
  { "tcp://db..example:80", "a host is" },
  { "tcp://db.example..:80", "a host is" },
  { "tcp://-db:80", "a host is" },
  { "tcp://db-:80", "a host is" },
  { "tcp://db*:80", "a host is" },
  { "tcp://user@db:80", "a host is" },
  { "tcp://d\xc3\xbc:80", "a host is" },
  { "tcp://" LABEL_OF_63 "b:80", "a host is" },
  { "tcp://" NAME_OF_253 "c:80", "a host is" },
  /* unix */
  { "unix:", "starts with one slash" },
  { "unix:echo.sock", "starts with one slash" },
  { "unix:/", "starts with one slash" },
  { "unix:///run/echo.sock", "starts with one slash" },
  { "unix:/run/", "starts with one slash" },
  { "unix:" PATH_OF_107 "a", "from 1 to 107 bytes; here are 108" },
  { "unix:@", "from 1 to 107 bytes; here are 0" },
  { "unix:@" PATH_OF_107 "a", "from 1 to 107 bytes; here are 108" },
  /* queries and schemes */
  { "tcp://10.0.0.7:80?weight=0", "a weight is a number from 1 to 1000" },
  { "tcp://10.0.0.7:80?weight=1001", "a weight is a number from 1 to 1000" },
  { "tcp://10.0.0.7:80?weight=99999999999999999999", "a weight is a number from 1 to 1000" },
  { "tcp://10.0.0.7:80?weight=", "a weight is a number from 1 to 1000" },
  { "tcp://10.0.0.7:80?weight=03", "a weight is a number from 1 to 1000" },
  { "tcp://10.0.0.7:80?weight=-3", "a weight is a number from 1 to 1000" },
  { "tcp://10.0.0.7:80?weight=3&weight=3", "a weight is a number from 1 to 1000" },
  { "tcp://10.0.0.7:?weight=3", "a port is a number" },
  { "unix:/run/echo.sock/?weight=3", "ends with a name" },
  { "tcp://10.0.0.7:80?tls=true", "the only option of an address is ?weight=3" },
  { "tcp://10.0.0.7:80?", "the only option of an address is ?weight=3" },
  { "dns://db.example:80", "dns:// is not supported; write tcp://host:port" },
  { "srv://_echo._tcp.example", "srv:// is not supported; write tcp://host:port" },
  { "zk://zk.example/echo", "zk:// is not supported; write tcp://host:port" },
  { "http://db.example:80", "an address is tcp://host:port" },
  { "TCP://10.0.0.7:80", "an address is tcp://host:port" },
  { "10.0.0.7:80", "an address is tcp://host:port" },
  { "tcp:10.0.0.7:80", "an address is tcp://host:port" },
  { "tcp", "an address is tcp://host:port" },
  { "", "an address is tcp://host:port" },
  /* characters */
  { " tcp://10.0.0.7:80", "no spaces" },
  { "tcp://10.0.0.7:80 ", "no spaces" },
  { "unix:/run/a b", "no spaces" },
  { "unix:/run/a,b", "no spaces" },
  { "unix:/run/a\nb", "no spaces" },
  { "unix:/run/a\xe2\x80\xa8" "b", "no spaces" }, /* U+2028, a line separator */
  { "unix:/run/\x7f", "no spaces" },
  { "unix:/run/\xff\xfe", "UTF-8" },
};

START_TEST (test_address_accepts)
{
  /* Every form is taken, with its kind, and gets one canonical text, which parses to the same. */
  const Accepted *row = &accepted[_i];
  g_autoptr (GError) error = NULL;
  g_autoptr (TlcAddress) address = tlc_address_parse (row->text, &error);
  g_autoptr (TlcAddress) again = NULL;

  ck_assert_msg (address != NULL, "%s: %s", row->text, error != NULL ? error->message : "no error");
  ck_assert_int_eq (address->kind, row->kind);
  ck_assert_str_eq (address->text, row->canonical != NULL ? row->canonical : row->text);
  ck_assert_int_eq (address->host != NULL, row->kind == TLC_ADDRESS_NAME);

  again = tlc_address_parse (address->text, NULL);
  ck_assert_ptr_nonnull (again);
  ck_assert (tlc_address_equal (address, again));
}
END_TEST

START_TEST (test_address_refuses)
{
  /* Everything else is TLC_ERROR_CONFIG, not sent, on one line that shows what would be right. */
  const Refused *row = &refused[_i];
  g_autoptr (GError) error = NULL;
  g_autoptr (TlcAddress) address = tlc_address_parse (row->text, &error);

  ck_assert_msg (address == NULL, "%s was taken", row->text);
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_msg (strstr (error->message, row->remedy) != NULL, "%s", error->message);
  ck_assert_msg (error->message[0] == '"', "%s", error->message);
  ck_assert_msg (g_utf8_validate (error->message, -1, NULL), "%s", error->message);
  ck_assert_ptr_null (strchr (error->message, '\n'));
  if (g_str_is_ascii (row->text) && strpbrk (row->text, "\n\x7f") == NULL)
    ck_assert_msg (strstr (error->message, row->text) != NULL, "%s", error->message);
}
END_TEST

START_TEST (test_address_weight)
{
  /* A weight belongs to any kind, is written as it was, and makes no other address. */
  static const char *const texts[] = { "tcp://10.0.0.7:9090", "tcp://[::1]:9090", "tcp://db.example:9090",
                                       "unix:/run/echo.sock", "unix:@echo" };
  const char *text = texts[_i];
  g_autoptr (TlcAddress) plain = tlc_address_parse (text, NULL);
  g_autofree char *with_1 = g_strconcat (text, "?weight=1", NULL);
  g_autofree char *with_1000 = g_strconcat (text, "?weight=1000", NULL);
  g_autoptr (TlcAddress) light = tlc_address_parse (with_1, NULL);
  g_autoptr (TlcAddress) heavy = tlc_address_parse (with_1000, NULL);
  g_autofree char *light_text = tlc_address_format (light);
  g_autofree char *heavy_text = tlc_address_format (heavy);

  ck_assert_uint_eq (plain->weight, 1);
  ck_assert_uint_eq (light->weight, 1);
  ck_assert_uint_eq (heavy->weight, 1000);
  ck_assert (tlc_address_equal (plain, heavy));
  ck_assert_str_eq (heavy->text, text);
  ck_assert_str_eq (light_text, text);
  ck_assert_str_eq (heavy_text, with_1000);
}
END_TEST

START_TEST (test_address_fills_in4)
{
  /* The socket address of an IPv4 literal is the one that is written. */
  g_autoptr (TlcAddress) address = tlc_address_parse ("tcp://10.0.0.7:9090", NULL);

  ck_assert_int_eq (address->sockaddr.in4.sin_family, AF_INET);
  ck_assert_uint_eq (address->sockaddr.in4.sin_addr.s_addr, htonl (0x0a000007));
  ck_assert_uint_eq (address->sockaddr.in4.sin_port, htons (9090));
  ck_assert_uint_eq (address->port, 9090);
  ck_assert_uint_eq (address->sockaddr_length, sizeof (struct sockaddr_in));
}
END_TEST

START_TEST (test_address_fills_in6)
{
  /* The socket address of an IPv6 literal is the one that is written, with no scope. */
  g_autoptr (TlcAddress) address = tlc_address_parse ("tcp://[2001:db8::7]:9090", NULL);
  struct in6_addr expected;

  ck_assert_int_eq (inet_pton (AF_INET6, "2001:db8::7", &expected), 1);
  ck_assert_int_eq (address->sockaddr.in6.sin6_family, AF_INET6);
  ck_assert_mem_eq (&address->sockaddr.in6.sin6_addr, &expected, sizeof expected);
  ck_assert_uint_eq (address->sockaddr.in6.sin6_port, htons (9090));
  ck_assert_uint_eq (address->sockaddr.in6.sin6_scope_id, 0);
  ck_assert_uint_eq (address->sockaddr_length, sizeof (struct sockaddr_in6));
}
END_TEST

START_TEST (test_address_fills_scope)
{
  /* The interface of a link-local address becomes its number. */
  g_autoptr (TlcAddress) address = tlc_address_parse ("tcp://[fe80::1%lo]:9090", NULL);

  ck_assert_uint_eq (address->sockaddr.in6.sin6_scope_id, if_nametoindex ("lo"));
}
END_TEST

START_TEST (test_address_fills_v4_mapped)
{
  /* A v4-mapped address stays an IPv6 socket address. */
  g_autoptr (TlcAddress) address = tlc_address_parse ("tcp://[::ffff:10.0.0.7]:9090", NULL);

  ck_assert_int_eq (address->sockaddr.any.sa_family, AF_INET6);
  ck_assert (IN6_IS_ADDR_V4MAPPED (&address->sockaddr.in6.sin6_addr));
}
END_TEST

START_TEST (test_address_fills_unix)
{
  /* A path ends with a zero byte that counts, at its largest as well. */
  g_autoptr (TlcAddress) address = tlc_address_parse ("unix:/a", NULL);
  g_autoptr (TlcAddress) largest = tlc_address_parse ("unix:" PATH_OF_107, NULL);

  ck_assert_int_eq (address->sockaddr.un.sun_family, AF_UNIX);
  ck_assert_str_eq (address->sockaddr.un.sun_path, "/a");
  ck_assert_uint_eq (address->sockaddr_length, offsetof (struct sockaddr_un, sun_path) + 3);

  ck_assert_uint_eq (strlen (PATH_OF_107), 107);
  ck_assert_mem_eq (largest->sockaddr.un.sun_path, PATH_OF_107, 108);
  ck_assert_uint_eq (largest->sockaddr_length, sizeof (struct sockaddr_un));
}
END_TEST

START_TEST (test_address_fills_abstract)
{
  /* An abstract name starts with a zero byte, and ends with the length, not with another. */
  g_autoptr (TlcAddress) address = tlc_address_parse ("unix:@ab", NULL);
  g_autoptr (TlcAddress) largest = tlc_address_parse ("unix:@" PATH_OF_107, NULL);

  ck_assert_mem_eq (address->sockaddr.un.sun_path, "\0ab", 3);
  ck_assert_uint_eq (address->sockaddr_length, offsetof (struct sockaddr_un, sun_path) + 3);
  ck_assert_mem_eq (largest->sockaddr.un.sun_path, "\0" PATH_OF_107, 108);
  ck_assert_uint_eq (largest->sockaddr_length, sizeof (struct sockaddr_un));
}
END_TEST

START_TEST (test_address_is_what_the_kernel_takes)
{
  /* A socket bound to an abstract address is reached through the same text: the length is right. */
  g_autofree char *text = g_strdup_printf ("unix:@tlc-test-address-%d", (int) getpid ());
  g_autoptr (TlcAddress) address = tlc_address_parse (text, NULL);
  int server = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int client = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  ck_assert_int_eq (bind (server, &address->sockaddr.any, address->sockaddr_length), 0);
  ck_assert_int_eq (listen (server, 1), 0);
  ck_assert_int_eq (connect (client, &address->sockaddr.any, address->sockaddr_length), 0);
  close (client);
  close (server);
}
END_TEST

START_TEST (test_address_copy_is_equal_and_independent)
{
  /* A copy outlives what it was copied from and equals it. */
  g_autoptr (TlcAddress) address = tlc_address_parse (accepted[_i].text, NULL);
  g_autoptr (TlcAddress) copy = tlc_address_copy (address);
  g_autoptr (TlcAddress) again = tlc_address_parse (accepted[_i].text, NULL);

  ck_assert_ptr_ne (copy->text, address->text);
  g_clear_pointer (&address, tlc_address_free);
  ck_assert (tlc_address_equal (copy, again));
}
END_TEST

START_TEST (test_address_equal_tells_apart)
{
  /* Host, port, family and scope each make another address. */
  static const char *const texts[] = {
    "tcp://10.0.0.7:80", "tcp://10.0.0.7:81", "tcp://10.0.0.8:80",  "tcp://[::ffff:10.0.0.7]:80",
    "tcp://db:80",       "tcp://db:81",       "unix:/a",            "unix:@a",
    "unix:/b",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (texts); j++)
      {
        g_autoptr (TlcAddress) a = tlc_address_parse (texts[i], NULL);
        g_autoptr (TlcAddress) b = tlc_address_parse (texts[j], NULL);

        ck_assert_msg (tlc_address_equal (a, b) == (i == j), "%s and %s", texts[i], texts[j]);
      }
}
END_TEST

START_TEST (test_address_equal_goes_by_the_interface_number)
{
  /* An interface that went and came back is another one to the kernel, whatever its name. */
  g_autoptr (TlcAddress) before = tlc_address_parse ("tcp://[fe80::1%lo]:9090", NULL);
  g_autoptr (TlcAddress) after = tlc_address_copy (before);

  after->sockaddr.in6.sin6_scope_id++;
  ck_assert (!tlc_address_equal (before, after));
}
END_TEST

START_TEST (test_address_free_takes_null)
{
  /* Destructors accept what was never made. */
  tlc_address_free (NULL);
}
END_TEST

START_TEST (test_address_resolves_localhost)
{
  /* A name becomes INET addresses with its port and name, no two equal, with no network too. */
  g_autoptr (GError) error = NULL;
  g_autoptr (TlcAddress) name = tlc_address_parse ("tcp://localhost:9090", NULL);
  g_autoptr (GPtrArray) addresses = tlc_address_resolve (name, &error);

  ck_assert_msg (addresses != NULL, "%s", error != NULL ? error->message : "no error");
  ck_assert_uint_ge (addresses->len, 1);
  for (guint i = 0; i < addresses->len; i++)
    {
      const TlcAddress *address = addresses->pdata[i];

      ck_assert_int_eq (address->kind, TLC_ADDRESS_INET);
      ck_assert_uint_eq (address->port, 9090);
      ck_assert_msg (g_str_equal (address->text, "tcp://127.0.0.1:9090 (localhost)")
                         || g_str_equal (address->text, "tcp://[::1]:9090 (localhost)"),
                     "%s", address->text);
      for (guint j = 0; j < i; j++)
        ck_assert (!tlc_address_equal (address, addresses->pdata[j]));
    }
}
END_TEST

START_TEST (test_address_resolves_other_kinds_to_themselves)
{
  /* What is no name needs no resolver: one copy. */
  g_autoptr (TlcAddress) address = tlc_address_parse (accepted[_i].text, NULL);
  g_autoptr (GPtrArray) addresses = NULL;

  if (address->kind == TLC_ADDRESS_NAME)
    return;
  addresses = tlc_address_resolve (address, NULL);
  ck_assert_uint_eq (addresses->len, 1);
  ck_assert_ptr_ne (addresses->pdata[0], address);
  ck_assert (tlc_address_equal (addresses->pdata[0], address));
}
END_TEST

START_TEST (test_address_unresolved_is_unavailable)
{
  /* Law 4: a name that does not exist is TLC_ERROR_UNAVAILABLE, and nothing was sent. */
  g_autoptr (GError) error = NULL;
  g_autoptr (TlcAddress) name = tlc_address_parse ("tcp://nowhere.invalid:9090", NULL);
  g_autoptr (GPtrArray) addresses = tlc_address_resolve (name, &error);

  ck_assert_ptr_null (addresses);
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE));
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_msg (g_str_has_prefix (error->message, "tcp://nowhere.invalid:9090: name not resolved"),
                 "%s", error->message);
}
END_TEST

/* A resolver's answer made by a test: getaddrinfo() below gives it out and asks no system. */
static gboolean staged;
static int staged_result;
static struct addrinfo *staged_infos;
static int staged_flags; /* what the resolver was asked with */

int
getaddrinfo (const char *node, const char *service, const struct addrinfo *hints,
             struct addrinfo **ret_infos)
{
  if (!staged)
    {
      __typeof__ (&getaddrinfo) system_getaddrinfo =
          (__typeof__ (&getaddrinfo)) dlsym (RTLD_NEXT, "getaddrinfo");

      return system_getaddrinfo (node, service, hints, ret_infos);
    }
  staged_flags = hints->ai_flags;
  *ret_infos = staged_infos;
  errno = ENFILE;
  return staged_result;
}

void
freeaddrinfo (struct addrinfo *infos)
{
  if (!staged)
    ((__typeof__ (&freeaddrinfo)) dlsym (RTLD_NEXT, "freeaddrinfo")) (infos);
}

/* Stages the socket addresses of @n literals, in this order. */
static void
stage (const char *const *literals, guint n)
{
  struct addrinfo *infos = g_new0 (struct addrinfo, n);

  for (guint i = 0; i < n; i++)
    {
      TlcAddress *address = tlc_address_parse (literals[i], NULL);

      infos[i].ai_family = address->sockaddr.any.sa_family;
      infos[i].ai_addr = &address->sockaddr.any;
      infos[i].ai_addrlen = address->sockaddr_length;
      infos[i].ai_next = i + 1 < n ? &infos[i + 1] : NULL;
    }
  staged = TRUE;
  staged_infos = infos; /* until the process of this test ends */
}

START_TEST (test_address_resolves_in_order_without_doubles)
{
  /* The resolver's order is kept, and what it repeats, or knows of other families, is left out. */
  static const char *const answers[] = {
    "tcp://[fe80::1%lo]:1", "tcp://10.0.0.2:1", "tcp://[fe80::1%lo]:1", "unix:@x",
    "tcp://10.0.0.1:1",     "tcp://10.0.0.2:1", "tcp://[::2]:1",
  };
  static const char *const expected[] = {
    "tcp://[fe80::1%lo]:9090 (db)", "tcp://10.0.0.2:9090 (db)", "tcp://10.0.0.1:9090 (db)",
    "tcp://[::2]:9090 (db)",
  };
  g_autoptr (TlcAddress) name = tlc_address_parse ("tcp://db:9090", NULL);
  g_autoptr (GPtrArray) addresses = NULL;

  stage (answers, G_N_ELEMENTS (answers));
  addresses = tlc_address_resolve (name, NULL);
  ck_assert_uint_eq (addresses->len, G_N_ELEMENTS (expected));
  for (guint i = 0; i < addresses->len; i++)
    ck_assert_str_eq (((TlcAddress *) addresses->pdata[i])->text, expected[i]);

  /* What AI_ADDRCONFIG does on a machine with a loopback interface alone cannot be staged. */
  ck_assert_int_eq (staged_flags & AI_ADDRCONFIG, 0);
}
END_TEST

START_TEST (test_address_resolves_bounded)
{
  /* Law 5: a name with very many addresses is cut at 256 of them. */
  g_autoptr (TlcAddress) name = tlc_address_parse ("tcp://db:9090", NULL);
  g_autoptr (GPtrArray) addresses = NULL;
  g_autoptr (GPtrArray) answers = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < 300; i++)
    g_ptr_array_add (answers, g_strdup_printf ("tcp://10.0.%u.%u:1", i / 256, i % 256));
  stage ((const char *const *) answers->pdata, answers->len);
  addresses = tlc_address_resolve (name, NULL);
  ck_assert_uint_eq (addresses->len, 256);
}
END_TEST

START_TEST (test_address_resolver_failure_says_why)
{
  /* The reason is the resolver's own, the system's, or that no address is of use. */
  static const char *const other_family[] = { "unix:@x" };
  g_autofree char *system_reason =
      g_strdup_printf ("tcp://db:9090: name not resolved: %s", g_strerror (ENFILE));
  const struct { int result; const char *message; } rows[] = {
    { EAI_SYSTEM, system_reason },
    { EAI_AGAIN, "tcp://db:9090: name not resolved: Temporary failure in name resolution" },
    { 0, "tcp://db:9090: name not resolved: it has no IPv4 or IPv6 address" },
  };
  g_autoptr (TlcAddress) name = tlc_address_parse ("tcp://db:9090", NULL);

  stage (other_family, 1);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      staged_result = rows[i].result;
      ck_assert_ptr_null (tlc_address_resolve (name, &error));
      ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE));
      ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
      ck_assert_str_eq (error->message, rows[i].message);
    }
}
END_TEST

/* Parses what may be anything: taken or refused, with an error in the second case only. */
static void
parse_anything (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TlcAddress) address = tlc_address_parse (text, &error);

  ck_assert_msg ((address == NULL) == (error != NULL), "%s", text);
  if (address != NULL)
    {
      g_autoptr (TlcAddress) again = tlc_address_parse (address->text, NULL);

      ck_assert_msg (again != NULL && tlc_address_equal (address, again), "%s", address->text);
    }
}

START_TEST (test_address_survives_mutations)
{
  /* Each accepted text, cut at each byte, and with each of its bits changed, does no harm. */
  gsize length = strlen (accepted[_i].text);

  for (gsize at = 0; at < length; at++)
    {
      g_autofree char *text = g_strdup (accepted[_i].text);

      for (guint bit = 0; bit < 8; bit++)
        {
          text[at] = (char) (accepted[_i].text[at] ^ (1 << bit));
          parse_anything (text);
        }
      text[at] = '\0';
      parse_anything (text);
    }
}
END_TEST

static void
add_parse_tests (TCase *tests)
{
  int n_accepted = G_N_ELEMENTS (accepted);

  tcase_add_loop_test (tests, test_address_accepts, 0, n_accepted);
  tcase_add_loop_test (tests, test_address_refuses, 0, G_N_ELEMENTS (refused));
  tcase_add_loop_test (tests, test_address_weight, 0, 5);
  tcase_add_test (tests, test_address_fills_in4);
  tcase_add_test (tests, test_address_fills_in6);
  tcase_add_test (tests, test_address_fills_scope);
  tcase_add_test (tests, test_address_fills_v4_mapped);
  tcase_add_test (tests, test_address_fills_unix);
  tcase_add_test (tests, test_address_fills_abstract);
  tcase_add_test (tests, test_address_is_what_the_kernel_takes);
  tcase_add_loop_test (tests, test_address_copy_is_equal_and_independent, 0, n_accepted);
  tcase_add_test (tests, test_address_equal_tells_apart);
  tcase_add_test (tests, test_address_equal_goes_by_the_interface_number);
  tcase_add_test (tests, test_address_free_takes_null);
  tcase_add_loop_test (tests, test_address_survives_mutations, 0, n_accepted);
}

static Suite *
address_suite (void)
{
  Suite *suite = suite_create ("address");
  TCase *parse = tcase_create ("parse");
  TCase *resolve = tcase_create ("resolve");

  add_parse_tests (parse);
  suite_add_tcase (suite, parse);

  tcase_set_timeout (resolve, 30); /* the system's resolver may wait for a server that is down */
  tcase_add_test (resolve, test_address_resolves_localhost);
  tcase_add_loop_test (resolve, test_address_resolves_other_kinds_to_themselves, 0,
                       G_N_ELEMENTS (accepted));
  tcase_add_test (resolve, test_address_unresolved_is_unavailable);
  tcase_add_test (resolve, test_address_resolves_in_order_without_doubles);
  tcase_add_test (resolve, test_address_resolves_bounded);
  tcase_add_test (resolve, test_address_resolver_failure_says_why);
  suite_add_tcase (suite, resolve);
  return suite;
}

int
main (void)
{
  return tlc_check_run (address_suite ());
}
