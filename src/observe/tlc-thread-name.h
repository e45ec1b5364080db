/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* (transfer full): a thread of this process as messages name it: "4711 (worker)"; the number alone
 * where it is gone. */
char *tlc_thread_describe (gint32 thread);
