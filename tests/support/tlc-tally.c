/* SPDX-License-Identifier: Apache-2.0
 *
 * Both sides map one file, of tests/servers/echo-tally.h's form.
 */
#include "tlc-tally.h"

#include <errno.h>

#include <glib/gstdio.h>

#include "../servers/echo-tally.h"

struct _TlcTally
{
  char *path;
  EchoTally *counts;
};

TlcTally *
tlc_tally_new (GError **error)
{
  TlcTally *tally = g_new0 (TlcTally, 1);
  int fd = g_file_open_tmp ("tlc-tally-XXXXXX", &tally->path, error);

  if (fd < 0)
    {
      g_free (tally);
      return NULL;
    }
  close (fd);
  tally->counts = echo_tally_map (tally->path);
  if (tally->counts != NULL)
    return tally;
  g_set_error (error, G_FILE_ERROR, (gint) g_file_error_from_errno (errno), "%s: %s", tally->path,
               g_strerror (errno));
  tlc_tally_free (tally);
  return NULL;
}

void
tlc_tally_free (TlcTally *tally)
{
  if (tally == NULL)
    return;
  if (tally->counts != NULL)
    munmap (tally->counts, sizeof *tally->counts);
  g_unlink (tally->path);
  g_free (tally->path);
  g_free (tally);
}

const char *
tlc_tally_get_path (TlcTally *tally)
{
  return tally->path;
}

TlcTallyFigures
tlc_tally_read (TlcTally *tally)
{
  return (TlcTallyFigures){
    .accepted = __atomic_load_n (&tally->counts->accepted, __ATOMIC_RELAXED),
    .open = __atomic_load_n (&tally->counts->open, __ATOMIC_RELAXED),
    .most = __atomic_load_n (&tally->counts->most, __ATOMIC_RELAXED),
  };
}
