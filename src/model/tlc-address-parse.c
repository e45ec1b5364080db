/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing one item of "endpoints" into an address with a canonical text.
 *
 * Strict: what the resolver or the kernel would read differently from what a person meant ("10.1"
 * is 10.0.0.1, a v6 address without brackets swallows its port) is refused when it is set, and the
 * message says what would be right. Pure functions, but for looking up an interface's number.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>

#include "model/tlc-address-private.h"
#include "model/tlc-text.h"

#define TLC_ADDRESS_HOST_MAX 253 /* RFC 1035, without the dot at the end */
#define TLC_ADDRESS_LABEL_MAX 63 /* the same */
#define TLC_ADDRESS_PORT_MAX 65535
#define TLC_ADDRESS_UNIX_MAX (sizeof (((struct sockaddr_un *) NULL)->sun_path) - 1)

static const char tlc_address_forms[] =
    "tcp://host:port, tcp://[v6]:port, unix:/path or unix:@name";

static gboolean
tlc_address_parse_port (TlcAddress *address, const char *text, const char *port, GError **error)
{
  guint number = 0;

  for (const char *at = port; *at != '\0'; at++)
    {
      if (!g_ascii_isdigit (*at))
        number = TLC_ADDRESS_PORT_MAX + 1;
      else if (number <= TLC_ADDRESS_PORT_MAX)
        number = number * 10 + (guint) g_ascii_digit_value (*at);
    }
  if (number < 1 || number > TLC_ADDRESS_PORT_MAX)
    {
      tlc_text_refuse (error, text, "a port is a number from 1 to %d, and ends the address, such "
                       "as tcp://db.example:9090", TLC_ADDRESS_PORT_MAX);
      return FALSE;
    }
  address->port = (guint16) number;
  return TRUE;
}

/* The number of the interface called @scope, or 0. A link-local address means nothing without one;
 * on any other the kernel ignores it, so that two texts would name one address. */
static gboolean
tlc_address_parse_scope (const struct in6_addr *in6, const char *text, const char *scope,
                         guint32 *ret_scope, GError **error)
{
  gboolean local = IN6_IS_ADDR_LINKLOCAL (in6) || IN6_IS_ADDR_MC_LINKLOCAL (in6);

  *ret_scope = 0;
  if (!local && scope == NULL)
    return TRUE;
  if (!local)
    {
      tlc_text_refuse (error, text, "only a link-local address (fe80::...) takes an interface; "
                       "leave out the %% and what follows");
      return FALSE;
    }
  if (scope == NULL)
    {
      tlc_text_refuse (error, text, "a link-local address needs an interface, such as "
                       "tcp://[fe80::1%%eth0]:9090");
      return FALSE;
    }
  *ret_scope = if_nametoindex (scope);
  if (*ret_scope == 0)
    {
      tlc_text_refuse (error, text, "this machine has no such interface; write one that it has, "
                       "such as tcp://[fe80::1%%eth0]:9090");
      return FALSE;
    }
  return TRUE;
}

/* @literal is what stands between the brackets. */
static gboolean
tlc_address_parse_in6 (TlcAddress *address, const char *text, const char *literal, GError **error)
{
  const char *percent = strchr (literal, '%');
  g_autofree char *host =
      percent == NULL ? g_strdup (literal) : g_strndup (literal, (gsize) (percent - literal));
  struct in6_addr in6;
  guint32 scope;

  if (inet_pton (AF_INET6, host, &in6) != 1)
    {
      tlc_text_refuse (error, text, "an IPv6 address stands between the brackets, such as "
                       "tcp://[::1]:9090");
      return FALSE;
    }
  if (!tlc_address_parse_scope (&in6, text, percent == NULL ? NULL : percent + 1, &scope, error))
    return FALSE;

  tlc_address_fill_in6 (address, &in6, scope);
  address->text = tlc_address_format_inet (address);
  return TRUE;
}

/* One part of a name: letters, digits, and inside also hyphens. RFC 1123 has no underscores, but
 * names in use have. */
static gboolean
tlc_address_is_label (const char *label, gsize length)
{
  if (length < 1 || length > TLC_ADDRESS_LABEL_MAX)
    return FALSE;
  if (label[0] == '-' || label[length - 1] == '-')
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (label[i]) && label[i] != '-' && label[i] != '_')
      return FALSE;
  return TRUE;
}

