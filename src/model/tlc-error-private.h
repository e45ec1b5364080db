/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tlc/error.h"

/* Sets @error, if the caller asked for one and none is set yet, with the delivery that
 * tlc_error_get_delivery() tells. Messages start with what and where: "echo.add at
 * tcp://10.0.0.7:9090: ...". */
void tlc_error_set (GError **error, TlcError code, TlcDelivery delivery, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* "not sent", "may have run", "answered": how messages end. */
const char *tlc_delivery_to_string (TlcDelivery delivery);
