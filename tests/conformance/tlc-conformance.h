/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The servers, and one client of each: what the tests of conformance stand on. A test is a
 * loop test of libcheck, whose _i is the TlcServerKind:
 *
 *   EchoIf *echo = tlc_conformance_begin (_i);
 *   ... calls ...
 *   tlc_conformance_end ();
 */

#include "support/tlc-echo.h"

G_BEGIN_DECLS

/* What is spoken: TLC_PROTOCOL, TLC_TRANSPORT and TLC_MULTIPLEXED in the environment, else "binary",
 * "framed" and "none". */
const char *tlc_conformance_get_protocol (void);
const char *tlc_conformance_get_transport (void);
const char *tlc_conformance_get_multiplexed (void);

/* What that server answers to "who". */
const char *tlc_conformance_get_name (int kind);

/* A service of its own for the test, and this thread's client of it. */
EchoIf *tlc_conformance_begin (int kind);

/* Fails the test unless every call succeeded or was answered with an exception, on one
 * connection, which is idle now. */
void tlc_conformance_end (void);

/* The same after so many calls that failed, each of which cost its connection. */
void tlc_conformance_end_after (guint failures);

/* What a call returned must be TRUE; @error is the one that was given to it. */
void tlc_conformance_must (gboolean ok, GError **error, const char *what);

/* Runs @tests against each server that there is and prints TAP: one that was not built is skipped
 * with a comment, unless it is the one in C. Returns the status for main(). */
int tlc_conformance_run (const char *name, const TTest *const *tests, gsize n_tests);

G_END_DECLS
