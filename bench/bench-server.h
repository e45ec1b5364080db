/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The server that benches and the demo call: stock C++ Thrift's, or our C one where there is no
 * C++. */

#include <glib.h>

#include "tlc-server.h"
#include "tlc-tally.h"

G_BEGIN_DECLS

/* A server that takes @delay_us for each call; @ret_what tells in words which one it is. */
TlcServer *bench_server_start (guint delay_us, const char **ret_what, GError **error);

/* The same with a name of its own, for messages and ps(1). */
TlcServer *bench_server_start_named (const char *name, guint delay_us, const char **ret_what,
                                     GError **error);

/* The same, and the server counts its connections in @tally. */
TlcServer *bench_server_start_counted (TlcTally *tally, guint delay_us, const char **ret_what,
                                       GError **error);

/* How many TCP connections to @endpoint, a server's that listens on 127.0.0.1, are open on this
 * machine, as the kernel says and not as TLC believes. */
gboolean bench_server_count_connections (const char *endpoint, guint *ret_n, GError **error);

/* Lets this process, and servers started after it, have as many descriptors as the system allows.
 * Returns how many. */
guint bench_raise_descriptor_limit (void);

G_END_DECLS
