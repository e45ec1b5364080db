/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "control/tlc-catalog.h"

/* From a path or a text to services that are in force, and telling of it. In the calling thread, which waits
 * for names, and does not wait for itself. */
gboolean tlc_load_path (TlcCatalog *catalog, const char *path, GError **error);
gboolean tlc_load_text (TlcCatalog *catalog, const char *text, gsize length, GError **error);
gboolean tlc_load_last (TlcCatalog *catalog, GError **error);

/* For who does it step by step. What @text means, unless it was cut off; @name is for messages. */
TlcServicesFile *tlc_load_parse (TlcCatalog *catalog, const char *name, const char *text,
                                 gsize length, GError **error);
/* Has the program told what came of it: @summary, taken over, or @error; nothing where both are NULL. */
void tlc_load_tell (TlcCatalog *catalog, char *summary, const GError *error);
