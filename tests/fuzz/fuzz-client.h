/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The client that is fuzzed: a service of the library, whose peer is that of fuzz-peer.h. */
#include "fuzz/fuzz-methods.h"
#include "fuzz/fuzz-wire.h"

/* What the objects of a message may take in memory: so little that few bytes reach it. */
#define FUZZ_MAX_DECODED_SIZE "64KiB"

typedef enum {
  FUZZ_DECODED,
  FUZZ_REFUSED,  /* by an error of the library */
  FUZZ_EXCEPTION /* by what the peer or the interface says: an exception, a required field */
} FuzzOutcome;

/* Makes the service, once in a process. */
void fuzz_client_open (const FuzzWire *wire);

/* Calls; the answer is that of fuzz_peer_set_answer(). Aborts when the call fails as none may that
 * was sent and answered with whatever bytes. *@ret_code: the library's error, if it is one. */
FuzzOutcome fuzz_client_call (const FuzzMethod *method, int *ret_code);

/* An add() with a right answer. FALSE: it failed; a wrong sum aborts. */
gboolean fuzz_client_add (void);
/* The number of its request. */
gint32 fuzz_client_get_add_number (void);
