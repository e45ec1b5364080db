/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A process with a service that forks, its child, and what both do without assertions of libcheck:
 * they say on standard error what was not right, and FALSE. */
#include <tlc/tlc.h>

#include "support/tlc-server.h"

/* What an only child and its parent do. */
typedef struct {
  const char *endpoint;
  TlcService *service; /* the parent's; %NULL: it has none */
} TlcFamily;

/* Says so, and returns FALSE, for others to return. */
gboolean tlc_family_complain (const char *what, const GError *error);
gboolean tlc_family_call (TlcService *service);
TlcConfig *tlc_family_make_config (const char *endpoints, guint timeout_s);
/* The timeout is another one each time; the endpoint is among @endpoints. */
gboolean tlc_family_reconfigure (TlcService *service, const char *endpoints, guint i);

/* For the test itself, which fails where these do. */
void tlc_family_init (TlcFamily *family, TlcServer *server);
/* The parent's connection is what it was. */
void tlc_family_clear (TlcFamily *family);
/* In a process of its own: 0 when @live found everything right. */
int tlc_family_raise_child (gboolean (*live) (TlcFamily *family), TlcFamily *family);
/* Forks so often while so many threads act; between forks all of it goes on. */
void tlc_family_fork_in_the_bustle (guint n_forks, gboolean (*act) (TlcFamily *family, guint i),
                                    gboolean (*live) (TlcFamily *family));
