/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A request of each method of echo.thrift, to send through whichever client. */

#include <glib.h>

#include "echo.h"

G_BEGIN_DECLS

typedef struct {
  const char *method;
  /* Sends it with arguments of number @i, and waits for no answer. One number, one request. */
  gboolean (*send) (EchoIf *echo, guint i, GError **error);
  ThriftMessageType type;
} TlcRequest;

/* Numbers below this one give requests that fit in any socket's buffer. */
#define TLC_REQUESTS_MAX 20

extern const TlcRequest tlc_requests[];
extern const gsize tlc_requests_count;

G_END_DECLS
