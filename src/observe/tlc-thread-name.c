/* SPDX-License-Identifier: Apache-2.0 */

/* What a thread is called, for messages that blame one. */
#include "observe/tlc-thread-name.h"

char *
tlc_thread_describe (gint32 thread)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/comm", thread);
  g_autofree char *name = NULL;

  if (!g_file_get_contents (path, &name, NULL, NULL))
    return g_strdup_printf ("%d", thread);
  return g_strdup_printf ("%d (%s)", thread, g_strchomp (name));
}
