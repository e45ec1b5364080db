/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/tlc-address.h"

/* What one item of "endpoints" stood for when it was asked: addresses, or why there are none. */
typedef struct {
  GPtrArray *addresses; /* of TlcAddress, at least one; NULL: see error */
  GError *error;
} TlcAnswer;

/* Takes both over; one of them is %NULL. */
TlcAnswer *tlc_answer_new (GPtrArray *addresses, GError *error);
/* By tlc_address_resolve(), which may block. */
TlcAnswer *tlc_answer_ask (const TlcAddress *address);
TlcAnswer *tlc_answer_copy (const TlcAnswer *answer);
void tlc_answer_free (TlcAnswer *answer);

/* One for each item, in its order. */
GPtrArray *tlc_answers_new (void);
