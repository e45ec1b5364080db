/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

/* One item of "endpoints" as it was written, checked: tcp://host:port, tcp://[v6]:port, unix:/path,
 * unix:@abstract, and perhaps a weight. Immutable. */
typedef enum {
  TLC_ADDRESS_INET,  /* a literal IPv4 or IPv6 address: sockaddr is filled */
  TLC_ADDRESS_NAME,  /* a host name, still to be resolved */
  TLC_ADDRESS_UNIX   /* a path or an abstract name: sockaddr is filled */
} TlcAddressKind;

typedef struct {
  TlcAddressKind kind;
  /* canonical, without the weight: "tcp://10.0.0.7:9090", "tcp://[::1]:9090", "unix:/run/echo.sock" */
  char *text;
  char *host;       /* NAME only */
  guint16 port;     /* INET and NAME */
  guint weight;     /* its share, beside those of others */
  guint priority;   /* of those with the least one that takes calls */
  union {
    struct sockaddr any;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
  } sockaddr;
  socklen_t sockaddr_length;
} TlcAddress;

#define TLC_ADDRESS_WEIGHT_MAX 1000

/* Parses one item; NULL and TLC_ERROR_CONFIG saying what would be right. */
TlcAddress *tlc_address_parse (const char *text, GError **error);
TlcAddress *tlc_address_copy (const TlcAddress *address);
/* Whether they are one place, whatever their weights. */
gboolean tlc_address_equal (const TlcAddress *a, const TlcAddress *b);
/* As one writes it, with its weight: "tcp://10.0.0.7:9090?weight=3". */
char *tlc_address_format (const TlcAddress *address);
void tlc_address_free (TlcAddress *address);

/* The addresses of a NAME, by getaddrinfo(), which may block without a bound: as INET addresses
 * with text "tcp://10.0.0.7:9090 (db.example)"; for the other kinds one copy. NULL and
 * TLC_ERROR_UNAVAILABLE. */
GPtrArray *tlc_address_resolve (const TlcAddress *address, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcAddress, tlc_address_free)
