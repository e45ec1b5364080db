/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#if !defined(TLC_INSIDE) && !defined(TLC_COMPILATION)
#error "Only <tlc/tlc.h> can be included directly."
#endif

#include <glib.h>

#include <tlc/version.h>

G_BEGIN_DECLS

/**
 * TLC_ERROR:
 *
 * The domain of the errors that TLC itself reports. A generated call can also fail with an
 * exception that the interface declares, or with %THRIFT_APPLICATION_EXCEPTION_ERROR: those come
 * from the server.
 *
 * Since: 0.1
 */
#define TLC_ERROR (tlc_error_quark ())

TLC_AVAILABLE_IN_0_1
GQuark tlc_error_quark (void);

/**
 * TlcError:
 * @TLC_ERROR_CONFIG: a setting, a type or an argument is not usable; the message says what would be
 * @TLC_ERROR_UNAVAILABLE: no endpoint could be reached
 * @TLC_ERROR_EXHAUSTED: the service's connections were all busy until the claim deadline, or
 *   memory ran out
 * @TLC_ERROR_TIMED_OUT: the call's deadline passed
 * @TLC_ERROR_CONNECTION_LOST: the connection broke, or the peer closed it, during the call
 * @TLC_ERROR_PROTOCOL: the peer's bytes are not a right answer to this call
 * @TLC_ERROR_MESSAGE_TOO_LARGE: a message exceeds max-message-size, or max-decoded-size in memory
 * @TLC_ERROR_CLOSED: the service is closed
 * @TLC_ERROR_BUSY: not now: this client has a reply outstanding, or the operation would wait for
 *   itself
 */
typedef enum {
  TLC_ERROR_CONFIG,
  TLC_ERROR_UNAVAILABLE,
  TLC_ERROR_EXHAUSTED,
  TLC_ERROR_TIMED_OUT,
  TLC_ERROR_CONNECTION_LOST,
  TLC_ERROR_PROTOCOL,
  TLC_ERROR_MESSAGE_TOO_LARGE,
  TLC_ERROR_CLOSED,
  TLC_ERROR_BUSY
} TlcError;

/**
 * TlcDelivery:
 * @TLC_DELIVERY_NOT_SENT: no server has run the request, and none will: it is safe to call again
 * @TLC_DELIVERY_UNKNOWN: the request may have run
 * @TLC_DELIVERY_ANSWERED: the server answered: it has seen the request
 *
 * How far a failed call got.
 */
typedef enum {
  TLC_DELIVERY_NOT_SENT,
  TLC_DELIVERY_UNKNOWN,
  TLC_DELIVERY_ANSWERED
} TlcDelivery;

/**
 * tlc_error_get_delivery:
 * @error: an error that a generated call returned
 *
 * Threads: any.
 *
 * Returns: whether the server may have run the request; %TLC_DELIVERY_ANSWERED for an error of
 *   another domain, since declared and application exceptions come from the server
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
TlcDelivery tlc_error_get_delivery (const GError *error);

G_END_DECLS
