/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses: where an endpoint is, and the way from a host name to addresses of sockets.
 * tlc-address-parse.c makes them from text.
 *
 * Immutable once handed out, and then read by any thread. tlc_address_resolve() blocks for as long
 * as the system's resolver likes: it is not for a thread that has a deadline.
 */
#include "model/tlc-address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>

#include "model/tlc-address-private.h"
#include "model/tlc-error-private.h"

#define TLC_ADDRESS_RESOLVED_MAX 256 /* of one name; what has more is no service of ours */

char *
tlc_address_format_inet (const TlcAddress *address)
{
  char host[INET6_ADDRSTRLEN];
  char scope[IF_NAMESIZE];

  if (address->sockaddr.any.sa_family == AF_INET)
    {
      inet_ntop (AF_INET, &address->sockaddr.in4.sin_addr, host, sizeof host);
      return g_strdup_printf ("tcp://%s:%u", host, address->port);
    }
  inet_ntop (AF_INET6, &address->sockaddr.in6.sin6_addr, host, sizeof host);
  if (address->sockaddr.in6.sin6_scope_id == 0)
    return g_strdup_printf ("tcp://[%s]:%u", host, address->port);

  /* The interface may have gone since: its number is what we have then. */
  if (if_indextoname (address->sockaddr.in6.sin6_scope_id, scope) == NULL)
    g_snprintf (scope, sizeof scope, "%u", address->sockaddr.in6.sin6_scope_id);
  return g_strdup_printf ("tcp://[%s%%%s]:%u", host, scope, address->port);
}

void
tlc_address_fill_in4 (TlcAddress *address, const struct in_addr *in4)
{
  address->kind = TLC_ADDRESS_INET;
  address->sockaddr.in4.sin_family = AF_INET;
  address->sockaddr.in4.sin_port = g_htons (address->port);
  address->sockaddr.in4.sin_addr = *in4;
  address->sockaddr_length = sizeof address->sockaddr.in4;
}

void
tlc_address_fill_in6 (TlcAddress *address, const struct in6_addr *in6, guint32 scope)
{
  address->kind = TLC_ADDRESS_INET;
  address->sockaddr.in6.sin6_family = AF_INET6;
  address->sockaddr.in6.sin6_port = g_htons (address->port);
  address->sockaddr.in6.sin6_addr = *in6;
  address->sockaddr.in6.sin6_scope_id = scope;
  address->sockaddr_length = sizeof address->sockaddr.in6;
}

TlcAddress *
tlc_address_copy (const TlcAddress *address)
{
  TlcAddress *copy = g_new (TlcAddress, 1);

  *copy = *address;
  copy->text = g_strdup (address->text);
  copy->host = g_strdup (address->host);
  return copy;
}

/* The text alone would do for two addresses of one moment; but an interface that went and came back
 * has the same name and another number, and sockets go by the number. */
gboolean
tlc_address_equal (const TlcAddress *a, const TlcAddress *b)
{
  return a->kind == b->kind && g_str_equal (a->text, b->text)
         && a->sockaddr_length == b->sockaddr_length
         && memcmp (&a->sockaddr, &b->sockaddr, a->sockaddr_length) == 0;
}

char *
tlc_address_format (const TlcAddress *address)
{
  return address->weight == 1 ? g_strdup (address->text)
                              : g_strdup_printf ("%s?weight=%u", address->text, address->weight);
}

void
tlc_address_free (TlcAddress *address)
{
  if (address == NULL)
    return;
  g_free (address->text);
  g_free (address->host);
  g_free (address);
}

/* One answer of the resolver; NULL when it is of a family that we did not ask for. */
static TlcAddress *
tlc_address_new_resolved (const TlcAddress *name, const struct addrinfo *info)
{
  g_autoptr (TlcAddress) address = g_new0 (TlcAddress, 1);
  g_autofree char *text = NULL;

  address->port = name->port;
  address->weight = name->weight;
  if (info->ai_family == AF_INET)
    {
      const struct sockaddr_in *in4 = (const void *) info->ai_addr;

      tlc_address_fill_in4 (address, &in4->sin_addr);
    }
  else if (info->ai_family == AF_INET6)
    {
      const struct sockaddr_in6 *in6 = (const void *) info->ai_addr;

      tlc_address_fill_in6 (address, &in6->sin6_addr, in6->sin6_scope_id);
    }
  else
    return NULL;

  text = tlc_address_format_inet (address);
  address->text = g_strdup_printf ("%s (%s)", text, name->host);
  return g_steal_pointer (&address);
}

static gboolean
tlc_address_is_in (const GPtrArray *addresses, const TlcAddress *address)
{
  for (guint i = 0; i < addresses->len; i++)
    if (tlc_address_equal (addresses->pdata[i], address))
      return TRUE;
  return FALSE;
}

/* In the resolver's order, which is RFC 6724's: the nearest first. /etc/hosts often has doubles. */
static GPtrArray *
tlc_address_collect (const TlcAddress *name, const struct addrinfo *infos)
{
  GPtrArray *addresses = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_address_free);

  for (; infos != NULL && addresses->len < TLC_ADDRESS_RESOLVED_MAX; infos = infos->ai_next)
    {
      g_autoptr (TlcAddress) address = tlc_address_new_resolved (name, infos);

      if (address != NULL && !tlc_address_is_in (addresses, address))
        g_ptr_array_add (addresses, g_steal_pointer (&address));
    }
  return addresses;
}

GPtrArray *
tlc_address_resolve (const TlcAddress *address, GError **error)
{
  /* No AI_ADDRCONFIG: on a machine with nothing but a loopback interface it finds neither IPv4 nor
   * IPv6, and so no address for any name. Dialling a family that is not there fails at once. */
  const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
  g_autoptr (GPtrArray) addresses = NULL;
  struct addrinfo *infos = NULL;
  int result;

  if (address->kind != TLC_ADDRESS_NAME)
    {
      addresses = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_address_free);
      g_ptr_array_add (addresses, tlc_address_copy (address));
      return g_steal_pointer (&addresses);
    }

  result = getaddrinfo (address->host, NULL, &hints, &infos);
  if (result != 0)
    {
      const char *reason = result == EAI_SYSTEM ? g_strerror (errno) : gai_strerror (result);

      tlc_error_set (error, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                     "%s: name not resolved: %s", address->text, reason);
      return NULL;
    }
  addresses = tlc_address_collect (address, infos);
  freeaddrinfo (infos);
  if (addresses->len == 0)
    {
      tlc_error_set (error, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                     "%s: name not resolved: it has no IPv4 or IPv6 address", address->text);
      return NULL;
    }
  return g_steal_pointer (&addresses);
}
