/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* What this process has open and running: to show that it has no more of it afterwards. */
guint tlc_process_count_fds (void);
guint tlc_process_count_sockets (void);
guint tlc_process_count_threads (void);
/* Threads whose name begins with "tlc-"; sanitizers have some of their own. */
guint tlc_process_count_library_threads (void);
/* Bytes that malloc has given out. */
gsize tlc_process_allocated (void);

/* Sockets that this process has open to @endpoint, "tcp://127.0.0.1:PORT". Not by /proc/net/tcp: that
 * shows a connection twice where others come and go while it is read. */
guint tlc_process_count_connections (const char *endpoint);

/* Whether @count() is @wanted, now or within ten seconds: threads are gone a little after
 * pthread_join(). */
gboolean tlc_process_settles (guint (*count) (void), guint wanted);
