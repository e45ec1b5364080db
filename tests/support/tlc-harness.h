/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the tests of faults have in common: a scripted server and a service that calls it, the
 * calls, and the proof that nothing is left.
 *
 *   TlcHarness harness;
 *   tlc_harness_begin (&harness, TLC_SCRIPT_INET);
 *   ... the script: tlc_script_accept (harness.script) ...
 *   tlc_harness_start (&harness, "call-timeout", "300ms", NULL);
 *   ... calls ...
 *   tlc_harness_end (&harness);
 *
 * The service and the script speak what TLC_PROTOCOL and TLC_TRANSPORT say, see tlc-wire.h.
 * Times are asserted from below to the microsecond and from above with a tenfold margin: what a
 * test proves is counts, order and outcomes.
 */

#include "support/tlc-echo.h"
#include "support/tlc-harness-calls.h"
#include "support/tlc-harness-memory.h"
#include "support/tlc-script.h"

G_BEGIN_DECLS

typedef struct {
  TlcScript *script;
  TlcService *service;
  guint fds, threads; /* of the process, before the harness began */
} TlcHarness;

/* Notes what is open, and makes a script without connections. */
void tlc_harness_begin (TlcHarness *harness, TlcScriptFamily family);

/* Starts the script, and makes the service: keys and values follow, then NULL. */
#define tlc_harness_start(harness, ...) \
  (tlc_script_start ((harness)->script), \
   (harness)->service = tlc_echo_service ( \
       tlc_script_get_endpoint ((harness)->script), "protocol", tlc_wire_get_protocol (), \
       "transport", tlc_wire_get_transport (), __VA_ARGS__))

/* Releases everything. Fails the test when the server saw what its script does not have, or when
 * a file or thread is left. */
void tlc_harness_end (TlcHarness *harness);

/* Adds a connection to the script that answers everything well. */
void tlc_harness_then_serve (TlcHarness *harness);

/* The socket of the library's one connection to the script; and a bounded wait until the script's
 * end of it reaches the kernel on this side. The library does not look while it is idle. */
int tlc_harness_find_socket (TlcHarness *harness);
gboolean tlc_harness_wait_hung_up (int fd);

/* A call of "echo_string" with so many bytes, which must succeed with the right answer. */
void tlc_harness_must_echo (TlcHarness *harness, gsize n);

/* The call must fail so, with a message that says what failed, where, and how far it got; and
 * has @text. */
void tlc_harness_must_fail (TlcHarness *harness, TlcHarnessCall call, TlcError code,
                            TlcDelivery delivery, const char *text);

/* What the library says on this run's transport. */
const char *tlc_harness_text (const char *framed, const char *buffered);

/* Many tests in one: a server that answers @call with @reply (transfer full) on its first
 * connection; the call must fail so, the library close that connection, and the next call get
 * its own answer on another. */
void tlc_harness_refuses (TlcWire *reply, TlcHarnessCall call, TlcError code, TlcDelivery delivery,
                          const char *text);

/* The same of a reply whose structure is wrong. Framed, the reply is known as the call's before
 * that is seen: answered. Unframed, nobody knows where it ends, and so not whether it is one. */
void tlc_harness_refuses_structure (TlcWire *reply, TlcHarnessCall call, const char *text);

/* The same of a reply that has less than it claims. Framed, it is refused with @framed_text, and
 * was answered; unframed, the rest is waited for, until the server ends its direction; but not
 * where the claim @is_too_large for max-message-size, which is its default. */
void tlc_harness_refuses_claim (TlcWire *reply, TlcHarnessCall call, const char *framed_text,
                                gboolean is_too_large);

/* And the reply that must be taken: the call succeeds, the connection stays. */
void tlc_harness_takes (TlcWire *reply, TlcHarnessCall call);

/* That a call that began at @begun_us, monotonic, took @promise_ms at least and not ten times
 * that. */
void tlc_harness_assert_took (gint64 begun_us, guint promise_ms);

G_END_DECLS
