/* SPDX-License-Identifier: Apache-2.0 */

/* What this process holds, as the kernel and malloc see it. */
#include "support/tlc-process.h"

#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static guint
tlc_process_count_entries (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  g_assert (dir != NULL);
  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

guint
tlc_process_count_fds (void)
{
  /* without the one that reads the folder */
  return tlc_process_count_entries ("/proc/self/fd") - 1;
}

guint
tlc_process_count_threads (void)
{
  return tlc_process_count_entries ("/proc/self/task");
}

guint
tlc_process_count_library_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;
  guint n = 0;

  g_assert (dir != NULL);
  while ((task = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/comm", task);
      g_autofree char *name = NULL;

      /* It may be gone by now. */
      if (g_file_get_contents (path, &name, NULL, NULL))
        n += g_str_has_prefix (name, "tlc-") ? 1 : 0;
    }
  return n;
}

gsize
tlc_process_allocated (void)
{
  struct mallinfo2 info = mallinfo2 ();

  return info.uordblks + info.hblkhd;
}

guint
tlc_process_count_sockets (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *fd;
  struct stat status;
  guint n = 0;

  g_assert (dir != NULL);
  while ((fd = g_dir_read_name (dir)) != NULL)
    if (fstat (atoi (fd), &status) == 0 && S_ISSOCK (status.st_mode))
      n++;
  return n;
}

static gboolean
tlc_process_leads_to (int fd, guint port)
{
  struct sockaddr_in peer = { 0 };
  socklen_t length = sizeof peer;

  return getpeername (fd, (struct sockaddr *) &peer, &length) == 0 && peer.sin_family == AF_INET
         && ntohs (peer.sin_port) == port;
}

guint
tlc_process_count_connections (const char *endpoint)
{
  guint port = (guint) g_ascii_strtoull (strrchr (endpoint, ':') + 1, NULL, 10);
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *fd;
  guint n = 0;

  g_assert (dir != NULL);
  while ((fd = g_dir_read_name (dir)) != NULL)
    if (tlc_process_leads_to (atoi (fd), port))
      n++;
  return n;
}

gboolean
tlc_process_settles (guint (*count) (void), guint wanted)
{
  for (guint i = 0; i < 10000; i++)
    {
      if (count () == wanted)
        return TRUE;
      poll (NULL, 0, 1);
    }
  return FALSE;
}
