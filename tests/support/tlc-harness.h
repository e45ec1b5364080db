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
 * Times are asserted from below to the microsecond and from above with a tenfold margin: what a
 * test proves is counts, order and outcomes.
 */

#include "support/tlc-echo.h"
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
   (harness)->service = tlc_echo_service (tlc_script_get_endpoint ((harness)->script), __VA_ARGS__))

/* Releases everything. Fails the test when the server saw what its script does not have, or when
 * a file or thread is left. */
void tlc_harness_end (TlcHarness *harness);

/* Adds a connection to the script that answers everything well. */
void tlc_harness_then_serve (TlcHarness *harness);

/* The socket of the library's one connection to the script; and a bounded wait until the script's
 * end of it reaches the kernel on this side. The library does not look while it is idle. */
int tlc_harness_find_socket (TlcHarness *harness);
gboolean tlc_harness_wait_hung_up (int fd);

/* One call of some method with some argument; what it returns is freed. */
typedef gboolean (*TlcHarnessCall) (EchoIf *echo, GError **error);

gboolean tlc_harness_add (EchoIf *echo, GError **error);
gboolean tlc_harness_ping (EchoIf *echo, GError **error);
gboolean tlc_harness_string (EchoIf *echo, GError **error);
gboolean tlc_harness_binary (EchoIf *echo, GError **error);
gboolean tlc_harness_list (EchoIf *echo, GError **error);
gboolean tlc_harness_set (EchoIf *echo, GError **error);
gboolean tlc_harness_map (EchoIf *echo, GError **error);
gboolean tlc_harness_tree (EchoIf *echo, GError **error);
gboolean tlc_harness_strict (EchoIf *echo, GError **error);
gboolean tlc_harness_everything (EchoIf *echo, GError **error);
gboolean tlc_harness_samples (EchoIf *echo, GError **error);
gboolean tlc_harness_words (EchoIf *echo, GError **error);
gboolean tlc_harness_numbers (EchoIf *echo, GError **error);

/* A call of "echo_string" with so many bytes, which must succeed with the right answer. */
void tlc_harness_must_echo (TlcHarness *harness, gsize n);

/* The call must fail so, with a message that says what failed, where, and how far it got; and
 * has @text. */
void tlc_harness_must_fail (TlcHarness *harness, TlcHarnessCall call, TlcError code,
                            TlcDelivery delivery, const char *text);

/* Many tests in one: a server that answers @call with @reply (transfer full) on its first
 * connection; the call must fail so, the library close that connection, and the next call get
 * its own answer on another. */
void tlc_harness_refuses (TlcWire *reply, TlcHarnessCall call, TlcError code, TlcDelivery delivery,
                          const char *text);

/* The same, and the process takes no more than @margin bytes of address space for it. */
void tlc_harness_refuses_within (TlcWire *reply, TlcHarnessCall call, TlcError code,
                                 TlcDelivery delivery, const char *text, gsize margin);

/* And the reply that must be taken: the call succeeds, the connection stays. */
void tlc_harness_takes (TlcWire *reply, TlcHarnessCall call);

/* That a call that began at @begun_us, monotonic, took @promise_ms at least and not ten times
 * that. */
void tlc_harness_assert_took (gint64 begun_us, guint promise_ms);

/* A line of /proc/self/status that counts memory, "VmPeak" or "VmRSS", in bytes; and the highest
 * that VmRSS was since the last reset. */
gsize tlc_harness_get_memory (const char *key);
void tlc_harness_reset_peak (void);

/* Sanitizers take memory of their own, and keep what is freed. */
#ifdef TLC_TEST_SANITIZER
#define TLC_HARNESS_SANITIZED 1
#else
#define TLC_HARNESS_SANITIZED 0
#endif

G_END_DECLS
