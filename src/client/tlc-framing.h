/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

typedef struct _TlcCall TlcCall;

/* How messages are told apart on the stream. */
typedef struct {
  gsize header_size;            /* bytes kept free before a request */
  void (*seal) (TlcCall *call); /* completes the header of the request in call->out */
  gboolean (*receive) (TlcCall *call, gsize *ret_start, GError **error);
  /* Brings one message whole into call->in, whose length may then exceed call->in_end, and
   * tells where the message starts. On failure the call has failed. */
} TlcFraming;

/* Length, then message. */
extern const TlcFraming tlc_framing_framed;
