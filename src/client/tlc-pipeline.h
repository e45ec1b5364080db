/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/tlc-call.h"

/* Several requests on the way at once, by generated send_x() and recv_x(): their replies come in the
 * order of the requests, and are received in that order. All go over the connection of the first,
 * which is claimed until the last reply is in.
 *
 * A request that cannot be sent fails alone; those before it are still answered. A reply that does
 * not come, or cannot be read, takes the connection with it, and the replies behind it: each of them
 * is an error in its turn. Until they are received, or given up, nothing new is sent, since the next
 * reply would be taken for one of theirs; and so it is when all of them are overdue. */
#define TLC_PIPELINE_MAX 64

/* A request begins while a call is not over: behind others on their connection, or instead of one that
 * was left half-written or half-read. FALSE: it cannot; what was before it is as it was. */
gboolean tlc_pipeline_begin (TlcCall *call, const char *method, GError **error) TLC_COLD;
/* What is to be sent goes behind others. FALSE: it has failed. */
gboolean tlc_pipeline_join (TlcCall *call, GError **error) TLC_COLD;
/* It was sent. */
void tlc_pipeline_push (TlcCall *call) TLC_COLD;
/* The reply that is due next becomes that of the call at hand. FALSE: it has failed. */
gboolean tlc_pipeline_take (TlcCall *call, GError **error) TLC_COLD;
/* Whether the request numbered @sequence is waiting for its turn. */
gboolean tlc_pipeline_has (const TlcCall *call, gint32 sequence) TLC_COLD;
/* Nothing is due any more. */
void tlc_pipeline_clear (TlcCall *call);
void tlc_pipeline_free (TlcCall *call);
