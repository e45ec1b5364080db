/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "control/tlc-catalog.h"

/* From a path or a text to services that are in force, and telling of it. In the calling thread, which waits
 * for names, and does not wait for itself. */
gboolean tlc_load_path (TlcCatalog *catalog, const char *path, GError **error);
gboolean tlc_load_text (TlcCatalog *catalog, const char *text, gsize length, GError **error);
gboolean tlc_load_last (TlcCatalog *catalog, GError **error);
