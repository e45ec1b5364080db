/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <tlc/tlc.h>

#include "echo.h"
#include "support/tlc-check.h"
#include "support/tlc-server.h"

/* A service of echo.thrift for tests: @keys_and_values end with NULL. Fails the test when it cannot
 * be made. */
TlcService *tlc_echo_service (const char *endpoint, ...) G_GNUC_NULL_TERMINATED;
/* Reconfigures it to those endpoints and settings; fails the test when that fails. */
void tlc_echo_reconfigure (TlcService *service, const char *endpoints, ...) G_GNUC_NULL_TERMINATED;
/* Our server in C, which is there wherever the tests are. */
TlcServer *tlc_echo_server (const char *const *extra_args);
/* This thread's client; fails the test without one. */
EchoIf *tlc_echo_client (TlcService *service);
/* The name of the server that serves this thread's call now, which must succeed. */
char *tlc_echo_who (TlcService *service);
/* One call that must succeed with the right answer. */
void tlc_echo_must_add (TlcService *service);
/* The halves of a call of "add", which must succeed, the second one with that sum. */
void tlc_echo_must_send_add (EchoIf *echo, gint32 a, gint32 b);
void tlc_echo_must_receive_sum (EchoIf *echo, gint32 sum);
/* One call that must fail with @code and @delivery; frees the error, after looking for @text in it.
 */
void tlc_echo_must_fail (TlcService *service, TlcError code, TlcDelivery delivery,
                         const char *text);
