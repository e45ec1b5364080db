/* SPDX-License-Identifier: Apache-2.0 */

/* Getting at the bytes of a file, or at why there are none: nothing that is found at a path may block us, and
 * nothing is read that is too large. */
#include "model/tlc-services-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/tlc-error-private.h"
#include "model/tlc-text.h"

static void
tlc_services_file_refuse (const char *path, const char *reason, GError **error)
{
  g_autofree char *shown = tlc_text_escape (path);

  tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT, "%s: %s", shown, reason);
}

static const char *
tlc_services_file_name_kind (mode_t mode)
{
  switch (mode & S_IFMT)
    {
    case S_IFDIR:
      return "a directory: the path of a file is right";
    case S_IFIFO:
      return "a FIFO: a regular file is right";
    case S_IFSOCK:
      return "a socket: a regular file is right";
    default:
      return "a device: a regular file is right";
    }
}

/* Whether what is open is a file that can be read at once, and is not too large. */
static gboolean
tlc_services_file_check (int fd, const char *path, GError **error)
{
  g_autofree char *reason = NULL;
  struct stat status;

  if (fstat (fd, &status) != 0)
    reason = g_strdup_printf ("cannot be looked at: %s", g_strerror (errno));
  else if (!S_ISREG (status.st_mode))
    reason = g_strdup (tlc_services_file_name_kind (status.st_mode));
  else if (status.st_size > TLC_SERVICES_FILE_SIZE_MAX)
    reason = g_strdup_printf ("%" G_GINT64_FORMAT " bytes: %d at most are right",
                              (gint64) status.st_size, TLC_SERVICES_FILE_SIZE_MAX);
  if (reason != NULL)
    tlc_services_file_refuse (path, reason, error);
  return reason == NULL;
}

/* Up to its end, or one byte more than it may have. -1 and errno. */
static gssize
tlc_services_file_fill (int fd, char *text, gsize size)
{
  gsize length = 0;

  while (length < size)
    {
      gssize n = read (fd, text + length, size - length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -1;
      if (n == 0)
        break;
      length += (gsize) n;
    }
  return (gssize) length;
}

TlcServicesFile *
tlc_services_file_load (const char *path, GError **error)
{
  gsize length;
  g_autofree char *text = tlc_services_file_read (path, &length, NULL, error);

  return text != NULL ? tlc_services_file_parse (path, text, length, error) : NULL;
}

char *
tlc_services_file_read (const char *path, gsize *ret_length, gboolean *ret_is_missing,
                        GError **error)
{
  int fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  g_autofree char *text = NULL;
  g_autofree char *reason = NULL;
  gssize length;

  if (ret_is_missing != NULL)
    *ret_is_missing = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
  if (fd < 0)
    {
      reason = g_strdup_printf ("cannot be opened: %s", g_strerror (errno));
      tlc_services_file_refuse (path, reason, error);
      return NULL;
    }
  if (!tlc_services_file_check (fd, path, error))
    {
      close (fd);
      return NULL;
    }
  text = g_malloc (TLC_SERVICES_FILE_SIZE_MAX + 1);
  length = tlc_services_file_fill (fd, text, TLC_SERVICES_FILE_SIZE_MAX + 1);
  if (length < 0)
    reason = g_strdup_printf ("cannot be read: %s", g_strerror (errno));
  close (fd);
  if (reason != NULL)
    {
      tlc_services_file_refuse (path, reason, error);
      return NULL;
    }
  *ret_length = (gsize) length;
  return g_realloc (g_steal_pointer (&text), MAX ((gsize) length, 1));
}
