/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fuzz/fuzz-methods.h"
#include "fuzz/fuzz-wire.h"

/* A valid reply of a method, such as a server on the stock stack gives. */
typedef struct {
  const char *name; /* of this reply: those of one method differ */
  const char *method;
  gpointer (*make) (guint n); /* (transfer full): the message's struct */
  guint n;
  gboolean is_exception; /* T_EXCEPTION */
} FuzzReply;

extern const FuzzReply fuzz_replies[];
extern const guint fuzz_n_replies;
/* As valid, but beyond what the library takes. */
extern const FuzzReply fuzz_refused[];
extern const guint fuzz_n_refused;

/* What stands behind the message's header. (transfer full) */
GByteArray *fuzz_reply_write_body (const FuzzReply *reply, const FuzzWire *wire);