static gboolean
tlc_address_is_name (const char *host)
{
  gsize length = strlen (host);

  if (length > 0 && host[length - 1] == '.')
    length--;
  if (length < 1 || length > TLC_ADDRESS_HOST_MAX)
    return FALSE;

  for (const char *label = host, *end = host + length;; label++)
    {
      gsize label_length = MIN (strcspn (label, "."), (gsize) (end - label));

      if (!tlc_address_is_label (label, label_length))
        return FALSE;
      label += label_length;
      if (label == end)
        return TRUE;
    }
}

/* No top-level domain starts with a digit: such a host is an IPv4 address gone wrong, which
 * getaddrinfo() would complete in its own ways (10.1 is 10.0.0.1, 010.0.0.1 is 8.0.0.1). */
static gboolean
tlc_address_is_number (const char *host)
{
  g_autofree char *bare = g_strdup (host);
  gsize length = strlen (bare);

  if (length > 0 && bare[length - 1] == '.')
    bare[length - 1] = '\0';

  const char *dot = strrchr (bare, '.');
  return g_ascii_isdigit (dot == NULL ? bare[0] : dot[1]);
}

/* @host has neither brackets nor colons: an IPv4 address or a name. */
static gboolean
tlc_address_parse_host (TlcAddress *address, const char *text, const char *host, GError **error)
{
  struct in_addr in4;

  if (inet_pton (AF_INET, host, &in4) == 1)
    {
      tlc_address_fill_in4 (address, &in4);
      address->text = tlc_address_format_inet (address);
      return TRUE;
    }
  if (!tlc_address_is_name (host))
    {
      tlc_text_refuse (error, text, "a host is an address, or a name of letters, digits, hyphens "
                       "and dots, at most %d long, such as tcp://db.example:9090",
                       TLC_ADDRESS_HOST_MAX);
      return FALSE;
    }
  if (tlc_address_is_number (host))
    {
      tlc_text_refuse (error, text, "an IPv4 address is four numbers from 0 to 255, such as "
                       "tcp://10.0.0.7:9090");
      return FALSE;
    }
  address->kind = TLC_ADDRESS_NAME;
  address->host = g_ascii_strdown (host, -1);
  address->text = g_strdup_printf ("tcp://%s:%u", address->host, address->port);
  return TRUE;
}

/* @rest is what follows "tcp://". */
static gboolean
tlc_address_parse_tcp (TlcAddress *address, const char *text, const char *rest, GError **error)
{
  gboolean bracket = rest[0] == '[';
  const char *start = bracket ? rest + 1 : rest;
  const char *end = bracket ? strstr (start, "]:") : strrchr (start, ':');
  g_autofree char *host = NULL;

  if (end == NULL)
    {
      tlc_text_refuse (error, text, "a TCP address is a host and a port, such as "
                       "tcp://db.example:9090 or tcp://[::1]:9090");
      return FALSE;
    }
  host = g_strndup (start, (gsize) (end - start));
  if (!bracket && strchr (host, ':') != NULL)
    {
      tlc_text_refuse (error, text, "an IPv6 address stands in brackets, such as tcp://[::1]:9090");
      return FALSE;
    }
  if (!tlc_address_parse_port (address, text, end + (bracket ? 2 : 1), error))
    return FALSE;
  return bracket ? tlc_address_parse_in6 (address, text, host, error)
                 : tlc_address_parse_host (address, text, host, error);
}

/* @name is what follows "unix:". An abstract name follows a zero byte, a path is followed by one:
 * both have 107 bytes beside it. */
