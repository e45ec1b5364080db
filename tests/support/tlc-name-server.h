/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A name server of a test's own, which the system's resolver of this process asks, and no other
 * process: in namespaces of users, mounts and networks. There is one network interface then, the
 * loopback's, with all of 127.0.0.0/8 and ::1.
 *
 * Threads: one of its own answers; start it before the process has any other. */

#include <glib.h>

typedef enum {
  TLC_NAME_FOUND,
  TLC_NAME_UNKNOWN, /* NXDOMAIN */
  TLC_NAME_FAILED,  /* SERVFAIL */
  TLC_NAME_SILENT   /* no answer at all */
} TlcNameAnswer;

/* FALSE with @ret_reason, to be freed: this system lets us have none. The resolver
 * gives an answer up after @timeout_s. */
gboolean tlc_name_server_start (guint timeout_s, char **ret_reason);

/* What every name stands for from now on: IPv4 and IPv6 addresses with a space between, in this
 * order. */
void tlc_name_server_set (TlcNameAnswer answer, const char *addresses);

gboolean tlc_name_server_is_running (void);

/* The same, for a getaddrinfo() of the test's where there is no server. (transfer full) */
TlcNameAnswer tlc_name_server_get (char **ret_addresses);
