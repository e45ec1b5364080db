/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "control/tlc-catalog.h"

/* What becomes of a file that was read: all of it at one instant, or nothing. */

/* The turn of a load, which is taken when it begins: what began earlier does not come after it. */
guint64 tlc_reload_begin (TlcCatalog *catalog);

/* Puts @file in force by @answers, taken over: what its addresses stand for.
 * TRUE: *@ret_summary says what has changed; %NULL: what began later is in force already. The caller does not
 * wait for itself. */
gboolean tlc_reload_apply (TlcCatalog *catalog, guint64 ticket, TlcServicesFile *file,
                           GPtrArray *answers, char **ret_summary, GError **error);
/* The same for the file before the one in force, which is forgotten. */
gboolean tlc_reload_rollback (TlcCatalog *catalog, guint64 ticket, TlcServicesFile *file,
                              GPtrArray *answers, char **ret_summary, GError **error);
