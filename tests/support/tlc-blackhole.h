/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where connects hang. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "support/tlc-check.h"

/* A listener that accepts nothing, whose backlog is full: connects to it hang. */
typedef struct {
  int listener;
  int waiting[8];
  char *endpoint;
} Blackhole;

static inline void
blackhole_init (Blackhole *hole, int family)
{
  struct sockaddr_in inet = { .sin_family = AF_INET };
  struct sockaddr_un local = { .sun_family = AF_UNIX };
  struct sockaddr *address
      = family == AF_INET ? (struct sockaddr *) &inet : (struct sockaddr *) &local;
  socklen_t length = family == AF_INET ? sizeof inet : sizeof (sa_family_t);

  inet.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  hole->listener = socket (family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (hole->listener, address, length), 0);
  ck_assert_int_eq (listen (hole->listener, 0), 0);
  length = family == AF_INET ? sizeof inet : sizeof local;
  ck_assert_int_eq (getsockname (hole->listener, address, &length), 0);
  for (guint i = 0; i < G_N_ELEMENTS (hole->waiting); i++)
    {
      hole->waiting[i] = socket (family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      connect (hole->waiting[i], address, length);
    }
  if (family == AF_INET)
    hole->endpoint = g_strdup_printf ("tcp://127.0.0.1:%u", ntohs (inet.sin_port));
  else
    hole->endpoint = g_strdup_printf (
        "unix:@%.*s", (int) (length - sizeof (sa_family_t) - 1), local.sun_path + 1);
}

static inline void
blackhole_clear (Blackhole *hole)
{
  for (guint i = 0; i < G_N_ELEMENTS (hole->waiting); i++)
    close (hole->waiting[i]);
  close (hole->listener);
  g_free (hole->endpoint);
}
