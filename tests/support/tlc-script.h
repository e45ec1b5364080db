/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A server that does what a test wrote down, in a thread of the test's own process. The test
 * lists, for each connection in the order of acceptance, what happens on it; then it starts the
 * server, makes its calls, and asks what the server saw:
 *
 *   TlcScript *script = tlc_script_new (TLC_SCRIPT_INET);
 *   tlc_script_accept (script);           the first connection:
 *   tlc_script_read (script);               a request comes,
 *   tlc_script_send (script, half);         half an answer goes,
 *   tlc_script_reset (script);              and the connection breaks;
 *   tlc_script_accept (script);           the second one
 *   tlc_script_serve (script, 0);           is answered well.
 *   tlc_script_start (script);
 *
 * Nothing in it sleeps. Steps wait for bytes, for the peer, for an event (a number below 32,
 * raised by the test or by a step, for good) or, dripping, for a time; the test waits for the
 * server with a bound. When its steps are done a connection stays open until the peer closes it;
 * a byte that still comes is a failure, and so is a connection that nobody scripted: see
 * tlc_script_dup_failure().
 *
 * Threads: one thread of the test owns the script; tlc_script_signal() may be called in any.
 */

#include <glib.h>

#include "support/tlc-wire-request.h"

G_BEGIN_DECLS

typedef struct _TlcScript TlcScript;

typedef enum {
  TLC_SCRIPT_INET, /* 127.0.0.1, a port of the kernel's choice */
  TLC_SCRIPT_UNIX  /* an abstract name of the kernel's choice */
} TlcScriptFamily;

/* A step of the test's own making, run by the server's thread on the connected @fd; TRUE when it
 * is done, FALSE to be called again when @fd can be read. */
typedef gboolean (*TlcScriptFunc) (int fd, gpointer user_data);

/* Listens from the first moment; accepts and runs once started. free() ends the thread and
 * closes everything. */
TlcScript *tlc_script_new (TlcScriptFamily family);
void tlc_script_start (TlcScript *script);
void tlc_script_free (TlcScript *script);

/* "tcp://127.0.0.1:4711", "unix:@00a3f"; lives as long as @script. */
const char *tlc_script_get_endpoint (TlcScript *script);

/* Before start: the next connection's script begins; all steps that follow belong to it. */
void tlc_script_accept (TlcScript *script);

/* Reads one request; a peer that closes instead ends the script of this connection. */
void tlc_script_read (TlcScript *script);

/* Sends @wire (transfer full), numbers stamped, by one send() where the socket takes it; or @n
 * bytes at once and @n more every @interval_ms. A peer that is gone already is no failure: the
 * next step follows. */
void tlc_script_send (TlcScript *script, TlcWire *wire);
void tlc_script_drip (TlcScript *script, TlcWire *wire, gsize n, guint interval_ms);

/* Answers the request that was read last as tlc_wire_answer() does; @before and @after (transfer
 * full, nullable) go in the same segment, stamped too. */
void tlc_script_answer (TlcScript *script, TlcWire *before, TlcWire *after);

/* Reads and answers @n requests, as tlc_wire_answer() does; 0: until the peer closes. */
void tlc_script_serve (TlcScript *script, guint n);

/* Waits for an event; raises one. */
void tlc_script_await (TlcScript *script, guint event);
void tlc_script_raise (TlcScript *script, guint event);

/* Ends the connection: FIN of our direction alone; FIN by close(); RST. */
void tlc_script_half_close (TlcScript *script);
void tlc_script_close (TlcScript *script);
void tlc_script_reset (TlcScript *script);

/* Waits until the peer closes: reading nothing at all; or insisting that nothing comes. */
void tlc_script_stall (TlcScript *script);
void tlc_script_expect_close (TlcScript *script);

/* Stops listening: later connects are refused. */
void tlc_script_unlisten (TlcScript *script);

void tlc_script_call (TlcScript *script, TlcScriptFunc func, gpointer user_data);

/* The test's side. Each wait is bounded by TLC_SCRIPT_PATIENCE_MS and returns FALSE when that
 * has passed. */
#define TLC_SCRIPT_PATIENCE_MS 20000

void tlc_script_signal (TlcScript *script, guint event);
gboolean tlc_script_wait (TlcScript *script, guint event);
gboolean tlc_script_wait_connections (TlcScript *script, guint n);
gboolean tlc_script_wait_requests (TlcScript *script, guint n);

/* Waits until the peer, which is the library, has closed its end of that connection. */
gboolean tlc_script_wait_closed (TlcScript *script, guint connection);

/* Waits until either side has. */
gboolean tlc_script_wait_ended (TlcScript *script, guint connection);

/* What happened so far. */
guint tlc_script_count_connections (TlcScript *script);
guint tlc_script_count_requests (TlcScript *script);
gboolean tlc_script_is_closed (TlcScript *script, guint connection);

/* The i-th request of all connections, (transfer none), as long as @script lives; NULL when
 * there was none. */
const TlcWireRequest *tlc_script_get_request (TlcScript *script, guint i);

/* The first thing that went otherwise than the script says, or NULL; free with g_free(). */
char *tlc_script_dup_failure (TlcScript *script);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcScript, tlc_script_free)

G_END_DECLS