static gboolean
tlc_address_parse_unix (TlcAddress *address, const char *text, const char *name, GError **error)
{
  gboolean abstract = name[0] == '@';
  const char *bytes = abstract ? name + 1 : name;
  gsize length = strlen (bytes);
  struct sockaddr_un *un = &address->sockaddr.un;

  if (!abstract && (bytes[0] != '/' || bytes[1] == '/' || bytes[length - 1] == '/'))
    {
      tlc_text_refuse (error, text, "the path of a socket starts with one slash and ends with a "
                       "name, such as unix:/run/echo.sock; an abstract name looks like unix:@echo");
      return FALSE;
    }
  if (length < 1 || length > TLC_ADDRESS_UNIX_MAX)
    {
      tlc_text_refuse (error, text, "the %s of a unix socket has from 1 to %" G_GSIZE_FORMAT
                       " bytes; here are %" G_GSIZE_FORMAT, abstract ? "name" : "path",
                       TLC_ADDRESS_UNIX_MAX, length);
      return FALSE;
    }
  address->kind = TLC_ADDRESS_UNIX;
  un->sun_family = AF_UNIX;
  memcpy (un->sun_path + (abstract ? 1 : 0), bytes, length);
  address->sockaddr_length = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + length + 1);
  address->text = g_strconcat ("unix:", name, NULL);
  return TRUE;
}

/* Which characters an address is made of: its text stands in lists, log lines and metrics. */
static gboolean
tlc_address_check_characters (const char *text, GError **error)
{
  if (!g_utf8_validate (text, -1, NULL))
    {
      tlc_text_refuse (error, text, "an address is UTF-8 text: %s", tlc_address_forms);
      return FALSE;
    }
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at))
    if (!tlc_text_is_visible (g_utf8_get_char (at)) || *at == ',')
      {
        tlc_text_refuse (error, text, "an address has no spaces, commas or unprintable "
                         "characters: %s", tlc_address_forms);
        return FALSE;
      }
  return TRUE;
}

/* A whole number from 1 to TLC_ADDRESS_WEIGHT_MAX; 0: it is none. */
static guint
tlc_address_read_weight (const char *number)
{
  guint weight = 0;

  for (const char *at = number; *at != '\0'; at++)
    {
      if (!g_ascii_isdigit (*at) || weight > TLC_ADDRESS_WEIGHT_MAX)
        return 0;
      weight = weight * 10 + (guint) g_ascii_digit_value (*at);
    }
  return weight <= TLC_ADDRESS_WEIGHT_MAX && number[0] != '0' ? weight : 0;
}

/* What stands before the question mark is *@ret_place. */
static gboolean
tlc_address_parse_query (TlcAddress *address, const char *text, char **ret_place, GError **error)
{
  const char *query = strchr (text, '?');

  *ret_place = query == NULL ? g_strdup (text) : g_strndup (text, (gsize) (query - text));
  if (query == NULL)
    return TRUE;
  if (!g_str_has_prefix (query, "?weight="))
    {
      tlc_text_refuse (error, text, "the only option of an address is ?weight=3");
      return FALSE;
    }
  address->weight = tlc_address_read_weight (query + strlen ("?weight="));
  if (address->weight > 0)
    return TRUE;
  tlc_text_refuse (error, text, "a weight is a number from 1 to %d, and ends the address, such as "
                   "tcp://db.example:9090?weight=3", TLC_ADDRESS_WEIGHT_MAX);
  return FALSE;
}

static void
tlc_address_refuse_scheme (const char *text, GError **error)
{
  static const char *const planned[] = { "dns://", "srv://", "zk://" };

  for (gsize i = 0; i < G_N_ELEMENTS (planned); i++)
    if (g_str_has_prefix (text, planned[i]))
      {
        tlc_text_refuse (error, text, "%s is not supported; write %s", planned[i],
                         tlc_address_forms);
        return;
      }
  tlc_text_refuse (error, text, "an address is %s", tlc_address_forms);
}

TlcAddress *
tlc_address_parse (const char *text, GError **error)
{
  g_autoptr (TlcAddress) address = g_new0 (TlcAddress, 1);
  g_autofree char *place = NULL;
  gboolean parsed = FALSE;

  address->weight = 1;
  if (!tlc_address_check_characters (text, error)
      || !tlc_address_parse_query (address, text, &place, error))
    return NULL;
  if (g_str_has_prefix (place, "tcp://"))
    parsed = tlc_address_parse_tcp (address, text, place + strlen ("tcp://"), error);
  else if (g_str_has_prefix (place, "unix:"))
    parsed = tlc_address_parse_unix (address, text, place + strlen ("unix:"), error);
  else
    tlc_address_refuse_scheme (text, error);

  return parsed ? g_steal_pointer (&address) : NULL;
}
