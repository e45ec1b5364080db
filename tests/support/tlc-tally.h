/* SPDX-License-Identifier: Apache-2.0
 *
 * How many connections a server had, as it counted them itself: those of C and C++ do, started with
 * --tally and the path of one of these.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _TlcTally TlcTally;

typedef struct
{
  guint64 accepted;
  guint64 open; /* one that we closed may still be, for a moment */
  guint64 most; /* that were open at once */
} TlcTallyFigures;

/* A file of its own, removed when it is freed. */
TlcTally *tlc_tally_new (GError **error);
void tlc_tally_free (TlcTally *tally);
const char *tlc_tally_get_path (TlcTally *tally);

/* Each connection that carried an answer is among them. Any thread. */
TlcTallyFigures tlc_tally_read (TlcTally *tally);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcTally, tlc_tally_free)

G_END_DECLS
