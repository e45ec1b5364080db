/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "control/tlc-catalog.h"

/* Following a file: when it changes, the keeper loads it. */

/* From now on, by the path that was loaded last. TRUE, too, where it is followed already. Any thread. */
gboolean tlc_follow_start (TlcCatalog *catalog, GError **error);
/* The path has changed: where the last one was followed, this one is. */
void tlc_follow_move (TlcCatalog *catalog);
/* Not any more. */
void tlc_follow_stop (TlcCatalog *catalog);
